// Correlations of two sequences in float64, whose scale and offset cost no digits.
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
  // Takes values whose largest distance from `origin` is `reach` to at most 1.
  Scaling(double origin, double reach) : origin_(origin), exponent_(exponent_of(reach)) {}
  void apply(double* values, std::size_t n) const {
    for (std::size_t j = 0; j < n; ++j) values[j] -= origin_;
    scale_down(values, n, exponent_);
  }

 private:
  double origin_;
  int exponent_;
};

// ⟨a, b⟩ / (‖a‖ ‖b‖), where only rounding can leave [−1, 1]; 1 exactly for equal arguments.
inline double cosine_of(double ab, double aa, double bb) {
  return std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0);
}

// Summed in blocks, in parallel and in one order.
double sum(const Buffer<double>& values, const Execution& execution);

// Of a and b as they are, and less their means; NaN for one of zeros, or a constant one.
double cosine(Buffer<double> a, Buffer<double> b, const Execution& execution);
double pearson(Buffer<double> a, Buffer<double> b, const Execution& execution);

}  // namespace isogram
