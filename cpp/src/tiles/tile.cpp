#include "tiles/tile.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <vector>

#include "isogram/detail/distance.hpp"
#include "isogram/error.hpp"
#include "threads/team.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

template <class T>
constexpr T kCancellation = static_cast<T>(detail::kDistanceCancellation);

// `value` clamped to finite T: an infinite factor would turn a zero distance into NaN.
template <class T>
T saturated(double value) {
  constexpr double limit = std::numeric_limits<T>::max();
  return static_cast<T>(std::clamp(value, -limit, limit));
}

// Copies entry (i, j) of the block to entry (i, j) of a view of any strides.
template <class T>
void copy_block(const GramBlock<T>& block, MatrixView<T> out) {
  if (out.col_stride == 1) {
    for (std::size_t i = 0; i < out.rows; ++i) std::copy_n(block.row(i), out.cols, &out(i, 0));
  } else if (out.row_stride == 1 && out.col_stride > 0) {
    simd::kernels().of<T>().transpose(block.first, block.stride, out.rows, out.cols, out.data,
                                      static_cast<std::size_t>(out.col_stride));
  } else {
    for (std::size_t i = 0; i < out.rows; ++i) {
      for (std::size_t j = 0; j < out.cols; ++j) out(i, j) = block.row(i)[j];
    }
  }
}

// b = (b − a) · 2^−exponent. For a positive exponent `a` is scaled down already; then the result
// overflows only if the scaled difference does.
void subtract_scaled(const std::vector<double>& a, std::vector<double>& b, int exponent) {
  scale_down(b.data(), b.size(), std::max(exponent, 0));
  simd::kernels().float64.subtract_shifts(b.data(), b.data(), b.size(), 0, a.data());
  scale_down(b.data(), b.size(), std::min(exponent, 0));
}

template <class T>
typename FewRows<T>::Squares squares_for(Kernel kernel) {
  using Squares = typename FewRows<T>::Squares;
  return uses_products(kernel) ? Squares::unwanted : Squares::wanted;
}

double sum_of_magnitudes(const std::vector<double>& row) {
  double sum = 0;
  for (const double x : row) sum += std::abs(x);
  return sum;
}

// Long rows that are surveyed as they are multiplied, panel by panel: they come from memory once.
template <class T>
class SurveyedRows {
 public:
  SurveyedRows(const InputView& x, Columns columns, const Execution& execution)
      : x_(x), columns_(columns), execution_(execution), row_largest_(x.rows) {}

  typename DeepTiles<T>::Side side() {
    return {
        x_.rows, [this](Span columns, Packed<T>& panel) { pack(columns, panel); },
        [this](std::size_t row, std::size_t column) { return stored_entry<T>(x_, row, column); }};
  }

  // Of the panels so far.
  const std::vector<double>& row_largest() const { return row_largest_; }
  const std::vector<double>& mean_row() const { return mean_row_; }
  const std::vector<double>& rest() const { return rest_; }

 private:
  void pack(Span columns, Packed<T>& panel) {
    const InputView part = columns_of(x_, columns);
    if (columns_ == Columns::as_given) {
      include(survey(part, nullptr, execution_));
      return panel.fill(part, {}, Finite::known, execution_);
    }
    const Survey found = survey_columns(part, execution_);
    const std::vector<double>& mean = found.mean_row;
    mean_row_.insert(mean_row_.end(), mean.begin(), mean.end());
    if (columns_ != Columns::centered) {
      include(found);
      return panel.fill(part, {.origin = &mean}, Finite::known, execution_);
    }
    include(survey(part, &mean, execution_));
    const std::vector<double>& rest = found.residual;
    rest_.insert(rest_.end(), rest.begin(), rest.end());
    panel.fill(part, {.origin = &mean, .rest = &rest}, Finite::known, execution_);
  }

  void include(const Survey& found) {
    for (std::size_t i = 0; i < x_.rows; ++i) {
      row_largest_[i] = std::max(row_largest_[i], found.row_largest[i]);
    }
  }

  const InputView& x_;
  const Columns columns_;
  const Execution& execution_;
  std::vector<double> row_largest_;
  std::vector<double> mean_row_;
  std::vector<double> rest_;  // rounding errors of the mean, of centred columns
};

