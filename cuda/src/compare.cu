#include "isogram/cuda/compare.hpp"

#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "detail/launch.cuh"
#include "detail/number.cuh"
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
    find_first_not_finite(X x, std::int64_t rows, std::int64_t cols, Count* first) {
  const std::int64_t row = std::int64_t{blockIdx.x} * kWarps + threadIdx.y;
  if (row >= rows) return;
  std::int64_t col = threadIdx.x;
  while (col < cols && std::isfinite(x(row, col))) col += kWarp;
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

// Twice what one entry of either distribution adds to their divergence.
template <class T>
__device__ T divergence_of(double p, double q) {
  const T sum = static_cast<T>(p + q);
  if (sum == 0) return 0;
  const T r = static_cast<T>(std::abs(p - q)) / sum;
  return sum * (r < T(0.5) ? divergence_of_near(r)
                           : divergence_of_far(static_cast<T>(p < q ? p : q) / sum));
}

constexpr int kPairs = 32;                        // a block has 32 × 32 pairs of rows,
constexpr int kPairThreads = 16;                  // 16 × 16 threads,
constexpr int kPairStep = kPairs / kPairThreads;  // each of which has 2 × 2 of the pairs,
constexpr int kPairEntries = 32;                  // and reads so many entries of the rows at a time

// One double more per row than there are entries: threads read different rows at once.
struct PairMemory {
  double p[kPairs][kPairEntries + 1];
  double q[kPairs][kPairEntries + 1];
};

// Entries from number `begin` on of the rows from number `first` on; what does not exist is 0.
__device__ void load_entries(const Matrix<const double>& x, std::int64_t first, std::int64_t begin,
                             double (&to)[kPairs][kPairEntries + 1]) {
  const int thread = static_cast<int>(threadIdx.y * kPairThreads + threadIdx.x);
  const int entry = thread % kPairEntries;
  for (int i = thread / kPairEntries; i < kPairs; i += kThreads / kPairEntries) {
    const bool exists = first + i < x.rows && begin + entry < x.cols;
    to[i][entry] = exists ? x.data[(first + i) * x.stride + begin + entry] : 0;
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    sum_divergences(Matrix<const double> p, Matrix<const double> q, Matrix<T> tile) {
  auto& memory = shared_memory<PairMemory>();
  const std::int64_t first_row = std::int64_t{blockIdx.y} * kPairs;
  const std::int64_t first_col = std::int64_t{blockIdx.x} * kPairs;
  double sums[kPairStep][kPairStep] = {};
  for (std::int64_t begin = 0; begin < p.cols; begin += kPairEntries) {
    load_entries(p, first_row, begin, memory.p);
    load_entries(q, first_col, begin, memory.q);
    __syncthreads();
    for (int entry = 0; entry < kPairEntries; ++entry) {
#pragma unroll
      for (int i = 0; i < kPairStep; ++i) {
#pragma unroll
        for (int j = 0; j < kPairStep; ++j) {
          sums[i][j] += divergence_of<T>(memory.p[threadIdx.y + i * kPairThreads][entry],
                                         memory.q[threadIdx.x + j * kPairThreads][entry]);
        }
      }
    }
    __syncthreads();
  }
  for (int i = 0; i < kPairStep; ++i) {
    for (int j = 0; j < kPairStep; ++j) {
      const std::int64_t row = first_row + threadIdx.y + i * kPairThreads;
      const std::int64_t col = first_col + threadIdx.x + j * kPairThreads;
      const double divergence = sums[i][j] > 2 ? 1.0 : sums[i][j] / 2;  // NaN stays
      if (row < tile.rows && col < tile.cols) {
        tile.data[row * tile.stride + col] = static_cast<T>(divergence);
      }
    }
  }
}

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

void find_not_finite(Stream stream, const Input& x, unsigned long long* first) {
  with_reader(x, [&](auto reader) {
    launch(find_first_not_finite<decltype(reader)>, blocks_for(x.rows, kWarps), dim3(kWarp, kWarps),
           0, stream, reader, x.rows, x.cols, first);
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
  const dim3 grid(blocks_for(tile.cols, kPairs), blocks_for(tile.rows, kPairs));
  launch(sum_divergences<T>, grid, dim3(kPairThreads, kPairThreads), sizeof(PairMemory), stream, p,
         q, tile);
}

template void jsd(Stream, const Matrix<const double>&, const Matrix<const double>&,
                  const Matrix<float>&);
template void jsd(Stream, const Matrix<const double>&, const Matrix<const double>&,
                  const Matrix<double>&);

}  // namespace isogram::cuda
