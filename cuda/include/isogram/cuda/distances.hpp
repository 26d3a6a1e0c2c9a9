// Euclidean distances of rows, as bandwidths are found from them.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"

namespace isogram::cuda {

// out[p] = ‖x_i − x_j‖ for the p-th of `count` pairs (i, j), by differences in float64, whatever
// their range. Without `pairs` for all i < j, row by row; count is rows (rows − 1) / 2.
void distances(Stream stream, const Input& x, const std::int64_t* pairs, std::int64_t count,
               double* out);

}  // namespace isogram::cuda
