// Kernels for AArch64, 32 registers.
#define ISOGRAM_LEVEL neon
#define ISOGRAM_VECTOR_BYTES 16
#define ISOGRAM_REGISTER_ROWS 6
#include "table-inl.hpp"
