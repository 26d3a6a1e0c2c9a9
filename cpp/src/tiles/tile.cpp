#include "tiles/tile.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "threads/team.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

// Features between 2^−safe and 2^safe are packed as they are: products of three such factors,
// summed, are still normal numbers.
template <class T>
constexpr int kSafeExponent = sizeof(T) == sizeof(float) ? 40 : 330;

// Of shifted rows no further apart than 2^far, products and their squares are normal numbers, of T
// and of float64.
template <class T>
constexpr int kFarApart = sizeof(T) == sizeof(float) ? 50 : 200;

// Below this fraction of ‖a‖² + ‖b‖², a squared distance by expansion has lost 5 bits; so has an L1
// distance of rounded rows below this fraction of ‖a‖₁ + ‖b‖₁.
template <class T>
constexpr T kCancellation = T(1) / 32;

// With a bandwidth of at most 2^safe, sums of differences that overflow are those whose
// exponentials vanish; and one of at least 2^−safe has an inverse.
template <class T>
constexpr int kSafeBandwidth = sizeof(T) == sizeof(float) ? 100 : 900;

bool uses_distance(Kernel kernel) {
  return kernel == Kernel::rbf || kernel == Kernel::laplacian;
}
bool uses_unit_norm(Kernel kernel) {
  return kernel == Kernel::cosine || kernel == Kernel::correlation;
}

void require_options(const KernelOptions& options) {
  if (uses_distance(options.kernel)) {
    require(options.bandwidth > 0 && std::isfinite(options.bandwidth),
            "`bandwidth` must be positive and finite");
  }
  if (options.kernel == Kernel::polynomial) {
    require(options.degree >= 1, "`degree` must be at least 1");
    require(std::isfinite(options.gamma), "`gamma` must be finite");
    require(std::isfinite(options.coef0), "`coef0` must be finite");
  }
}

void require_same_depth(const InputView& x, const InputView& y) {
  if (x.cols == y.cols) return;
  throw std::invalid_argument("`" + y.name + "` must have " + std::to_string(x.cols) +
                              " columns like `" + x.name + "`, got " + std::to_string(y.cols));
}

// A finite T whatever the double: an infinite factor would turn a zero distance into NaN.
template <class T>
T saturated(double value) {
  constexpr double limit = std::numeric_limits<T>::max();
  return static_cast<T>(std::clamp(value, -limit, limit));
}

// Entry (i, j) of the tile to (i, j) of the view, whichever way that lies in memory.
template <class T>
void copy_tile(const T* tile, MatrixView<T> out) {
  if (out.col_stride == 1) {
    for (std::size_t i = 0; i < out.rows; ++i) {
      std::copy_n(tile + i * kTileEdge, out.cols, &out(i, 0));
    }
  } else if (out.row_stride == 1 && out.col_stride > 0) {
    simd::kernels().of<T>().transpose(tile, kTileEdge, out.rows, out.cols, out.data,
                                      static_cast<std::size_t>(out.col_stride));
  } else {
    for (std::size_t i = 0; i < out.rows; ++i) {
      for (std::size_t j = 0; j < out.cols; ++j) out(i, j) = tile[i * kTileEdge + j];
    }
  }
}

// Whether every number of x is one of T.
template <class T>
bool fits_into(const InputView& x) {
  return sizeof(T) == sizeof(double) || x.type != ElementType::float64;
}

// b = (b − a) · 2^−exponent, of an `a` that is scaled down already where the exponent is positive:
// then nothing overflows that is finite when it is scaled.
void subtract_scaled(const std::vector<double>& a, std::vector<double>& b, int exponent) {
  scale_down(b.data(), b.size(), std::max(exponent, 0));
  simd::kernels().float64.subtract_shifts(b.data(), b.data(), b.size(), 0, a.data());
  scale_down(b.data(), b.size(), std::min(exponent, 0));
}

double sum_of_magnitudes(const std::vector<double>& row) {
  double sum = 0;
  for (const double x : row) sum += std::abs(x);
  return sum;
}

double smaller_nonzero(double a, double b) {
  return a == 0 ? b : b == 0 ? a : std::min(a, b);
}

}  // namespace

