// Slow and obvious: comparisons of RSMs, in long double.
#pragma once

#include <cmath>
#include <cstddef>

#include "isogram_reference/cka.hpp"
#include "isogram_reference/gram.hpp"

namespace isogram_reference {

// The entries above the diagonal.
inline Vec triangle(const Matrix& k) {
  Vec entries;
  for (std::size_t i = 0; i < k.size(); ++i) {
    for (std::size_t j = i + 1; j < k.size(); ++j) entries.push_back(k[i][j]);
  }
  return entries;
}

inline Vec less_mean(Vec a) {
  Real mean = 0;
  for (const Real x : a) mean += x / static_cast<Real>(a.size());
  for (Real& x : a) x -= mean;
  return a;
}

inline Real pearson(const Vec& a, const Vec& b) {
  return cosine_of(less_mean(a), less_mean(b));
}

// 1 + the number of smaller values + half of the number of other equal values.
inline Vec average_ranks(const Vec& a) {
  Vec ranks;
  for (const Real x : a) {
    Real rank = 0.5L;
    for (const Real y : a) rank += y < x ? 1.0L : y == x ? 0.5L : 0.0L;
    ranks.push_back(rank);
  }
  return ranks;
}

inline Real spearman(const Vec& a, const Vec& b) {
  return pearson(average_ranks(a), average_ranks(b));
}

// tau-b: (concordant − discordant) / sqrt(pairs not tied in a · pairs not tied in b).
inline Real kendall(const Vec& a, const Vec& b) {
  Real difference = 0;
  Real untied_a = 0;
  Real untied_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const int sign_a = (a[i] > a[j]) - (a[i] < a[j]);
      const int sign_b = (b[i] > b[j]) - (b[i] < b[j]);
      difference += sign_a * sign_b;
      untied_a += sign_a != 0;
      untied_b += sign_b != 0;
    }
  }
  return difference / std::sqrt(untied_a * untied_b);
}

// tau-a: (concordant − discordant) / all pairs.
inline Real kendall_a(const Vec& a, const Vec& b) {
  Real total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      total += ((a[i] > a[j]) - (a[i] < a[j])) * ((b[i] > b[j]) - (b[i] < b[j]));
    }
  }
  return total / (static_cast<Real>(a.size()) * static_cast<Real>(a.size() - 1) / 2);
}

// Schütt et al. 2023, with average ranks.
inline Real rho_a(const Vec& a, const Vec& b) {
  const Vec x = average_ranks(a);
  const Vec y = average_ranks(b);
  const auto m = static_cast<Real>(a.size());
  Real product = 0;
  for (std::size_t i = 0; i < x.size(); ++i) product += x[i] * y[i];
  return 12 * product / (m * m * m - m) - 3 * (m + 1) / (m - 1);
}

inline Real cka(const Matrix& k, const Matrix& l) {
  return debiased_hsic(k, l) / std::sqrt(debiased_hsic(k, k) * debiased_hsic(l, l));
}

// Mean cosine of rows without their diagonal entries; a zero row gives 0.
inline Real mean_row_cosine(Matrix k, Matrix l) {
  k = hollow(k);
  l = hollow(l);
  Real total = 0;
  for (std::size_t i = 0; i < k.size(); ++i) total += cosine_of(k[i], l[i]);
  return total / static_cast<Real>(k.size());
}

}  // namespace isogram_reference
