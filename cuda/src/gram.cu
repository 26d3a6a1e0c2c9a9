#include "isogram/cuda/gram.hpp"

#include <algorithm>

#include "detail/launch.cuh"
#include "detail/number.cuh"
#include "detail/reduce.cuh"

namespace isogram::cuda {

namespace {

// ---- Column means ----------------------------------------------------------------------------

// Columns are summed by blocks of 32 × 8 threads over strips of rows: enough blocks for a device,
// and the sums of strips are few beside x.
constexpr int kColumnThreads = 8;
constexpr std::int64_t kStripRows = 256;

using ColumnPartials = double[kColumnThreads][kWarp];

// Of the partial sums of the block's threads with the same threadIdx.x, in those of threadIdx.y 0.
__device__ double column_reduced(double sum, ColumnPartials& partials) {
  partials[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0) return 0;
  for (int y = 1; y < kColumnThreads; ++y) sum += partials[y][threadIdx.x];
  return sum;
}

// sums[strip, j] = Σ (x_ij − x_0j) over the rows of the strip.
template <class X>
__global__ void __launch_bounds__(kWarp* kColumnThreads)
    sum_columns(X x, std::int64_t rows, std::int64_t cols, double* sums) {
  const std::int64_t col = std::int64_t{blockIdx.x} * kWarp + threadIdx.x;
  const std::int64_t begin = std::int64_t{blockIdx.y} * kStripRows;
  const std::int64_t end = begin + kStripRows < rows ? begin + kStripRows : rows;
  double sum = 0;
  if (col < cols) {
    const double first = x(0, col);
    for (std::int64_t row = begin + threadIdx.y; row < end; row += kColumnThreads) {
      sum += x(row, col) - first;
    }
  }
  sum = column_reduced(sum, shared_memory<ColumnPartials>());
  if (threadIdx.y == 0 && col < cols) sums[blockIdx.y * cols + col] = sum;
}

template <class X>
__global__ void __launch_bounds__(kWarp* kColumnThreads)
    means_of_sums(X x, std::int64_t rows, std::int64_t cols, const double* sums,
                  std::int64_t strips, double* means) {
  const std::int64_t col = std::int64_t{blockIdx.x} * kWarp + threadIdx.x;
  double sum = 0;
  if (col < cols) {
    for (std::int64_t strip = threadIdx.y; strip < strips; strip += kColumnThreads) {
      sum += sums[strip * cols + col];
    }
  }
  sum = column_reduced(sum, shared_memory<ColumnPartials>());
  if (threadIdx.y == 0 && col < cols) means[col] = x(0, col) + sum / static_cast<double>(rows);
}

}  // namespace

std::int64_t column_scratch(std::int64_t rows, std::int64_t cols) {
  return blocks_for(rows, kStripRows) * cols;
}

void column_means(Stream stream, const Input& x, double* means, double* scratch) {
  with_reader(x, [&](auto reader) {
    using X = decltype(reader);
    const unsigned strips = blocks_for(x.rows, kStripRows);
    const dim3 block(kWarp, kColumnThreads);
    const unsigned columns = blocks_for(x.cols, kWarp);
    launch(sum_columns<X>, dim3(columns, strips), block, sizeof(ColumnPartials), stream, reader,
           x.rows, x.cols, scratch);
    launch(means_of_sums<X>, dim3(columns), block, sizeof(ColumnPartials), stream, reader, x.rows,
           x.cols, scratch, strips, means);
  });
}

}  // namespace isogram::cuda
