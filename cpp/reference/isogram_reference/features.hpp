// Slow and obvious: standardised features, in long double.
#pragma once

#include <cmath>
#include <cstddef>

#include "isogram_reference/gram.hpp"

namespace isogram_reference {

// The features of x as rows, centred and of norm 1; constant ones are 0.
inline Matrix standardized_features(const Matrix& x) {
  const std::size_t n = x.size();
  Matrix result(x[0].size(), Vec(n));
  for (std::size_t j = 0; j < result.size(); ++j) {
    Real mean = 0;
    for (std::size_t i = 0; i < n; ++i) mean += x[i][j] / static_cast<Real>(n);
    bool is_constant = true;
    Real squares = 0;
    for (std::size_t i = 0; i < n; ++i) {
      is_constant = is_constant && x[i][j] == x[0][j];
      squares += (x[i][j] - mean) * (x[i][j] - mean);
    }
    for (std::size_t i = 0; i < n && !is_constant; ++i) {
      result[j][i] = (x[i][j] - mean) / std::sqrt(squares);
    }
  }
  return result;
}

}  // namespace isogram_reference
