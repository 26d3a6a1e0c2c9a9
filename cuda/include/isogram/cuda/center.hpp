// Centring of Gram matrices.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"

namespace isogram::cuda {

// Scratch of center(), in doubles: a thirty-second of the n × n entries.
std::int64_t center_scratch(std::int64_t n);

// The centred k (n × n, symmetric or not): H K H with H = I − 11ᵀ/n, or, debiased, U-centred with a
// zero diagonal, for which n ≥ 3. See isogram/center.hpp. `out` may be k itself, with the same
// strides.
//
// Types: any → float64 sums and differences → T. Columns are summed in the order in which rows are,
// so that a symmetric matrix stays exactly symmetric. NaN and infinity spread over everything, by
// the total. One pass that reads for the sums, one that reads and writes.
template <class T>
void center(Stream stream, const Input& k, bool debiased, Matrix<T> out, double* scratch);

}  // namespace isogram::cuda
