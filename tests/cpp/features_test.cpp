#include "isogram/features.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>

#include "isogram/parallel.hpp"
#include "isogram_reference/features.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;

template <class T>
class Features : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Features, Types);

bool row_is_zero(const Vec& row) {
  for (const Real x : row) {
    if (x != 0) return false;
  }
  return true;
}

// `digits` is what the offset of a feature costs: its mean over its spread.
template <class T>
void expect_standardized(const Input& x, double digits = 1) {
  const Matrix want = isogram_reference::standardized_features(x.values());
  const std::size_t d = want.size();
  const std::size_t n = want[0].size();
  at_every_level([&] {
    Output<T> out(d, n);
    const auto are_constant = std::make_unique<bool[]>(d);
    isogram::standardized_features<T>(x.view(), out.view(), are_constant.get());
    for (std::size_t j = 0; j < d; ++j) {
      EXPECT_EQ(are_constant[j], row_is_zero(want[j])) << "feature " << j;
      for (std::size_t i = 0; i < n; ++i) {
        const double tolerance = 2 * eps<T>() * std::abs(static_cast<double>(want[j][i])) +
                                 (static_cast<double>(n) + digits) * eps<double>();
        expect_close(out(j, i), want[j][i], tolerance,
                     "feature " + std::to_string(j) + ", sample " + std::to_string(i));
      }
    }
    out.expect_surroundings_untouched();
  });
}

TYPED_TEST(Features, EverySize) {
  for (const std::size_t n : {1, 2, 3, 15, 16, 17, 100, 700, 2100}) {
    for (const std::size_t d : {1, 2, 15, 16, 17, 63, 65, 130}) {
      if (n * d > 100000) continue;
      SCOPED_TRACE(std::to_string(n) + " x " + std::to_string(d));
      expect_standardized<TypeParam>(Input(ElementType::float32, Order::c, normal_matrix(n, d, 1)));
    }
  }
}

TYPED_TEST(Features, EveryTypeAndOrder) {
  for (const ElementType type : kTypes) {
    for (const Order order : kOrders) {
      expect_standardized<TypeParam>(Input(type, order, normal_matrix(33, 20, 2)), 100);
    }
  }
}

TYPED_TEST(Features, EveryScaleAndOffset) {
  for (const double scale : {1e-310, 1e-200, 1e-30, 1.0, 1e30, 1e200, 1e304}) {
    // Subnormal numbers have fewer digits, which are those of the input.
    for (const double offset : {0.0, 1.0, 1e3}) {
      const Matrix x = normal_matrix(40, 18, 3, scale / 4, offset * scale / 1e3);
      expect_standardized<TypeParam>(Input(ElementType::float64, Order::c, x), 1e3);
    }
  }
}

TYPED_TEST(Features, ConstantOnesAreZero) {
  Matrix x = normal_matrix(50, 20, 4);
  for (Vec& row : x) {
    row[0] = 0;
    row[7] = 0.1L;
    row[19] = -1e30L;
  }
  expect_standardized<TypeParam>(Input(ElementType::float64, Order::c, x));
}

// The rounding of a mean is all that is left.
TYPED_TEST(Features, OnesThatVaryByRoundingAreConstant) {
  Matrix x = normal_matrix(50, 3, 5);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i][1] = 1 + static_cast<Real>(i % 3) * 4 * std::numeric_limits<double>::epsilon();
  }
  const Input input(ElementType::float64, Order::c, x);
  Output<TypeParam> out(3, 50);
  bool are_constant[3];
  isogram::standardized_features<TypeParam>(input.view(), out.view(), are_constant);
  EXPECT_FALSE(are_constant[0]);
  EXPECT_TRUE(are_constant[1]);
  EXPECT_TRUE(row_is_zero(out.values()[1]));
}

TYPED_TEST(Features, SameBitsForAnyNumberOfThreads) {
  const Input x(ElementType::float32, Order::c, normal_matrix(600, 200, 6));
  Output<TypeParam> one(200, 600);
  bool are_constant[200];
  isogram::Execution execution;
  execution.num_threads = 1;
  isogram::standardized_features<TypeParam>(x.view(), one.view(), are_constant, execution);
  for (const int threads : {2, 3, 7}) {
    Output<TypeParam> many(200, 600);
    execution.num_threads = threads;
    isogram::standardized_features<TypeParam>(x.view(), many.view(), are_constant, execution);
    EXPECT_EQ(many.values(), one.values()) << threads << " threads";
  }
}

TYPED_TEST(Features, RefusesWhatHasNoFeatures) {
  using T = TypeParam;
  Input x(ElementType::float64, Order::c, normal_matrix(5, 3, 7));
  bool are_constant[3];
  Output<T> out(3, 5);
  Output<T> turned(5, 3);
  Output<T> of_columns(3, 5, Order::fortran);
  EXPECT_THROW(isogram::standardized_features<T>(x.view(), turned.view(), are_constant),
               std::invalid_argument);
  EXPECT_THROW(isogram::standardized_features<T>(x.view(), of_columns.view(), are_constant),
               std::invalid_argument);
  EXPECT_THROW(isogram::standardized_features<T>({}, out.view(), are_constant),
               std::invalid_argument);
  x.set(4, 1, std::numeric_limits<double>::infinity());
  try {
    isogram::standardized_features<T>(x.view(), out.view(), are_constant);
    ADD_FAILURE() << "took an infinity";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "`x` must be finite, got inf at index (4, 1)");
  }
}

}  // namespace
