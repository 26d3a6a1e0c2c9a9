#include "statistics/closeness.hpp"

#include <algorithm>
#include <cmath>

#include "isogram/error.hpp"
#include "simd/kernels.hpp"

namespace isogram {

namespace {

// An upper bound on the error of a cosine in a tile. A packed entry and a divisor are rounded once;
// a dot product is summed in panels of kDepthPanel, a norm in at least eight sums.
template <class T>
double cosine_rounding(std::size_t depth) {
  constexpr double unit = std::numeric_limits<T>::epsilon() / 2;
  const std::size_t panels = depth / simd::kDepthPanel + 1;
  const auto steps = static_cast<double>(std::min(depth, simd::kDepthPanel) + panels + 16);
  const double of_sum = steps * unit / std::max(0.5, 1 - steps * unit);
  const double of_norms = static_cast<double>(depth) / 8 * std::numeric_limits<double>::epsilon();
  return of_sum + of_norms;
}

// The closeness of two unit rows; `scratch` has room for one row.
double closeness_of(const double* a, const double* b, std::size_t n, double* scratch) {
  const auto& kernels = simd::kernels().float64;
  const double cosine = kernels.dot(a, b, n);
  if (std::abs(cosine) < 0.5) return cosine;
  if (cosine > 0) {
    kernels.subtract_shifts(a, scratch, n, 0, b);
  } else {
    std::copy_n(a, n, scratch);
    kernels.add_row(b, n, scratch);
  }
  return closeness(cosine, kernels.dot(scratch, scratch, n));
}

}  // namespace

template <class T>
double tolerance_of(std::size_t depth) {
  return 2 * cosine_rounding<T>(depth);
}

double closeness(double cosine, double squares) {
  if (std::abs(cosine) < 0.5) return cosine;
  return std::copysign(1 / std::max(squares, std::numeric_limits<double>::min()), cosine);
}

double cosine_of(double closeness) {
  const double magnitude = std::abs(closeness);
  return magnitude < 0.5 ? closeness : std::copysign(1 - 0.5 / magnitude, closeness);
}

Transform unit_transform(const GramFacts& facts) {
  return {.origin = facts.origin.empty() ? nullptr : &facts.origin,
          .rest = facts.rest.empty() ? nullptr : &facts.rest,
          .center_rows = facts.center_rows,
          .unit_norm = true};
}

double RowCloseness::to(std::size_t column) {
  const std::size_t depth = rows_.depth();
  double* other = memory_.data() + depth;
  cols_.read(column, other);
  const double value = closeness_of(memory_.data(), other, depth, other + depth);
  if (std::isnan(value)) throw InputChanged(rows_.name().c_str());
  return value;
}

template double tolerance_of<float>(std::size_t);
template double tolerance_of<double>(std::size_t);

}  // namespace isogram
