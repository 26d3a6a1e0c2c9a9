#include "isogram/cuda/jsd.hpp"

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "detail/launch.cuh"
#include "detail/number.cuh"
#include "detail/pairs.cuh"
#include "detail/reduce.cuh"
#include "isogram/detail/distribution.hpp"

namespace isogram::cuda {

namespace {

constexpr int kThreads = 256;

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
    sum += entry >= 0 ? entry : kNan;
  }
  sum = block_reduced(sum, Sum(), partial);
  if (!(std::abs(sum - 1) <= tolerance)) sum = kNan;
  for (std::int64_t col = threadIdx.x; col < out.cols; col += kThreads) {
    out.data[row * out.stride + col] = x(row, col) / sum;
  }
}

// ---- Jensen–Shannon divergences --------------------------------------------------------------

// g(r) of the header by its series, for r < 1/2.
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

// 1 − H(a), the entropy of a coin with probability a ≤ 1/2 of one side.
template <class T>
__device__ T divergence_of_far(T a) {
  const T b = 1 - a;
  const T of_a = a == 0 ? a : a * std::log2(a);
  return 1 + (of_a + b * std::log2(b));
}

template <class T>
struct Divergence {
  static constexpr int kUnrolled = 1;

  // Twice the share of one pair of entries.
  __device__ static double term(double p, double q) {
    const T sum = static_cast<T>(p + q);
    if (sum == 0) return 0;
    const T r = static_cast<T>(std::abs(p - q)) / sum;
    return sum * (r < T(0.5) ? divergence_of_near(r)
                             : divergence_of_far(static_cast<T>(p < q ? p : q) / sum));
  }

  // Rounding may exceed 1; NaN stays NaN.
  __device__ static T finish(double sum) { return sum > 2 ? T(1) : static_cast<T>(sum / 2); }
};

}  // namespace

void normalise_rows(Stream stream, const Input& x, const Matrix<double>& out) {
  with_reader(x, [&](auto reader) {
    launch(divide_by_row_sums<decltype(reader)>, blocks_for(x.rows, 1), kThreads,
           kMaxWarps * sizeof(double), stream, reader, isogram::detail::sum_tolerance(x.type), out);
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
