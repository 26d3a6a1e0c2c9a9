// Entries of a semantic RSM from the matched sums m = Σ ⟨a, b⟩ of two inputs: the same on the host
// and on a GPU.
#pragma once

#include <cmath>

#include "isogram/detail/host_device.hpp"

namespace isogram::detail {

// Below this fraction of ‖Z_i‖² + ‖Z_j‖², their difference with 2 m has lost 5 bits, of float32,
// or 8: it is taken by differences of matched tokens.
template <class T>
inline constexpr double kCancellation = sizeof(T) == sizeof(float) ? 1.0 / 32 : 1.0 / 256;

// Below this fraction of the squared norms of tokens, a squared distance may be of other pairs than
// the nearest: tokens are matched once more. At it, what affinities are rounded by is 2^−14 of it
// in float32 and 2^−41 in float64; sums over tokens and channels average most of that out.
template <class T>
inline constexpr double kMismatch = sizeof(T) == sizeof(float) ? 0x1p-10 : 0x1p-12;

// Below this squared distance of inputs whose largest number is scaled to 1, affinities of near
// tokens may have vanished.
template <class T>
inline constexpr double kVanished = sizeof(T) == sizeof(float) ? 0x1p-90 : 0x1p-900;

// The numbers of an input that entries of its pairs need. Its tokens were scaled by 2^−exponent.
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

// The loss of a matching over the product of the norms: the best matching has at most `bound`, this
// one has `total`.
ISOGRAM_HOST_DEVICE inline double loss_entry(double bound, double total, const InputNorms& a,
                                             const InputNorms& b) {
  const double norms = std::sqrt(a.squared) * std::sqrt(b.squared);
  return norms > 0 ? std::fmax(0.0, bound - total) / norms : 0;
}

// ---- Distances -------------------------------------------------------------------------------

// A unit for a pair in which no term overflows: the difference of infinities would be NaN.
ISOGRAM_HOST_DEVICE inline int unit_of(const InputNorms& a, const InputNorms& b) {
  return a.exponent > b.exponent ? a.exponent : b.exponent;
}

// Sums of squares of the two inputs, added up in their unit.
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

// Affinities are rounded relative to the norms of two tokens: where their squares are far above
// the distance, as of clusters of tokens far from each other that all inputs share, what was
// rounded off decides which near tokens are matched. One token far from all others finds its like
// whatever was rounded: `bulk_a` and `bulk_b` are the squared norms but for the largest token. The
// distance is in the unit of the pair.
template <class T>
ISOGRAM_HOST_DEVICE bool may_be_mismatched(double distance, double bulk_a, const InputNorms& a,
                                           double bulk_b, const InputNorms& b) {
  const double norms = added_in_unit(bulk_a, a, bulk_b, b);
  return distance * distance < std::fmax(kMismatch<T> * norms, kVanished<T>);
}

}  // namespace isogram::detail
