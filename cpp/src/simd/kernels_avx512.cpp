// Kernels for AVX-512 F DQ BW VL, 32 registers.
#define ISOGRAM_LEVEL avx512
#define ISOGRAM_VECTOR_BYTES 64
#define ISOGRAM_REGISTER_ROWS 8
#include "table-inl.hpp"
