#include "isogram/cuda/cka.hpp"

#include <algorithm>

#include "detail/launch.cuh"
#include "detail/layer_products.cuh"
#include "detail/reduce.cuh"

namespace isogram::cuda {

namespace {

constexpr int kWarps = 8;  // per block

// ---- Diagonals -------------------------------------------------------------------------------

// The diagonal enters the tiles at (row, col).
template <class T>
__global__ void __launch_bounds__(kWarp* kWarps)
    clear_diagonals(Tiles<T> tiles, std::int64_t row, std::int64_t col, std::int64_t length) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= length) return;
  tiles.data[blockIdx.y * tiles.layer_stride + (row + i) * tiles.stride + col + i] = T(0);
}

// ---- Row sums --------------------------------------------------------------------------------

struct Moments {
  double sum = 0;
  double square = 0;

  __device__ void add(double x) {
    sum += x;
    square += x * x;
  }
};

__device__ void add_moments(const Moments& moments, const RowSums& out, std::int64_t at) {
  if (out.sums) out.sums[at] += moments.sum;
  if (out.squares) out.squares[at] += moments.square;
}

// A warp per row.
template <class T>
__device__ void add_sums_of_rows(const Tiles<const T>& tiles, unsigned block, std::int64_t node,
                                 const RowSums& out) {
  const std::int64_t row = std::int64_t{block} * kWarps + threadIdx.y;
  if (row >= tiles.rows) return;
  const T* entries = tiles.data + blockIdx.y * tiles.layer_stride + row * tiles.stride;
  Moments moments;
#pragma unroll 4
  for (std::int64_t col = threadIdx.x; col < tiles.cols; col += kWarp) moments.add(entries[col]);
  moments = {warp_reduced(moments.sum, Sum()), warp_reduced(moments.square, Sum())};
  if (threadIdx.x == 0) add_moments(moments, out, blockIdx.y * out.n + node + row);
}

// 32 columns per block; its warps take turns at the rows.
using ColumnMoments = Moments[kWarps][kWarp];
template <class T>
__device__ void add_sums_of_columns(const Tiles<const T>& tiles, unsigned block, std::int64_t node,
                                    const RowSums& out) {
  auto& partial = shared_memory<ColumnMoments>();
  const std::int64_t col = std::int64_t{block} * kWarp + threadIdx.x;
  Moments moments;
  if (col < tiles.cols) {
    const T* entries = tiles.data + blockIdx.y * tiles.layer_stride + col;
#pragma unroll 4
    for (std::int64_t row = threadIdx.y; row < tiles.rows; row += kWarps) {
      moments.add(entries[row * tiles.stride]);
    }
  }
  partial[threadIdx.y][threadIdx.x] = moments;
  __syncthreads();
  if (threadIdx.y > 0 || col >= tiles.cols) return;
  for (int warp = 1; warp < kWarps; ++warp) {
    moments.sum += partial[warp][threadIdx.x].sum;
    moments.square += partial[warp][threadIdx.x].square;
  }
  add_moments(moments, out, blockIdx.y * out.n + node + col);
}

// The first `row_blocks` blocks of a layer sum its rows, the others its columns, soon after: they
// find the entries in the cache.
template <class T>
__global__ void __launch_bounds__(kWarp* kWarps)
    add_sums(Tiles<const T> tiles, Place place, unsigned row_blocks, RowSums out) {
  if (blockIdx.x < row_blocks) {
    add_sums_of_rows(tiles, blockIdx.x, place.row, out);
  } else {
    add_sums_of_columns(tiles, blockIdx.x - row_blocks, place.col, out);
  }
}

// ---- Products of layers ----------------------------------------------------------------------

