// The limits of this machine, measured by code that is none of isogram's. Compile what includes
// this for the machine it runs on (-O3 -march=native -ffp-contract=fast).
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

// As many independent chains as hide the latency (4 cycles, 2 a cycle) with room to spare, and
// still fit 16 registers.
constexpr std::size_t kChains = 12;

// Keeps a value in a register and unknown to the optimiser.
template <class T>
void touch(T& value) {
#if defined(__x86_64__)
  asm volatile("" : "+x"(value));
#else
  asm volatile("" : "+w"(value));
#endif
}

// Does some thousands of them in registers and returns their flops.
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
