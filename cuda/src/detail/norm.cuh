// Norms by a warp.
#pragma once

#include <cmath>
#include <cstdint>

#include "isogram/detail/scaling.hpp"
#include "power_of_two.cuh"
#include "reduce.cuh"

namespace isogram::cuda {

// Σ_k value(k)² over k < count.
template <class Value>
__device__ double warp_squares(std::int64_t count, Value value) {
  double sum = 0;
  for (std::int64_t k = threadIdx.x % kWarp; k < count; k += kWarp) {
    const double x = value(k);
    sum += x * x;
  }
  return warp_reduced(sum, Sum());
}

using isogram::detail::Scaled;

// √Σ_k value(k)². Where squares overflow or vanish it is computed again from scaled values.
template <class Value>
__device__ Scaled warp_norm(std::int64_t count, Value value) {
  const double squares = warp_squares(count, value);
  if ((squares >= isogram::detail::kSmallestSquares &&
       squares <= isogram::detail::kLargestSquares) ||
      squares != squares) {
    return {sqrt(squares), 0};
  }
  double largest = 0;
  for (std::int64_t k = threadIdx.x % kWarp; k < count; k += kWarp) {
    largest = Maximum()(largest, fabs(value(k)));
  }
  largest = warp_reduced(largest, Maximum());
  if (!(largest > 0) || isinf(largest)) return {largest, 0};
  const int exponent = ilogb(largest);
  const PowerOfTwo scale(-exponent);
  return {sqrt(warp_squares(count, [&](std::int64_t k) { return scale * value(k); })), exponent};
}

}  // namespace isogram::cuda
