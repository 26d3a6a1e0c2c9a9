#include "isogram/cuda/jsd.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "isogram_reference/jsd.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
namespace cuda = isogram::cuda;
namespace reference = isogram_reference;

// ---- Distributions ---------------------------------------------------------------------------

Matrix divided_by_sums(Matrix x) {
  for (Vec& row : x) {
    const Real sum = reference::inner(row, Vec(row.size(), 1));
    for (Real& value : row) value /= sum;
  }
  return x;
}

Matrix distributions(std::size_t rows, std::size_t cols, unsigned seed) {
  Matrix x = normal_matrix(rows, cols, seed, 2);
  for (Vec& row : x) {
    for (Real& value : row) value = std::exp(value);
  }
  return divided_by_sums(x);
}

DeviceMatrix<double> normalised(const Input& x) {
  const cuda::Input input = device_input(x);
  DeviceMatrix<double> rows(input.rows, input.cols, 3);
  cuda::normalise_rows(nullptr, input, rows.view());
  rows.expect_surroundings_untouched();
  return rows;
}

void expect_normalised(const Input& x) {
  const Matrix values = x.values();
  const DeviceMatrix<double> got = normalised(x);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Real sum = reference::inner(values[i], Vec(values[i].size(), 1));
    for (std::size_t j = 0; j < values[i].size(); ++j) {
      const Real want = values[i][j] / sum;
      expect_close(got(i, j), want, 8 * eps<double>() * want, at(i, j));
    }
  }
}

TEST(NormalisedRows, EveryTypeAndOrder) {
  for (const ElementType type : kTypes) {
    for (const Order order : {Order::c, Order::fortran, Order::padded, Order::negative}) {
      SCOPED_TRACE(std::string(name_of(type)) + ", " + name_of(order));
      expect_normalised(Input(type, order, distributions(5, 37, 4)));
    }
  }
}

TEST(NormalisedRows, EverySize) {
  for (const std::size_t cols : {1, 2, 31, 33, 255, 256, 257, 1000}) {
    SCOPED_TRACE(cols);
    expect_normalised(Input(ElementType::float32, Order::c, distributions(3, cols, 5)));
  }
}

TEST(NormalisedRows, WhatIsNoDistributionBecomesNaN) {
  const Real e = 1e-7L;
  const Matrix rows{{0.5, 0.5, e, e},    {0.5, 0.502, e, e}, {0.5, 0.498, e, e},
                    {0.6, 0.5, -0.1, e}, {NAN, 1, e, e},     {INFINITY, 1, e, e},
                    {e, e, e, e},        {e, 1, e, e},       {0.5, 0.5005, e, e},
                    {0.5, 0.508, e, e},  {0.5, 0.52, e, e}};
  const auto is_nan = [&](ElementType type) {
    const DeviceMatrix<double> got = normalised(Input(type, Order::c, rows));
    std::vector<bool> result;
    for (std::int64_t i = 0; i < 11; ++i) {
      result.push_back(std::isnan(got(i, 1)));
      EXPECT_EQ(std::isnan(got(i, 3)), result.back()) << i;
    }
    return result;
  };
  using Flags = std::vector<bool>;
  const Flags strict{false, true, true, true, true, true, true, false, false, true, true};
  const Flags lenient{false, false, false, true, true, true, true, false, false, false, true};
  EXPECT_EQ(is_nan(ElementType::float64), strict);
  EXPECT_EQ(is_nan(ElementType::float32), strict);
  EXPECT_EQ(is_nan(ElementType::float16), lenient);
  EXPECT_EQ(is_nan(ElementType::bfloat16), lenient);
}

// ---- Jensen–Shannon divergences --------------------------------------------------------------

// The relative error of a sum of positive terms, each within a few eps of T: the errors of 1 − H,
// which is at least 0.18, and of its logarithms.
template <class T>
constexpr double kDivergenceError = 12 * eps<T>();

template <class T>
DeviceMatrix<T> divergences(const Matrix& p, const Matrix& q) {
  DeviceMatrix<double> of_p(p, 2);
  DeviceMatrix<double> of_q(q, 5);
  DeviceMatrix<T> tile(static_cast<std::int64_t>(p.size()), static_cast<std::int64_t>(q.size()), 4);
  cuda::jsd<T>(nullptr, of_p.view(), of_q.view(), tile.view());
  tile.expect_surroundings_untouched();
  return tile;
}

Matrix normalised(const Matrix& x) {
  return normalised(Input(ElementType::float64, Order::c, x)).values();
}

