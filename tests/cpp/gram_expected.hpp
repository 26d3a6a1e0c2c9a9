// Expected Gram matrices and tolerances of their entries, for the host and for GPUs.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
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
  constexpr const char* kNames[] = {"linear",    "cosine",       "correlation", "rbf",
                                    "laplacian", "laplacian_l2", "polynomial"};
  return kNames[static_cast<int>(kernel)];
}

// ---- What an entry may be off by -------------------------------------------------------------

// A row, as given and less means: errors are relative to their lengths.
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
    case Kernel::laplacian_l2: {
      const Real lengths = isogram_reference::inner(a.shifted, a.shifted) +
                           isogram_reference::inner(b.shifted, b.shifted);
      const Real squares = isogram_reference::squared_distance(a.values, b.values);
      const Real distance = std::sqrt(squares);
      const bool is_repaired = squares < lengths / 300;
      const Real of_distance =
          is_repaired || lengths == 0 ? eps<T>() * distance : sum * lengths / distance;
      const Real of_exponent = (of_distance + 4 * eps<T>() * distance) / bandwidth;
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
        if (testing::Test::HasFailure()) return;  // one wrong entry is enough
      }
    }
  }
  Matrix values;
  Matrix tolerances;
};

inline bool has_unit_diagonal(Kernel kernel) {
  return kernel != Kernel::linear && kernel != Kernel::polynomial;
}

// ---- Inputs on which Gram matrices go wrong --------------------------------------------------

inline const KernelOptions kKernels[] = {
    {.kernel = Kernel::linear},
    {.kernel = Kernel::cosine},
    {.kernel = Kernel::correlation},
    {.kernel = Kernel::rbf, .bandwidth = 2.5},
    {.kernel = Kernel::laplacian, .bandwidth = 7},
    {.kernel = Kernel::laplacian_l2, .bandwidth = 2.5},
    {.kernel = Kernel::polynomial, .gamma = 0.25, .degree = 3, .coef0 = 0.5},
};

// Powers of ten: the largest whose square is well within T's range, and larger ones.
template <class T>
std::vector<double> scales() {
  if (sizeof(T) == 4) return {1e-30, 1e-18, 1e-13, 1e-11, 1e11, 1e13, 1e18, 1e30};
  return {1e-200, 1e-150, 1e-100, 1e100, 1e150, 1e200};
}

// Each function below calls check(x, y, options), where x has `rows` rows.

template <class T, class Check>
void on_every_scale(std::size_t rows, Check check) {
  for (const double scale : scales<T>()) {
    SCOPED_TRACE("scale " + std::to_string(std::log10(scale)));
    for (KernelOptions options : kKernels) {
      if (options.kernel == Kernel::polynomial) continue;  // overflows, by its definition
      options.bandwidth *= scale;
      check(normal_matrix(rows, 6, 11, scale), normal_matrix(7, 6, 12, scale), options);
    }
  }
}

template <class Check>
void on_every_offset(std::size_t rows, Check check) {
  for (const double offset : {1e3, 1e4, 1e6}) {
    SCOPED_TRACE("offset " + std::to_string(offset));
    for (KernelOptions options : kKernels) {
      if (options.kernel == Kernel::polynomial) {
        options = {.kernel = Kernel::polynomial, .degree = 1};
      }
      check(normal_matrix(rows, 20, 13, 1, offset), normal_matrix(7, 20, 14, 1, offset), options);
    }
  }
}

// Rows from far below to far above the numbers that T can square.
template <class T, class Check>
void on_huge_beside_tiny_rows(std::size_t rows, Check check) {
  const int reach = sizeof(T) == 4 ? 120 : 1000;
  Matrix x = normal_matrix(rows, 6, 15);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const int exponent = static_cast<int>(i % 5) * reach / 2 - reach;  // −reach … reach
    for (Real& value : x[i]) value = std::ldexp(value, exponent);
  }
  for (const Kernel kernel : {Kernel::linear, Kernel::cosine, Kernel::correlation}) {
    check(x, x, KernelOptions{.kernel = kernel});
  }
  // Only distances of huge rows count; tiny rows coincide.
  for (const Kernel kernel : {Kernel::rbf, Kernel::laplacian, Kernel::laplacian_l2}) {
    check(x, x, KernelOptions{.kernel = kernel, .bandwidth = std::ldexp(1.0, reach)});
  }
}

template <class T, class Check>
void on_zero_and_constant_rows(std::size_t rows, Check check) {
  Matrix x = normal_matrix(rows, 9, 16);
  for (std::size_t i = 0; i < x.size(); i += 3) {
    std::fill(x[i].begin(), x[i].end(), i % 2 == 0 ? Real(0) : Real(T(0.1)) * i);
  }
  const Matrix zeros(5, Vec(9, 0));
  for (const KernelOptions& options : kKernels) {
    check(x, x, options);
    check(x, zeros, options);
    check(zeros, x, options);
  }
}

// Pairs of rows at a ten-thousandth of their length, and a bandwidth of that size.
template <class Check>
void on_near_duplicates(std::size_t rows, Check check) {
  for (const double offset : {0.0, 100.0}) {
    Matrix x = normal_matrix(rows, 40, 17, 1, offset);
    for (std::size_t i = 1; i < x.size(); i += 2) {
      for (std::size_t k = 0; k < x[i].size(); ++k) {
        x[i][k] = x[i - 1][k] + 1e-4 * std::sin(static_cast<double>(i * 40 + k));
      }
    }
    check(x, x, KernelOptions{.kernel = Kernel::rbf, .bandwidth = 5e-4});
  }
}

template <class T, class Check>
void on_near_duplicates_of_every_scale(std::size_t rows, Check check) {
  for (const double scale : scales<T>()) {
    SCOPED_TRACE("scale " + std::to_string(std::log10(scale)));
    Matrix x = normal_matrix(rows, 10, 18, scale);
    x[7] = x[3];
    for (Real& value : x[7]) value *= 1.001;
    x[11] = x[2];
    check(x, x, KernelOptions{.kernel = Kernel::rbf, .bandwidth = 2e-3 * scale});
  }
}

template <class Check>
void on_every_polynomial(std::size_t rows, Check check) {
  for (const int degree : {1, 2, 3, 4, 9}) {
    for (const double gamma : {0.0, -0.3, 2.0}) {
      check(normal_matrix(rows, 5, 21), normal_matrix(4, 5, 22),
            KernelOptions{
                .kernel = Kernel::polynomial, .gamma = gamma, .degree = degree, .coef0 = -1});
    }
  }
}

}  // namespace isogram_test
