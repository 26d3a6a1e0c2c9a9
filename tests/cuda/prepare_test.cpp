#include "isogram/cuda/prepare.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cpp/gram_expected.hpp"
#include "prepared_rows.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
namespace cuda = isogram::cuda;

// ---- Column means ----------------------------------------------------------------------------

void expect_column_means(const Input& x) {
  const Matrix values = x.values();
  const auto [means, rests] = means_of(x);
  for (std::size_t j = 0; j < means.size(); ++j) {
    Real mean = 0;
    Real largest = 0;
    Real spread = 0;
    for (const Vec& row : values) {
      mean += (row[j] - values[0][j]) / static_cast<Real>(values.size());
      largest = std::max(largest, std::abs(row[j]));
      spread = std::max(spread, std::abs(row[j] - values[0][j]));
    }
    expect_close(means[j] - values[0][j], mean, 4 * eps<double>() * largest, at(0, j));
    const Real both = means[j] - values[0][j] + Real{rests[j]};
    expect_close(static_cast<double>(both), mean, 8 * eps<double>() * spread, at(0, j));
  }
}

TEST(ColumnMeans, EveryTypeAndOrder) {
  for (const ElementType type : kTypes) {
    for (const Order order : kOrders) {
      SCOPED_TRACE(std::string(name_of(type)) + ", " + name_of(order));
      expect_column_means(Input(type, order, normal_matrix(49, 37, 1, 1, 3)));
    }
  }
}

TEST(ColumnMeans, EverySize) {
  for (const std::size_t rows : {1, 2, 7, 255, 256, 257, 1000}) {
    for (const std::size_t cols : {1, 31, 32, 33, 65}) {
      SCOPED_TRACE(at(rows, cols));
      expect_column_means(Input(ElementType::float32, Order::c, normal_matrix(rows, cols, 2)));
    }
  }
}

TEST(ColumnMeans, OfConstantColumnsAreExact) {
  const Input x(ElementType::float64, Order::c, Matrix(301, Vec(3, 0.1L)));
  const auto [means, rests] = means_of(x);
  EXPECT_EQ(means, std::vector<double>(3, 0.1));
  EXPECT_EQ(rests, std::vector<double>(3, 0.0));
}

TEST(ColumnMeans, NanStaysInItsColumn) {
  Input x(ElementType::float32, Order::c, normal_matrix(300, 3, 3));
  x.set(299, 1, NAN);
  const std::vector<double> means = means_of(x).rounded;
  EXPECT_FALSE(std::isnan(means[0]));
  EXPECT_TRUE(std::isnan(means[1]));
  EXPECT_FALSE(std::isnan(means[2]));
}

// ---- The bulk of the rows --------------------------------------------------------------------

std::vector<double> bulk_means_of(const Input& x, const std::vector<double>& origin, double limit) {
  const cuda::Input input = device_input(x);
  std::vector<double> reaches = poisoned<double>(input.rows);
  cuda::row_reaches(nullptr, input, origin.data(), reaches.data());
  const Matrix values = x.values();
  for (std::size_t i = 0; i < reaches.size(); ++i) {
    Real reach = 0;
    for (std::size_t j = 0; j < origin.size(); ++j) {
      reach = std::max(reach, std::abs(values[i][j] - origin[j]));
    }
    reach = std::min<Real>(reach, std::numeric_limits<double>::max());
    expect_close(reaches[i], reach, 2 * eps<double>() * reach, at(i, 0));
  }
  std::vector<double> means = poisoned<double>(input.cols);
  std::vector<double> scratch = poisoned<double>(cuda::column_scratch(input.rows, input.cols));
  cuda::bulk_means(nullptr, input, origin.data(), reaches.data(), &limit, means.data(),
                   scratch.data());
  return means;
}

TEST(BulkMeans, LeaveFarRowsOut) {
  for (const std::size_t rows : {1, 7, 257, 600}) {
    for (const std::size_t cols : {1, 33, 65}) {
      SCOPED_TRACE(at(rows, cols));
      Matrix values = normal_matrix(rows, cols, 9);
      Vec sums(cols, 0);
      for (std::size_t i = 0; i < rows; ++i) {
        const bool is_far = i % 5 == 3;
        if (is_far) values[i][i % cols] += 1e6;
        for (std::size_t j = 0; j < cols && !is_far; ++j) sums[j] += values[i][j];
      }
      const Real count = static_cast<Real>(rows - (rows + 1) / 5);
      const std::vector<double> origin(cols, 0.25);
      const auto means =
          bulk_means_of(Input(ElementType::float64, Order::c, values), origin, 100.0);
      for (std::size_t j = 0; j < cols; ++j) {
        expect_close(means[j], sums[j] / count, 64 * eps<double>(), at(0, j));
      }
    }
  }
}

TEST(BulkMeans, AreTheOriginWhereSumsOverflow) {
  const double huge = std::numeric_limits<double>::max();
  const Input x(ElementType::float64, Order::c, {{huge, 1}, {huge, 2}, {huge, 3}});
  EXPECT_EQ(bulk_means_of(x, {-huge / 2, 0}, huge), (std::vector<double>{-huge / 2, 2}));
}

// ---- Scaling ---------------------------------------------------------------------------------

Input constant(double value, std::size_t rows = 3, std::size_t cols = 5) {
  return Input(ElementType::float64, Order::c, Matrix(rows, Vec(cols, value)));
}

