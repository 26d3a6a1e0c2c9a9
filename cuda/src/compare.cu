#include "isogram/cuda/compare.hpp"

#include <cmath>
#include <utility>

#include "detail/launch.cuh"
#include "detail/number.cuh"
#include "detail/reduce.cuh"

namespace isogram::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;

using Count = unsigned long long;

// ---- Triangles -------------------------------------------------------------------------------

// A block per row.
template <class X>
__global__ void __launch_bounds__(kThreads) copy_upper_triangle(X x, std::int64_t n, double* out) {
  const std::int64_t i = blockIdx.x;
  double* row = out + i * (2 * n - i - 1) / 2;
  for (std::int64_t j = threadIdx.x; j < n - i - 1; j += kThreads) row[j] = x(i, i + 1 + j);
}

// ---- Entries that are not finite -------------------------------------------------------------

// A warp per row.
template <class X>
__global__ void __launch_bounds__(kThreads)
    find_first_not_finite(X x, std::int64_t rows, std::int64_t cols, Part part, Count* first) {
  const std::int64_t row = std::int64_t{blockIdx.x} * kWarps + threadIdx.y;
  if (row >= rows) return;
  const std::int64_t left_out = part == Part::off_diagonal ? row : -1;
  std::int64_t col = threadIdx.x + (part == Part::above_diagonal ? row + 1 : 0);
  while (col < cols && (col == left_out || std::isfinite(x(row, col)))) col += kWarp;
  if (col < cols) atomicMin(first, static_cast<Count>(row * cols + col));
}

// ---- Inversions ------------------------------------------------------------------------------

// The number of sorted values less than x; or less than or equal to x.
template <bool or_equal>
__device__ std::int64_t count_less(const double* sorted, std::int64_t length, double x) {
  std::int64_t begin = 0;
  for (std::int64_t end = length; begin < end;) {
    const std::int64_t middle = begin + (end - begin) / 2;
    if (or_equal ? sorted[middle] <= x : sorted[middle] < x) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

// Merges pairs of sorted runs of `width`. A thread per value: its place is its index in its own run
// plus the number of values of the other run before it.
__global__ void __launch_bounds__(kThreads)
    merge_runs(const double* values, std::int64_t n, std::int64_t width, double* merged,
               Count* inversions) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  Count exchanges = 0;
  if (i < n) {
    const std::int64_t left = i / (2 * width) * (2 * width);
    const std::int64_t right = left + width < n ? left + width : n;
    const std::int64_t end = right + width < n ? right + width : n;
    const double x = values[i];
    if (i < right) {
      merged[i + count_less<false>(values + right, end - right, x)] = x;
    } else {
      const std::int64_t before = count_less<true>(values + left, width, x);
      merged[i - width + before] = x;
      exchanges = static_cast<Count>(width - before);
    }
  }
  exchanges = warp_reduced(exchanges, Sum());
  if (threadIdx.x % kWarp == 0 && exchanges > 0) atomicAdd(inversions, exchanges);
}

}  // namespace

void upper_triangle(Stream stream, const Input& k, double* out) {
  with_reader(k, [&](auto reader) {
    launch(copy_upper_triangle<decltype(reader)>, blocks_for(k.rows, 1), kThreads, 0, stream,
           reader, k.rows, out);
  });
}

void find_not_finite(Stream stream, const Input& x, unsigned long long* first, Part part) {
  with_reader(x, [&](auto reader) {
    launch(find_first_not_finite<decltype(reader)>, blocks_for(x.rows, kWarps), dim3(kWarp, kWarps),
           0, stream, reader, x.rows, x.cols, part, first);
  });
}

double* count_inversions(Stream stream, double* values, double* scratch, std::int64_t n,
                         unsigned long long* count) {
  for (std::int64_t width = 1; width < n; width *= 2) {
    launch(merge_runs, blocks_for(n, kThreads), kThreads, 0, stream, values, n, width, scratch,
           count);
    std::swap(values, scratch);
  }
  return values;
}

}  // namespace isogram::cuda
