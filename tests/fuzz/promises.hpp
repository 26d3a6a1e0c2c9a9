// The promises of docs/numerics.md: how far results may be from the exact results of the same
// inputs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "isogram/gram.hpp"
#include "isogram_reference/gram.hpp"
#include "support.hpp"

namespace isogram_test::promised {

using isogram::Kernel;
using isogram::KernelOptions;

// An entry between 0 and 1 (cosine, RBF and Laplacian kernels), for any rows.
template <class T>
inline constexpr Real kEntry = 128 * Real(eps<T>());

inline Vec absolute(Vec a) {
  for (Real& x : a) x = std::abs(x);
  return a;
}

// Sums over entries, relative to the root of the sum of their squares.
inline constexpr Real kSum = 64 * Real(eps<double>());

// The comparison of two RSMs.
inline constexpr Real kComparison = 256 * Real(eps<double>());

// An inner product of symmetric matrices of float32, relative to the product of their norms.
inline constexpr Real kPermutedProduct = 3e-7L;

// Bits of divergence, between 0 and 1.
template <class T>
inline constexpr Real kDivergence = 4 * Real(eps<T>());

// The relative error of a row less its own mean in float64.
inline Real lost_to_mean(const Vec& a) {
  const Real rest = isogram_reference::norm(isogram_reference::without_mean(a));
  return rest == 0 ? 0 : 4 * Real(eps<double>()) * isogram_reference::norm(a) / rest;
}

// An entry of a Gram matrix. Inner products: relative to the sum of the magnitudes of their terms.
template <class T>
Real gram_entry(const Vec& a, const Vec& b, const KernelOptions& options, Real want) {
  const std::size_t depth = a.size();
  const Real products = sum_error<T>(depth) * isogram_reference::inner(absolute(a), absolute(b));
  switch (options.kernel) {
    case Kernel::linear:
      return products + std::numeric_limits<T>::denorm_min();
    case Kernel::polynomial: {
      const Real gamma = options.gamma == 0 ? 1 / static_cast<Real>(depth) : Real(options.gamma);
      const Real base = std::abs(gamma * isogram_reference::inner(a, b) + options.coef0);
      const Real off =
          std::abs(gamma) * products + 4 * Real(eps<T>()) * (base + std::abs(Real(options.coef0)));
      return options.degree * off * std::pow(base + off, Real(options.degree - 1)) +
             options.degree * Real(eps<T>()) * std::abs(want);
    }
    case Kernel::correlation:
      return kEntry<T> + lost_to_mean(a) + lost_to_mean(b);
    default:
      return kEntry<T>;
  }
}

inline Matrix less_medians(Matrix x) {
  for (std::size_t k = 0; k < x[0].size(); ++k) {
    Vec column;
    for (const Vec& row : x) column.push_back(row[k]);
    const auto middle = column.begin() + static_cast<std::ptrdiff_t>(column.size() / 2);
    std::nth_element(column.begin(), middle, column.end());
    for (Vec& row : x) row[k] -= *middle;
  }
  return x;
}

// An upper bound on ‖computed K − K‖ in the Frobenius norm, for HSIC. Rounding errors of entries
// are independent, and the diagonal counts for the biased estimator alone. Inner products are those
// of features less a common shift, which does not change HSIC: here the medians of the columns,
// which no single row can move.
template <class T>
Real gram_norm(const Matrix& x, const KernelOptions& options, bool with_diagonal) {
  const bool is_linear = options.kernel == Kernel::linear;
  const Real unit = typical_sum_error<T>(std::max(x[0].size(), x.size()));
  const Matrix rows = is_linear ? less_medians(x) : x;
  Vec lengths;
  for (const Vec& row : rows) lengths.push_back(isogram_reference::norm(row));
  Real squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < x.size(); ++j) {
      if (i == j && !with_diagonal) continue;
      const Real want = isogram_reference::kernel_of(x[i], x[j], options);
      const Real error =
          is_linear ? unit * lengths[i] * lengths[j] : gram_entry<T>(x[i], x[j], options, want);
      squares += error * error;
    }
  }
  return std::sqrt(squares);
}

// Cosines further apart than this are ordered correctly when neighbours are chosen, in either type.
inline constexpr Real kRank = 2 * kEntry<double>;

// The error of GBS from the errors of one of the two graphs. The cosine of a row that is rounding
// alone may be anything.
inline Real gbs(const Matrix& graph, Real entry) {
  const Real n = static_cast<Real>(graph.size());
  Real total = 0;
  for (const Vec& row : graph) {
    const Real length = std::max(isogram_reference::norm(row), std::numeric_limits<Real>::min());
    total += std::min(Real(2), 2 * entry * std::sqrt(n) / length);
  }
  return total / n + n * Real(eps<double>());
}

// Modularity: weights are divided by their sum, which may be small or negative.
inline Real modularity(const Matrix& graph, Real entry) {
  Real total = 0;
  Real magnitude = 0;
  for (const Vec& row : graph) {
    for (const Real weight : row) {
      total += weight;
      magnitude += std::abs(weight);
    }
  }
  const Real growth = magnitude / std::abs(total);
  return 8 * entry * static_cast<Real>(graph.size()) * growth * growth;
}

// The value of a matching: relative to the norms of both sets of tokens.
template <class T>
Real matched_sum(const Matrix& a, const Matrix& b) {
  Real squares_a = 0;
  Real squares_b = 0;
  for (const Vec& token : a) squares_a += isogram_reference::inner(token, token);
  for (const Vec& token : b) squares_b += isogram_reference::inner(token, token);
  return 2 * sum_error<T>(a.size() * a[0].size()) * std::sqrt(squares_a) * std::sqrt(squares_b);
}

// The squared norms of an input, relative to themselves: summed in float64, rounded to T.
template <class T>
Real squares(const Matrix& a) {
  return sum_error<double>(a.size() * a[0].size()) + 4 * Real(eps<T>());
}

}  // namespace isogram_test::promised
