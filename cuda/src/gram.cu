#include "isogram/cuda/gram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "detail/entries.cuh"
#include "detail/launch.cuh"
#include "detail/norm.cuh"
#include "detail/number.cuh"
#include "detail/pairs.cuh"
#include "detail/power_of_two.cuh"
#include "detail/reduce.cuh"
#include "detail/strips.cuh"
#include "isogram/detail/scaling.hpp"

namespace isogram::cuda {

namespace {

// ---- Column means ----------------------------------------------------------------------------

// Columns are summed up in strips of rows: enough blocks for a device, and the sums of strips are
// few beside x.
constexpr std::int64_t kStripRows = 256;

// sums[strip, j] = Σ (x_ij − x_0j) over the rows of the strip, times `unit`.
template <class X>
__global__ void __launch_bounds__(kWarp* kStripThreads)
    sum_columns(X x, std::int64_t rows, std::int64_t cols, double unit, double* sums) {
  const std::int64_t col = strip_column();
  const std::int64_t begin = std::int64_t{blockIdx.y} * kStripRows;
  const std::int64_t end = begin + kStripRows < rows ? begin + kStripRows : rows;
  const double first = col < cols ? unit * x(0, col) : 0;
  const double sum = sum_of_rows(begin, end, col < cols,
                                 [&](std::int64_t row) { return unit * x(row, col) - first; });
  if (threadIdx.y == 0 && col < cols) sums[blockIdx.y * cols + col] = sum;
}

template <class X>
__global__ void __launch_bounds__(kWarp* kStripThreads)
    means_of_sums(X x, double half_share, std::int64_t cols, const double* sums,
                  std::int64_t strips, double* means, double* rests) {
  const std::int64_t col = strip_column();
  const double sum = sum_of_rows(0, strips, col < cols,
                                 [&](std::int64_t strip) { return sums[strip * cols + col]; });
  if (threadIdx.y > 0 || col >= cols) return;
  const double first = x(0, col);
  const double step = 2 * half_share * sum;
  const double mean = first + step;
  const double rest = step - (mean - first);
  means[col] = isfinite(mean) ? mean : 2 * (0.5 * first + half_share * sum);
  rests[col] = isfinite(rest) ? rest : 0;
}

// ---- The bulk of the rows --------------------------------------------------------------------

constexpr double kLargest = std::numeric_limits<double>::max();
constexpr int kReachWarps = 8;

// A warp per row.
template <class X>
__global__ void __launch_bounds__(kWarp* kReachWarps)
    reaches_of_rows(X x, std::int64_t rows, std::int64_t cols, const double* origin,
                    double* reaches) {
  const std::int64_t row = std::int64_t{blockIdx.x} * kReachWarps + threadIdx.x / kWarp;
  if (row >= rows) return;
  double found = 0;
  for (std::int64_t col = threadIdx.x % kWarp; col < cols; col += kWarp) {
    found = Maximum()(found, fabs(x(row, col) - origin[col]));
  }
  found = warp_reduced(found, Maximum());
  if (threadIdx.x % kWarp == 0) reaches[row] = found > kLargest ? kLargest : found;
}

// sums[strip, j] = Σ (x_ij − origin_j) over the rows of the strip that reach no farther than the
// limit.
template <class X>
__global__ void __launch_bounds__(kWarp* kStripThreads)
    sum_bulk(X x, std::int64_t rows, std::int64_t cols, const double* origin, const double* reaches,
             const double* limit, double* sums) {
  const std::int64_t col = strip_column();
  const std::int64_t begin = std::int64_t{blockIdx.y} * kStripRows;
  const std::int64_t end = begin + kStripRows < rows ? begin + kStripRows : rows;
  const double start = col < cols ? origin[col] : 0;
  const double sum = sum_of_rows(begin, end, col < cols, [&](std::int64_t row) {
    return reaches[row] > *limit ? 0 : x(row, col) - start;
  });
  if (threadIdx.y == 0 && col < cols) sums[blockIdx.y * cols + col] = sum;
}

__global__ void __launch_bounds__(kWarp* kStripThreads)
    means_of_bulk(std::int64_t rows, std::int64_t cols, const double* origin, const double* reaches,
                  const double* limit, const double* sums, std::int64_t strips, double* means) {
  const std::int64_t col = strip_column();
  const double count = sum_of_rows(
      0, rows, col < cols, [&](std::int64_t row) { return reaches[row] > *limit ? 0.0 : 1.0; });
  __syncthreads();  // everybody is done with the partial sums
  const double sum = sum_of_rows(0, strips, col < cols,
                                 [&](std::int64_t strip) { return sums[strip * cols + col]; });
  if (threadIdx.y > 0 || col >= cols) return;
  const double mean = origin[col] + sum / count;
  means[col] = isfinite(mean) ? mean : origin[col];
}

// ---- Scaling ---------------------------------------------------------------------------------

// Blocks of a survey of a whole matrix, each with one partial result.
constexpr std::int64_t kSurveyBlocks = 1024;
constexpr int kSurveyWarps = 8;

// largest[block] = max |x_ij − origin_j| over the block's rows, a warp for each.
template <class X>
__global__ void __launch_bounds__(kWarp* kSurveyWarps)
    survey(X x, std::int64_t rows, std::int64_t cols, const double* origin, double* largest) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  double found = 0;
  for (std::int64_t row = std::int64_t{blockIdx.x} * kSurveyWarps + warp; row < rows;
       row += std::int64_t{gridDim.x} * kSurveyWarps) {
    for (std::int64_t col = lane; col < cols; col += kWarp) {
      found = Maximum()(found, fabs(x(row, col) - (origin ? origin[col] : 0)));
    }
  }
  found = block_reduced(found, Maximum(), shared_memory<WarpPartials>());
  if (threadIdx.x == 0) largest[blockIdx.x] = found;
}

__global__ void __launch_bounds__(kSurveyBlocks)
    exponent_of_survey(const double* largest, std::int64_t count, int* exponent) {
  double found = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += blockDim.x) {
    found = Maximum()(found, largest[i]);
  }
  found = block_reduced(found, Maximum(), shared_memory<WarpPartials>());
  if (threadIdx.x == 0) *exponent = detail::scaling_exponent_of(found);
}

