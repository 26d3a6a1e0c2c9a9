#include "isogram/cuda/gbs.hpp"

#include "detail/launch.cuh"
#include "detail/layer_products.cuh"
#include "detail/reduce.cuh"

namespace isogram::cuda {

namespace {

constexpr int kWarps = 8;  // per block

// ---- Products of rows ------------------------------------------------------------------------

// A block per strip of rows (or columns) and pair of blocks of layers; `first` is the node of the
// first row.
template <class T>
__global__ void __launch_bounds__(kProductThreads, 2)
    add_products_of_rows(LayerProducts<T> pairs, std::int64_t first, double* table,
                         std::int64_t n) {
  auto& memory = shared_memory<ProductMemory>();
  const Share share = share_of(pairs);
  CellSums sums{};
  const int strip = static_cast<int>(blockIdx.x);
  add_chunks(pairs, share, strip, 0, pairs.chunks_per_strip, memory, sums);
  add_groups(share, pairs.height, memory, sums);
  const int row = strip * pairs.height + share.group;
  if (share.group >= pairs.height || row >= pairs.rows) return;
  for_each_pair(pairs, share, sums, [&](std::int64_t l, std::int64_t m, double sum) {
    table[(l * pairs.y.layers + m) * n + first + row] += sum;
  });
}

template <class T>
void launch_products(Stream stream, const LayerProducts<T>& pairs, std::int64_t first,
                     double* table, std::int64_t n) {
  const dim3 grid(static_cast<unsigned>(pairs.strips), layer_block_pairs(pairs));
  launch(add_products_of_rows<T>, grid, kProductThreads, sizeof(ProductMemory), stream, pairs,
         first, table, n);
}

// ---- Sparse graphs ---------------------------------------------------------------------------

// The first place in [begin, end) whose column is not less than `column`.
__device__ std::int64_t lower_bound(const std::int32_t* columns, std::int64_t begin,
                                    std::int64_t end, std::int32_t column) {
  while (begin < end) {
    const std::int64_t middle = begin + (end - begin) / 2;
    if (columns[middle] < column) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

template <class T>
__global__ void __launch_bounds__(kWarp* kWarps)
    multiply_sparse_rows(Csr<const T> x, Csr<const T> y, double* out) {
  const std::int64_t row = std::int64_t{blockIdx.x} * kWarps + threadIdx.y;
  if (row >= x.rows) return;
  const std::int64_t end = y.indptr[row + 1];
  double sum = 0;
  for (std::int64_t e = x.indptr[row] + threadIdx.x; e < x.indptr[row + 1]; e += kWarp) {
    const std::int64_t f = lower_bound(y.indices, y.indptr[row], end, x.indices[e]);
    if (f < end && y.indices[f] == x.indices[e]) sum += static_cast<double>(x.data[e]) * y.data[f];
  }
  sum = warp_reduced(sum, Sum());
  if (threadIdx.x == 0) out[row] = sum;
}

}  // namespace

template <class T>
void add_row_products(Stream stream, const Tiles<const T>& x, const Tiles<const T>& y, Place place,
                      bool mirrored, double* table, std::int64_t n) {
  launch_products(stream, layer_products(x, y, Along::rows), place.row, table, n);
  if (mirrored) launch_products(stream, layer_products(x, y, Along::columns), place.col, table, n);
}

template <class T>
void nearest_products(Stream stream, const Csr<const T>& x, const Csr<const T>& y, double* out) {
  launch(multiply_sparse_rows<T>, blocks_for(x.rows, kWarps), dim3(kWarp, kWarps), 0, stream, x, y,
         out);
}

template void add_row_products(Stream, const Tiles<const float>&, const Tiles<const float>&, Place,
                               bool, double*, std::int64_t);
template void add_row_products(Stream, const Tiles<const double>&, const Tiles<const double>&,
                               Place, bool, double*, std::int64_t);
template void nearest_products(Stream, const Csr<const float>&, const Csr<const float>&, double*);
template void nearest_products(Stream, const Csr<const double>&, const Csr<const double>&, double*);

}  // namespace isogram::cuda
