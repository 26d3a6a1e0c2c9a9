// The sums over tiles of n × n Gram matrices that HSIC and CKA of many layers need (see
// isogram/cka.hpp): inner products of all pairs of layers, row sums, and sums of squares.
//
// A walk visits the places on and above the diagonal, and at each place the tiles of all layers. A
// tile above the diagonal is `mirrored`: it also stands for its transpose below the diagonal.
// Types: T → float64 sums, T = float or double. The rules of device.hpp hold.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"
#include "isogram/cuda/tiles.hpp"

namespace isogram::cuda {

// Sets the entries on the diagonal of the whole matrices to 0, which debiased HSIC and graphs
// require. `place` is where the tiles' first entries stand in the whole matrices.
template <class T>
void clear_diagonal(Stream stream, const Tiles<T>& tiles, Place place);

// Sums over rows of the whole matrices, layers × n each; `sums` or `squares` may be null:
//   sums[l, i] += Σ_j K_l[i, j]      squares[l, i] += Σ_j K_l[i, j]²
// A mirrored tile has no sample in both its rows and its columns; its columns are added as the rows
// of its transpose. Cost: one read of the tiles, two if mirrored; the second comes from the cache
// where a layer's tile fits into it.
struct RowSums {
  double* sums;
  double* squares;
  std::int64_t n;
};
template <class T>
void add_row_sums(Stream stream, const Tiles<const T>& tiles, Place place, bool mirrored,
                  const RowSums& out);

// Scratch of add_products(), in doubles: about 20 MB at most, or the size of the table if that is
// larger.
constexpr std::int64_t product_scratch(std::int64_t x_layers, std::int64_t y_layers);

// table[l, m] += weight · Σ_ij X_l[i, j] Y_m[i, j], x.layers × y.layers; weight is 2 for mirrored
// tiles. If x and y are the same layers (x.data == y.data and equal numbers), only pairs l ≤ m are
// summed, and the table is written symmetrically.
//
// Cost: one multiply-add per entry and pair of layers, in float64. A thread sums 6 × 6 pairs of
// layers in registers, so that 12 reads of shared memory, where entries are widened once, serve 36
// multiply-adds; a block sums up to 48 × 48 pairs, so that 48 layers are read from memory once.
//
// On an H100 (132 multiprocessors with 64 float64 and 128 float32 multiply-adds per clock), 48 × 48
// layers take 2304 multiply-adds per entry: 36 clocks of a multiprocessor. The 96 products of depth
// d = 1024 that made the entries take 96 · 1024 / 128 = 768 clocks; the sums add 5 % to them if the
// float64 units are kept busy, 10 % at half of that. 48 layers with themselves take 1296
// multiply-adds, 20 clocks against 384. Reading an entry, 192 bytes for 48 layers, takes 13 clocks
// of a multiprocessor's share of 3.35 TB/s at 1.7 GHz, and overlaps. On GPUs with few float64 units
// (GeForce) these sums set the pace.
template <class T>
void add_products(Stream stream, const Tiles<const T>& x, const Tiles<const T>& y, double weight,
                  double* table, double* scratch);

// ---- Only definitions from here on -----------------------------------------------------------

namespace detail {

// The layers of one side are divided evenly among blocks, at most kBlockLayers each; a thread has
// kThreadLayers of them.
inline constexpr int kThreadLayers = 6;
inline constexpr int kBlockLayers = 48;

constexpr std::int64_t layer_blocks(std::int64_t layers) {
  return (layers + kBlockLayers - 1) / kBlockLayers;
}

// Parts of a tile with a sum of their own, per pair of blocks of layers: enough for several waves
// of thread blocks on any device, so that no multiprocessor idles for long at the end.
constexpr std::int64_t product_parts(std::int64_t x_layers, std::int64_t y_layers) {
  const std::int64_t pairs = layer_blocks(x_layers) * layer_blocks(y_layers);
  return (1024 + pairs - 1) / pairs;
}

}  // namespace detail

constexpr std::int64_t product_scratch(std::int64_t x_layers, std::int64_t y_layers) {
  return detail::product_parts(x_layers, y_layers) * x_layers * y_layers;
}

}  // namespace isogram::cuda