// partials[l, m, part] = Σ X_l ∘ Y_m over part blockIdx.x of the tiles.
template <class T>
__global__ void __launch_bounds__(kProductThreads, 2)
    sum_parts(LayerProducts<T> pairs, double* partials) {
  auto& memory = shared_memory<ProductMemory>();
  const Share share = share_of(pairs);
  const std::int64_t chunks = std::int64_t{pairs.strips} * pairs.chunks_per_strip;
  const std::int64_t parts = gridDim.x;
  const std::int64_t part = blockIdx.x;
  const std::int64_t begin = part * chunks / parts;
  const std::int64_t end = (part + 1) * chunks / parts;
  CellSums sums{};
  add_chunks(pairs, share, static_cast<int>(begin / pairs.chunks_per_strip),
             static_cast<int>(begin % pairs.chunks_per_strip), static_cast<int>(end - begin),
             memory, sums);
  add_groups(share, 1, memory, sums);
  if (share.group > 0) return;
  for_each_pair(pairs, share, sums, [&](std::int64_t l, std::int64_t m, double sum) {
    partials[(l * pairs.y.layers + m) * parts + part] = sum;
  });
}

// A warp per entry of the table.
__global__ void __launch_bounds__(kWarp* kWarps)
    add_parts(const double* partials, std::int64_t parts, int x_layers, int y_layers,
              bool is_one_set, double weight, double* table) {
  const int pair = static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.y);
  if (pair >= x_layers * y_layers) return;
  const int l = pair / y_layers;
  const int m = pair % y_layers;
  if (is_one_set && l > m) return;
  double sum = 0;
  for (std::int64_t part = threadIdx.x; part < parts; part += kWarp) {
    sum += partials[pair * parts + part];
  }
  sum = weight * warp_reduced(sum, Sum());
  if (threadIdx.x > 0) return;
  table[pair] += sum;
  if (is_one_set && l < m) table[m * y_layers + l] += sum;
}

}  // namespace

template <class T>
void clear_diagonal(Stream stream, const Tiles<T>& tiles, Place place) {
  const std::int64_t row = std::max<std::int64_t>(0, place.col - place.row);
  const std::int64_t col = std::max<std::int64_t>(0, place.row - place.col);
  const std::int64_t length = std::min(tiles.rows - row, tiles.cols - col);
  if (length <= 0) return;
  const dim3 grid(blocks_for(length, kWarp * kWarps), static_cast<unsigned>(tiles.layers));
  launch(clear_diagonals<T>, grid, kWarp * kWarps, 0, stream, tiles, row, col, length);
}

template <class T>
void add_row_sums(Stream stream, const Tiles<const T>& tiles, Place place, bool mirrored,
                  const RowSums& out) {
  const unsigned row_blocks = blocks_for(tiles.rows, kWarps);
  const unsigned col_blocks = mirrored ? blocks_for(tiles.cols, kWarp) : 0;
  const dim3 grid(row_blocks + col_blocks, static_cast<unsigned>(tiles.layers));
  launch(add_sums<T>, grid, dim3(kWarp, kWarps), sizeof(ColumnMoments), stream, tiles, place,
         row_blocks, out);
}

template <class T>
void add_products(Stream stream, const Tiles<const T>& x, const Tiles<const T>& y, double weight,
                  double* table, double* scratch) {
  const LayerProducts<T> pairs = layer_products(x, y, Along::rows);
  // A part has at least 8 chunks: adding up its groups takes as long as multiplying a few chunks.
  constexpr std::int64_t least_chunks = 8;
  const std::int64_t chunks = std::int64_t{pairs.strips} * pairs.chunks_per_strip;
  const std::int64_t parts = std::min(detail::product_parts(x.layers, y.layers),
                                      (chunks + least_chunks - 1) / least_chunks);
  launch(sum_parts<T>, dim3(static_cast<unsigned>(parts), layer_block_pairs(pairs)),
         kProductThreads, sizeof(ProductMemory), stream, pairs, scratch);
  launch(add_parts, blocks_for(x.layers * y.layers, kWarps), dim3(kWarp, kWarps), 0, stream,
         scratch, parts, pairs.x.layers, pairs.y.layers, pairs.is_one_set, weight, table);
}

template void clear_diagonal(Stream, const Tiles<float>&, Place);
template void clear_diagonal(Stream, const Tiles<double>&, Place);
template void add_row_sums(Stream, const Tiles<const float>&, Place, bool, const RowSums&);
template void add_row_sums(Stream, const Tiles<const double>&, Place, bool, const RowSums&);
template void add_products(Stream, const Tiles<const float>&, const Tiles<const float>&, double,
                           double*, double*);
template void add_products(Stream, const Tiles<const double>&, const Tiles<const double>&, double,
                           double*, double*);

}  // namespace isogram::cuda
