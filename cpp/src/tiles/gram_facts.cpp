#include "tiles/gram_facts.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "threads/team.hpp"
#include "tiles/deep_tiles.hpp"
#include "tiles/few_rows.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

// Features between 2^−kSafeExponent and 2^kSafeExponent are packed unscaled: sums of products of
// three such factors are still normal numbers.
template <class T>
constexpr int kSafeExponent = sizeof(T) == sizeof(float) ? 40 : 330;

// If the exponents of shifted rows span at most kFarApart, products are normal numbers of T and
// their squares normal float64 numbers.
template <class T>
constexpr int kFarApart = sizeof(T) == sizeof(float) ? 50 : 200;

// With a bandwidth up to 2^kSafeBandwidth, the exponential of a sum of differences that overflows
// is 0 anyway; a bandwidth from 2^−kSafeBandwidth has a finite inverse.
template <class T>
constexpr int kSafeBandwidth = sizeof(T) == sizeof(float) ? 100 : 900;

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

double smaller_nonzero(double a, double b) {
  return a == 0 ? b : b == 0 ? a : std::min(a, b);
}

// The exponents of the largest |entry| and of the smallest row maximum.
struct Range {
  int high;
  int low;

  // Whether sums of products of three entries are normal numbers of T.
  template <class T>
  bool is_safe() const {
    return high <= kSafeExponent<T> && low >= -kSafeExponent<T>;
  }
};

// The exponent of the largest scale, beyond 1, to which the largest row can be lifted: so that sums
// of squared products of two rows, and the product of one row with itself, still fit.
int lift_of_far_rows(const InputView& x, const std::vector<double>& origin, int exponent,
                     const Execution& execution) {
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
      subtract_scaled(row.data(), row.size(), origin.data(), exponent);
      const double own = largest_magnitude(row.data(), row.size());
      second = std::max(second, std::min(own, largest));
      largest = std::max(largest, own);
    }
  });
  if (second == 0) return most_of_row;
  return std::min((most_of_products - exponent_of(second)) / 2, most_of_row);
}

// The survey of each kernel.
template <class T>
class GramSurvey {
 public:
  GramSurvey(const InputView& x, const InputView* y, const KernelOptions& options,
             const Execution& execution)
      : x_(x), y_(y), execution_(execution) {
    facts_.options = options;
  }

  GramFacts facts(Columns columns) {
    if (is_shifted(columns)) {
      survey_shifted(columns == Columns::hollow);
    } else {
      set_gamma();
      survey_kernel(columns == Columns::centered);
    }
    return finished();
  }

  std::optional<GramFacts> facts_of_few_rows(Columns columns, const Survey& found) {
    const Range range{exponent_of(found.largest), exponent_of(found.smallest_row)};
    if (is_shifted(columns)) {
      facts_.stays_scaled = true;
      const bool has_bulk = has_far_rows(found.row_largest) || is_far_apart(range);
      if (has_bulk || scaling_exponent_of(found.largest) != 0) return {};
    } else {
      set_gamma();
      if (!range.template is_safe<T>()) return {};
    }
    return finished();
  }

  GramFacts facts_of_products(const Range& range) {
    set_gamma();
    set_unit(range);
    return finished();
  }

 private:
  void set_gamma() {
    KernelOptions& options = facts_.options;
    if (options.gamma == 0) options.gamma = 1 / static_cast<double>(x_.cols);
  }

  GramFacts finished() {
    facts_.is_deep = is_long() && transform_of(facts_, nullptr).takes_parts();
    facts_.has_few_rows = facts_.is_deep && has_few_long_rows<T>(x_, y_, facts_.options);
    return std::move(facts_);
  }

