// Correlations of two sequences in float64, which lose no digits to scale or offset.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "isogram/parallel.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"

namespace isogram {

inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// x ↦ (x − origin) · 2^−exponent.
class Scaling {
 public:
  // Scales values within `reach` of `origin` to at most 1.
  Scaling(double origin, double reach) : origin_(origin), exponent_(exponent_of(reach)) {}
  void apply(double* values, std::size_t n) const {
    for (std::size_t j = 0; j < n; ++j) values[j] -= origin_;
    scale_down(values, n, exponent_);
  }

 private:
  double origin_;
  int exponent_;
};

// ⟨a, b⟩ / (‖a‖ ‖b‖), clamped to [−1, 1], which only rounding can leave; exactly 1 for equal
// arguments.
inline double cosine_of(double ab, double aa, double bb) {
  return std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0);
}

// The sum, in parallel and in a fixed order of blocks.
double sum(const Buffer<double>& values, const Execution& execution);

// cosine() of a and b, NaN if one is all 0; pearson() of a and b less their means, NaN if one is
// constant.
double cosine(Buffer<double> a, Buffer<double> b, const Execution& execution);
double pearson(Buffer<double> a, Buffer<double> b, const Execution& execution);

}  // namespace isogram
