// Exact inner products of integers from −127 to 127, several per 32-bit word.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gram-inl.hpp"
#include "kernels.hpp"
#include "transpose-inl.hpp"
#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

// Adds the products of all numbers of a word to its 32-bit sum.
struct ByteProduct : Sum {
  using Integers = Vector<std::int32_t>;

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
  // The instruction multiplies signed bytes by unsigned ones: flipping the top bit of b adds 128.
  static constexpr std::size_t kPerWord = 4;
  static constexpr std::int32_t kOffset = 128;

  static Integers accumulate(Integers sum, Integers a, Integers b) {
    constexpr auto top_bits = static_cast<std::int32_t>(0x80808080U);
#if defined(__AVX512VNNI__)
    return (Integers)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)(b ^ top_bits), (__m512i)a);
#else
    return (Integers)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)(b ^ top_bits), (__m256i)a);
#endif
  }
#else
  // Two 16-bit integers per word. Bytes would save nothing: the instruction multiplies |a| by b
  // with the signs of a and adds pairs in 16 bits, which a second pair could overflow (4 * 127 *
  // 127 > 2^15).
  static constexpr std::size_t kPerWord = 2;
  static constexpr std::int32_t kOffset = 0;

  static Integers accumulate(Integers sum, Integers a, Integers b) { return sum + products(a, b); }

 private:
  static Integers products(Integers a, Integers b) {
#if defined(__AVX512BW__)
    return (Integers)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (Integers)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (Integers)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
    return lower(a) * lower(b) + (a >> 16) * (b >> 16);
#endif
  }
  static Integers lower(Integers word) { return (word << 16) >> 16; }
#endif
};

void byte_products(const std::int32_t* a, std::size_t rows, const std::int32_t* b, std::size_t cols,
                   std::size_t words, std::int32_t* out, std::size_t stride) noexcept {
  block<ByteProduct>(a, rows, b, cols, words, out, stride);
}

void scale_products(const std::int32_t* row, std::size_t n, std::int32_t excess, float row_scale,
                    const float* column_scales, float* out) noexcept {
  for_row<float>(
      n,
      [&](std::size_t j) {
        const auto product = __builtin_convertvector(load(row + j) - excess, Vector<float>);
        store(out + j, product * (row_scale * load(column_scales + j)));
      },
      [&](std::size_t j) {
        out[j] = static_cast<float>(row[j] - excess) * (row_scale * column_scales[j]);
      });
}

inline constexpr ByteKernels kByteKernels{
    {kPanel<std::int32_t>, &byte_products, &transpose<std::int32_t>},
    ByteProduct::kPerWord,
    ByteProduct::kOffset,
    &scale_products};

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
