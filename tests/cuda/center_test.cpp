#include "isogram/cuda/center.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cpp/center_expected.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
namespace cuda = isogram::cuda;

template <class T>
class Center : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Center, Types);

template <class T>
void center(const cuda::Input& k, Estimator estimator, const cuda::Matrix<T>& out) {
  std::vector<double> scratch = poisoned<double>(cuda::center_scratch(k.rows));
  cuda::center(nullptr, k, estimator == Estimator::debiased, out, scratch.data());
}

template <class T>
cuda::Input input_of(const cuda::Matrix<T>& m) {
  constexpr ElementType type = sizeof(T) == 4 ? ElementType::float32 : ElementType::float64;
  return {m.data, type, m.rows, m.cols, m.stride, 1};
}

template <class T>
void expect_center(const Input& k, std::int64_t gap = 0, std::int64_t offset = 0) {
  const Matrix before = k.values();
  const auto n = static_cast<std::int64_t>(before.size());
  for (const Estimator estimator : kEstimators) {
    if (estimator == Estimator::debiased && n < 3) continue;
    SCOPED_TRACE(std::string(name_of(estimator)) + ", n " + std::to_string(n));
    DeviceMatrix<T> out(n, n, gap, offset);
    center(device_input(k), estimator, out.view());
    expect_centered(before, estimator, as_output(out));
    out.expect_surroundings_untouched();
  }
}

template <class T>
Input of_type(const Matrix& values, Order order = Order::c) {
  return Input(sizeof(T) == 4 ? ElementType::float32 : ElementType::float64, order, values);
}

TYPED_TEST(Center, EverySize) {
  for (const std::size_t n : {1, 2, 3, 4, 31, 32, 33, 63, 64, 65, 127, 129, 200}) {
    expect_center<TypeParam>(of_type<TypeParam>(normal_matrix(n, n, 1)));
  }
}

TYPED_TEST(Center, EveryTypeAndOrder) {
  for (const ElementType type : kTypes) {
    if (type == ElementType::float64 && sizeof(TypeParam) == 4) continue;
    for (const Order order : kOrders) {
      SCOPED_TRACE(std::string(name_of(type)) + ", " + name_of(order));
      expect_center<TypeParam>(Input(type, order, normal_matrix(70, 70, 2)));
    }
  }
}

TYPED_TEST(Center, EveryLayout) {
  for (const std::int64_t gap : {0, 1, 4}) {
    for (const std::int64_t offset : {0, 1, 4}) {
      expect_center<TypeParam>(of_type<TypeParam>(normal_matrix(68, 68, 3)), gap, offset);
    }
  }
}

TYPED_TEST(Center, InPlace) {
  using T = TypeParam;
  for (const std::int64_t gap : {0, 3}) {
    for (const Estimator estimator : kEstimators) {
      DeviceMatrix<T> k(normal_matrix(130, 130, 4), gap);
      DeviceMatrix<T> out(130, 130);
      center(input_of(k.view()), estimator, out.view());
      center(input_of(k.view()), estimator, k.view());
      EXPECT_EQ(k.values(), out.values());
      k.expect_surroundings_untouched();
    }
  }
}

TYPED_TEST(Center, OfAnySymmetricMatrixIsExactlySymmetric) {
  using T = TypeParam;
  for (const std::size_t n : {5, 64, 65, 200}) {
    for (const double offset : {0.0, 1.0, 1e6}) {
      const Input k = of_type<T>(symmetric(normal_matrix(n, n, 5, 1, offset)));
      for (const Estimator estimator : kEstimators) {
        const auto size = static_cast<std::int64_t>(n);
        DeviceMatrix<T> out(size, size);
        center(device_input(k), estimator, out.view());
        as_output(out).expect_exactly_symmetric();
      }
    }
  }
}

TYPED_TEST(Center, EntriesFarFromZero) {
  for (const double offset : {1e3, 1e6}) {
    expect_center<TypeParam>(of_type<TypeParam>(normal_matrix(80, 80, 6, 1, offset)));
  }
}

// Sums overflow where results do not; and tiny results keep their digits.
TYPED_TEST(Center, TheLargestAndTheSmallestNumbers) {
  using T = TypeParam;
  for (const std::size_t n : {3, 4, 70}) {
    for (const Real unit : {Real(std::numeric_limits<T>::max()) / 10,
                            Real(std::numeric_limits<T>::min()) / eps<T>()}) {
      Matrix k = normal_matrix(n, n, 10);
      for (Vec& row : k) {
        for (Real& x : row) x = (std::abs(x) + 5) * unit;
      }
      expect_center<T>(of_type<T>(k));
    }
  }
}

// The debiased estimator leaves the diagonal out rather than subtract it later.
TYPED_TEST(Center, DiagonalFarLargerThanTheRest) {
  using T = TypeParam;
  Matrix values = normal_matrix(70, 70, 7);
  for (std::size_t i = 0; i < values.size(); ++i) values[i][i] = 1e20;
  DeviceMatrix<T> out(70, 70);
  center(device_input(of_type<T>(values)), Estimator::debiased, out.view());
  expect_centered(of_type<T>(values).values(), Estimator::debiased, as_output(out));
}

TYPED_TEST(Center, ConstantMatrixBecomesZero) {
  using T = TypeParam;
  const Input k = of_type<T>(Matrix(64, Vec(64, 3)));
  for (const Estimator estimator : kEstimators) {
    DeviceMatrix<T> out(64, 64);
    center(device_input(k), estimator, out.view());
    for (std::int64_t i = 0; i < 64; ++i) {
      for (std::int64_t j = 0; j < 64; ++j) EXPECT_NEAR(out(i, j), 0, 1e-14);
    }
  }
}

TYPED_TEST(Center, WhatIsNotFiniteBecomesNanEverywhere) {
  using T = TypeParam;
  for (const double bad : {double{NAN}, double{INFINITY}}) {
    for (const Estimator estimator : kEstimators) {
      Input k = of_type<T>(normal_matrix(70, 70, 8));
      k.set(66, 3, bad);
      DeviceMatrix<T> out(70, 70);
      center(device_input(k), estimator, out.view());
      for (std::int64_t j = 0; j < 70; ++j) {
        EXPECT_TRUE(std::isnan(out(66, j)) || (j == 66 && estimator == Estimator::debiased));
        EXPECT_FALSE(std::isfinite(out(5, j)) && j != 5);
      }
    }
  }
}

TYPED_TEST(Center, RepeatsBitForBit) {
  using T = TypeParam;
  const Input k = of_type<T>(normal_matrix(150, 150, 9, 1, 5));
  DeviceMatrix<T> once(150, 150);
  DeviceMatrix<T> again(150, 150, 2);
  center(device_input(k), Estimator::biased, once.view());
  center(device_input(k), Estimator::biased, again.view());
  EXPECT_EQ(once.values(), again.values());
}

}  // namespace
