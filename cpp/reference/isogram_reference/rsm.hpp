// Slow and obvious: the matched sum of two sets of tokens, in long double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "isogram/rsm.hpp"
#include "isogram_reference/gram.hpp"
#include "isogram_reference/match.hpp"

namespace isogram_reference {

inline Matrix affinity_of(const Matrix& a, const Matrix& b) {
  return gram(a, b, {.kernel = isogram::Kernel::linear});
}

// The best assignment's sum, from affinities divided by the largest and rounded to double.
inline Real exact_total(const Matrix& affinity) {
  Real largest = 0;
  for (const Vec& row : affinity) {
    for (const Real x : row) largest = std::max(largest, std::abs(x));
  }
  if (largest == 0) return 0;
  Rows scaled(affinity.size(), std::vector<double>(affinity[0].size()));
  for (std::size_t i = 0; i < affinity.size(); ++i) {
    for (std::size_t j = 0; j < affinity[i].size(); ++j) {
      scaled[i][j] = static_cast<double>(affinity[i][j] / largest);
    }
  }
  const bool is_tiny = std::max(affinity.size(), affinity[0].size()) <= 6;
  return largest * (is_tiny ? best_total_by_trying_all(scaled, true) : best_total(scaled, true));
}

// Searches all free rows and columns for the largest affinity, again and again.
inline Real greedy_total(const Matrix& affinity) {
  const std::size_t rows = affinity.size();
  const std::size_t cols = rows == 0 ? 0 : affinity[0].size();
  std::vector<bool> row_taken(rows);
  std::vector<bool> column_taken(cols);
  Real sum = 0;
  for (std::size_t pair = 0; pair < std::min(rows, cols); ++pair) {
    std::size_t row = rows;
    std::size_t col = cols;
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < cols; ++j) {
        if (row_taken[i] || column_taken[j]) continue;
        if (row == rows || affinity[i][j] > affinity[row][col]) {
          row = i;
          col = j;
        }
      }
    }
    row_taken[row] = true;
    column_taken[col] = true;
    sum += affinity[row][col];
  }
  return sum;
}

// Tokens by descending norm, equal norms by index.
inline Matrix by_norm(Matrix tokens) {
  std::stable_sort(tokens.begin(), tokens.end(),
                   [](const Vec& a, const Vec& b) { return inner(a, a) > inner(b, b); });
  return tokens;
}

// Tokens [begin, end), cut off at the last token.
inline Matrix part(const Matrix& tokens, std::size_t begin, std::size_t end) {
  const auto at = [&](std::size_t i) {
    return tokens.begin() + static_cast<std::ptrdiff_t>(std::min(i, tokens.size()));
  };
  return Matrix(at(begin), at(end));
}

inline Real window_total(const Matrix& a, const Matrix& b, std::size_t window) {
  const Matrix sorted_a = by_norm(a);
  const Matrix sorted_b = by_norm(b);
  Real sum = 0;
  for (std::size_t begin = 0; begin < std::min(a.size(), b.size()); begin += window) {
    sum += exact_total(
        affinity_of(part(sorted_a, begin, begin + window), part(sorted_b, begin, begin + window)));
  }
  return sum;
}

inline Real topk_total(const Matrix& a, const Matrix& b, std::size_t k) {
  const Matrix sorted_a = by_norm(a);
  const Matrix sorted_b = by_norm(b);
  const Real of_top = exact_total(affinity_of(part(sorted_a, 0, k), part(sorted_b, 0, k)));
  return of_top +
         greedy_total(affinity_of(part(sorted_a, k, a.size()), part(sorted_b, k, b.size())));
}

inline Real identity_total(const Matrix& a, const Matrix& b) {
  Real sum = 0;
  for (std::size_t s = 0; s < std::min(a.size(), b.size()); ++s) sum += inner(a[s], b[s]);
  return sum;
}

inline Real matched_total(const Matrix& a, const Matrix& b, const isogram::RsmOptions& options) {
  switch (options.matching) {
    case isogram::Matching::exact:
    case isogram::Matching::bound:  // at least that
      return exact_total(affinity_of(a, b));
    case isogram::Matching::window:
      return window_total(a, b, options.window_or_k);
    case isogram::Matching::topk:
      return topk_total(a, b, options.window_or_k);
    case isogram::Matching::greedy:
      return greedy_total(affinity_of(a, b));
    case isogram::Matching::none:
      return identity_total(a, b);
  }
  return 0;
}

}  // namespace isogram_reference