// Products of long rows, and their facts.
template <class T>
struct SurveyedProducts {
  GramFacts facts;
  DeepTiles<T> tiles;
};

// The products of the rows of x with themselves, or with the rows of y. Nothing if the kernel needs
// rows in another form, or if rows are not long, must be scaled or shifted otherwise, or are not
// finite.
template <class T>
std::optional<SurveyedProducts<T>> multiply_surveying(const InputView& x, const InputView* y,
                                                      const KernelOptions& options, Columns columns,
                                                      const Execution& execution) {
  const Kernel kernel = is_shifted(columns) ? Kernel::linear : Kernel::cosine;
  if (options.kernel != kernel || !DeepTiles<T>::pays(x, y)) return {};
  const simd::KernelTable<T>& kernels = simd::kernels().of<T>();
  SurveyedRows<T> left(x, columns, execution);
  std::optional<SurveyedRows<T>> right;
  if (y) right.emplace(*y, Columns::as_given, execution);
  try {
    DeepTiles<T> tiles(kernels, kernels.inner_products, left.side(),
                       right ? std::optional(right->side()) : std::nullopt, x.cols, execution);
    std::vector<double> largest = left.row_largest();
    if (right) {
      largest.insert(largest.end(), right->row_largest().begin(), right->row_largest().end());
    }
    std::optional<GramFacts> facts =
        facts_of_few_rows<T>(x, y, options, columns, survey_of(std::move(largest)));
    if (!facts) return {};
    facts->origin = left.mean_row();
    facts->rest = left.rest();
    return SurveyedProducts<T>{std::move(*facts), std::move(tiles)};
  } catch (const std::invalid_argument&) {  // of some columns; a survey of all names the entry
    return {};
  }
}

}  // namespace

template <class T>
GramTiles<T>::GramTiles(const InputView& x, const KernelOptions& options, Columns columns,
                        const Execution& execution)
    : kernels_(simd::kernels().of<T>()), x_(x), y_(x), is_symmetric_(true) {
  // Allocates before any time is spent on reading x.
  if (!DeepTiles<T>::pays(x, nullptr)) reserve(Packed<T>::Memory::kept);
  if (multiply_few_rows(options, columns, execution)) return;
  if (columns == Columns::as_given && pack_measuring(options, execution)) return;
  if (auto found = multiply_surveying<T>(x_, nullptr, options, columns, execution)) {
    facts_ = std::move(found->facts);
    deep_ = std::move(found->tiles);
    block_edge_ = deep_->edge();
    return;
  }
  facts_ = survey_gram<T>(x, nullptr, options, columns, execution);
  pack(execution);
}

template <class T>
GramTiles<T>::GramTiles(const InputView& x, const InputView& y, const KernelOptions& options,
                        const Execution& execution)
    : kernels_(simd::kernels().of<T>()), x_(x), y_(y), is_symmetric_(false) {
  if (!DeepTiles<T>::pays(x, &y)) reserve(Packed<T>::Memory::kept);
  if (multiply_few_rows(options, Columns::as_given, execution)) return;
  if (pack_measuring(options, execution)) return;
  facts_ = survey_gram<T>(x, &y, options, Columns::as_given, execution);
  pack(execution);
}

template <class T>
GramTiles<T>::GramTiles(const InputView& rows, const GramFacts& facts, const Execution& execution)
    : kernels_(simd::kernels().of<T>()), facts_(facts), x_(rows), y_(rows), is_symmetric_(true) {
  pack(execution);
}

template <class T>
GramTiles<T>::GramTiles(const InputView& rows, const InputView& cols, const GramFacts& facts,
                        const Execution& execution)
    : kernels_(simd::kernels().of<T>()), facts_(facts), x_(rows), y_(cols), is_symmetric_(false) {
  pack(execution);
}

template <class T>
GramTiles<T>::GramTiles(GivenGram given)
  requires std::is_same_v<T, double>
    : kernels_(simd::kernels().of<T>()),
      x_(given.view()),
      y_(given.view()),
      is_symmetric_(true),
      given_(std::move(given)) {}

template <class T>
void GramTiles<T>::reserve(typename Packed<T>::Memory memory) {
  left_ = Packed<T>(kernels_, x_, memory);
  if (!is_symmetric_) right_.emplace(kernels_, y_, memory);
}

