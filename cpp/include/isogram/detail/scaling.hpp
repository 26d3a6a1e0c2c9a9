// Powers of two that numbers are scaled by: the same on the host and on a GPU. A scaled number
// x with the exponent e stands for x · 2^e.
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

// Of an infinite number, which a difference of finite ones may be: one more than any of these have.
inline constexpr int kInfiniteExponent = std::numeric_limits<double>::max_exponent + 1;

// The exponent e of 2^e > |x| ≥ 2^(e−1); 0 for 0 and NaN.
ISOGRAM_HOST_DEVICE inline int exponent_of(double x) {
  if (x - x != 0) return x != x ? 0 : kInfiniteExponent;
  int exponent = 0;
  std::frexp(x, &exponent);
  return exponent;
}

// The same, or 0 for an x that needs no scaling: products of such numbers, and sums of many of
// those, stay far inside float32.
ISOGRAM_HOST_DEVICE inline int scaling_exponent_of(double x) {
  constexpr int moderate = 20;
  const int exponent = exponent_of(x);
  return exponent >= -moderate && exponent <= moderate ? 0 : exponent;
}

}  // namespace isogram::detail
