// Entries of a semantic RSM from the matched sum m = Σ ⟨a, b⟩ of two inputs; shared by the host and
// GPUs.
#pragma once

#include <cmath>

#include "isogram/detail/host_device.hpp"

namespace isogram::detail {

// Below this fraction of ‖Z_i‖² + ‖Z_j‖², the difference ‖Z_i‖² + ‖Z_j‖² − 2 m has lost 5 bits of
// float32 (8 of float64). The distance is computed from differences of matched tokens instead.
template <class T>
inline constexpr double kCancellation = sizeof(T) == sizeof(float) ? 1.0 / 32 : 1.0 / 256;

// Below this fraction of the squared norms of tokens, a squared distance may come from a wrong
// matching, and the tokens are matched again. At this fraction, the rounding of affinities is 2^−14
// of the distance in float32 and 2^−41 in float64; sums over tokens and channels average most of it
// out.
template <class T>
inline constexpr double kMismatch = sizeof(T) == sizeof(float) ? 0x1p-10 : 0x1p-12;

// Below this squared distance, of inputs scaled so that the largest number is 1, products of near
// tokens may have underflowed.
template <class T>
inline constexpr double kVanished = sizeof(T) == sizeof(float) ? 0x1p-90 : 0x1p-900;

// The squared norm of an input whose tokens were scaled by 2^−exponent.
struct InputNorms {
  double squared;  // ‖Z‖²
  int exponent;
};

ISOGRAM_HOST_DEVICE inline double linear_entry(double total, const InputNorms& a,
                                               const InputNorms& b) {
  return std::ldexp(total, a.exponent + b.exponent);
}

ISOGRAM_HOST_DEVICE inline double cosine_entry(double total, const InputNorms& a,
                                               const InputNorms& b) {
  const double norms = std::sqrt(a.squared) * std::sqrt(b.squared);
  const double cosine = norms > 0 ? total / norms : 0;
  return cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
}

// The loss of a matching over the product of the norms: `total` is its matched sum, and `bound` an
// upper bound on the best matched sum.
ISOGRAM_HOST_DEVICE inline double loss_entry(double bound, double total, const InputNorms& a,
                                             const InputNorms& b) {
  const double norms = std::sqrt(a.squared) * std::sqrt(b.squared);
  return norms > 0 ? std::fmax(0.0, bound - total) / norms : 0;
}

// ---- Distances -------------------------------------------------------------------------------

// The exponent of a unit in which no term of the pair's distance overflows: a difference of
// infinities would be NaN.
ISOGRAM_HOST_DEVICE inline int unit_of(const InputNorms& a, const InputNorms& b) {
  return a.exponent > b.exponent ? a.exponent : b.exponent;
}

// The sum of the squares of two inputs, in the unit of the pair.
ISOGRAM_HOST_DEVICE inline double added_in_unit(double squares_a, const InputNorms& a,
                                                double squares_b, const InputNorms& b) {
  const int unit = unit_of(a, b);
  return std::ldexp(squares_a, 2 * (a.exponent - unit)) +
         std::ldexp(squares_b, 2 * (b.exponent - unit));
}

// ‖Z_i‖² + ‖Z_j‖² − 2 m, in the unit of the pair.
struct SquaredDistance {
  double value;
  double both;  // ‖Z_i‖² + ‖Z_j‖²
};

template <class T>
ISOGRAM_HOST_DEVICE bool has_cancelled(const SquaredDistance& squared) {
  return !(squared.value >= kCancellation<T> * squared.both);
}

ISOGRAM_HOST_DEVICE inline SquaredDistance squared_distance(double total, const InputNorms& a,
                                                            const InputNorms& b) {
  const double both = added_in_unit(a.squared, a, b.squared, b);
  const int of_total = a.exponent + b.exponent - 2 * unit_of(a, b);
  return {both - 2 * std::ldexp(total, of_total), both};
}

// Whether rounding may have mismatched tokens of a pair at this `distance`, in the unit of the
// pair. Affinities are rounded relative to the norms of tokens: where the squared norms are far
// above the squared distance (clusters of tokens far from each other that all inputs share),
// rounding decides which near tokens are matched. A single token far from all others is matched
// correctly in any case: `bulk_a` and `bulk_b` are the squared norms without the largest token.
template <class T>
ISOGRAM_HOST_DEVICE bool may_be_mismatched(double distance, double bulk_a, const InputNorms& a,
                                           double bulk_b, const InputNorms& b) {
  const double norms = added_in_unit(bulk_a, a, bulk_b, b);
  return distance * distance < std::fmax(kMismatch<T> * norms, kVanished<T>);
}

}  // namespace isogram::detail
