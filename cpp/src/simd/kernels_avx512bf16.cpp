// What AVX-512 BF16 adds to the level avx512: products of bfloat16.
#include "kernels.hpp"

namespace isogram::simd::avx512bf16 {

namespace {
inline constexpr std::size_t kVectorBytes = 64;
inline constexpr std::size_t kRegisterRows = 8;  // rows of sums that a micro-kernel holds
}  // namespace

#include "vector-inl.hpp"
// Families, which build on the vectors above.
#include "gram-inl.hpp"
#include "pairs-inl.hpp"
#include "transpose-inl.hpp"

const PairKernels& pair_kernels() {
  static constexpr PairKernels table{kPanel<std::int32_t>, &pair_products,
                                     &transpose<std::int32_t>};
  return table;
}

}  // namespace isogram::simd::avx512bf16