// Enqueues a survey of x; returns how many partial results it has.
std::int64_t launch_survey(Stream stream, const Input& x, const double* origin, double* largest) {
  const unsigned blocks =
      std::min(blocks_for(x.rows, kSurveyWarps), static_cast<unsigned>(kSurveyBlocks));
  with_reader(x, [&](auto reader) {
    launch(survey<decltype(reader)>, dim3(blocks), dim3(kWarp * kSurveyWarps), sizeof(WarpPartials),
           stream, reader, x.rows, x.cols, origin, largest);
  });
  return blocks;
}

// ---- Distances -------------------------------------------------------------------------------

struct Pair {
  std::int64_t i;
  std::int64_t j;
};

// The p-th of all i < j < rows, row by row. The quadratic formula may be off by rounding, and is
// mended by looking.
__device__ Pair pair_at(std::int64_t p, std::int64_t rows) {
  const auto first_of = [=](std::int64_t i) { return i * (2 * rows - i - 1) / 2; };
  const double half = static_cast<double>(2 * rows - 1) / 2;
  auto i = static_cast<std::int64_t>(half - sqrt(half * half - 2 * static_cast<double>(p)));
  while (i > 0 && first_of(i) > p) --i;
  while (first_of(i + 1) <= p) ++i;
  return {i, i + 1 + p - first_of(i)};
}

constexpr int kDistanceWarps = 8;

template <class X>
__global__ void __launch_bounds__(kWarp* kDistanceWarps)
    distances_of_pairs(X x, std::int64_t rows, std::int64_t cols, const std::int64_t* pairs,
                       std::int64_t count, double* out) {
  const std::int64_t p = std::int64_t{blockIdx.x} * kDistanceWarps + threadIdx.x / kWarp;
  if (p >= count) return;
  const Pair pair = pairs ? Pair{pairs[2 * p], pairs[2 * p + 1]} : pair_at(p, rows);
  const Scaled distance =
      warp_norm(cols, [&](std::int64_t k) { return double{x(pair.i, k)} - x(pair.j, k); });
  if (threadIdx.x % kWarp == 0) out[p] = ldexp(distance.value, distance.exponent);
}

// ---- Preparing rows --------------------------------------------------------------------------

constexpr int kMaxRowThreads = 512;

