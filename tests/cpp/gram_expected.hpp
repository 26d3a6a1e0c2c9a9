// What Gram matrices should be, and how far off their entries may be: for the CPU's and the GPU's.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "isogram/gram.hpp"
#include "isogram_reference/gram.hpp"
#include "support.hpp"

namespace isogram_test {

using isogram::Kernel;
using isogram::KernelOptions;

inline std::string name_of(Kernel kernel) {
  constexpr const char* kNames[] = {"linear", "cosine",    "correlation",
                                    "rbf",    "laplacian", "polynomial"};
  return kNames[static_cast<int>(kernel)];
}

// ---- What an entry may be off by -------------------------------------------------------------

// What one row contributes to errors: its length, plain and less its own or the columns' mean.
struct Row {
  Vec values;
  Vec absolute;
  Vec shifted;  // less the columns' mean
};

inline std::vector<Row> rows_of(const Matrix& x, const Vec& column_means) {
  std::vector<Row> rows;
  for (const Vec& values : x) {
    Row row{values, values, values};
    for (std::size_t k = 0; k < values.size(); ++k) {
      row.absolute[k] = std::abs(values[k]);
      row.shifted[k] -= column_means[k];
    }
    rows.push_back(row);
  }
  return rows;
}

inline Vec column_means(const Matrix& x) {
  Vec means(x[0].size());
  for (const Vec& row : x) {
    for (std::size_t k = 0; k < row.size(); ++k) means[k] += row[k] / static_cast<Real>(x.size());
  }
  return means;
}

template <class T>
Real tolerance(const Row& a, const Row& b, const KernelOptions& options, Real want) {
  const std::size_t depth = a.values.size();
  const Real sum = sum_error<T>(depth);
  const Real products = isogram_reference::inner(a.absolute, b.absolute);
  const Real bandwidth = options.bandwidth;
  switch (options.kernel) {
    case Kernel::linear:
      return sum * products + std::numeric_limits<T>::denorm_min();
    case Kernel::cosine:
    case Kernel::correlation:
      return sum;
    case Kernel::rbf: {
      // By expansion where the distance is at least 1/256 of the lengths, else by differences.
      const Real lengths = isogram_reference::inner(a.shifted, a.shifted) +
                           isogram_reference::inner(b.shifted, b.shifted);
      const Real distance = isogram_reference::squared_distance(a.values, b.values);
      const bool is_repaired = distance < lengths / 300;
      const Real of_distance = is_repaired ? 2 * eps<T>() * distance : 2 * sum * lengths;
      const Real of_exponent =
          (of_distance + 4 * eps<T>() * distance) / (2 * bandwidth * bandwidth);
      return want * std::expm1(of_exponent) + 4 * eps<T>() * want + std::numeric_limits<T>::min();
    }
    case Kernel::laplacian: {
      const Real lengths = isogram_reference::l1_distance(a.shifted, Vec(depth, 0)) +
                           isogram_reference::l1_distance(b.shifted, Vec(depth, 0));
      const Real of_exponent = 2 * sum * lengths / bandwidth;
      return want * std::expm1(of_exponent) + 4 * eps<T>() * want + std::numeric_limits<T>::min();
    }
    case Kernel::polynomial: {
      const Real gamma = options.gamma == 0 ? 1 / static_cast<Real>(depth) : Real(options.gamma);
      const Real magnitude = std::abs(gamma) * products + std::abs(Real(options.coef0));
      const Real base =
          std::abs(gamma * isogram_reference::inner(a.values, b.values) + options.coef0);
      const Real off = (sum + 2 * eps<T>()) * magnitude;
      return options.degree * off * std::pow(base + off, options.degree - 1) +
             options.degree * eps<T>() * std::abs(want);
    }
  }
  return 0;
}

template <class T>
struct Expected {
  Expected(const Matrix& x, const Matrix& y, const KernelOptions& options)
      : values(isogram_reference::gram(x, y, options)), tolerances(values) {
    const Vec means = column_means(x);
    const std::vector<Row> a = rows_of(x, means);
    const std::vector<Row> b = rows_of(y, means);
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (std::size_t j = 0; j < y.size(); ++j) {
        tolerances[i][j] = tolerance<T>(a[i], b[j], options, values[i][j]);
      }
    }
  }
  void expect(const Output<T>& out) const {
    for (std::size_t i = 0; i < values.size(); ++i) {
      for (std::size_t j = 0; j < values[i].size(); ++j) {
        const Real want = std::abs(values[i][j]) > std::numeric_limits<T>::max()
                              ? std::copysign(Real(INFINITY), values[i][j])
                              : values[i][j];
        expect_close(out(i, j), want, tolerances[i][j], at(i, j));
        if (testing::Test::HasFailure()) return;  // one entry says enough
      }
    }
  }
  Matrix values;
  Matrix tolerances;
};

inline bool has_unit_diagonal(Kernel kernel) {
  return kernel != Kernel::linear && kernel != Kernel::polynomial;
}

}  // namespace isogram_test
