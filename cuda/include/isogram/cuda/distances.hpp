// Euclidean distances of rows, from which bandwidths are computed.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"

namespace isogram::cuda {

// out[p] = ‖x_i − x_j‖ for the p-th of `count` pairs (i, j), count × 2; without `pairs` for all
// i < j, row by row, count = rows (rows − 1) / 2. By differences, scaled where squares would leave
// float64's range.
// Types: any → float64. Cost: 2 d operations per pair, a warp each.
void distances(Stream stream, const Input& x, const std::int64_t* pairs, std::int64_t count,
               double* out);

}  // namespace isogram::cuda
