// Bounds on the loss of a matching of narrowed tokens (fewer channels, fewer digits); shared by the
// host and GPUs.
#pragma once

#include <cmath>

#include "isogram/detail/host_device.hpp"

namespace isogram::detail {

// Norms over the tokens a of one input and their rounded values â. With axes, a token is its
// coordinates along the axes.
struct RoundedNorms {
  double errors = 0;         // Σ ‖a − â‖
  double rounded = 0;        // Σ ‖â‖
  double largest_error = 0;  // max ‖a − â‖
  double largest = 0;        // max ‖a‖
  double left_out = 0;       // a bound on √Σ ‖token − its projection on the axes‖²
};

// The largest ‖I − V Vᵀ‖ of axes V, rank × channels, that count as orthonormal.
inline constexpr double kAxesDefect = 0x1p-32;

// RoundedNorms::left_out from Σ ‖token‖² and Σ ‖coordinates‖². Projection leaves aᵀ (I − Vᵀ V) b
// out of an inner product. I − Vᵀ V + defect · I is positive semi-definite, so that the inequality
// of Cauchy and Schwarz holds for it, and again for defect · aᵀ b. Twice the defect's share covers
// the rounding of the squares.
ISOGRAM_HOST_DEVICE inline double left_out_norm(double squares, double squares_along_axes) {
  return std::sqrt(std::fmax(squares - squares_along_axes, 0.0) + 4 * kAxesDefect * squares);
}

// Bounds on the relative error of float32 sums, in units of 2^−24: sums of short panels err by at
// most the terms of a panel plus the number of panels; sums in any order, as in a GPU's GEMM, by at
// most the number of terms.
ISOGRAM_HOST_DEVICE inline double ulps_of_panels(double terms) {
  return 256 + terms / 128;
}
ISOGRAM_HOST_DEVICE inline double ulps_of_any_order(double terms) {
  return std::fmax(ulps_of_panels(terms), terms);
}

// An upper bound on Σ |⟨a, b⟩ − ⟨â, b̂⟩| over the pairs of any matching, by
//   ⟨a, b⟩ − ⟨â, b̂⟩ = ⟨a − â, b⟩ + ⟨â, b − b̂⟩
// and the inequality of Cauchy and Schwarz. It includes the part of tokens that was left out, and
// the rounding of the computed ⟨â, b̂⟩, at most `of_sum` ‖â‖ ‖b̂‖ each.
ISOGRAM_HOST_DEVICE inline double narrowing_bound(const RoundedNorms& a, const RoundedNorms& b,
                                                  double of_sum) {
  const double of_a = a.errors * b.largest + a.rounded * b.largest_error;
  const double of_b = b.errors * a.largest + b.rounded * a.largest_error;
  const double of_sums = of_sum * std::fmin(a.rounded * (b.largest + b.largest_error),
                                            b.rounded * (a.largest + a.largest_error));
  return std::fmin(of_a, of_b) + of_sums + a.left_out * b.left_out;
}

}  // namespace isogram::detail
