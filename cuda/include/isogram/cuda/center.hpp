// Centring of Gram matrices.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"

namespace isogram::cuda {

// Scratch of center(), in doubles: about n²/32.
std::int64_t center_scratch(std::int64_t n);

// The centred k (n × n, symmetric or not): H K H with H = I − 11ᵀ/n; or, debiased, U-centred with a
// zero diagonal, for n ≥ 3. See isogram/center.hpp. `out` may be k itself, with the same strides.
// Rows and columns are summed in the same order, so that a symmetric matrix stays exactly
// symmetric. A NaN or infinity makes all entries NaN, by way of the total.
// Types: any → float64 sums and differences → T, T = float or double. Cost: one pass that reads,
// one that reads and writes.
template <class T>
void center(Stream stream, const Input& k, bool debiased, Matrix<T> out, double* scratch);

}  // namespace isogram::cuda