template <class T>
GramTiles<T>::GramTiles(const InputView& x, const KernelOptions& options, Columns columns,
                        const Execution& execution)
    : kernels_(simd::kernels().of<T>()), options_(options), x_(x), y_(x), is_symmetric_(true) {
  pack(x, nullptr, columns, execution);
}

template <class T>
GramTiles<T>::GramTiles(const InputView& x, const InputView& y, const KernelOptions& options,
                        const Execution& execution)
    : kernels_(simd::kernels().of<T>()), options_(options), x_(x), y_(y), is_symmetric_(false) {
  require_not_empty(y);
  require_same_depth(x, y);
  pack(x, &y, Columns::as_given, execution);
}

template <class T>
void GramTiles<T>::pack(const InputView& x, const InputView* y, Columns columns,
                        const Execution& execution) {
  require_not_empty(x);
  require_options(options_);
  if (columns == Columns::shifted) return pack_shifted(x, false, execution);
  if (columns == Columns::hollow) return pack_shifted(x, true, execution);
  if (!may_be_deep(x, y)) reserve(x, y);
  if (options_.gamma == 0) options_.gamma = 1 / static_cast<double>(x.cols);
  if (columns == Columns::centered) {
    const Survey survey = survey_columns(x, execution);
    const Transform transform{
        .origin = &survey.mean_row, .rest = &survey.residual, .unit_norm = true};
    pack_as(transform, x, y, execution);
  } else if (options_.kernel == Kernel::laplacian && fits_into<T>(x) && fits_into<T>(y_)) {
    pack_differences(x, y, execution);
  } else if (uses_distance(options_.kernel)) {
    pack_distances(x, y, execution);
  } else if (uses_unit_norm(options_.kernel)) {
    pack_cosines(x, y, execution);
  } else {
    pack_products(x, y, execution);
  }
}

template <class T>
void GramTiles<T>::pack_shifted(const InputView& x, bool is_hollow, const Execution& execution) {
  const Kernel kernel = std::exchange(options_.kernel, Kernel::linear);
  if (!may_be_deep(x, nullptr)) reserve(x, nullptr);
  if (kernel == Kernel::linear) {
    const Survey survey = survey_bulk(x, execution);
    int exponent = scaling_exponent_of(survey.largest);
    const int high = exponent_of(survey.largest);
    may_vanish_ = high - exponent_of(survey.smallest_row) > kFarApart<T>;
    if (may_vanish_ && is_hollow && sizeof(T) == sizeof(double)) {
      exponent = high - lift_of_far_rows(x, survey.mean_row, high, execution);
    }
    exponent_ = 2 * exponent;
    return pack_as({.origin = &survey.mean_row, .exponent = exponent}, x, nullptr, execution);
  }
  const UnitRows rows(x, kernel == Kernel::correlation, execution);
  pack_as({.unit_rows = &rows}, x, nullptr, execution);
}

// By how much more than to 1 the largest row can be scaled, 2^exponent: so that products of two
// rows, squared and summed, just fit, and that one row with itself does.
template <class T>
int GramTiles<T>::lift_of_far_rows(const InputView& x, const std::vector<double>& origin,
                                   int exponent, const Execution& execution) const {
  constexpr int most_of_products = 440;
  constexpr int most_of_row = 480;
  const RowReader reader(x);
  std::vector<double> row(x.cols);
  double largest = 0;
  double second = 0;
  parallel_for(execution, 1, [&](std::size_t, Worker& worker) {
    for (std::size_t i = 0; i < x.rows; ++i) {
      worker.check();
      reader.read(i, row.data());
      isogram::subtract_scaled(row.data(), row.size(), origin.data(), exponent);
      const double own = largest_magnitude(row.data(), row.size());
      second = std::max(second, std::min(own, largest));
      largest = std::max(largest, own);
    }
  });
  if (second == 0) return most_of_row;
  return std::min((most_of_products - exponent_of(second)) / 2, most_of_row);
}

// Rows whose transform takes all of a row are packed whole.
template <class T>
bool GramTiles<T>::may_be_deep(const InputView& x, const InputView* y) const {
  return options_.kernel != Kernel::correlation && DeepTiles<T>::pays(x, y);
}

