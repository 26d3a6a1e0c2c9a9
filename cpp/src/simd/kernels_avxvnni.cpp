// Products of bytes, for level avx2 on processors with AVX-VNNI.
#define ISOGRAM_LEVEL avxvnni
#define ISOGRAM_VECTOR_BYTES 32
#define ISOGRAM_REGISTER_ROWS 3  // one of the 16 registers holds the bits to flip
#include "bytes-inl.hpp"
#include "kernels.hpp"

namespace isogram::simd::avxvnni {

const ByteKernels& byte_kernels() {
  return kByteKernels;
}

}  // namespace isogram::simd::avxvnni
