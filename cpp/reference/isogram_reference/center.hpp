// Slow and obvious: centred Gram matrices, in long double.
#pragma once

#include <cstddef>

#include "isogram_reference/gram.hpp"

namespace isogram_reference {

// H K H with H = I − 11ᵀ/n.
inline Matrix double_centered(const Matrix& k) {
  const std::size_t n = k.size();
  const Real count = static_cast<Real>(n);
  Matrix result = k;
  for (std::size_t i = 0; i < n; ++i) {  // H K: less the mean of every column
    Real mean = 0;
    for (std::size_t j = 0; j < n; ++j) mean += k[j][i] / count;
    for (std::size_t j = 0; j < n; ++j) result[j][i] -= mean;
  }
  for (Vec& row : result) {  // (H K) H: less the mean of every row
    Real mean = 0;
    for (const Real x : row) mean += x / count;
    for (Real& x : row) x -= mean;
  }
  return result;
}

inline Matrix hollow(Matrix k) {
  for (std::size_t i = 0; i < k.size(); ++i) k[i][i] = 0;
  return k;
}

inline Real row_sum(const Matrix& k, std::size_t i) {
  Real sum = 0;
  for (const Real x : k[i]) sum += x;
  return sum;
}

inline Real column_sum(const Matrix& k, std::size_t j) {
  Real sum = 0;
  for (const Vec& row : k) sum += row[j];
  return sum;
}

inline Real total(const Matrix& k) {
  Real sum = 0;
  for (std::size_t i = 0; i < k.size(); ++i) sum += row_sum(k, i);
  return sum;
}

inline Matrix u_centered(const Matrix& with_diagonal) {
  const Matrix k = hollow(with_diagonal);
  const Real n = static_cast<Real>(k.size());
  const Real mean = total(k) / ((n - 1) * (n - 2));
  Vec columns;
  for (std::size_t j = 0; j < k.size(); ++j) columns.push_back(column_sum(k, j) / (n - 2));
  Matrix result = k;
  for (std::size_t i = 0; i < k.size(); ++i) {
    const Real row = row_sum(k, i) / (n - 2);
    for (std::size_t j = 0; j < k.size(); ++j) result[i][j] += mean - row - columns[j];
  }
  return hollow(result);
}

}  // namespace isogram_reference