template <class T>
void GramTiles<T>::reserve(const InputView& x, const InputView* y) {
  left_ = Packed<T>(kernels_, x);
  if (y) right_.emplace(kernels_, *y);
}

template <class T>
void GramTiles<T>::pack_as(const Transform& transform, const InputView& x, const InputView* y,
                           const Execution& execution) {
  common_exponent_ = transform.exponent;
  if (may_be_deep(x, y)) {
    if (transform.takes_parts()) {
      deep_.emplace(kernels_, block(), x, y, transform, execution);
      return;
    }
    reserve(x, y);
  }
  // Only a look at all entries shows that rows need no change.
  const Finite finite = transform.is_identity() ? Finite::known : Finite::unknown;
  left_.fill(x, transform, finite, execution);
  if (y) right_->fill(*y, transform, finite, execution);
}

// Differences of rows as they came are as accurate as their type allows, wherever the rows lie. A
// common shift would round those away that are near each other and far from it.
template <class T>
void GramTiles<T>::pack_differences(const InputView& x, const InputView* y,
                                    const Execution& execution) {
  double largest = survey(x, nullptr, execution).largest;
  if (y) largest = std::max(largest, survey(*y, nullptr, execution).largest);
  const int width = exponent_of(options_.bandwidth);
  int exponent = std::abs(width) <= kSafeBandwidth<T> ? 0 : width;
  // Scaled up no further than there is room for.
  if (exponent < 0) exponent = std::clamp(exponent_of(largest) - kSafeBandwidth<T>, exponent, 0);
  pack_as({.exponent = exponent}, x, y, execution);
}

// Distances do not change when all rows are shifted alike, and cancel less. Of extreme numbers,
// what counts is that of distances near the bandwidth no square vanishes. Rows so far off that
// theirs overflow are left to the repair.
template <class T>
void GramTiles<T>::pack_distances(const InputView& x, const InputView* y,
                                  const Execution& execution) {
  const Survey of_x = survey_columns(x, execution);
  double largest = of_x.largest;
  if (y) largest = std::max(largest, survey(*y, &of_x.mean_row, execution).largest);
  constexpr int safe = kSafeExponent<T>;
  const int high = exponent_of(largest);
  const int width = exponent_of(options_.bandwidth);
  const bool is_safe = std::abs(high) <= safe && std::abs(width) <= safe;
  const int exponent = is_safe ? 0 : std::min(high, width + safe);
  pack_as({.origin = &of_x.mean_row, .exponent = exponent}, x, y, execution);
}

// Long rows are divided by their norms when their products are known.
template <class T>
void GramTiles<T>::pack_cosines(const InputView& x, const InputView* y,
                                const Execution& execution) {
  Transform transform{.center_rows = options_.kernel == Kernel::correlation, .unit_norm = true};
  if (may_be_deep(x, y) && range_of(x, y, execution).is_safe()) transform = {};
  pack_as(transform, x, y, execution);
}

// Inner products are of the rows as they are: scaled only where their squares would leave T.
template <class T>
void GramTiles<T>::pack_products(const InputView& x, const InputView* y,
                                 const Execution& execution) {
  const Range range = range_of(x, y, execution);
  Transform transform;
  if (!range.is_safe()) {
    transform.exponent_per_row = range.high - range.low > kSafeExponent<T>;
    transform.exponent = transform.exponent_per_row ? 0 : range.high;
  }
  pack_as(transform, x, y, execution);
}

template <class T>
typename GramTiles<T>::Range GramTiles<T>::range_of(const InputView& x, const InputView* y,
                                                    const Execution& execution) const {
  Survey extent = survey(x, nullptr, execution);
  if (y) {
    const Survey of_y = survey(*y, nullptr, execution);
    extent.largest = std::max(extent.largest, of_y.largest);
    extent.smallest_row = smaller_nonzero(extent.smallest_row, of_y.smallest_row);
  }
  return {exponent_of(extent.largest), exponent_of(extent.smallest_row)};
}

template <class T>
bool GramTiles<T>::Range::is_safe() const {
  return high <= kSafeExponent<T> && low >= -kSafeExponent<T>;
}

template <class T>
bool GramTiles<T>::is_exponential() const {
  return uses_distance(options_.kernel);
}