  void survey_kernel(bool is_centered) {
    const Kernel kernel = facts_.options.kernel;
    const bool is_exact = fits_into<T>(x_) && (!y_ || fits_into<T>(*y_));
    if (is_centered) {
      Survey survey = survey_columns(x_, execution_);
      facts_.origin = std::move(survey.mean_row);
      facts_.rest = std::move(survey.residual);
      facts_.center_rows = kernel == Kernel::correlation;
      facts_.unit_norm = !is_long() || !range_from(&facts_.origin).template is_safe<T>();
    } else if (kernel == Kernel::laplacian && is_exact) {
      survey_differences();
    } else if (uses_distance(kernel)) {
      survey_distances();
    } else if (uses_unit_norm(kernel)) {
      survey_cosines();
    } else {
      set_unit(range());
    }
  }

  void survey_shifted(bool is_hollow) {
    const Kernel kernel = std::exchange(facts_.options.kernel, Kernel::linear);
    facts_.stays_scaled = true;
    if (kernel != Kernel::linear) {
      facts_.axis = unit_axis_of(x_, kernel == Kernel::correlation, execution_);
      return;
    }
    Survey survey = survey_bulk(x_, execution_);
    const int high = exponent_of(survey.largest);
    facts_.origin = std::move(survey.mean_row);
    facts_.exponent = scaling_exponent_of(survey.largest);
    facts_.may_vanish = is_far_apart({high, exponent_of(survey.smallest_row)});
    if (facts_.may_vanish && is_hollow && sizeof(T) == sizeof(double)) {
      facts_.exponent = high - lift_of_far_rows(x_, facts_.origin, high, execution_);
    }
  }

  static bool is_far_apart(const Range& range) { return range.high - range.low > kFarApart<T>; }

  // Differences of rows as given are as accurate as their type allows, wherever the rows lie. A
  // common shift would round the differences of rows that are near each other and far from the
  // origin.
  void survey_differences() {
    double largest = survey(x_, nullptr, execution_).largest;
    if (y_) largest = std::max(largest, survey(*y_, nullptr, execution_).largest);
    const int width = exponent_of(facts_.options.bandwidth);
    int exponent = std::abs(width) <= kSafeBandwidth<T> ? 0 : width;
    // Scaled up only as far as the largest entry leaves room.
    if (exponent < 0) exponent = std::clamp(exponent_of(largest) - kSafeBandwidth<T>, exponent, 0);
    facts_.exponent = exponent;
  }

  // Distances do not change when all rows are shifted alike, and cancel less from an origin amid
  // the rows. Extreme numbers are scaled so that squares of distances near the bandwidth do not
  // vanish; distances of rows so far apart that squares overflow are left to repair_distances().
  void survey_distances() {
    Survey of_x = survey_columns(x_, execution_);
    double largest = of_x.largest;
    if (y_) largest = std::max(largest, survey(*y_, &of_x.mean_row, execution_).largest);
    constexpr int safe = kSafeExponent<T>;
    const int high = exponent_of(largest);
    const int width = exponent_of(facts_.options.bandwidth);
    const bool is_safe = std::abs(high) <= safe && std::abs(width) <= safe;
    facts_.origin = std::move(of_x.mean_row);
    facts_.exponent = is_safe ? 0 : std::min(high, width + safe);
  }

  // Long rows are not divided by their norms; their products are (GramTiles::divide_by_norms()).
  void survey_cosines() {
    if (is_long() && range().template is_safe<T>()) return;
    facts_.center_rows = facts_.options.kernel == Kernel::correlation;
    facts_.unit_norm = true;
  }

  // Rows for inner products are scaled only where products of three entries would leave the range
  // of T.
  void set_unit(const Range& found) {
    if (found.template is_safe<T>()) return;
    facts_.exponent_per_row = found.high - found.low > kSafeExponent<T>;
    facts_.exponent = facts_.exponent_per_row ? 0 : found.high;
  }

  // Correlation transforms whole rows: they are packed whole.
  bool is_long() const {
    return facts_.options.kernel != Kernel::correlation && DeepTiles<T>::pays(x_, y_);
  }

