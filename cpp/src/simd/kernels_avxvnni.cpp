// What AVX-VNNI adds to the level avx2: products of bytes.
#define ISOGRAM_LEVEL avxvnni
#define ISOGRAM_VECTOR_BYTES 32
#define ISOGRAM_REGISTER_ROWS 3  // of 16 registers, one has the bits that are flipped
#include "bytes-inl.hpp"
#include "kernels.hpp"

namespace isogram::simd::avxvnni {

const ByteKernels& byte_kernels() {
  return kByteKernels;
}

}  // namespace isogram::simd::avxvnni