template <class T>
bool GramTiles<T>::may_overflow() const {
  if (options_.kernel == Kernel::polynomial) return true;
  const bool is_scaled = left_.has_row_exponents() || common_exponent_ != 0;
  return options_.kernel == Kernel::linear && exponent_ == 0 && is_scaled;
}

template <class T>
Block<T> GramTiles<T>::block() const {
  return options_.kernel == Kernel::laplacian ? kernels_.l1_distances : kernels_.inner_products;
}

template <class T>
void GramTiles<T>::compute(Cell cell, T* tile, const simd::ExpectedRows& expected) const {
  const Span rows = tile_span(cell.row, this->rows());
  const Span cols = tile_span(cell.col, this->cols());
  if (deep_) {
    std::copy_n(deep_->tile(cell), kTileSize, tile);
  } else {
    fill_tile(block(), left_, rows, right(), cols, false, tile, expected);
  }
  switch (options_.kernel) {
    case Kernel::linear:
    case Kernel::polynomial:
      apply_scale(rows, cols, tile);
      break;
    case Kernel::cosine:
    case Kernel::correlation:
      apply_cosine(cell, rows, cols, tile);
      break;
    case Kernel::rbf:
    case Kernel::laplacian:
      apply_distance(rows, cols, tile);
      break;
  }
}

template <class T>
void GramTiles<T>::apply_scale(Span rows, Span cols, T* tile) const {
  if (exponent_ != 0) return;
  const bool is_polynomial = options_.kernel == Kernel::polynomial;
  const bool is_scaled = left_.has_row_exponents() || common_exponent_ != 0;
  if (is_polynomial && !is_scaled && scaling_exponent_of(options_.gamma) == 0 &&
      scaling_exponent_of(options_.coef0) <= 0) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      kernels_.polynomials(tile + i * kTileEdge, cols.size(), static_cast<T>(options_.gamma),
                           static_cast<T>(options_.coef0), options_.degree);
    }
    return;
  }
  if (!is_polynomial && !is_scaled) return;
  // Gamma ⟨a, b⟩ + coef0 may be moderate where none of the three is: in float64, without gamma's
  // exponent.
  const int of_gamma = is_polynomial ? exponent_of(options_.gamma) : 0;
  const double fraction = is_polynomial ? std::ldexp(options_.gamma, -of_gamma) : 1;
  double values[kTileEdge];
  for (std::size_t i = 0; i < rows.size(); ++i) {
    T* row = tile + i * kTileEdge;
    const int of_row = left_.exponent(rows.begin + i) + of_gamma;
    for (std::size_t j = 0; j < cols.size(); ++j) {
      values[j] = std::ldexp(fraction * row[j], of_row + right().exponent(cols.begin + j));
    }
    if (is_polynomial) {
      simd::kernels().float64.polynomials(values, cols.size(), 1, options_.coef0, options_.degree);
    }
    std::transform(values, values + cols.size(), row, [](double x) { return static_cast<T>(x); });
  }
}

template <class T>
void GramTiles<T>::apply_cosine(Cell cell, Span rows, Span cols, T* tile) const {
  if (deep_) divide_by_norms(rows, cols, tile);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    T* row = tile + i * kTileEdge;
    if (kernels_.largest_magnitude(row, cols.size()) <= T(1)) continue;
    for (std::size_t j = 0; j < cols.size(); ++j) row[j] = std::clamp(row[j], T(-1), T(1));
  }
  if (!is_symmetric_ || cell.row != cell.col) return;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    tile[i * kTileEdge + i] = is_zero(rows.begin + i) ? T(0) : T(1);
  }
}

template <class T>
void GramTiles<T>::divide_by_norms(Span rows, Span cols, T* tile) const {
  const auto inverse = [](T squared_norm) {
    return squared_norm == 0 ? T(0) : T(1) / std::sqrt(squared_norm);
  };
  T of_columns[kTileEdge];
  for (std::size_t j = 0; j < cols.size(); ++j) {
    of_columns[j] = inverse(right_norms()[cols.begin + j]);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    T* row = tile + i * kTileEdge;
    const T of_row = inverse(left_norms()[rows.begin + i]);
    for (std::size_t j = 0; j < cols.size(); ++j) row[j] *= of_row * of_columns[j];
  }
}

