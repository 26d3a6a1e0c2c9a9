// Multiplication by powers of two, which rounds nothing.
#pragma once

#include "launch.cuh"

namespace isogram::cuda {

// 2^exponent for any exponent that brings a finite number near 1. In two factors, because one may
// be beyond double's range.
struct PowerOfTwo {
  double first;
  double second;

  __device__ explicit PowerOfTwo(int exponent)
      : first(ldexp(1.0, exponent / 2)), second(ldexp(1.0, exponent - exponent / 2)) {}
  __device__ double operator*(double x) const { return x * first * second; }
};

}  // namespace isogram::cuda
