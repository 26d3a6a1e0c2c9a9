// The instruction set of the kernels, chosen once from the instruction sets of the processor.
#pragma once

#include <string_view>
#include <vector>

namespace isogram::simd {

// One per kernels_<level>.cpp. Every x86-64 or Arm processor runs `baseline`.
enum class Level { baseline, neon, avx2, avx512 };

std::string_view name(Level level);

// The levels that this build contains and this processor runs, lowest first.
std::vector<Level> available();

// The level in use: that of set_level(), else ISOGRAM_SIMD_LEVEL, else the highest available one.
Level level();

// Throws std::invalid_argument when `level` is not available.
void set_level(Level level);
void set_level(std::string_view name);

}  // namespace isogram::simd
