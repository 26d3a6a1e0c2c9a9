// Powers of two by which numbers are scaled; shared by the host and GPUs. A scaled number x with
// the exponent e stands for x · 2^e.
#pragma once

#include <cmath>
#include <limits>

#include "isogram/detail/host_device.hpp"

namespace isogram::detail {

// A number whose exponent may be beyond double's.
struct Scaled {
  double value;
  int exponent;
};

// A sum of squares between these bounds has all its digits.
inline constexpr double kSmallestSquares = 0x1p-900;
inline constexpr double kLargestSquares = 0x1p1000;

// The exponent of infinity, which a difference of finite numbers may be: one above the largest
// exponent of a finite number.
inline constexpr int kInfiniteExponent = std::numeric_limits<double>::max_exponent + 1;

// The exponent e with 2^e > |x| ≥ 2^(e−1); 0 for 0 and NaN.
ISOGRAM_HOST_DEVICE inline int exponent_of(double x) {
  if (x - x != 0) return x != x ? 0 : kInfiniteExponent;
  int exponent = 0;
  std::frexp(x, &exponent);
  return exponent;
}

// exponent_of(x), or 0 within ±20: products of such numbers, and sums of many products, stay far
// inside float32 without scaling.
ISOGRAM_HOST_DEVICE inline int scaling_exponent_of(double x) {
  constexpr int moderate = 20;
  const int exponent = exponent_of(x);
  return exponent >= -moderate && exponent <= moderate ? 0 : exponent;
}

}  // namespace isogram::detail