// Multiplies a few long rows and surveys them, in one pass over the data. Returns false if they
// must be scaled or shifted otherwise, or are not finite.
template <class T>
bool GramTiles<T>::multiply_few_rows(const KernelOptions& options, Columns columns,
                                     const Execution& execution) {
  const InputView* const y = is_symmetric_ ? nullptr : &y_;
  require_gram(x_, y, options);
  const bool is_of_rows =
      uses_products(options.kernel) || (options.kernel == Kernel::cosine && !is_shifted(columns));
  if (!is_of_rows || !has_few_long_rows<T>(x_, y, options)) return false;
  const FewRows<T> products(x_, y, columns, squares_for<T>(options.kernel), execution);
  std::vector<double> largest = products.left().largest;
  const std::vector<double>& of_right = products.right().largest;
  if (y) largest.insert(largest.end(), of_right.begin(), of_right.end());
  std::optional<GramFacts> facts =
      facts_of_few_rows<T>(x_, y, options, columns, survey_of(std::move(largest)));
  if (!facts) return false;
  facts_ = std::move(*facts);
  deep_.emplace(products);
  block_edge_ = deep_->edge();
  return true;
}

// Packs rows for inner products unchanged and measures them, in one pass over the data, if they are
// stored as T. Returns false if they must be scaled, or are not finite; then nothing is packed.
template <class T>
bool GramTiles<T>::pack_measuring(const KernelOptions& options, const Execution& execution) {
  const InputView* const y = is_symmetric_ ? nullptr : &y_;
  require_gram(x_, y, options);
  if (!uses_products(options.kernel) || !is_stored_as<T>(x_) || !is_stored_as<T>(y_)) return false;
  Buffer<T> row_largest(x_.rows + (y ? y->rows : 0));
  T* const of_y = row_largest.data() + x_.rows;
  if (DeepTiles<T>::pays(x_, y)) {
    using Rows = typename DeepTiles<T>::Rows;
    const Transform identity;
    const auto right = y ? std::optional(Rows{y_, identity, of_y}) : std::nullopt;
    deep_.emplace(kernels_, kernels_.inner_products, Rows{x_, identity, row_largest.data()}, right,
                  execution);
    block_edge_ = deep_->edge();
  } else {
    left_.fill_measuring(x_, row_largest.data(), execution);
    if (right_) right_->fill_measuring(y_, of_y, execution);
    block_edge_ = isogram::block_edge(rows(), cols(), x_.cols, execution);
  }
  const Survey extent = survey_of(std::vector<double>(row_largest.begin(), row_largest.end()));
  facts_ = facts_of_products<T>(x_, options, extent.largest, extent.smallest_row, y);
  if (std::isfinite(extent.largest) && !facts_.has_unit()) return true;
  deep_.reset();
  return false;
}

template <class T>
void GramTiles<T>::pack(const Execution& execution) {
  std::optional<UnitRows> left_rows;
  std::optional<UnitRows> right_rows;
  if (facts_.axis) {
    left_rows.emplace(x_, *facts_.axis, execution);
    if (!is_symmetric_) right_rows.emplace(y_, *facts_.axis, execution);
  }
  const Transform of_left = transform_of(facts_, left_rows ? &*left_rows : nullptr);
  const Transform of_right = transform_of(facts_, right_rows ? &*right_rows : nullptr);
  if (facts_.has_few_rows) {
    const InputView* const y = is_symmetric_ ? nullptr : &y_;
    require(FewRows<T>::are_in(x_, y), "the facts are of few rows, and a tile has more of them");
    deep_.emplace(FewRows<T>(x_, y, of_left, squares_for<T>(facts_.options.kernel), execution));
    block_edge_ = deep_->edge();
    return;
  }
  if (facts_.is_deep) {
    using Rows = typename DeepTiles<T>::Rows;
    const auto right = is_symmetric_ ? std::nullopt : std::optional(Rows{y_, of_right});
    deep_.emplace(kernels_, kernel(), Rows{x_, of_left}, right, execution);
    block_edge_ = deep_->edge();
    return;
  }
  block_edge_ = isogram::block_edge(rows(), cols(), x_.cols, execution);
  if (left_.rows() == 0) reserve(Packed<T>::Memory::fresh);
  // Rows need no change only if a survey has read all entries.
  const Finite finite = of_left.is_identity() ? Finite::known : Finite::unknown;
  left_.fill(x_, of_left, finite, execution);
  if (right_) right_->fill(y_, of_right, finite, execution);
}

