// When a squared distance of two inputs, Σ ‖Z‖² − 2 m, has lost its digits: the same on the host
// and on a GPU.
#pragma once

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

}  // namespace isogram::detail
