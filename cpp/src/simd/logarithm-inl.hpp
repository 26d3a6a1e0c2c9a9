// Divergences, and log2 for whole vectors of doubles by its series around 1.
//
// Writing x = 2^e m with m in [√½, √2) and s = (m − 1)/(m + 1), |s| ≤ 0.1716,
//     log2(x) = e + (2/ln 2) (s + s³/3 + s⁵/5 + …),
// whose first eleven terms are within an ulp. tests/cpp/jsd_test.cpp asserts two ulps.
#pragma once

#include <cstddef>
#include <cstdint>

#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

inline constexpr double kSmallestNormal = 0x1p-1022;

// 0 for x below the smallest normal number.
inline Vector<double> binary_logarithm(Vector<double> x) {
  x = x < kSmallestNormal ? broadcast(1.0) : x;
  constexpr std::uint64_t root_half = 0x3fe6a09e667f3bcdULL;  // the bits of √½
  constexpr std::uint64_t bias = 1023;
  Words<double> bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  const Words<double> biased = (bits - root_half + (bias << 52)) >> 52;  // e + bias
  const Words<double> mantissa_bits = bits - (biased << 52) + (bias << 52);
  // The bits of 2^52 with an integer in the last bits are 2^52 plus that integer: a conversion that
  // works on every instruction set.
  const Words<double> exponent_bits = biased | 0x4330000000000000ULL;
  Vector<double> mantissa;
  Vector<double> exponent;
  __builtin_memcpy(&mantissa, &mantissa_bits, sizeof mantissa);
  __builtin_memcpy(&exponent, &exponent_bits, sizeof exponent);
  exponent -= 0x1p52 + static_cast<double>(bias);

  const Vector<double> s = (mantissa - 1.0) / (mantissa + 1.0);
  const Vector<double> square = s * s;
  Vector<double> series = broadcast(1.0 / 21);
#pragma GCC unroll 10
  for (int k = 19; k > 0; k -= 2) series = series * square + 1.0 / k;
  return exponent + 2.88539008177792681472 * (s * series);
}

// Calls body(j, count) for whole vectors, then for the rest.
template <class Body>
inline void for_row_of_doubles(std::size_t n, Body body) {
  constexpr std::size_t lanes = kLanes<double>;
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) body(j, lanes);
  if (j < n) body(j, n - j);
}

// `count` doubles, and zeros in the other lanes.
inline Vector<double> load_first(const double* p, std::size_t count) {
  return count == kLanes<double> ? load(p) : load_part(p, count);
}

void logarithms(const double* x, double* out, std::size_t n) noexcept {
  for_row_of_doubles(n, [&](std::size_t j, std::size_t count) {
    const Vector<double> result = binary_logarithm(load_first(x + j, count));
    for (std::size_t lane = 0; lane < count; ++lane) out[j + lane] = result[lane];
  });
}

// Every term is a difference of logarithms, so that equal entries give exactly 0 and terms are
// small: a difference of entropies would carry the rounding of two long sums.
double divergence(const double* p, const double* log_p, const double* q, const double* log_q,
                  std::size_t n) noexcept {
  Vector<double> sums{};
  for_row_of_doubles(n, [&](std::size_t j, std::size_t count) {
    const Vector<double> left = load_first(p + j, count);
    const Vector<double> right = load_first(q + j, count);
    const Vector<double> middle = binary_logarithm(0.5 * (left + right));
    sums += left * (load_first(log_p + j, count) - middle) +
            right * (load_first(log_q + j, count) - middle);
  });
  double total = 0;
  for (std::size_t lane = 0; lane < kLanes<double>; ++lane) total += sums[lane];
  return total / 2;
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
