#include "tiles/unit_rows.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

// Columns of a long row that are changed between two checks for an interrupt.
constexpr std::size_t kColumnsChanged = std::size_t{1} << 14;

// Calls change(columns) for all columns of a row, part by part.
template <class Change>
void by_parts(std::size_t cols, Change change) {
  for (std::size_t begin = 0; begin < cols; begin += kColumnsChanged) {
    const Span part{begin, std::min(cols, begin + kColumnsChanged)};
    check_worker(part.size());
    change(part);
  }
}

double dot(const double* a, const double* b, std::size_t n) {
  check_worker(n);
  return simd::kernels().float64.dot(a, b, n);
}

double mean_of(const double* values, std::size_t n) {
  check_worker(n);
  return simd::kernels().float64.sum(values, n) / static_cast<double>(n);
}

// out = values − shift
void subtract_from(const double* values, std::size_t n, double shift, double* out) {
  by_parts(n, [=](Span part) {
    simd::kernels().float64.widen(values + part.begin, part.size(), shift, out + part.begin);
  });
}

using Row = UnitRows::Row;

// β = α / ‖x‖ − λ, with ‖x‖² = α² ‖o‖² + 2α ⟨o, r⟩ + ‖r‖²: without cancellation where x is nearly α
// o.
double beta_of(const UnitAxis& axis, double alpha, double along, double squares, double norm) {
  if (axis.squares == 0) return 0;
  const double length = std::sqrt(axis.squares);
  const double excess = alpha > 0 ? (2 * along + squares / alpha) / alpha : 0;
  if (!(alpha > 0) || std::abs(excess) > axis.squares / 2) return alpha / norm - axis.lambda;
  const double other = std::sqrt(axis.squares + excess);
  return -excess / (length * other * (length + other)) + (1 / length - axis.lambda);
}

// Replaces a scaled row by r, with its mean.
void subtract(const UnitAxis& axis, const Row& row, Span cols, double* part) {
  simd::kernels().subtract_axis(part, cols.size(), {row.first, row.mean, row.high, row.low},
                                axis.axis.data() + cols.begin);
}

// The values, and those of `centred`, of the same size, become unspecified.
Row row_of(const UnitAxis& axis, Buffer<double>& values, Buffer<double>& centred) {
  Row row;
  const std::size_t n = values.size();
  check_worker(n);
  row.exponent = exponent_of(largest_magnitude(values.data(), n));
  by_parts(n, [&](Span part) { scale_down(&values[part.begin], part.size(), row.exponent); });
  const double* along_axis = values.data();
  if (axis.center) {
    row.first = values[0];
    subtract_from(values.data(), n, row.first, centred.data());
    row.mean = mean_of(centred.data(), n);
    subtract_from(centred.data(), n, row.mean, centred.data());
    along_axis = centred.data();
  }
  const double alpha =
      axis.squares > 0 ? dot(axis.centred.data(), along_axis, n) / axis.squares : 0;
  row.high = static_cast<float>(alpha);
  row.low = static_cast<float>(alpha - row.high);
  by_parts(n, [&](Span part) { subtract(axis, row, part, &values[part.begin]); });
  if (axis.center) {
    row.rest = mean_of(values.data(), n);
    subtract_from(values.data(), n, row.rest, values.data());
  }
  const double exact_alpha = row.high + row.low;
  const double along = axis.squares > 0 ? dot(axis.centred.data(), values.data(), n) : 0;
  const double squares = dot(values.data(), values.data(), n);
  const double norm_squared =
      exact_alpha * exact_alpha * axis.squares + 2 * exact_alpha * along + squares;
  if (norm_squared > 0) row.norm = std::sqrt(norm_squared);
  row.beta = beta_of(axis, exact_alpha, along, squares, row.norm);
  return row;
}

void read_row(const RowReader& reader, std::size_t i, Buffer<double>& values) {
  by_parts(values.size(), [&](Span part) { reader.read(i, part, &values[part.begin]); });
}

