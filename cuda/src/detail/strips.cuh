// Sums over the rows of a matrix by blocks of 32 × 8 threads, each of which takes 32 columns.
#pragma once

#include <cstdint>

#include "launch.cuh"
#include "reduce.cuh"

namespace isogram::cuda {

inline constexpr int kStripThreads = 8;

using StripPartials = double[kStripThreads][kWarp];

__device__ inline std::int64_t strip_column() {
  return std::int64_t{blockIdx.x} * kWarp + threadIdx.x;
}

// Σ value(row) over begin ≤ row < end, computed by the threads with the same threadIdx.x together.
// The thread with threadIdx.y = 0 gets the sum; others, and threads beyond the last column, get 0.
template <class Value>
__device__ double sum_of_rows(std::int64_t begin, std::int64_t end, bool is_column, Value value) {
  auto& partials = shared_memory<StripPartials>();
  double sum = 0;
  if (is_column) {
    for (std::int64_t row = begin + threadIdx.y; row < end; row += kStripThreads) sum += value(row);
  }
  partials[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0) return 0;
  for (int y = 1; y < kStripThreads; ++y) sum += partials[y][threadIdx.x];
  return sum;
}

}  // namespace isogram::cuda
