// Rows of unit norm less a common axis (tiles/unit_rows.hpp), in float64.
#pragma once

#include <cstddef>

#include "kernels.hpp"
#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

// A difference and its rounding error (Knuth's two-sum); V is a double or a vector of them.
template <class V>
struct Difference {
  V value;
  V lost{};
  void subtract(V x) {
    const V before = value;
    value = before - x;
    const V taken = before - value;
    lost += (before - (value + taken)) + (taken - x);
  }
};

// Calls change(j, V{}) for vectors V from j on, and for the doubles that are left.
template <class Change>
inline void for_doubles(std::size_t n, Change change) {
  for_row<double>(
      n, [&](std::size_t j) { change(j, Vector<double>{}); },
      [&](std::size_t j) { change(j, double{}); });
}

template <class V>
inline V load_as(const double* p) {
  V x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}

template <class V>
inline void store_as(double* p, V x) {
  __builtin_memcpy(p, &x, sizeof x);
}

template <bool kWithMean>
inline void subtract_shares(double* row, std::size_t n, const AxisShares& shares,
                            const double* axis) {
  for_doubles(n, [&](std::size_t j, auto zero) {
    using V = decltype(zero);
    const V direction = load_as<V>(axis + j);
    Difference<V> x{load_as<V>(row + j)};
    if constexpr (kWithMean) {
      x.subtract(zero + shares.first);
      x.subtract(zero + shares.mean);
    }
    x.subtract(shares.high * direction);
    x.subtract(shares.low * direction);
    store_as(row + j, x.value + x.lost);
  });
}

void subtract_axis(double* row, std::size_t n, const AxisShares& shares,
                   const double* axis) noexcept {
  if (shares.first == 0 && shares.mean == 0) {
    subtract_shares<false>(row, n, shares, axis);
  } else {
    subtract_shares<true>(row, n, shares, axis);
  }
}

template <class V>
inline V magnitude_of(V x) {
  return x < 0 ? -x : x;
}

void divide_residuals(double* row, std::size_t n, const AxisResiduals& residuals,
                      const double* axis) noexcept {
  constexpr double roundings = 16 * 0x1p-52;
  const auto [rest, norm, beta] = residuals;
  const double of_rest = magnitude_of(rest);
  for_doubles(n, [&, rest = rest, norm = norm, beta = beta](std::size_t j, auto zero) {
    using V = decltype(zero);
    const V x = load_as<V>(row + j);
    const V difference = (x - rest) / norm + beta * load_as<V>(axis + j);
    const V most = roundings * (magnitude_of(x) + of_rest);
    store_as(row + j, magnitude_of(difference) * norm <= most ? zero : difference);
  });
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
