// The limits of this machine, measured without isogram's code. Compile files that include this
// header for the machine they run on (-O3 -march=native -ffp-contract=fast).
#pragma once

#include <cstddef>

namespace {

#if defined(__AVX512F__)
constexpr std::size_t kVectorBytes = 64;
#elif defined(__AVX__)
constexpr std::size_t kVectorBytes = 32;
#else
constexpr std::size_t kVectorBytes = 16;
#endif

template <class T>
using Vector [[gnu::vector_size(kVectorBytes)]] = T;

// Independent chains: more than enough to hide the latency (4 cycles, 2 per cycle), and few enough
// for 16 registers.
constexpr std::size_t kChains = 12;

// Keeps a value in a register, and hides it from the optimiser.
template <class T>
void touch(T& value) {
#if defined(__x86_64__)
  asm volatile("" : "+x"(value));
#else
  asm volatile("" : "+w"(value));
#endif
}

// Computes some thousands of multiply-adds in registers and returns their flops.
template <class T>
double multiply_adds() {
  using V = Vector<T>;
  constexpr int kSteps = 20000;
  V sums[kChains];
  for (std::size_t c = 0; c < kChains; ++c) sums[c] = V{} + static_cast<T>(c);
  V factor = V{} + T(0.999);
  V term = V{} + T(0.001);
  touch(factor);
  touch(term);
  for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
    for (std::size_t c = 0; c < kChains; ++c) sums[c] = sums[c] * factor + term;
  }
  for (V& sum : sums) touch(sum);
  return 2.0 * kSteps * kChains * (kVectorBytes / sizeof(T));
}

}  // namespace
