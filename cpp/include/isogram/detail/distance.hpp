// Distances of two rows: the same on the host and on a GPU.
#pragma once

namespace isogram::detail {

// Below this fraction of ‖a‖² + ‖b‖², a squared distance by expansion has lost 5 bits; so has an L1
// distance of rounded rows below this fraction of ‖a‖₁ + ‖b‖₁. It is taken from the rows again.
inline constexpr double kDistanceCancellation = 1.0 / 32;

}  // namespace isogram::detail
