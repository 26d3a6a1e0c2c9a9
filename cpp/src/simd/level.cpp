#include "isogram/simd.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernels.hpp"

#if defined(ISOGRAM_HAVE_X86_LEVELS)
#include <cpuid.h>
#endif

namespace isogram::simd {

namespace {

constexpr std::array kNames{std::pair{Level::baseline, "baseline"}, std::pair{Level::neon, "neon"},
                            std::pair{Level::avx2, "avx2"}, std::pair{Level::avx512, "avx512"}};

const Kernels& kernels_of(Level level) {
  switch (level) {
#if defined(ISOGRAM_HAVE_X86_LEVELS)
    case Level::avx2:
      return avx2::kernels();
    case Level::avx512:
      return avx512::kernels();
#endif
#if defined(ISOGRAM_HAVE_NEON)
    case Level::neon:
      return neon::kernels();
#endif
    default:
      return baseline::kernels();
  }
}

#if defined(ISOGRAM_HAVE_X86_LEVELS)
// Read from cpuid: older compilers do not know the name "avxvnni".
bool has_avx_vnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & (1U << 4)) != 0;
}
#endif

std::string names_of(const std::vector<Level>& levels) {
  std::string names;
  for (const Level one : levels) names += (names.empty() ? "" : ", ") + std::string(name(one));
  return names;
}

Level level_named(std::string_view wanted) {
  const std::vector<Level> levels = available();
  const auto found =
      std::find_if(levels.begin(), levels.end(), [&](Level one) { return name(one) == wanted; });
  if (found != levels.end()) return *found;
  throw std::invalid_argument("SIMD level must be one of those this machine offers (" +
                              names_of(levels) + "), got \"" + std::string(wanted) + "\"");
}

const Kernels& initial_kernels() {
  const char* forced = std::getenv("ISOGRAM_SIMD_LEVEL");
  const bool is_forced = forced != nullptr && *forced != '\0';
  return kernels_of(is_forced ? level_named(forced) : available().back());
}

// Null until the first kernels() call, which sets it. No thread ever waits for another: a forked
// child could wait for ever.
std::atomic<const Kernels*> current{nullptr};

}  // namespace

std::string_view name(Level level) {
  for (const auto& [one, text] : kNames) {
    if (one == level) return text;
  }
  return "unknown";
}

std::vector<Level> available() {
  std::vector<Level> levels{Level::baseline};
#if defined(ISOGRAM_HAVE_NEON)
  levels.push_back(Level::neon);  // part of every AArch64 processor
#endif
#if defined(ISOGRAM_HAVE_X86_LEVELS)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    levels.push_back(Level::avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
      levels.push_back(Level::avx512);
    }
  }
#endif
  return levels;
}

const Kernels& kernels() {
  const Kernels* kernels = current.load(std::memory_order_acquire);
  if (kernels != nullptr) return *kernels;
  const Kernels& initial = initial_kernels();
  return current.compare_exchange_strong(kernels, &initial) ? initial : *kernels;
}

const ByteKernels& byte_kernels_beside(const Kernels& kernels) {
#if defined(ISOGRAM_HAVE_X86_LEVELS)
  __builtin_cpu_init();
  if (kernels.level == Level::avx512 && __builtin_cpu_supports("avx512vnni")) {
    return avx512vnni::byte_kernels();
  }
  if (kernels.level == Level::avx2 && has_avx_vnni()) return avxvnni::byte_kernels();
#endif
  return kernels.bytes;
}

const PairKernels* pair_kernels_beside([[maybe_unused]] const Kernels& kernels) {
#if defined(ISOGRAM_HAVE_X86_LEVELS)
  __builtin_cpu_init();
  if (kernels.level == Level::avx512 && __builtin_cpu_supports("avx512bf16")) {
    return &avx512bf16::pair_kernels();
  }
#endif
  return nullptr;
}

Level level() {
  return kernels().level;
}

void set_level(Level level) {
  set_level(name(level));
}

void set_level(std::string_view name) {
  current = &kernels_of(level_named(name));
}

}  // namespace isogram::simd
