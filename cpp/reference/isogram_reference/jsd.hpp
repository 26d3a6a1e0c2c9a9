// Slow and obvious: Jensen–Shannon divergences, in long double.
#pragma once

#include <cmath>
#include <cstddef>

#include "isogram_reference/gram.hpp"

namespace isogram_reference {

inline Real relative_entropy(const Vec& p, const Vec& q) {
  Real bits = 0;
  for (std::size_t k = 0; k < p.size(); ++k) {
    if (p[k] > 0) bits += p[k] * std::log2(p[k] / q[k]);
  }
  return bits;
}

// Both rows divided by their sums first.
inline Real jensen_shannon(Vec p, Vec q) {
  const auto normalise = [](Vec& row) {
    Real sum = 0;
    for (const Real x : row) sum += x;
    for (Real& x : row) x /= sum;
  };
  normalise(p);
  normalise(q);
  Vec middle;
  for (std::size_t k = 0; k < p.size(); ++k) middle.push_back((p[k] + q[k]) / 2);
  return (relative_entropy(p, middle) + relative_entropy(q, middle)) / 2;
}

}  // namespace isogram_reference
