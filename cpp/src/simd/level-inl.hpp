// The level that a translation unit is compiled for. kernels_<level>.cpp defines before its
// includes
//     ISOGRAM_LEVEL          the level's own namespace,
//     ISOGRAM_VECTOR_BYTES   the length of its vectors,
//     ISOGRAM_REGISTER_ROWS  rows of sums that a micro-kernel holds in registers;
// defaults are those of the baseline. All levels are compiled from the same headers, each with its
// own compiler flags: only the namespace keeps their code apart.
#pragma once

#include <cstddef>

#if !defined(ISOGRAM_LEVEL)
#define ISOGRAM_LEVEL baseline
#endif
#if !defined(ISOGRAM_VECTOR_BYTES)
#define ISOGRAM_VECTOR_BYTES 16
#endif
#if !defined(ISOGRAM_REGISTER_ROWS)
#define ISOGRAM_REGISTER_ROWS 4
#endif

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

inline constexpr std::size_t kVectorBytes = ISOGRAM_VECTOR_BYTES;
inline constexpr std::size_t kRegisterRows = ISOGRAM_REGISTER_ROWS;

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