template <class T>
bool GramTiles<T>::is_exponential() const {
  return uses_distance(facts_.options.kernel);
}

template <class T>
Block<T> GramTiles<T>::kernel() const {
  return facts_.options.kernel == Kernel::laplacian ? kernels_.l1_distances
                                                    : kernels_.inner_products;
}

template <class T>
void GramTiles<T>::compute(Cell cell, T* tile) const {
  compute({tile_span(cell.row, rows()), tile_span(cell.col, cols()), tile, kTileEdge, true});
}

template <class T>
void GramTiles<T>::compute(const GramBlock<T>& block, const simd::ExpectedRows& expected) const {
  if constexpr (std::is_same_v<T, double>) {
    if (given_) return given_->compute(block.rows, block.cols, block.first, block.stride);
  }
  if (deep_) {
    deep_->copy(block.rows, block.cols, block.first, block.stride);
  } else {
    fill_block(kernel(), left_, block.rows, right(), block.cols, block.first, block.stride,
               {.has_room = block.has_room, .expected = expected});
  }
  switch (facts_.options.kernel) {
    case Kernel::linear:
    case Kernel::polynomial:
      apply_scale(block);
      break;
    case Kernel::cosine:
    case Kernel::correlation:
      apply_cosine(block);
      break;
    case Kernel::rbf:
    case Kernel::laplacian:
    case Kernel::laplacian_l2:
      apply_distance(block);
      break;
  }
}

template <class T>
void GramTiles<T>::apply_scale(const GramBlock<T>& block) const {
  const Span rows = block.rows;
  const Span cols = block.cols;
  if (facts_.stays_scaled) return;
  const KernelOptions& options = facts_.options;
  const bool is_polynomial = options.kernel == Kernel::polynomial;
  const bool is_scaled = facts_.has_unit();
  if (is_polynomial && !is_scaled && scaling_exponent_of(options.gamma) == 0 &&
      scaling_exponent_of(options.coef0) <= 0) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      kernels_.polynomials(block.row(i), cols.size(), static_cast<T>(options.gamma),
                           static_cast<T>(options.coef0), options.degree);
    }
    return;
  }
  if (!is_polynomial && !is_scaled) return;
  // gamma ⟨a, b⟩ + coef0 may be moderate where none of the three is: computed in float64, with the
  // exponents added first.
  const int of_gamma = is_polynomial ? exponent_of(options.gamma) : 0;
  const double fraction = is_polynomial ? std::ldexp(options.gamma, -of_gamma) : 1;
  double values[kLargestBlockEdge];
  for (std::size_t i = 0; i < rows.size(); ++i) {
    T* row = block.row(i);
    const int of_row = left_.exponent(rows.begin + i) + of_gamma;
    for (std::size_t j = 0; j < cols.size(); ++j) {
      values[j] = std::ldexp(fraction * row[j], of_row + right().exponent(cols.begin + j));
    }
    if (is_polynomial) {
      simd::kernels().float64.polynomials(values, cols.size(), 1, options.coef0, options.degree);
    }
    std::transform(values, values + cols.size(), row, [](double x) { return static_cast<T>(x); });
  }
}

template <class T>
void GramTiles<T>::apply_cosine(const GramBlock<T>& block) const {
  const Span rows = block.rows;
  const Span cols = block.cols;
  if (deep_) divide_by_norms(block);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    T* row = block.row(i);
    if (kernels_.largest_magnitude(row, cols.size()) <= T(1)) continue;
    for (std::size_t j = 0; j < cols.size(); ++j) row[j] = std::clamp(row[j], T(-1), T(1));
  }
  if (!is_symmetric_ || rows.begin != cols.begin) return;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    block.row(i)[i] = is_zero(rows.begin + i) ? T(0) : T(1);
  }
}

template <class T>
void GramTiles<T>::divide_by_norms(const GramBlock<T>& block) const {
  const Span rows = block.rows;
  const Span cols = block.cols;
  const auto inverse = [](T squared_norm) {
    return squared_norm == 0 ? T(0) : T(1) / std::sqrt(squared_norm);
  };
  T of_columns[kLargestBlockEdge];
  for (std::size_t j = 0; j < cols.size(); ++j) {
    of_columns[j] = inverse(right_norms()[cols.begin + j]);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    T* row = block.row(i);
    const T of_row = inverse(left_norms()[rows.begin + i]);
    for (std::size_t j = 0; j < cols.size(); ++j) row[j] *= of_row * of_columns[j];
  }
}

