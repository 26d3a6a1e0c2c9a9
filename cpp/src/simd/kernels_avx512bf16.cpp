// Products of bfloat16, for level avx512 on processors with AVX-512 BF16.
#define ISOGRAM_LEVEL avx512bf16
#define ISOGRAM_VECTOR_BYTES 64
#define ISOGRAM_REGISTER_ROWS 8
#include "gram-inl.hpp"
#include "kernels.hpp"
#include "pairs-inl.hpp"
#include "transpose-inl.hpp"

namespace isogram::simd::avx512bf16 {

const PairKernels& pair_kernels() {
  static constexpr PairKernels table{kPanel<std::int32_t>, &pair_products,
                                     &transpose<std::int32_t>};
  return table;
}

}  // namespace isogram::simd::avx512bf16
