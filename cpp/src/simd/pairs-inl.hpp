// Inner products of bfloat16, two per 32-bit word.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gram-inl.hpp"
#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

// Adds the two products of each word to a float32 sum; subnormal numbers count as 0. Sums are
// passed as integers with their bits, because micro-kernels know one element type only.
struct PairProduct {
  using Integers = Vector<std::int32_t>;

  static Integers accumulate(Integers sum, Integers a, Integers b) {
#if defined(__AVX512BF16__)
    return (Integers)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
    const auto products = (Vector<float>)sum + upper(a) * upper(b);
    return (Integers)(products + lower(a) * lower(b));
#endif
  }

  static Integers total(Integers before, Integers sum) {
    return (Integers)((Vector<float>)before + (Vector<float>)sum);
  }

 private:
  static Vector<float> upper(Integers word) {
    return (Vector<float>)((Words<float>)word & 0xffff0000U);
  }
  static Vector<float> lower(Integers word) { return (Vector<float>)((Words<float>)word << 16); }
};

void pair_products(const std::int32_t* a, std::size_t rows, const std::int32_t* b, std::size_t cols,
                   std::size_t words, float* out, std::size_t stride) noexcept {
  block<PairProduct>(a, rows, b, cols, words, reinterpret_cast<std::int32_t*>(out), stride);
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
