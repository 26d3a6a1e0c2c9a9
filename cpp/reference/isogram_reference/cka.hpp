// Slow and obvious: HSIC and CKA of two whole Gram matrices, in long double.
#pragma once

#include <cstddef>

#include "isogram/center.hpp"
#include "isogram_reference/center.hpp"
#include "isogram_reference/gram.hpp"

namespace isogram_reference {

// tr(K H L H) / (n−1)².
inline Real biased_hsic(const Matrix& k, const Matrix& l) {
  const Real n = static_cast<Real>(k.size());
  const Matrix centered_k = double_centered(k);
  const Matrix centered_l = double_centered(l);
  Real trace = 0;
  for (std::size_t i = 0; i < k.size(); ++i) trace += inner(centered_k[i], centered_l[i]);
  return trace / ((n - 1) * (n - 1));
}

// ⟨K̃, L̃⟩ / (n(n−3)) of the U-centred matrices: equal to the sum of Song et al. (2012), but
// computed in another way, without cancellation.
inline Real debiased_hsic(const Matrix& k, const Matrix& l) {
  const Real n = static_cast<Real>(k.size());
  const Matrix centered_k = u_centered(k);
  const Matrix centered_l = u_centered(l);
  Real sum = 0;
  for (std::size_t i = 0; i < k.size(); ++i) sum += inner(centered_k[i], centered_l[i]);
  return sum / (n * (n - 3));
}

inline Real hsic(const Matrix& k, const Matrix& l, isogram::Estimator estimator) {
  return estimator == isogram::Estimator::biased ? biased_hsic(k, l) : debiased_hsic(k, l);
}

}  // namespace isogram_reference
