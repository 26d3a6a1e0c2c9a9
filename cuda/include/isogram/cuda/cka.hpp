// The sums over tiles of n × n Gram matrices that HSIC and CKA of many layers need (see
// isogram/cka.hpp): inner products of all pairs of layers, row sums, and sums of squares.
//
// A walk visits the tiles on and above the diagonal, those of all layers at one place at a time.
// A tile above the diagonal is `mirrored`: it also stands for its transpose below. All functions
// only enqueue work, allocate nothing and never wait; a failed launch throws isogram::cuda::Error.
// Types: T → float64 sums, T = float or double. Every sum has a fixed order and no floating-point
// atomics: results repeat bit for bit, on any device.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"
#include "isogram/cuda/tiles.hpp"

namespace isogram::cuda {

// Entries on the diagonal of the whole matrices become 0, as debiased HSIC and graphs want them.
// `place` is where the tiles' first entries stand in the whole matrices.
template <class T>
void clear_diagonal(Stream stream, const Tiles<T>& tiles, Place place);

// Sums over rows of the whole matrices, layers × n each, either of which may be null:
//   sums[l, i] += Σ_j K_l[i, j]      squares[l, i] += Σ_j K_l[i, j]²
// A mirrored tile, which has no sample in both its rows and its columns, counts for the rows of its
// transpose too. The tiles are read once, or twice if mirrored: the second time from the cache
// where that holds a layer's tile.
struct RowSums {
  double* sums;
  double* squares;
  std::int64_t n;
};
template <class T>
void add_row_sums(Stream stream, const Tiles<const T>& tiles, Place place, bool mirrored,
                  const RowSums& out);

// Doubles that add_products uses of `scratch`: about 20 MB at most, or as many as the table has.
constexpr std::int64_t product_scratch(std::int64_t x_layers, std::int64_t y_layers);

// table[l, m] += weight · Σ_ij X_l[i, j] Y_m[i, j], x.layers × y.layers; weight is 2 for mirrored
// tiles. Of one set (x.data == y.data and as many layers) only pairs l ≤ m are summed, and the
// table is written symmetrically.
//
// This is a product of two matrices of few rows (layers) and very many columns (entries). A thread
// sums 6 × 6 pairs of layers in registers, so that each entry, widened once on its way to shared
// memory, serves 36 fused multiply-adds for every 12 reads; a block sums up to 48 × 48 pairs, so
// that 48 layers are read from memory once. What that costs on an H100 (132 multiprocessors with 64
// float64 and 128 float32 multiply-adds per clock): 48 × 48 layers take 2304 multiply-adds per
// entry, 36 clocks of a multiprocessor, while the 96 products of depth d = 1024 that made the
// entries take 96 · 1024 / 128 = 768: 5 % of them where the float64 units are kept busy, 10 % at
// half that. One set of 48 takes 1296 and 20 clocks against 384. Reading an entry, 192 bytes for 48
// layers, takes 13 clocks of a multiprocessor's share of 3.35 TB/s at 1.7 GHz, and overlaps. GPUs
// with few float64 units (GeForce) are bound by these sums.
template <class T>
void add_products(Stream stream, const Tiles<const T>& x, const Tiles<const T>& y, double weight,
                  double* table, double* scratch);

// ---- Only definitions from here on -----------------------------------------------------------

namespace detail {

// How the layers of one side are divided: a thread has kThreadLayers of them, a block at most
// kBlockLayers, and all blocks have the same number.
inline constexpr int kThreadLayers = 6;
inline constexpr int kBlockLayers = 48;

constexpr std::int64_t layer_blocks(std::int64_t layers) {
  return (layers + kBlockLayers - 1) / kBlockLayers;
}

// Parts of a tile that are summed on their own, for each pair of blocks of layers: some waves of
// thread blocks on any device, so that none of it idles for long at the end.
constexpr std::int64_t product_parts(std::int64_t x_layers, std::int64_t y_layers) {
  const std::int64_t pairs = layer_blocks(x_layers) * layer_blocks(y_layers);
  return (1024 + pairs - 1) / pairs;
}

}  // namespace detail

constexpr std::int64_t product_scratch(std::int64_t x_layers, std::int64_t y_layers) {
  return detail::product_parts(x_layers, y_layers) * x_layers * y_layers;
}

}  // namespace isogram::cuda
