#include "isogram/cuda/gram.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "detail/entries.cuh"
#include "detail/launch.cuh"
#include "detail/norm.cuh"
#include "detail/number.cuh"
#include "detail/pairs.cuh"
#include "detail/power_of_two.cuh"
#include "isogram/detail/distance.hpp"

namespace isogram::cuda {

// ---- Kernel functions, entry by entry --------------------------------------------------------

namespace {

// Undoes the scaling of rows in inner products.
struct Unscaled : EveryEntry {
  const int* row_exponents;
  const int* col_exponents;
  const double* offset_place;
  Place place;
  double offset = 0;

  __device__ void begin() { offset = offset_place ? *offset_place : 0; }
  __device__ int row(std::int64_t i) const {
    return row_exponents ? row_exponents[place.row + i] : 0;
  }
  __device__ int column(std::int64_t j) const {
    return col_exponents ? col_exponents[place.col + j] : 0;
  }
  __device__ static double product(int row, int column, double scaled) {
    const int exponent = row + column;
    return exponent == 0 ? scaled : ldexp(scaled, exponent);
  }
};

template <class T>
struct Linear : Unscaled {
  __device__ bool keeps(int row, int column) const {
    return row == 0 && column == 0 && !offset_place;
  }
  __device__ T operator()(int row, int column, T scaled) const {
    return static_cast<T>(product(row, column, scaled) - offset);
  }
};

template <class T>
struct Polynomial : Unscaled {
  double gamma;
  double coef0;
  int degree;

  __device__ T operator()(int row, int column, T scaled) const {
    // Exponents are added first: gamma and ⟨a, b⟩ may each be out of range while their product is
    // moderate.
    int of_gamma = 0;
    const double fraction = frexp(gamma, &of_gamma);
    double power = ldexp(fraction * scaled, of_gamma + row + column) + coef0;
    double result = 1;
    for (int bits = degree; bits > 0; bits /= 2) {
      if (bits % 2 == 1) result *= power;
      power *= power;
    }
    return static_cast<T>(result - offset);
  }
};

template <class T>
struct Cosine : EveryEntry {
  const double* squared_norms;  // null where no entry is known to be on the diagonal
  const double* offset_place;
  Place place;
  double offset = 0;

  __device__ void begin() { offset = offset_place ? *offset_place : 0; }
  __device__ std::int64_t row(std::int64_t i) const { return place.row + i; }
  __device__ std::int64_t column(std::int64_t j) const { return place.col + j; }
  __device__ T operator()(std::int64_t row, std::int64_t column, T product) const {
    double cosine = product > 1 ? T(1) : product < -1 ? T(-1) : product;  // NaN stays NaN
    if (squared_norms && row == column) cosine = diagonal(squared_norms[row]);
    return static_cast<T>(cosine - offset);
  }
  __device__ static double diagonal(double squared_norm) {
    return squared_norm > 0 ? 1 : squared_norm;  // 0 for a zero row; NaN stays NaN
  }
};

constexpr double kLowest = std::numeric_limits<double>::lowest();

// The factor of exp(factor · distance), made finite: factor · 0 must be 0.
__device__ double exponential_factor(double factor) {
  return factor < kLowest ? kLowest : factor;
}

// 1 / bandwidth in the unit of prepared rows, 2^exponent.
__device__ double inverse_bandwidth(const double* bandwidth, const int* exponent) {
  if (!(*bandwidth > 0)) return kNan;
  return 1 / ldexp(*bandwidth, exponent ? -*exponent : 0);
}

// exp(exponent) − offset. Without an offset exp is computed in T: the result is rounded to T in any
// case.
template <class T>
__device__ T exponential(double exponent, const double* offset) {
  if (!offset) return exp(static_cast<T>(exponent));
  return static_cast<T>(exp(exponent) - *offset);
}

template <class T>
struct OfSquaredDistance : EveryEntry {
  KernelFunction function;
  RowSet rows;
  RowSet cols;
  bool same;
  Place place;
  double factor = 0;

  struct Vector {
    std::int64_t index;
    double squared_norm;
  };

  __device__ void begin() {
    const double inverse = inverse_bandwidth(function.bandwidth, function.exponent);
    factor = exponential_factor(is_rbf() ? -0.5 * inverse * inverse : -inverse);
  }
  __device__ Vector row(std::int64_t i) const {
    return {place.row + i, rows.squared_norms[place.row + i]};
  }
  __device__ Vector column(std::int64_t j) const {
    return {place.col + j, cols.squared_norms[place.col + j]};
  }
  __device__ bool is_diagonal(Vector a, Vector b) const { return same && a.index == b.index; }

  __device__ double squared_distance(Vector a, Vector b, T product) const {
    const double both = a.squared_norm + b.squared_norm;
    return is_diagonal(a, b) ? both - both : both - 2.0 * product;  // NaN stays NaN
  }
  __device__ bool is_rbf() const { return function.kernel == Kernel::rbf; }
  __device__ T entry(double squared) const {
    return exponential<T>(factor * (is_rbf() ? squared : sqrt(squared)), function.offset);
  }
  __device__ T operator()(Vector a, Vector b, T product) const {
    return entry(squared_distance(a, b, product));
  }

