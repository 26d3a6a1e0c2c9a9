// Slow and obvious: Gram matrices straight from their definitions, in long double.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "isogram/gram.hpp"

namespace isogram_reference {

using Real = long double;
using Vec = std::vector<Real>;
using Matrix = std::vector<Vec>;

inline Real inner(const Vec& a, const Vec& b) {
  Real sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

inline Real norm(const Vec& a) {
  return std::sqrt(inner(a, a));
}

inline Real norm(const Matrix& a) {
  Real sum = 0;
  for (const Vec& row : a) sum += inner(row, row);
  return std::sqrt(sum);
}

inline Real squared_distance(const Vec& a, const Vec& b) {
  Real sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

inline Real l1_distance(const Vec& a, const Vec& b) {
  Real sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += std::abs(a[k] - b[k]);
  return sum;
}

// 0 where a norm is 0. without_mean() makes constant rows exactly 0 for it.
inline Real cosine_of(const Vec& a, const Vec& b) {
  const Real norms = norm(a) * norm(b);
  return norms == 0 ? 0 : inner(a, b) / norms;
}

inline bool is_constant(const Vec& a) {
  for (const Real x : a) {
    if (x != a[0]) return false;
  }
  return true;
}

inline Vec without_mean(const Vec& a) {
  if (is_constant(a)) return Vec(a.size(), 0);
  Real mean = 0;
  for (const Real x : a) mean += x / static_cast<Real>(a.size());
  Vec result = a;
  for (Real& x : result) x -= mean;
  return result;
}

inline Real power(Real base, int degree) {
  Real result = 1;
  for (int factor = 0; factor < degree; ++factor) result *= base;
  return result;
}

inline Real kernel_of(const Vec& a, const Vec& b, const isogram::KernelOptions& options) {
  const Real bandwidth = options.bandwidth;
  const Real gamma = options.gamma == 0 ? 1 / static_cast<Real>(a.size()) : Real(options.gamma);
  switch (options.kernel) {
    case isogram::Kernel::linear:
      return inner(a, b);
    case isogram::Kernel::cosine:
      return cosine_of(a, b);
    case isogram::Kernel::correlation:
      return cosine_of(without_mean(a), without_mean(b));
    case isogram::Kernel::rbf:
      return std::exp(-squared_distance(a, b) / (2 * bandwidth * bandwidth));
    case isogram::Kernel::laplacian:
      return std::exp(-l1_distance(a, b) / bandwidth);
    case isogram::Kernel::laplacian_l2:
      return std::exp(-std::sqrt(squared_distance(a, b)) / bandwidth);
    case isogram::Kernel::polynomial:
      return power(gamma * inner(a, b) + options.coef0, options.degree);
  }
  return NAN;
}

inline Matrix gram(const Matrix& x, const Matrix& y, const isogram::KernelOptions& options) {
  Matrix k(x.size(), Vec(y.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < y.size(); ++j) k[i][j] = kernel_of(x[i], y[j], options);
  }
  return k;
}

}  // namespace isogram_reference