template <class T>
void expect_divergences(const Matrix& p, const Matrix& q) {
  const DeviceMatrix<T> got = divergences<T>(p, q);
  for (std::size_t i = 0; i < p.size(); ++i) {
    for (std::size_t j = 0; j < q.size(); ++j) {
      const Real want = reference::jensen_shannon(p[i], q[j]);
      // 1e-17 for the absolute error of the reference.
      expect_close(got(i, j), want, kDivergenceError<T> * want + 1e-17, at(i, j));
      ASSERT_GE(got(i, j), 0);
      ASSERT_LE(got(i, j), 1);
    }
  }
}

// Sizes around 64 × 64 pairs and slices of 16 entries.
TEST(JensenShannon, EverySize) {
  for (const std::size_t cols : {1, 2, 15, 16, 17, 33}) {
    for (const std::size_t rows : {1, 4, 5, 63, 64, 65}) {
      SCOPED_TRACE(at(rows, cols));
      const Matrix p = normalised(distributions(rows, cols, 6));
      const Matrix q = normalised(distributions(5, cols, 7));
      expect_divergences<float>(p, q);
      expect_divergences<double>(q, p);
    }
  }
  expect_divergences<float>(normalised(distributions(65, 9, 8)),
                            normalised(distributions(34, 9, 9)));
}

TEST(JensenShannon, OfNearDistributionsKeepsRelativeAccuracy) {
  for (const Real distance : {1e-1L, 1e-2L, 1e-3L, 1e-5L, 1e-6L}) {
    const Matrix p = distributions(3, 50, 10);
    Matrix q = p;
    for (Vec& row : q) {
      for (std::size_t j = 0; j < row.size(); ++j) row[j] *= 1 + (j % 2 ? distance : -distance);
    }
    const Matrix of_p = normalised(p);
    const Matrix of_q = normalised(divided_by_sums(q));
    const DeviceMatrix<float> got = divergences<float>(of_p, of_q);
    for (std::size_t i = 0; i < 3; ++i) {
      const Real want = reference::jensen_shannon(of_p[i], of_q[i]);
      expect_close(got(i, i), want, kDivergenceError<float> * want, std::to_string(distance));
    }
  }
}

TEST(JensenShannon, OfZerosAndDisjointSupports) {
  Matrix p(4, Vec(40));
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 10; ++j) p[i][10 * i + j] = 0.1L;
  }
  const DeviceMatrix<float> got = divergences<float>(p, p);
  for (std::int64_t i = 0; i < 4; ++i) {
    for (std::int64_t j = 0; j < 4; ++j) {
      if (i == j) {
        EXPECT_EQ(got(i, j), 0);
      } else {
        EXPECT_FLOAT_EQ(got(i, j), 1);
      }
    }
  }
  expect_divergences<double>(p, p);
  // Tiny entries, which are 0 in float32.
  const Matrix tiny{{1, 0, 0, 0}, {1, 1e-60L, 0, 0}, {1, 1e-300L, 1e-44L, 0}, {0, 1, 0, 0}};
  expect_divergences<float>(tiny, tiny);
  expect_divergences<double>(tiny, tiny);
}

TEST(JensenShannon, IsSymmetricAndVanishesOnlyForEqualRows) {
  const Matrix p = normalised(distributions(35, 21, 11));
  const Matrix q = normalised(distributions(33, 21, 12));
  const DeviceMatrix<float> pq = divergences<float>(p, q);
  const DeviceMatrix<float> qp = divergences<float>(q, p);
  const DeviceMatrix<double> pp = divergences<double>(p, p);
  for (std::int64_t i = 0; i < 35; ++i) {
    for (std::int64_t j = 0; j < 33; ++j) ASSERT_EQ(pq(i, j), qp(j, i)) << at(i, j);
    for (std::int64_t j = 0; j < 35; ++j) {
      ASSERT_EQ(pp(i, j), pp(j, i)) << at(i, j);
      ASSERT_EQ(pp(i, j) == 0, i == j) << at(i, j);
    }
  }
}

TEST(JensenShannon, NaNShowsInItsRow) {
  Matrix p = normalised(distributions(4, 21, 13));
  p[2] = Vec(21, NAN);
  const DeviceMatrix<float> got = divergences<float>(p, p);
  for (std::int64_t i = 0; i < 4; ++i) {
    for (std::int64_t j = 0; j < 4; ++j) {
      EXPECT_EQ(std::isnan(got(i, j)), i == 2 || j == 2) << at(i, j);
    }
  }
}

}  // namespace
