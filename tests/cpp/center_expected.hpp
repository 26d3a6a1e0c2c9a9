// Expected centred Gram matrices and tolerances, for the host and for GPUs.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>

#include "isogram/center.hpp"
#include "isogram_reference/center.hpp"
#include "support.hpp"

namespace isogram_test {

using isogram::Estimator;

inline constexpr Estimator kEstimators[] = {Estimator::biased, Estimator::debiased};
inline const char* name_of(Estimator estimator) {
  return estimator == Estimator::biased ? "biased" : "debiased";
}

inline Matrix symmetric(Matrix k) {
  for (std::size_t i = 0; i < k.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) k[i][j] = k[j][i];
  }
  return k;
}

// Sums of n entries in float64, relative to the mean magnitudes of row, column and matrix, and one
// rounding to T. For n = 3 the debiased means divide by n − 2 = n / 3.
template <class T>
Matrix tolerances(const Matrix& k, const Matrix& want) {
  const std::size_t n = k.size();
  Vec of_row(n);
  Vec of_column(n);
  Real of_all = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const Real share = 3 * std::abs(k[i][j]) / static_cast<Real>(n);
      of_row[i] += share;
      of_column[j] += share;
      of_all += share / static_cast<Real>(n);
    }
  }
  const Real rounding = static_cast<Real>(n + 4) * eps<double>();
  Matrix result = want;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      result[i][j] = eps<T>() * std::abs(want[i][j]) +
                     rounding * (std::abs(k[i][j]) + of_row[i] + of_column[j] + of_all);
    }
  }
  return result;
}

template <class T>
void expect_centered(const Matrix& before, Estimator estimator, const Output<T>& out) {
  const bool is_biased = estimator == Estimator::biased;
  const Matrix want = is_biased ? isogram_reference::double_centered(before)
                                : isogram_reference::u_centered(before);
  const Matrix allowed =
      tolerances<T>(is_biased ? before : isogram_reference::hollow(before), want);
  for (std::size_t i = 0; i < want.size(); ++i) {
    for (std::size_t j = 0; j < want.size(); ++j) {
      expect_close(out(i, j), want[i][j], allowed[i][j], at(i, j));
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_TRUE(is_biased || out(i, i) == T(0)) << i;
  }
}

}  // namespace isogram_test
