// Distances of two rows; shared by the host and GPUs.
#pragma once

namespace isogram::detail {

// Below this fraction of ‖a‖² + ‖b‖² the expansion of a squared distance has lost 5 bits; below
// this fraction of ‖a‖₁ + ‖b‖₁ so has the L1 distance of rounded rows. Such a distance is computed
// again from differences of the rows.
inline constexpr double kDistanceCancellation = 1.0 / 32;

}  // namespace isogram::detail