  Range range() const { return range_from(nullptr); }

  Range range_from(const std::vector<double>* origin) const {
    Survey extent = survey(x_, origin, execution_);
    if (y_) {
      const Survey of_y = survey(*y_, origin, execution_);
      extent.largest = std::max(extent.largest, of_y.largest);
      extent.smallest_row = smaller_nonzero(extent.smallest_row, of_y.smallest_row);
    }
    return {exponent_of(extent.largest), exponent_of(extent.smallest_row)};
  }

  const InputView& x_;
  const InputView* y_;
  const Execution& execution_;
  GramFacts facts_;
};

}  // namespace

Transform transform_of(const GramFacts& facts, const UnitRows* unit_rows) {
  return {.unit_rows = unit_rows,
          .origin = facts.origin.empty() ? nullptr : &facts.origin,
          .rest = facts.rest.empty() ? nullptr : &facts.rest,
          .center_rows = facts.center_rows,
          .unit_norm = facts.unit_norm,
          .exponent = facts.exponent,
          .exponent_per_row = facts.exponent_per_row};
}

bool uses_distance(Kernel kernel) {
  return uses_squared_distance(kernel) || kernel == Kernel::laplacian;
}
bool uses_unit_norm(Kernel kernel) {
  return kernel == Kernel::cosine || kernel == Kernel::correlation;
}

bool uses_products(Kernel kernel) {
  return kernel == Kernel::linear || kernel == Kernel::polynomial;
}

void require_gram(const InputView& x, const InputView* y, const KernelOptions& options) {
  require_not_empty(x);
  if (y) {
    require_not_empty(*y);
    require_same_depth(x, *y);
  }
  require_options(options);
}

template <class T>
GramFacts survey_gram(const InputView& x, const InputView* y, const KernelOptions& options,
                      Columns columns, const Execution& execution) {
  require_gram(x, y, options);
  return GramSurvey<T>(x, y, options, execution).facts(columns);
}

template <class T>
bool has_few_long_rows(const InputView& x, const InputView* y, const KernelOptions& options) {
  const bool is_of_products = uses_products(options.kernel) || options.kernel == Kernel::cosine ||
                              uses_squared_distance(options.kernel);
  return is_of_products && FewRows<T>::pay(x, y) && DeepTiles<T>::pays(x, y);
}

template <class T>
std::optional<GramFacts> facts_of_few_rows(const InputView& x, const InputView* y,
                                           const KernelOptions& options, Columns columns,
                                           const Survey& found) {
  return GramSurvey<T>(x, y, options, {}).facts_of_few_rows(columns, found);
}

template <class T>
GramFacts facts_of_products(const InputView& x, const KernelOptions& options, double largest,
                            double smallest_row, const InputView* y) {
  return GramSurvey<T>(x, y, options, {})
      .facts_of_products({exponent_of(largest), exponent_of(smallest_row)});
}

template bool has_few_long_rows<float>(const InputView&, const InputView*, const KernelOptions&);
template bool has_few_long_rows<double>(const InputView&, const InputView*, const KernelOptions&);
template std::optional<GramFacts> facts_of_few_rows<float>(const InputView&, const InputView*,
                                                           const KernelOptions&, Columns,
                                                           const Survey&);
template std::optional<GramFacts> facts_of_few_rows<double>(const InputView&, const InputView*,
                                                            const KernelOptions&, Columns,
                                                            const Survey&);
template GramFacts facts_of_products<float>(const InputView&, const KernelOptions&, double, double,
                                            const InputView*);
template GramFacts facts_of_products<double>(const InputView&, const KernelOptions&, double, double,
                                             const InputView*);
template GramFacts survey_gram<float>(const InputView&, const InputView*, const KernelOptions&,
                                      Columns, const Execution&);
template GramFacts survey_gram<double>(const InputView&, const InputView*, const KernelOptions&,
                                       Columns, const Execution&);

}  // namespace isogram
