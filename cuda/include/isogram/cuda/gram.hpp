// Gram matrices, in parts: rows are prepared once, their inner products are the caller's to compute
// (a GEMM), and a kernel function is applied to them in place, tile by tile.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"

namespace isogram::cuda {

// Scratch of column_means(), in doubles.
std::int64_t column_scratch(std::int64_t rows, std::int64_t cols);

// means[j] = Σ_i x_ij / rows, summed in float64 relative to the first row, so that constant columns
// have exactly their value as mean. One pass over x, which has at least one row.
void column_means(Stream stream, const Input& x, double* means, double* scratch);

}  // namespace isogram::cuda
