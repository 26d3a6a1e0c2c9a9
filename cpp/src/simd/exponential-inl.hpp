// exp for whole vectors: 2^n times a polynomial on [−ln 2 / 2, ln 2 / 2].
//
// tests/cpp/kernels_test.cpp asserts a bound on the relative error over [−87, 88] (float32) and
// [−708, 709] (float64). Results below the smallest normal number are 0, above the largest number
// infinity; exp(NaN) is NaN.
#pragma once

#include <cstddef>

#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

// The coefficients with the least relative error (3e-9 and 4e-18) among polynomials that begin with
// 1 + r: exp(0) is exactly 1, and exp of a negative number never above 1.
template <class T>
struct ExponentialOf;

template <>
struct ExponentialOf<float> {
  static constexpr float lowest = -87.3365448F;  // log of the smallest normal float
  static constexpr float highest = 88.7228317F;
  static constexpr float ln2_high = 0.693145752F;  // 9 trailing zero bits: n * ln2_high is exact
  static constexpr float ln2_low = 1.42860677e-6F;
  static constexpr int mantissa_bits = 23;
  static constexpr float coefficients[] = {
      1, 1, 0.49999993F, 0.1666652F, 0.041668391F, 0.0083687451F, 0.0013814540F};
};

template <>
struct ExponentialOf<double> {
  static constexpr double lowest = -708.396418532264106;
  static constexpr double highest = 709.782712893383973;
  static constexpr double ln2_high = 0.693147180369123816490;
  static constexpr double ln2_low = 1.90821492927058770002e-10;
  static constexpr int mantissa_bits = 52;
  static constexpr double coefficients[] = {1,
                                            1,
                                            0.50000000000000106688,
                                            0.16666666666666411508,
                                            0.041666666666529728134,
                                            0.008333333333494977261,
                                            0.0013888888943759984011,
                                            0.00019841269505773806997,
                                            0.000024801492949617070769,
                                            2.7557586803847070697e-6,
                                            2.7630306255647857359e-7,
                                            2.5000018853083341953e-8};
};

// x * 2^n for normal x and results; n is in the lowest bits of `exponent`.
template <class T>
inline Vector<T> scale_by_power(Vector<T> x, Vector<T> exponent) {
  Words<T> bits;
  Words<T> n;
  __builtin_memcpy(&bits, &x, sizeof bits);
  __builtin_memcpy(&n, &exponent, sizeof n);
  bits += n << ExponentialOf<T>::mantissa_bits;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

// Vectors computed together: one alone would mostly wait for the previous step of its polynomial.
inline constexpr std::size_t kExponentials = kRegisterRows < 8 ? 2 : 4;

template <class T, std::size_t kCount>
inline void exponentials_of(Vector<T> (&x)[kCount]) {
  using E = ExponentialOf<T>;
  constexpr std::size_t degree = sizeof E::coefficients / sizeof(T) - 1;
  // Adding 1.5 * 2^mantissa_bits rounds to the nearest integer, and puts it into the lowest bits.
  constexpr T rounder = static_cast<T>(3LL << (E::mantissa_bits - 1));
  Vector<T> shifted[kCount];
  Vector<T> r[kCount];
  Vector<T> sum[kCount];
  unrolled<kCount>([&](std::size_t v) {
    shifted[v] = x[v] * static_cast<T>(1.44269504088896340736) + rounder;
    const Vector<T> n = shifted[v] - rounder;
    r[v] = (x[v] - n * E::ln2_high) - n * E::ln2_low;
    sum[v] = broadcast(E::coefficients[degree]);
  });
  unrolled<degree>([&](std::size_t k) {
    unrolled<kCount>(
        [&](std::size_t v) { sum[v] = sum[v] * r[v] + E::coefficients[degree - 1 - k]; });
  });
  unrolled<kCount>([&](std::size_t v) {
    Vector<T> result = scale_by_power<T>(sum[v], shifted[v]);
    result = x[v] < E::lowest ? Vector<T>{} : result;
    x[v] = x[v] <= E::highest ? result : x[v] + kInfinity<T>;  // NaN stays NaN
  });
}

// row[j] = exp(factor * row[j]) for kCount whole vectors.
template <std::size_t kCount, class T>
inline void exponentials_at(T* row, T factor) {
  Vector<T> x[kCount];
  unrolled<kCount>([&](std::size_t v) { x[v] = factor * load(row + v * kLanes<T>); });
  exponentials_of<T>(x);
  unrolled<kCount>([&](std::size_t v) { store(row + v * kLanes<T>, x[v]); });
}

template <class T>
void exponentials(T* row, std::size_t n, T factor) noexcept {
  std::size_t j = 0;
  for (; j + kExponentials * kLanes<T> <= n; j += kExponentials * kLanes<T>) {
    exponentials_at<kExponentials>(row + j, factor);
  }
  for (; j + kLanes<T> <= n; j += kLanes<T>) exponentials_at<1>(row + j, factor);
  if (j == n) return;
  T rest[kLanes<T>] = {};
  for (std::size_t lane = 0; lane < n - j; ++lane) rest[lane] = row[j + lane];
  exponentials_at<1>(rest, factor);
  for (std::size_t lane = 0; lane < n - j; ++lane) row[j + lane] = rest[lane];
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
