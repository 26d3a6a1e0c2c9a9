#include "isogram/features.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "isogram/arithmetic.hpp"
#include "isogram/error.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

// Features that are read together: a line of a cache at least. Lines of a row that are neighbours
// come faster than lines of many rows, each on a page of its own: so as many as kMost, unless they
// take much memory or leave threads without work.
constexpr std::size_t kFewest = 16;
constexpr std::size_t kMost = 64;
constexpr std::size_t kEntries = std::size_t{1} << 22;

constexpr std::size_t kRowsTurned = 16;  // into columns at a time: a line or two of each

// A feature is constant if its centred entries are this many roundings of its own, or fewer.
constexpr double kRoundings = 64;

// Squares of numbers up to 2^±kModerate, and sums of them, stay in the range of float64.
constexpr int kModerate = 256;

std::size_t features_at_once(const InputView& x, const Execution& execution) {
  const std::size_t threads = team_size(execution, blocks_in(x.cols, kFewest));
  const std::size_t most = std::min(kEntries / x.rows, x.cols / threads);
  return std::clamp(most / kFewest * kFewest, kFewest, kMost);
}

// Writes x as doubles, each feature a row.
void read_features(const InputView& x, double* features, Worker& worker) {
  const RowReader reader(x);
  Buffer<double> rows = Buffer<double>::kept(kRowsTurned * x.cols);
  for (std::size_t begin = 0; begin < x.rows; begin += kRowsTurned) {
    const std::size_t count = std::min(kRowsTurned, x.rows - begin);
    worker.check(count * x.cols);
    for (std::size_t i = 0; i < count; ++i) reader.read(begin + i, &rows[i * x.cols]);
    simd::kernels().float64.transpose(rows.data(), x.cols, count, x.cols, features + begin, x.rows);
  }
}

// Centres a feature in place. Returns what makes its norm 1; 0 if it is constant.
double center(double* feature, std::size_t n) {
  const auto& kernels = simd::kernels().float64;
  double largest = kernels.largest_magnitude(feature, n);
  const int exponent = exponent_of(largest);
  if (std::abs(exponent) > kModerate) {
    scale_down(feature, n, exponent);
    largest = std::ldexp(largest, -exponent);
  }
  // The second mean is what the first lacks.
  for (int pass = 0; pass < 2; ++pass) {
    kernels.widen(feature, n, kernels.sum(feature, n) / static_cast<double>(n), feature);
  }
  constexpr double rounding = kRoundings * std::numeric_limits<double>::epsilon();
  if (kernels.largest_magnitude(feature, n) <= rounding * largest) return 0;
  return 1 / std::sqrt(kernels.dot(feature, feature, n));
}

void require_finite(const InputView& x, Span columns, const double* features) {
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const std::size_t i = first_not_finite(features + j * x.rows, x.rows);
    if (i == x.rows) continue;
    throw_not_finite(x.name, {i, columns.begin + j}, features[j * x.rows + i]);
  }
}

}  // namespace

template <class T>
void standardized_features(const InputView& x, MatrixView<T> out, bool* are_constant,
                           const Execution& execution) {
  const UsualArithmetic usual;
  require_not_empty(x);
  require_shape(out, x.cols, x.rows, "out");
  require(out.col_stride == 1, "`out` must have rows of adjacent entries");
  const std::size_t n = x.rows;
  const std::size_t strip = features_at_once(x, execution);
  const auto standardize_strip = [&](std::size_t task, Worker& worker) {
    const Span columns{task * strip, std::min(x.cols, (task + 1) * strip)};
    Buffer<double> features = Buffer<double>::kept(columns.size() * n);
    read_features(columns_of(x, columns), features.data(), worker);
    require_finite(x, columns, features.data());
    for (std::size_t j = 0; j < columns.size(); ++j) {
      worker.check(n);
      double* feature = &features[j * n];
      T* row = &out(columns.begin + j, 0);
      const double scale = center(feature, n);
      are_constant[columns.begin + j] = scale == 0;
      std::transform(feature, feature + n, row,
                     [scale](double value) { return static_cast<T>(value * scale); });
    }
  };
  parallel_for(execution, blocks_in(x.cols, strip), standardize_strip, threads_for(n * x.cols));
}

template void standardized_features(const InputView&, MatrixView<float>, bool*, const Execution&);
template void standardized_features(const InputView&, MatrixView<double>, bool*, const Execution&);

}  // namespace isogram