template <class T>
void GramTiles<T>::apply_distance(Span rows, Span cols, T* tile) const {
  // In packed units the distances, and so the bandwidth, are 2^−exponent as large.
  const double scaled = 1 / std::ldexp(options_.bandwidth, -common_exponent_);
  const bool is_rbf = options_.kernel == Kernel::rbf;
  const T factor = saturated<T>(is_rbf ? -0.5 * scaled * scaled : -scaled);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    T* row = tile + i * kTileEdge;
    const bool has_lost =
        is_rbf ? kernels_.squared_distances(row, cols.size(), left_norms()[rows.begin + i],
                                            right_norms() + cols.begin, kCancellation<T>) > 0
               : may_cancel();
    if (has_lost) repair_distances(rows.begin + i, cols, row);
    kernels_.exponentials(row, cols.size(), factor);
  }
}

// Whether distances are of rows that were rounded: not those of a Laplacian of numbers of T.
template <class T>
bool GramTiles<T>::may_cancel() const {
  const bool is_exact = fits_into<T>(x_) && fits_into<T>(y_);
  return options_.kernel == Kernel::rbf || !is_exact;
}

// The least distance of two rows that has digits enough; NaN for rows whose squares overflow.
template <class T>
T GramTiles<T>::least_certain(std::size_t i, std::size_t j) const {
  const T a = left_norms()[i];
  const T b = right_norms()[j];
  if (options_.kernel == Kernel::rbf) return kCancellation<T> * (a + b);
  return kCancellation<T> * std::sqrt(static_cast<T>(x_.cols)) * (std::sqrt(a) + std::sqrt(b));
}

// Near-duplicates and rows too far off: their distance again from the input itself, by differences
// in float64.
template <class T>
void GramTiles<T>::repair_distances(std::size_t i, Span cols, T* row) const {
  const RowReader left(x_);
  const RowReader right_reader(y_);
  std::vector<double> a;
  std::vector<double> b;
  for (std::size_t j = 0; j < cols.size(); ++j) {
    if (row[j] >= least_certain(i, cols.begin + j)) continue;
    if (is_symmetric_ && i == cols.begin + j) {
      row[j] = 0;
      continue;
    }
    check_worker();
    if (a.empty()) {
      a.resize(x_.cols);
      b.resize(x_.cols);
      left.read(i, a.data());
      scale_down(a.data(), a.size(), std::max(common_exponent_, 0));
    }
    right_reader.read(cols.begin + j, b.data());
    subtract_scaled(a, b, common_exponent_);
    row[j] = static_cast<T>(options_.kernel == Kernel::rbf
                                ? simd::kernels().float64.dot(b.data(), b.data(), b.size())
                                : sum_of_magnitudes(b));
  }
}

template <class T>
simd::ExpectedRows TileDestination::of(Span rows, Span cols, bool mirror, MatrixView<T> out) {
  if (out.col_stride != 1) return {};
  std::size_t count = 0;
  for (std::size_t i = rows.begin; i < rows.end; ++i) starts_[count++] = &out(i, cols.begin);
  for (std::size_t j = cols.begin; mirror && j < cols.end; ++j) {
    starts_[count++] = &out(j, rows.begin);
  }
  return {starts_.data(), count,
          (mirror ? std::max(rows.size(), cols.size()) : cols.size()) * sizeof(T)};
}

template <class T>
void write_tile(const T* tile, Span rows, Span cols, bool mirror, MatrixView<T> out) {
  copy_tile(tile, {&out(rows.begin, cols.begin), rows.size(), cols.size(), out.row_stride,
                   out.col_stride});
  if (!mirror) return;
  copy_tile(tile, {&out(cols.begin, rows.begin), rows.size(), cols.size(), out.col_stride,
                   out.row_stride});
}

template class GramTiles<float>;
template class GramTiles<double>;
template simd::ExpectedRows TileDestination::of(Span, Span, bool, MatrixView<float>);
template simd::ExpectedRows TileDestination::of(Span, Span, bool, MatrixView<double>);
template void write_tile(const float*, Span, Span, bool, MatrixView<float>);
template void write_tile(const double*, Span, Span, bool, MatrixView<double>);

}  // namespace isogram
