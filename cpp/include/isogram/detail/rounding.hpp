// Bounds on the loss of a matching whose tokens are rounded to fewer digits: the same on the host
// and on a GPU.
#pragma once

#include <cmath>

#include "isogram/detail/host_device.hpp"

namespace isogram::detail {

// Norms over the tokens of one input: a as it is, â as it was rounded.
struct RoundedNorms {
  double errors = 0;         // Σ ‖a − â‖
  double rounded = 0;        // Σ ‖â‖
  double largest_error = 0;  // max ‖a − â‖
  double largest = 0;        // max ‖a‖
};

// A float32 sum of short panels errs by fewer units of 2^−24 than a panel has terms, and panels
// there are; a sum in an order of its own, as of a GPU's GEMM, by fewer than it has terms.
ISOGRAM_HOST_DEVICE inline double ulps_of_panels(double terms) {
  return 256 + terms / 128;
}
ISOGRAM_HOST_DEVICE inline double ulps_of_any_order(double terms) {
  return std::fmax(ulps_of_panels(terms), terms);
}

// An upper bound on Σ |⟨a, b⟩ − ⟨â, b̂⟩| over the pairs of any matching, from
// ⟨a, b⟩ − ⟨â, b̂⟩ = ⟨a − â, b⟩ + ⟨â, b − b̂⟩ and the inequality of Cauchy and Schwarz; with the
// rounding of the ⟨â, b̂⟩ themselves, which were summed in float32 with errors of `ulps`.
ISOGRAM_HOST_DEVICE inline double rounding_bound(const RoundedNorms& a, const RoundedNorms& b,
                                                 double ulps) {
  const double of_a = a.errors * b.largest + a.rounded * b.largest_error;
  const double of_b = b.errors * a.largest + b.rounded * a.largest_error;
  const double of_sums = 0x1p-24 * ulps *
                         std::fmin(a.rounded * (b.largest + b.largest_error),
                                   b.rounded * (a.largest + a.largest_error));
  return std::fmin(of_a, of_b) + of_sums;
}

}  // namespace isogram::detail
