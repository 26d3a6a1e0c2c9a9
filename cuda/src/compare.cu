#include "isogram/cuda/compare.hpp"

#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "detail/launch.cuh"
#include "detail/number.cuh"
#include "detail/pairs.cuh"
#include "detail/reduce.cuh"

namespace isogram::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

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

// How many of the sorted values are less than x, or not greater.
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

// Merges pairs of sorted runs of `width`. A thread per value: its place is its own in its run and
// the number of values of the other run that come before it.
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

// ---- Distributions ---------------------------------------------------------------------------

// A block per row.
template <class X>
__global__ void __launch_bounds__(kThreads)
    divide_by_row_sums(X x, double tolerance, Matrix<double> out) {
  auto& partial = shared_memory<double[kMaxWarps]>();
  const std::int64_t row = blockIdx.x;
  double sum = 0;
  for (std::int64_t col = threadIdx.x; col < out.cols; col += kThreads) {
    const double entry = x(row, col);
    sum += entry >= 0 ? entry : kNotANumber;
  }
  sum = block_reduced(sum, Sum(), partial);
  if (!(std::abs(sum - 1) <= tolerance)) sum = kNotANumber;
  for (std::int64_t col = threadIdx.x; col < out.cols; col += kThreads) {
    out.data[row * out.stride + col] = x(row, col) / sum;
  }
}

// ---- Jensen–Shannon divergences --------------------------------------------------------------

// g(r) of the header for r < 1/2, by its series.
template <class T>
__device__ T divergence_of_near(T r) {
  constexpr int terms = std::is_same_v<T, float> ? 10 : 24;
  constexpr double binary = 1.44269504088896340736;  // 1 / ln 2
  const T square = r * r;
  T series = 0;
#pragma unroll
  for (int k = terms; k > 0; --k) {
    series = series * square + static_cast<T>(binary / (2 * k * (2 * k - 1)));
  }
  return series * square;
}

// 1 − the entropy of a coin that falls on one side with probability a ≤ 1/2.
template <class T>
__device__ T divergence_of_far(T a) {
  const T b = 1 - a;
  const T of_a = a == 0 ? a : a * std::log2(a);
  return 1 + (of_a + b * std::log2(b));
}

template <class T>
struct Divergence {
  static constexpr int kUnrolled = 1;

  // Twice what one entry of either distribution adds.
  __device__ static double term(double p, double q) {
    const T sum = static_cast<T>(p + q);
    if (sum == 0) return 0;
    const T r = static_cast<T>(std::abs(p - q)) / sum;
    return sum * (r < T(0.5) ? divergence_of_near(r)
                             : divergence_of_far(static_cast<T>(p < q ? p : q) / sum));
  }

  // Rounding may leave 1; NaN stays.
  __device__ static T finish(double sum) { return sum > 2 ? T(1) : static_cast<T>(sum / 2); }
};

bool has_16_bits(Type type) {
  return type == Type::float16 || type == Type::bfloat16;
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

void normalise_rows(Stream stream, const Input& x, const Matrix<double>& out) {
  with_reader(x, [&](auto reader) {
    launch(divide_by_row_sums<decltype(reader)>, blocks_for(x.rows, 1), kThreads,
           kMaxWarps * sizeof(double), stream, reader, has_16_bits(x.type) ? 1e-2 : 1e-3, out);
  });
}

template <class T>
void jsd(Stream stream, const Matrix<const double>& p, const Matrix<const double>& q,
         const Matrix<T>& tile) {
  launch_pairs(stream, p, q, {}, tile, Divergence<T>());
}

template void jsd(Stream, const Matrix<const double>&, const Matrix<const double>&,
                  const Matrix<float>&);
template void jsd(Stream, const Matrix<const double>&, const Matrix<const double>&,
                  const Matrix<double>&);

}  // namespace isogram::cuda
