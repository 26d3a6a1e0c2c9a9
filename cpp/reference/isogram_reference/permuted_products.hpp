// Slow and obvious: inner products of matrices, one of them permuted, in long double.
#pragma once

#include <cstddef>
#include <vector>

#include "isogram_reference/gram.hpp"

namespace isogram_reference {

// Σ_rs K[r, s] · L[π(r), π(s)].
inline Real permuted_product(const Matrix& k, const Matrix& l,
                             const std::vector<std::size_t>& permutation) {
  Real sum = 0;
  for (std::size_t r = 0; r < k.size(); ++r) {
    for (std::size_t s = 0; s < k.size(); ++s) {
      sum += k[r][s] * l[permutation[r]][permutation[s]];
    }
  }
  return sum;
}

}  // namespace isogram_reference