  // Whether ‖a‖² + ‖b‖² − 2⟨a, b⟩ cancelled or overflowed; then again() computes the distance from
  // the source.
  __device__ bool is_lost(Vector a, Vector b, T product) const {
    const double both = a.squared_norm + b.squared_norm;
    if (!isfinite(both)) return true;
    return !(squared_distance(a, b, product) >= detail::kDistanceCancellation * both) &&
           !is_diagonal(a, b);
  }
  __device__ T again(std::int64_t i, std::int64_t j) const {
    const int exponent = function.exponent ? *function.exponent : 0;
    // Entries are scaled down before the difference and up after it: it overflows only if the
    // scaled difference does.
    const PowerOfTwo down(exponent > 0 ? -exponent : 0);
    const PowerOfTwo up(exponent < 0 ? -exponent : 0);
    const double squared = warp_squares(rows.source.cols, [&](std::int64_t k) {
      const double a = entry_of(rows.source, place.row + i, k);
      const double b = entry_of(cols.source, place.col + j, k);
      return isfinite(a) && isfinite(b) ? up * (down * a - down * b) : kNan;
    });
    return entry(squared);
  }
};

template <class T>
struct Laplacian {
  static constexpr int kUnrolled = kSlice;
  KernelFunction function;

  __device__ static T term(T a, T b) { return fabs(a - b); }
  __device__ T finish(T distance) const {
    const double factor =
        exponential_factor(-inverse_bandwidth(function.bandwidth, function.exponent));
    return exponential<T>(factor * distance, function.offset);
  }
};

}  // namespace

template <class T>
void apply_kernel(Stream stream, const KernelFunction& function, const RowSet& rows,
                  const RowSet& cols, bool same, Place place, Matrix<T> tile) {
  const Unscaled unscaled{{}, rows.exponents, cols.exponents, function.offset, place};
  switch (function.kernel) {
    case Kernel::linear:
      return launch_map(stream, tile, Linear<T>{unscaled});
    case Kernel::polynomial:
      return launch_map(stream, tile,
                        Polynomial<T>{unscaled, function.gamma, function.coef0, function.degree});
    case Kernel::cosine:
    case Kernel::correlation:
      return launch_map(stream, tile,
                        Cosine<T>{{}, same ? rows.squared_norms : nullptr, function.offset, place});
    case Kernel::rbf:
    case Kernel::laplacian_l2:
      return launch_map(stream, tile, OfSquaredDistance<T>{{}, function, rows, cols, same, place});
    case Kernel::laplacian:
      break;
  }
  throw std::invalid_argument("the Laplacian kernel is no function of inner products");
}

template <class T>
void laplacian(Stream stream, const KernelFunction& function, Matrix<const T> rows,
               Matrix<const T> cols, Place place, Matrix<T> tile) {
  launch_pairs(stream, rows, cols, place, tile, Laplacian<T>{function});
}

template void apply_kernel(Stream, const KernelFunction&, const RowSet&, const RowSet&, bool, Place,
                           Matrix<float>);
template void apply_kernel(Stream, const KernelFunction&, const RowSet&, const RowSet&, bool, Place,
                           Matrix<double>);
template void laplacian(Stream, const KernelFunction&, Matrix<const float>, Matrix<const float>,
                        Place, Matrix<float>);
template void laplacian(Stream, const KernelFunction&, Matrix<const double>, Matrix<const double>,
                        Place, Matrix<double>);

// ---- The other triangle ----------------------------------------------------------------------

namespace {

constexpr int kTransposeEdge = 32;
constexpr int kTransposeThreads = 8;

template <class T>
struct TransposeTile {
  T values[kTransposeEdge][kTransposeEdge + 1];  // padded: a column lies in different banks
};

// out_ji = in_ij for all entries, or for entries above the diagonal alone; then `in` may be `out`.
template <class T>
__global__ void __launch_bounds__(kTransposeEdge* kTransposeThreads)
    transpose(Matrix<const T> in, Matrix<T> out, bool above_diagonal) {
  auto& tile = shared_memory<TransposeTile<T>>().values;
  if (above_diagonal && blockIdx.x < blockIdx.y) return;
  const std::int64_t top = std::int64_t{blockIdx.y} * kTransposeEdge;
  const std::int64_t left = std::int64_t{blockIdx.x} * kTransposeEdge;
  const unsigned lane = threadIdx.x;
#pragma unroll
  for (unsigned r = threadIdx.y; r < kTransposeEdge; r += kTransposeThreads) {
    if (top + r < in.rows && left + lane < in.cols) {
      tile[r][lane] = in.data[(top + r) * in.stride + left + lane];
    }
  }
  __syncthreads();
#pragma unroll
  for (unsigned r = threadIdx.y; r < kTransposeEdge; r += kTransposeThreads) {
    const std::int64_t row = top + lane;  // in `in`
    const std::int64_t col = left + r;
    if (row < in.rows && col < in.cols && (!above_diagonal || row < col)) {
      out.data[col * out.stride + row] = tile[lane][r];
    }
  }
}

template <class T>
void launch_transpose(Stream stream, Matrix<const T> in, Matrix<T> out, bool above_diagonal) {
  const dim3 grid(blocks_for(in.cols, kTransposeEdge), blocks_for(in.rows, kTransposeEdge));
  launch(transpose<T>, grid, dim3(kTransposeEdge, kTransposeThreads), sizeof(TransposeTile<T>),
         stream, in, out, above_diagonal);
}

}  // namespace

template <class T>
void mirror(Stream stream, Matrix<const T> upper, Matrix<T> lower) {
  launch_transpose(stream, upper, lower, false);
}

template <class T>
void mirror_diagonal(Stream stream, Matrix<T> square) {
  launch_transpose<T>(stream, square, square, true);
}

template void mirror(Stream, Matrix<const float>, Matrix<float>);
template void mirror(Stream, Matrix<const double>, Matrix<double>);
template void mirror_diagonal(Stream, Matrix<float>);
template void mirror_diagonal(Stream, Matrix<double>);

}  // namespace isogram::cuda