template <class T>
void GramTiles<T>::apply_distance(const GramBlock<T>& block) const {
  const Span rows = block.rows;
  const Span cols = block.cols;
  // The bandwidth in the unit of packed rows, 2^exponent.
  const double scaled = 1 / std::ldexp(facts_.options.bandwidth, -facts_.exponent);
  const bool is_rbf = facts_.options.kernel == Kernel::rbf;
  const bool is_of_squares = uses_squared_distance(facts_.options.kernel);
  const T factor = saturated<T>(is_rbf ? -0.5 * scaled * scaled : -scaled);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    T* row = block.row(i);
    const bool has_lost =
        is_of_squares ? kernels_.squared_distances(row, cols.size(), left_norms()[rows.begin + i],
                                                   right_norms() + cols.begin, kCancellation<T>) > 0
                      : may_cancel();
    if (has_lost) repair_distances(rows.begin + i, cols, row);
    if (is_of_squares && !is_rbf) {
      std::transform(row, row + cols.size(), row, [](T squared) { return std::sqrt(squared); });
    }
    kernels_.exponentials(row, cols.size(), factor);
  }
}

// Whether distances come from rounded rows. Laplacian distances of values of T are exact
// differences.
template <class T>
bool GramTiles<T>::may_cancel() const {
  const bool is_exact = fits_into<T>(x_) && fits_into<T>(y_);
  return uses_squared_distance(facts_.options.kernel) || !is_exact;
}

// The least distance of rows i and j with enough digits; NaN for rows whose squares overflow.
template <class T>
T GramTiles<T>::least_certain(std::size_t i, std::size_t j) const {
  const T a = left_norms()[i];
  const T b = right_norms()[j];
  if (uses_squared_distance(facts_.options.kernel)) return kCancellation<T> * (a + b);
  return kCancellation<T> * std::sqrt(static_cast<T>(x_.cols)) * (std::sqrt(a) + std::sqrt(b));
}

// Computes the distances of near-duplicates, and of rows so far apart that squares overflow, again
// by differences of the input in float64.
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
      scale_down(a.data(), a.size(), std::max(facts_.exponent, 0));
    }
    right_reader.read(cols.begin + j, b.data());
    subtract_scaled(a, b, facts_.exponent);
    row[j] = static_cast<T>(uses_squared_distance(facts_.options.kernel)
                                ? simd::kernels().float64.dot(b.data(), b.data(), b.size())
                                : sum_of_magnitudes(b));
  }
}

template <class T>
BlockWriter<T>::BlockWriter(Span rows, Span cols, MatrixView<T> out, const MatrixView<T>* copy,
                            Buffer<T>& scratch, std::size_t edge)
    : block_{rows, cols, scratch.data(), edge, true}, out_(out), copy_(copy) {
  if (!is_in_place(out)) return;
  block_.first = &out(rows.begin, cols.begin);
  block_.stride = static_cast<std::size_t>(out.row_stride);
  block_.has_room = false;
}

template <class T>
simd::ExpectedRows BlockWriter<T>::expected() {
  if (!copy_ || copy_->row_stride != 1) return {};
  const Span cols = block_.cols;
  for (std::size_t j = 0; j < cols.size(); ++j) {
    starts_[j] = &(*copy_)(block_.rows.begin, cols.begin + j);
  }
  return {starts_.data(), cols.size(), block_.rows.size() * sizeof(T)};
}

template <class T>
void BlockWriter<T>::write() const {
  const auto& [rows, cols, first, stride, has_room] = block_;
  const auto copy_to = [&](const MatrixView<T>& to) {
    copy_block(block_, {&to(rows.begin, cols.begin), rows.size(), cols.size(), to.row_stride,
                        to.col_stride});
  };
  if (!is_in_place(out_)) copy_to(out_);
  if (copy_) copy_to(*copy_);
}

template class GramTiles<float>;
template class GramTiles<double>;
template class BlockWriter<float>;
template class BlockWriter<double>;

}  // namespace isogram