// Threads for one row: each has a few of its features, as long as rows are not very long.
unsigned row_threads(std::int64_t cols) {
  constexpr std::int64_t features = 8;
  const std::int64_t warps = (cols + features * kWarp - 1) / (features * kWarp);
  return static_cast<unsigned>(std::min<std::int64_t>(warps * kWarp, kMaxRowThreads));
}

// A row of x as its block sees it: every function is called by all threads of the block.
template <class X>
struct RowInBlock {
  X x;
  std::int64_t row;
  std::int64_t cols;
  const double* origin;
  const double* rest;  // of the origin that rounding took from it, or null
  double unit = 1;     // everything is multiplied by
  double first = 0;    // then less both
  double mean = 0;

  __device__ double operator()(std::int64_t col) const {
    const double value = unit * x(row, col);
    const double shifted = origin ? value - unit * origin[col] : value;
    return (rest ? shifted - unit * rest[col] : shifted) - first - mean;
  }

  // Large numbers are scaled first: their differences may overflow, and they lose nothing by it.
  __device__ double scaled(std::int64_t col, int exponent, PowerOfTwo scale) const {
    if (exponent <= 0 || !origin) return scale * (*this)(col);
    return scale * x(row, col) - scale * origin[col];
  }

  template <class Visit>
  __device__ void for_each(Visit visit) const {
    for (std::int64_t col = threadIdx.x; col < cols; col += blockDim.x) visit(col);
  }

  // Relative to the first feature, so that a constant row becomes exactly zero.
  __device__ void subtract_mean(WarpPartials& partials) {
    first = (*this)(0);
    double sum = 0;
    for_each([&](std::int64_t col) { sum += (*this)(col); });
    mean = block_reduced(sum, Sum(), partials) / static_cast<double>(cols);
  }

  // For rows whose scale does not matter: makes room for differences, and sums of them.
  __device__ void make_room(WarpPartials& partials) {
    double found = 0;
    for_each([&](std::int64_t col) { found = Maximum()(found, fabs(double{x(row, col)})); });
    if (block_reduced(found, Maximum(), partials) > 0x1p960) unit = 0x1p-64;
  }

  __device__ double largest(WarpPartials& partials) const {
    double found = 0;
    for_each([&](std::int64_t col) { found = Maximum()(found, fabs((*this)(col))); });
    return block_reduced(found, Maximum(), partials);
  }

  __device__ double norm(PowerOfTwo scale, WarpPartials& partials) const {
    double squares = 0;
    for_each([&](std::int64_t col) {
      const double value = scale * (*this)(col);
      squares += value * value;
    });
    return sqrt(block_reduced(squares, Sum(), partials));
  }
};

// What a scaled row is divided by: 1 for a row of zeros, NaN for one with NaN or infinity.
__device__ double divisor_of(double norm) {
  if (norm == 0) return 1;
  return isfinite(norm) ? norm : kNan;
}

template <class X, class T>
__global__ void __launch_bounds__(kMaxRowThreads)
    prepare_rows(X x, Preparation preparation, const double* origin, const double* rest,
                 const int* shared_exponent, Matrix<T> out, double* squared_norms, int* exponents) {
  auto& partials = shared_memory<WarpPartials>();
  RowInBlock<X> row{x, blockIdx.x, out.cols, origin, rest};
  const bool is_unit =
      preparation == Preparation::unit || preparation == Preparation::unit_of_deviations;
  const bool has_deviations = preparation == Preparation::unit_of_deviations;
  if (is_unit && (origin || has_deviations)) row.make_room(partials);
  if (has_deviations) row.subtract_mean(partials);

  int exponent = 0;
  if (preparation == Preparation::shifted && shared_exponent) exponent = *shared_exponent;
  if (preparation == Preparation::scaled) {
    exponent = detail::scaling_exponent_of(row.largest(partials));
  }
  if (is_unit) exponent = detail::exponent_of(row.largest(partials));
  const PowerOfTwo scale(-exponent);
  const double divisor = is_unit ? divisor_of(row.norm(scale, partials)) : 1;

  T* target = out.data + row.row * out.stride;
  double squares = 0;
  row.for_each([&](std::int64_t col) {
    const double value = is_unit ? scale * row(col) : row.scaled(col, exponent, scale);
    const auto rounded = static_cast<T>(isfinite(value) ? value / divisor : kNan);
    target[col] = rounded;
    squares += double{rounded} * rounded;
  });
  squares = block_reduced(squares, Sum(), partials);
  if (threadIdx.x > 0) return;
  if (squared_norms) squared_norms[row.row] = squares;
  if (exponents) exponents[row.row] = exponent;
}

