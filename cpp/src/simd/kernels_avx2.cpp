// Kernels for AVX2 and FMA, 16 registers.
#define ISOGRAM_LEVEL avx2
#define ISOGRAM_VECTOR_BYTES 32
#define ISOGRAM_REGISTER_ROWS 4
#include "table-inl.hpp"
