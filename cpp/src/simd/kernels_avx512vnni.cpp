// Products of bytes, for level avx512 on processors with AVX-512 VNNI.
#define ISOGRAM_LEVEL avx512vnni
#define ISOGRAM_VECTOR_BYTES 64
#define ISOGRAM_REGISTER_ROWS 8
#include "bytes-inl.hpp"
#include "kernels.hpp"

namespace isogram::simd::avx512vnni {

const ByteKernels& byte_kernels() {
  return kByteKernels;
}

}  // namespace isogram::simd::avx512vnni