// A row as scale · x = first + mean + α · direction + rest. What rounding takes of the differences
// comes after them (Knuth's two-sum), and products are exact in fused multiply-adds.
template <class X>
struct RowBesideAxis {
  X x;
  std::int64_t row;
  const double* direction;
  PowerOfTwo scale;
  double first = 0;
  double mean = 0;
  double alpha = 0;
  double rest_mean = 0;

  __device__ double deviation(std::int64_t col) const { return scale * x(row, col) - first - mean; }
  __device__ double rest(std::int64_t col) const {
    double lost = 0;
    double value = subtract(scale * x(row, col), first, lost);
    value = subtract(value, mean, lost);
    return fma(-alpha, direction[col], value) + lost - rest_mean;
  }
  __device__ static double subtract(double from, double what, double& lost) {
    const double value = from - what;
    const double taken = from - value;
    lost += (from - (value + taken)) + (taken - what);
    return value;
  }
};

// α / ‖x‖ − length, of α² squares + excess α² = ‖x‖²: without cancellation where x is nearly a
// multiple of the axis.
__device__ double along_axis(double alpha, double norm, double excess, double squares,
                             double length) {
  if (!(alpha > 0) || fabs(excess) > squares / 2) return alpha / norm - length;
  const double root = sqrt(squares);
  const double other = sqrt(squares + excess);
  return -excess / (root * other * (root + other)) + (1 / root - length);
}

template <class X, class T>
__global__ void __launch_bounds__(kMaxRowThreads)
    prepare_unit_difference(X x, bool deviations, Axis axis, Matrix<T> out) {
  auto& partials = shared_memory<WarpPartials>();
  const RowInBlock<X> given{x, blockIdx.x, out.cols, nullptr, nullptr};
  const double largest = given.largest(partials);
  RowBesideAxis<X> row{x, blockIdx.x, axis.direction, PowerOfTwo(-detail::exponent_of(largest))};
  const auto sum = [&](auto term) {
    double terms = 0;
    given.for_each([&](std::int64_t col) { terms += term(col); });
    return block_reduced(terms, Sum(), partials);
  };
  const auto count = static_cast<double>(out.cols);
  if (deviations) {
    row.first = row.scale * x(row.row, 0);
    row.mean =
        sum([&](std::int64_t col) { return row.scale * x(row.row, col) - row.first; }) / count;
  }
  const double squares = *axis.squares;
  const double* direction = axis.direction;
  if (squares > 0) {
    row.alpha =
        sum([&](std::int64_t col) { return direction[col] * row.deviation(col); }) / squares;
  }
  if (deviations) row.rest_mean = sum([&](std::int64_t col) { return row.rest(col); }) / count;
  const double along = sum([&](std::int64_t col) { return direction[col] * row.rest(col); });
  const double rest = sum([&](std::int64_t col) { return row.rest(col) * row.rest(col); });
  const double alpha = row.alpha;
  const double norm = sqrt(alpha * alpha * squares + 2 * alpha * along + rest);
  const double divisor = isfinite(largest) ? (norm > 0 ? norm : 1) : kNan;
  const double beta = squares > 0 ? along_axis(alpha, divisor, (2 * along + rest / alpha) / alpha,
                                               squares, *axis.length)
                                  : 0;
  T* target = out.data + row.row * out.stride;
  given.for_each([&](std::int64_t col) {
    target[col] = static_cast<T>(row.rest(col) / divisor + beta * direction[col]);
  });
}

// ---- Kernel functions, entry by entry --------------------------------------------------------

// Inner products of scaled rows.
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
    // Gamma ⟨a, b⟩ is moderate as a rule where neither gamma nor ⟨a, b⟩ is.
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
    return squared_norm > 0 ? 1 : squared_norm;  // of a zero row 0; NaN stays NaN
  }
};

// Below this fraction of ‖a‖² + ‖b‖², a squared distance by expansion has lost 5 bits.
constexpr double kCancellation = 1.0 / 32;

constexpr double kLowest = std::numeric_limits<double>::lowest();

// factor of exp(factor · distance), finite: times a distance of 0 it must be 0.
__device__ double exponential_factor(double factor) {
  return factor < kLowest ? kLowest : factor;
}

