// What AVX-512 VNNI adds to the level avx512: products of bytes.
#define ISOGRAM_LEVEL avx512vnni
#define ISOGRAM_VECTOR_BYTES 64
#define ISOGRAM_REGISTER_ROWS 8
#include "gram-inl.hpp"
#include "kernels.hpp"
#include "transpose-inl.hpp"
#include "vector-inl.hpp"

namespace isogram::simd::avx512vnni {

namespace {

// Four products of bytes are added to every 32-bit sum. Flipping the top bit adds 128.
struct ByteProduct : Sum {
  static Vector<std::int32_t> accumulate(Vector<std::int32_t> sum, Vector<std::int32_t> a,
                                         Vector<std::int32_t> b) {
    constexpr auto top_bits = static_cast<std::int32_t>(0x80808080U);
    return (Vector<std::int32_t>)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)(b ^ top_bits),
                                                     (__m512i)a);
  }
};

void inner_products(const std::int32_t* a, std::size_t rows, const std::int32_t* b,
                    std::size_t cols, std::size_t words, std::int32_t* out,
                    std::size_t stride) noexcept {
  block<ByteProduct>(a, rows, b, cols, words, out, stride);
}

}  // namespace

const ByteKernels& byte_kernels() {
  static constexpr ByteKernels table{kPanel<std::int32_t>, &inner_products,
                                     &transpose<std::int32_t>};
  return table;
}

}  // namespace isogram::simd::avx512vnni