TEST(ScalingExponent, BringsTheLargestNearOne) {
  EXPECT_EQ(scaling_exponent(constant(0x1p21)), 22);
  EXPECT_EQ(scaling_exponent(constant(-0x1.8p300)), 301);
  EXPECT_EQ(scaling_exponent(constant(0x1p-22)), -21);
  EXPECT_EQ(scaling_exponent(constant(5e-324)), -1073);
  EXPECT_EQ(scaling_exponent(constant(INFINITY)), 1025);  // as a difference may be
}

TEST(ScalingExponent, IsZeroForWhatNeedsNone) {
  for (const double value : {0.0, 1.0, 0x1.fp19, -0x1p-21, double{NAN}}) {
    EXPECT_EQ(scaling_exponent(constant(value)), 0) << value;
  }
  EXPECT_EQ(scaling_exponent(constant(INFINITY)), 1025);  // as a difference may be
}

TEST(ScalingExponent, LooksAtEveryEntryOfBoth) {
  const Input small = constant(1);
  for (const std::size_t row : {0, 5, 100}) {
    for (const std::size_t col : {0, 1, 33}) {
      Input large = constant(0, 101, 34);
      large.set(row, col, 0x1p40);
      EXPECT_EQ(scaling_exponent(large), 41);
      EXPECT_EQ(scaling_exponent(large, &small), 41);
      EXPECT_EQ(scaling_exponent(small, &large), 41);
    }
  }
  Input many = constant(0, 9000, 1);  // more than there are warps
  many.set(8999, 0, 0x1p40);
  EXPECT_EQ(scaling_exponent(many, &many), 41);
}

TEST(ScalingExponent, IsRelativeToTheOrigin) {
  const std::vector<double> origin(5, 0x1p30);
  EXPECT_EQ(scaling_exponent(constant(0x1p30 + 0x1p25), nullptr, origin.data()), 26);
}

// ---- Preparing rows --------------------------------------------------------------------------

template <class T>
class Prepare : public testing::Test {};

using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Prepare, Types);

TYPED_TEST(Prepare, PreparedRowsOfCenteredCosines) {
  using T = TypeParam;
  const Input x = of_type<T>(normal_matrix(20, 50, 33, 1, 100));
  const std::vector<double> means = means_of(x).rounded;
  PreparedRows<T> prepared(x, cuda::Preparation::unit, means.data(), nullptr);
  const Matrix values = x.values();
  for (std::size_t i = 0; i < 20; ++i) {
    Vec row = values[i];
    for (std::size_t k = 0; k < row.size(); ++k) row[k] -= means[k];
    const Real norm = isogram_reference::norm(row);
    for (std::size_t k = 0; k < row.size(); ++k) {
      expect_close(prepared.row(static_cast<int>(i))[k], row[k] / norm, eps<T>(), at(i, k));
    }
    EXPECT_NEAR(prepared.squared_norms[i], 1, 50 * eps<T>());
    EXPECT_NE(prepared.exponents[i], -77);
  }
}

// Beside a feature of 1e6, unit rows differ by about 1e-6.
TYPED_TEST(Prepare, UnitDifferencesKeepTheirDigits) {
  using T = TypeParam;
  for (const std::size_t cols : {5, 70, 600}) {
    for (const bool deviations : {false, true}) {
      Matrix values = normal_matrix(9, cols, 24);
      for (Vec& row : values) row[2] += 1e6;
      values[4].assign(cols, 0);
      const Input x(ElementType::float64, Order::c, values);
      std::vector<double> direction(cols, deviations ? -1 / double(cols) : 0);
      direction[2] += 1;
      Real squares = 0;
      for (const double entry : direction) squares += Real{entry} * entry;
      const double axis_squares = static_cast<double>(squares);
      const double length = 1 / std::sqrt(axis_squares);
      std::vector<T> rows = poisoned<T>(9 * cols);
      cuda::prepare_unit_differences<T>(
          nullptr, device_input(x), deviations, {direction.data(), &axis_squares, &length},
          {rows.data(), 9, static_cast<std::int64_t>(cols), static_cast<std::int64_t>(cols)});
      for (std::size_t i = 0; i < 9; ++i) {
        Vec row = x.values()[i];
        Real mean = 0;
        for (const Real entry : row) mean += entry / static_cast<Real>(cols);
        for (Real& entry : row) entry -= deviations ? mean : 0;
        const Real norm = std::sqrt(std::max(isogram_reference::inner(row, row), Real{1e-300L}));
        for (std::size_t j = 0; j < cols; ++j) {
          const Real expected = row[j] / norm - Real{direction[j]} / std::sqrt(squares);
          const Real tolerance = i == 4 ? 4 * eps<T>() : 1e-6 * 8 * eps<T>() + 1e-17;
          expect_close(rows[i * cols + j], expected, tolerance, at(i, j));
        }
      }
    }
  }
}

TYPED_TEST(Prepare, PreparedRowsAsGivenAreExact) {
  using T = TypeParam;
  const Input x = of_type<T>(normal_matrix(5, 50, 34, 1e20));
  PreparedRows<T> prepared(x, cuda::Preparation::as_given, nullptr, nullptr);
  EXPECT_EQ(prepared.rows.values(), x.values());
  EXPECT_EQ(prepared.exponents, std::vector<int>(5, 0));
  DeviceMatrix<T> again(5, 50);
  cuda::prepare(nullptr, device_input(x), cuda::Preparation::as_given, nullptr, nullptr, nullptr,
                again.view(), nullptr, nullptr);
  EXPECT_EQ(again.values(), x.values());
}

}  // namespace
