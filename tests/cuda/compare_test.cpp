#include "isogram/cuda/compare.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "isogram_reference/compare.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
namespace cuda = isogram::cuda;
namespace reference = isogram_reference;

// ---- Triangles -------------------------------------------------------------------------------

void expect_upper_triangle(const Input& k) {
  const Vec want = reference::triangle(k.values());
  std::vector<double> got = poisoned<double>(static_cast<std::int64_t>(want.size()) + 1);
  cuda::upper_triangle(nullptr, device_input(k), got.data());
  for (std::size_t i = 0; i < want.size(); ++i) ASSERT_EQ(got[i], want[i]) << i;
  EXPECT_TRUE(std::isnan(got.back()));
}

TEST(UpperTriangle, EveryTypeAndOrder) {
  for (const ElementType type : kTypes) {
    for (const Order order : kOrders) {
      SCOPED_TRACE(std::string(name_of(type)) + ", " + name_of(order));
      expect_upper_triangle(Input(type, order, normal_matrix(33, 33, 1)));
    }
  }
}

TEST(UpperTriangle, EverySize) {
  for (const std::size_t n : {1, 2, 3, 32, 255, 257, 300}) {
    SCOPED_TRACE(n);
    expect_upper_triangle(Input(ElementType::float32, Order::c, normal_matrix(n, n, 2)));
  }
}

// ---- Entries that are not finite -------------------------------------------------------------

constexpr unsigned long long kNone = ~0ULL;

unsigned long long first_not_finite(const Input& x) {
  unsigned long long first = kNone;
  cuda::find_not_finite(nullptr, device_input(x), &first);
  return first;
}

TEST(NotFinite, EveryTypeAndOrder) {
  for (const ElementType type : kTypes) {
    for (const Order order : {Order::c, Order::fortran, Order::padded, Order::negative}) {
      SCOPED_TRACE(std::string(name_of(type)) + ", " + name_of(order));
      Input x(type, order, normal_matrix(21, 70, 3, 1000));
      EXPECT_EQ(first_not_finite(x), kNone);
      x.set(20, 69, NAN);
      EXPECT_EQ(first_not_finite(x), 20U * 70 + 69);
      x.set(9, 66, -INFINITY);
      x.set(9, 67, NAN);
      EXPECT_EQ(first_not_finite(x), 9U * 70 + 66);
      x.set(9, 35, INFINITY);
      x.set(10, 0, INFINITY);
      EXPECT_EQ(first_not_finite(x), 9U * 70 + 35);
      x.set(0, 0, NAN);
      EXPECT_EQ(first_not_finite(x), 0U);
    }
  }
}

TEST(NotFinite, OnlyWhatCounts) {
  for (const std::size_t n : {2, 31, 70}) {
    Input x(ElementType::float32, Order::c, normal_matrix(n, n, 3));
    const auto first = [&](cuda::Part part) {
      unsigned long long found = kNone;
      cuda::find_not_finite(nullptr, device_input(x), &found, part);
      return found;
    };
    for (std::size_t i = 0; i < n; ++i) x.set(i, i, NAN);
    EXPECT_EQ(first(cuda::Part::all), 0U);
    EXPECT_EQ(first(cuda::Part::off_diagonal), kNone);
    x.set(n - 1, 0, INFINITY);
    EXPECT_EQ(first(cuda::Part::off_diagonal), (n - 1) * n);
    EXPECT_EQ(first(cuda::Part::above_diagonal), kNone);
    x.set(n - 2, n - 1, NAN);
    EXPECT_EQ(first(cuda::Part::above_diagonal), (n - 2) * n + n - 1);
    x.set(0, n - 1, NAN);
    EXPECT_EQ(first(cuda::Part::above_diagonal), n - 1);
  }
}

TEST(NotFinite, TheLargestAndSmallestNumbersAreFinite) {
  const Matrix extremes{{std::numeric_limits<double>::max(), -std::numeric_limits<double>::max(),
                         std::numeric_limits<double>::denorm_min(), 0}};
  EXPECT_EQ(first_not_finite(Input(ElementType::float64, Order::c, extremes)), kNone);
}

// ---- Inversions ------------------------------------------------------------------------------

void expect_inversions(std::vector<double> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  unsigned long long want = 5;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i + 1; j < n; ++j) want += values[i] > values[j];
  }
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());

  std::vector<double> scratch = poisoned<double>(n);
  unsigned long long count = 5;
  const double* in_order =
      cuda::count_inversions(nullptr, values.data(), scratch.data(), n, &count);
  EXPECT_EQ(count, want);
  EXPECT_EQ(std::vector<double>(in_order, in_order + n), sorted);
}

std::vector<double> random_values(std::size_t n, unsigned distinct) {
  std::mt19937 random(static_cast<unsigned>(n));
  std::vector<double> values(n);
  for (double& x : values) x = static_cast<double>(random() % distinct);
  return values;
}

TEST(Inversions, OfAnyNumberOfValues) {
  for (const std::size_t n : {0, 1, 2, 3, 4, 5, 31, 33, 64, 255, 256, 257, 700, 1025}) {
    SCOPED_TRACE(n);
    expect_inversions(random_values(n, 1000000));
  }
}

TEST(Inversions, EqualValuesAreNone) {
  for (const unsigned distinct : {1U, 2U, 5U, 40U}) {
    SCOPED_TRACE(distinct);
    expect_inversions(random_values(333, distinct));
  }
}

TEST(Inversions, OfOrderedValues) {
  std::vector<double> values = random_values(300, 1000);
  std::sort(values.begin(), values.end());
  expect_inversions(values);
  std::reverse(values.begin(), values.end());
  expect_inversions(values);
}

}  // namespace