// The axis: the middle of a few rows of unit norm. λ‖o‖ is the median of their cosines with it.
UnitAxis axis_amid(const InputView& x, bool center) {
  const std::size_t n = x.cols;
  UnitAxis result{.center = center, .axis = std::vector<double>(n), .centred = {}};
  const RowReader reader(x);
  std::vector<Buffer<double>> rows;
  Buffer<double> centred = Buffer<double>::unset(n);
  for (const std::size_t i : middle_rows(x.rows)) {
    Buffer<double>& values = rows.emplace_back(Buffer<double>::unset(n));
    read_row(reader, i, values);
    const Row row = row_of(result, values, centred);
    by_parts(n, [&](Span part) {
      double* some = &values[part.begin];
      reader.read(i, part, some);
      scale_down(some, part.size(), row.exponent);
      subtract(result, row, part, some);
      for (std::size_t j = 0; j < part.size(); ++j) some[j] /= row.norm;
    });
  }
  by_parts(n, [&](Span part) {
    const auto row = [&](std::size_t i) { return &rows[i][part.begin]; };
    take_middle(rows.size(), row, part.size(), &result.axis[part.begin]);
    for (std::size_t j = part.begin; j < part.end; ++j) {
      result.axis[j] = static_cast<float>(result.axis[j]);
    }
  });
  result.centred = result.axis;
  if (center) {
    double* centred_axis = result.centred.data();
    subtract_from(centred_axis, n, mean_of(centred_axis, n), centred_axis);
  }
  const double squares = dot(result.centred.data(), result.centred.data(), n);
  if (!(squares > 0)) {
    std::ranges::fill(result.axis, 0);
    std::ranges::fill(result.centred, 0);
    return result;
  }
  result.squares = squares;
  std::vector<double> cosines;
  for (const Buffer<double>& row : rows) {
    cosines.push_back(dot(row.data(), result.centred.data(), n) / std::sqrt(squares));
  }
  std::sort(cosines.begin(), cosines.end());
  const double typical = std::clamp(cosines[cosines.size() / 2], 0.0, 1.0);
  result.lambda = (typical > 0.99 ? 1 : typical) / std::sqrt(squares);
  return result;
}

}  // namespace

UnitAxis unit_axis_of(const InputView& x, bool center, const Execution& execution) {
  UnitAxis result;
  parallel_for(execution, 1, [&](std::size_t, Worker&) { result = axis_amid(x, center); });
  return result;
}

UnitRows::UnitRows(const InputView& x, const UnitAxis& axis, const Execution& execution)
    : axis_(axis), rows_(x.rows) {
  const RowReader reader(x);
  const std::size_t tasks = tiles_in(x.rows);
  FirstNotFinite bad(tasks);
  const auto survey_rows = [&](std::size_t task, Worker& worker) {
    Buffer<double> values = Buffer<double>::unset(x.cols);
    Buffer<double> centred = Buffer<double>::unset(x.cols);
    const Span rows = tile_span(task, x.rows);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      worker.check(x.cols);
      read_row(reader, i, values);
      bad.inspect(task, i, values.data(), x.cols);
      rows_[i] = row_of(axis_, values, centred);
    }
  };
  parallel_for(execution, tasks, survey_rows, threads_for(x.rows * x.cols));
  bad.throw_if_found(x.name);
}

void UnitRows::apply(std::size_t i, Span cols, double* part) const {
  const Row& row = rows_[i];
  check_worker(cols.size());
  scale_down(part, cols.size(), row.exponent);
  subtract(axis_, row, cols, part);
  check_worker(cols.size());
  // Rows along the axis become equal: all rows of one feature lie on it.
  simd::kernels().divide_residuals(part, cols.size(), {row.rest, row.norm, row.beta},
                                   axis_.centred.data() + cols.begin);
}

}  // namespace isogram
