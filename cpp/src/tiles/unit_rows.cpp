#include "tiles/unit_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return simd::kernels().float64.dot(a.data(), b.data(), a.size());
}

double mean_of(const std::vector<double>& values) {
  return simd::kernels().float64.sum(values.data(), values.size()) /
         static_cast<double>(values.size());
}

void subtract_from(std::vector<double>& values, double shift) {
  for (double& x : values) x -= shift;
}

// A difference and its rounding error (Knuth's two-sum).
struct Difference {
  double value;
  double lost = 0;
  void subtract(double x) {
    const double before = value;
    value = before - x;
    const double taken = before - value;
    lost += (before - (value + taken)) + (taken - x);
  }
};

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

// Computes r in place, with its mean.
void subtract(const UnitAxis& axis, const Row& row, Span cols, double* part) {
  scale_down(part, cols.size(), row.exponent);
  const auto [exponent, first, mean, high, low, rest, norm, beta] = row;
  const double* direction = axis.axis.data() + cols.begin;
  const auto all_but = [&](auto subtract_mean) {
    for (std::size_t j = 0; j < cols.size(); ++j) {
      Difference x{part[j]};
      subtract_mean(x);
      x.subtract(high * direction[j]);
      x.subtract(low * direction[j]);
      part[j] = x.value + x.lost;
    }
  };
  if (first == 0 && mean == 0) return all_but([](Difference&) {});
  all_but([first = first, mean = mean](Difference& x) {
    x.subtract(first);
    x.subtract(mean);
  });
}

// The values become unspecified.
Row row_of(const UnitAxis& axis, std::vector<double>& values) {
  Row row;
  check_worker();
  row.exponent = exponent_of(largest_magnitude(values.data(), values.size()));
  std::vector<double> centred = values;
  scale_down(centred.data(), centred.size(), row.exponent);
  if (axis.center) {
    row.first = centred[0];
    subtract_from(centred, row.first);
    row.mean = mean_of(centred);
    subtract_from(centred, row.mean);
  }
  check_worker();
  const double alpha = axis.squares > 0 ? dot(axis.centred, centred) / axis.squares : 0;
  row.high = static_cast<float>(alpha);
  row.low = static_cast<float>(alpha - row.high);
  subtract(axis, row, {0, values.size()}, values.data());
  check_worker();
  if (axis.center) {
    row.rest = mean_of(values);
    subtract_from(values, row.rest);
  }
  const double exact_alpha = row.high + row.low;
  const double along = dot(axis.centred, values);
  const double squares = dot(values, values);
  const double norm_squared =
      exact_alpha * exact_alpha * axis.squares + 2 * exact_alpha * along + squares;
  if (norm_squared > 0) row.norm = std::sqrt(norm_squared);
  row.beta = beta_of(axis, exact_alpha, along, squares, row.norm);
  return row;
}

// The axis: the middle of a few rows of unit norm. λ‖o‖ is the median of their cosines with it.
UnitAxis axis_amid(const InputView& x, bool center) {
  UnitAxis result{.center = center,
                  .axis = std::vector<double>(x.cols),
                  .centred = std::vector<double>(x.cols)};
  const RowReader reader(x);
  std::vector<std::vector<double>> rows;
  for (const std::size_t i : middle_rows(x.rows)) {
    std::vector<double>& values = rows.emplace_back(x.cols);
    reader.read(i, values.data());
    const Row row = row_of(result, values);
    reader.read(i, values.data());
    subtract(result, row, {0, x.cols}, values.data());
    for (double& value : values) value /= row.norm;
  }
  const std::vector<std::vector<double>> unit = rows;
  std::vector<double> axis(x.cols);
  take_middle(rows, axis.data());
  for (double& value : axis) value = static_cast<float>(value);
  std::vector<double> centred = axis;
  if (center) subtract_from(centred, mean_of(centred));
  const double squares = dot(centred, centred);
  if (!(squares > 0)) return result;
  result.axis = std::move(axis);
  result.centred = std::move(centred);
  result.squares = squares;
  std::vector<double> cosines;
  for (const auto& row : unit) cosines.push_back(dot(row, result.centred) / std::sqrt(squares));
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
    std::vector<double> values(x.cols);
    const Span rows = tile_span(task, x.rows);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      worker.check(x.cols);
      reader.read(i, values.data());
      bad.inspect(task, i, values.data(), x.cols);
      rows_[i] = row_of(axis_, values);
    }
  };
  parallel_for(execution, tasks, survey_rows, threads_for(x.rows * x.cols));
  bad.throw_if_found(x.name);
}

void UnitRows::apply(std::size_t i, Span cols, double* part) const {
  check_worker(cols.size());
  subtract(axis_, rows_[i], cols, part);
  check_worker(cols.size());
  const auto [exponent, first, mean, high, low, rest, norm, beta] = rows_[i];
  const double* axis = axis_.centred.data() + cols.begin;
  // A difference that may be rounding alone counts as 0: rows along the axis are equal (all rows of
  // one feature lie on it).
  constexpr double kRoundings = 16 * std::numeric_limits<double>::epsilon();
  for (std::size_t j = 0; j < cols.size(); ++j) {
    const double difference = (part[j] - rest) / norm + beta * axis[j];
    const double most = (std::abs(part[j]) + std::abs(rest)) / norm;
    part[j] = std::abs(difference) <= kRoundings * most ? 0 : difference;
  }
}

}  // namespace isogram