// 1 / bandwidth in the unit of prepared rows, 2^exponent.
__device__ double inverse_bandwidth(const double* bandwidth, const int* exponent) {
  if (!(*bandwidth > 0)) return kNan;
  return 1 / ldexp(*bandwidth, exponent ? -*exponent : 0);
}

// exp(exponent) − offset. In T where there is no offset: its rounding is no worse than T's.
template <class T>
__device__ T exponential(double exponent, const double* offset) {
  if (!offset) return exp(static_cast<T>(exponent));
  return static_cast<T>(exp(exponent) - *offset);
}

template <class T>
struct Rbf : EveryEntry {
  KernelFunction function;
  Side rows;
  Side cols;
  bool same;
  Place place;
  double factor = 0;

  struct Vector {
    std::int64_t index;
    double squared_norm;
  };

  __device__ void begin() {
    const double inverse = inverse_bandwidth(function.bandwidth, function.exponent);
    factor = exponential_factor(-0.5 * inverse * inverse);
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
  __device__ T operator()(Vector a, Vector b, T product) const {
    return exponential<T>(factor * squared_distance(a, b, product), function.offset);
  }

  // Near-duplicates and rows too far off: their distance is taken from the source.
  __device__ bool is_lost(Vector a, Vector b, T product) const {
    const double both = a.squared_norm + b.squared_norm;
    if (!isfinite(both)) return true;
    return !(squared_distance(a, b, product) >= kCancellation * both) && !is_diagonal(a, b);
  }
  __device__ T again(std::int64_t i, std::int64_t j) const {
    const int exponent = function.exponent ? *function.exponent : 0;
    // Scaled down before, up after: so nothing overflows that is finite when it is scaled.
    const PowerOfTwo down(exponent > 0 ? -exponent : 0);
    const PowerOfTwo up(exponent < 0 ? -exponent : 0);
    const double squared = warp_squares(rows.source.cols, [&](std::int64_t k) {
      const double a = entry_of(rows.source, place.row + i, k);
      const double b = entry_of(cols.source, place.col + j, k);
      return isfinite(a) && isfinite(b) ? up * (down * a - down * b) : kNan;
    });
    return exponential<T>(factor * squared, function.offset);
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

// ---- Transposition ---------------------------------------------------------------------------

constexpr int kTransposeEdge = 32;
constexpr int kTransposeThreads = 8;

template <class T>
struct TransposeTile {
  T values[kTransposeEdge][kTransposeEdge + 1];  // padded: a column is in as many banks as a row
};

// out_ji = in_ij for all entries, or for those above the diagonal: then they may be the same.
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
    const std::int64_t row = top + lane;  // of the input
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

std::int64_t column_scratch(std::int64_t rows, std::int64_t cols) {
  return blocks_for(rows, kStripRows) * cols;
}

void column_means(Stream stream, const Input& x, double* means, double* rests, double* scratch) {
  with_reader(x, [&](auto reader) {
    using X = decltype(reader);
    const unsigned strips = blocks_for(x.rows, kStripRows);
    const dim3 block(kWarp, kStripThreads);
    const unsigned columns = blocks_for(x.cols, kWarp);
    // Sums of doubles, and differences of them, could overflow; those of floats do not.
    const auto rows = static_cast<double>(x.rows);
    const int exponent = x.type == Type::float64 ? std::ilogb(rows) + 2 : 0;
    launch(sum_columns<X>, dim3(columns, strips), block, sizeof(StripPartials), stream, reader,
           x.rows, x.cols, std::ldexp(1.0, -exponent), scratch);
    launch(means_of_sums<X>, dim3(columns), block, sizeof(StripPartials), stream, reader,
           std::ldexp(0.5, exponent) / rows, x.cols, scratch, strips, means, rests);
  });
}

void row_reaches(Stream stream, const Input& x, const double* origin, double* reaches) {
  with_reader(x, [&](auto reader) {
    launch(reaches_of_rows<decltype(reader)>, dim3(blocks_for(x.rows, kReachWarps)),
           dim3(kWarp * kReachWarps), 0, stream, reader, x.rows, x.cols, origin, reaches);
  });
}

void bulk_means(Stream stream, const Input& x, const double* origin, const double* reaches,
                const double* limit, double* means, double* scratch) {
  const unsigned strips = blocks_for(x.rows, kStripRows);
  const dim3 block(kWarp, kStripThreads);
  const unsigned columns = blocks_for(x.cols, kWarp);
  with_reader(x, [&](auto reader) {
    launch(sum_bulk<decltype(reader)>, dim3(columns, strips), block, sizeof(StripPartials), stream,
           reader, x.rows, x.cols, origin, reaches, limit, scratch);
  });
  launch(means_of_bulk, dim3(columns), block, sizeof(StripPartials), stream, x.rows, x.cols, origin,
         reaches, limit, scratch, strips, means);
}

std::int64_t scaling_scratch() {
  return 2 * kSurveyBlocks;
}

void scaling_exponent(Stream stream, const Input& x, const Input* y, const double* origin,
                      int* exponent, double* scratch) {
  std::int64_t count = launch_survey(stream, x, origin, scratch);
  if (y) count += launch_survey(stream, *y, origin, scratch + count);
  launch(exponent_of_survey, dim3(1), dim3(kSurveyBlocks), sizeof(WarpPartials), stream, scratch,
         count, exponent);
}

void distances(Stream stream, const Input& x, const std::int64_t* pairs, std::int64_t count,
               double* out) {
  with_reader(x, [&](auto reader) {
    launch(distances_of_pairs<decltype(reader)>, dim3(blocks_for(count, kDistanceWarps)),
           dim3(kWarp * kDistanceWarps), 0, stream, reader, x.rows, x.cols, pairs, count, out);
  });
}

template <class T>
void prepare(Stream stream, const Input& x, Preparation preparation, const double* origin,
             const double* rest, const int* exponent, Matrix<T> rows, double* squared_norms,
             int* exponents) {
  with_reader(x, [&](auto reader) {
    launch(prepare_rows<decltype(reader), T>, dim3(static_cast<unsigned>(x.rows)),
           dim3(row_threads(x.cols)), sizeof(WarpPartials), stream, reader, preparation, origin,
           rest, exponent, rows, squared_norms, exponents);
  });
}

template <class T>
void prepare_unit_differences(Stream stream, const Input& x, bool deviations, const Axis& axis,
                              Matrix<T> rows) {
  with_reader(x, [&](auto reader) {
    launch(prepare_unit_difference<decltype(reader), T>, dim3(static_cast<unsigned>(x.rows)),
           dim3(row_threads(x.cols)), sizeof(WarpPartials), stream, reader, deviations, axis, rows);
  });
}

template <class T>
void apply_kernel(Stream stream, const KernelFunction& function, const Side& rows, const Side& cols,
                  bool same, Place place, Matrix<T> tile) {
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
      return launch_map(stream, tile, Rbf<T>{{}, function, rows, cols, same, place});
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

template <class T>
void mirror(Stream stream, Matrix<const T> upper, Matrix<T> lower) {
  launch_transpose(stream, upper, lower, false);
}

template <class T>
void mirror_diagonal(Stream stream, Matrix<T> square) {
  launch_transpose<T>(stream, square, square, true);
}

template void prepare(Stream, const Input&, Preparation, const double*, const double*, const int*,
                      Matrix<float>, double*, int*);
template void prepare(Stream, const Input&, Preparation, const double*, const double*, const int*,
                      Matrix<double>, double*, int*);
template void prepare_unit_differences(Stream, const Input&, bool, const Axis&, Matrix<float>);
template void prepare_unit_differences(Stream, const Input&, bool, const Axis&, Matrix<double>);
template void apply_kernel(Stream, const KernelFunction&, const Side&, const Side&, bool, Place,
                           Matrix<float>);
template void apply_kernel(Stream, const KernelFunction&, const Side&, const Side&, bool, Place,
                           Matrix<double>);
template void laplacian(Stream, const KernelFunction&, Matrix<const float>, Matrix<const float>,
                        Place, Matrix<float>);
template void laplacian(Stream, const KernelFunction&, Matrix<const double>, Matrix<const double>,
                        Place, Matrix<double>);
template void mirror(Stream, Matrix<const float>, Matrix<float>);
template void mirror(Stream, Matrix<const double>, Matrix<double>);
template void mirror_diagonal(Stream, Matrix<float>);
template void mirror_diagonal(Stream, Matrix<double>);

}  // namespace isogram::cuda
