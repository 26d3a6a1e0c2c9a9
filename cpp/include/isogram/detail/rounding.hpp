// Bounds on the loss of a matching whose tokens are narrowed, to fewer channels and to fewer
// digits: the same on the host and on a GPU.
#pragma once

#include <cmath>

#include "isogram/detail/host_device.hpp"

namespace isogram::detail {

// Norms over the tokens of one input: a token a as it is, and â as it was rounded. Where tokens are
// seen along axes, a holds the coordinates on those axes alone.
struct RoundedNorms {
  double errors = 0;         // Σ ‖a − â‖
  double rounded = 0;        // Σ ‖â‖
  double largest_error = 0;  // max ‖a − â‖
  double largest = 0;        // max ‖a‖
  double left_out = 0;       // √Σ ‖token − its part along the axes‖², at least
};

// How far axes may be from orthonormal: a bound of ‖I − V Vᵀ‖, with rank × channels V.
inline constexpr double kAxesDefect = 0x1p-32;

// RoundedNorms::left_out from Σ ‖token‖² and Σ ‖coordinates‖². The inner product of what is left
// out is aᵀ (I − Vᵀ V) b, and I − Vᵀ V + defect · I is positive semi-definite: Cauchy and Schwarz
// hold in it, once more for defect · aᵀ b, and twice that covers the rounding of the squares.
ISOGRAM_HOST_DEVICE inline double left_out_norm(double squares, double squares_along_axes) {
  return std::sqrt(std::fmax(squares - squares_along_axes, 0.0) + 4 * kAxesDefect * squares);
}

// A float32 sum of short panels errs by fewer units of 2^−24 than a panel has terms, and panels
// there are; a sum in an order of its own, as of a GPU's GEMM, by fewer than it has terms.
ISOGRAM_HOST_DEVICE inline double ulps_of_panels(double terms) {
  return 256 + terms / 128;
}
ISOGRAM_HOST_DEVICE inline double ulps_of_any_order(double terms) {
  return std::fmax(ulps_of_panels(terms), terms);
}

// An upper bound on Σ |⟨a, b⟩ − ⟨â, b̂⟩| over the pairs of any matching, from
// ⟨a, b⟩ − ⟨â, b̂⟩ = ⟨a − â, b⟩ + ⟨â, b − b̂⟩ and the inequality of Cauchy and Schwarz; with what
// was left out of tokens, and the rounding of the ⟨â, b̂⟩ themselves, which were summed with errors
// of at most `of_sum` ‖â‖ ‖b̂‖.
ISOGRAM_HOST_DEVICE inline double narrowing_bound(const RoundedNorms& a, const RoundedNorms& b,
                                                  double of_sum) {
  const double of_a = a.errors * b.largest + a.rounded * b.largest_error;
  const double of_b = b.errors * a.largest + b.rounded * a.largest_error;
  const double of_sums = of_sum * std::fmin(a.rounded * (b.largest + b.largest_error),
                                            b.rounded * (a.largest + a.largest_error));
  return std::fmin(of_a, of_b) + of_sums + a.left_out * b.left_out;
}

}  // namespace isogram::detail
