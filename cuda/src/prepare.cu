#include "isogram/cuda/prepare.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "detail/launch.cuh"
#include "detail/number.cuh"
#include "detail/power_of_two.cuh"
#include "detail/reduce.cuh"
#include "detail/strips.cuh"
#include "isogram/detail/scaling.hpp"

namespace isogram::cuda {

// ---- Column means ----------------------------------------------------------------------------

namespace {

// Columns are summed in strips of rows: enough blocks for a device, and few sums beside x.
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
    // Sums and differences of doubles may overflow, sums of floats cannot.
    const auto rows = static_cast<double>(x.rows);
    const int exponent = x.type == Type::float64 ? std::ilogb(rows) + 2 : 0;
    launch(sum_columns<X>, dim3(columns, strips), block, sizeof(StripPartials), stream, reader,
           x.rows, x.cols, std::ldexp(1.0, -exponent), scratch);
    launch(means_of_sums<X>, dim3(columns), block, sizeof(StripPartials), stream, reader,
           std::ldexp(0.5, exponent) / rows, x.cols, scratch, strips, means, rests);
  });
}

// ---- The bulk of the rows --------------------------------------------------------------------

namespace {

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
  __syncthreads();  // all threads have read the partial sums
  const double sum = sum_of_rows(0, strips, col < cols,
                                 [&](std::int64_t strip) { return sums[strip * cols + col]; });
  if (threadIdx.y > 0 || col >= cols) return;
  const double mean = origin[col] + sum / count;
  means[col] = isfinite(mean) ? mean : origin[col];
}

}  // namespace

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

// ---- Scaling ---------------------------------------------------------------------------------

namespace {

// The most blocks of a survey of a matrix, each with one partial result.
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

// Enqueues a survey of x; returns the number of partial results.
std::int64_t launch_survey(Stream stream, const Input& x, const double* origin, double* largest) {
  const unsigned blocks =
      std::min(blocks_for(x.rows, kSurveyWarps), static_cast<unsigned>(kSurveyBlocks));
  with_reader(x, [&](auto reader) {
    launch(survey<decltype(reader)>, dim3(blocks), dim3(kWarp * kSurveyWarps), sizeof(WarpPartials),
           stream, reader, x.rows, x.cols, origin, largest);
  });
  return blocks;
}

}  // namespace

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

// ---- Preparing rows --------------------------------------------------------------------------

namespace {

constexpr int kMaxRowThreads = 512;

// Threads per row: about 8 features each, more for very long rows.
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
  const double* rest;  // the rounding error of the origin, or null
  double unit = 1;     // a factor of x, origin and rest
  double first = 0;    // `first` and `mean` are subtracted last
  double mean = 0;

  __device__ double operator()(std::int64_t col) const {
    const double value = unit * x(row, col);
    const double shifted = origin ? value - unit * origin[col] : value;
    return (rest ? shifted - unit * rest[col] : shifted) - first - mean;
  }

  // Large numbers are scaled before the subtraction: their difference may overflow, and scaling
  // down does not round them.
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

  // For rows that are divided by their norms: sets `unit` so that differences and their sums cannot
  // overflow.
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

// The divisor of a scaled row: 1 for a zero row, NaN for a row with a NaN or infinity.
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

// A row as scale · x = first + mean + α · direction + rest. The rounding errors of the differences
// are added back (Knuth's two-sum), and products are exact in fused multiply-adds.
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

// α / ‖x‖ − length, with α² (squares + excess) = ‖x‖²: without cancellation where x is nearly a
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
  // A difference that may be rounding alone counts as 0: rows along the axis are equal (all
  // correlations of two features lie on one axis).
  constexpr double kRoundings = 16 * 0x1p-52;
  given.for_each([&](std::int64_t col) {
    const double of_row = row.rest(col);
    const double difference = of_row / divisor + beta * direction[col];
    const double most = (fabs(of_row) + 2 * fabs(row.rest_mean)) / divisor;
    target[col] = static_cast<T>(fabs(difference) <= kRoundings * most ? 0 : difference);
  });
}

}  // namespace

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

template void prepare(Stream, const Input&, Preparation, const double*, const double*, const int*,
                      Matrix<float>, double*, int*);
template void prepare(Stream, const Input&, Preparation, const double*, const double*, const int*,
                      Matrix<double>, double*, int*);
template void prepare_unit_differences(Stream, const Input&, bool, const Axis&, Matrix<float>);
template void prepare_unit_differences(Stream, const Input&, bool, const Axis&, Matrix<double>);

}  // namespace isogram::cuda
