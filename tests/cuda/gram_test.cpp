#include "isogram/cuda/gram.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "support.hpp"

namespace {

using namespace isogram_test;
namespace cuda = isogram::cuda;

// ---- Column means ----------------------------------------------------------------------------

std::vector<double> column_means(const Input& x) {
  const cuda::Input input = device_input(x);
  std::vector<double> means = poisoned<double>(input.cols);
  std::vector<double> scratch = poisoned<double>(cuda::column_scratch(input.rows, input.cols));
  cuda::column_means(nullptr, input, means.data(), scratch.data());
  return means;
}

void expect_column_means(const Input& x) {
  const Matrix values = x.values();
  const std::vector<double> means = column_means(x);
  for (std::size_t j = 0; j < means.size(); ++j) {
    Real mean = 0;
    Real largest = 0;
    for (const Vec& row : values) {
      mean += row[j] / static_cast<Real>(values.size());
      largest = std::max(largest, std::abs(row[j]));
    }
    expect_close(means[j], mean, 4 * eps<double>() * largest, at(0, j));
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
  EXPECT_EQ(column_means(x), std::vector<double>(3, 0.1));
}

TEST(ColumnMeans, NanStaysInItsColumn) {
  Input x(ElementType::float32, Order::c, normal_matrix(300, 3, 3));
  x.set(299, 1, NAN);
  const std::vector<double> means = column_means(x);
  EXPECT_FALSE(std::isnan(means[0]));
  EXPECT_TRUE(std::isnan(means[1]));
  EXPECT_FALSE(std::isnan(means[2]));
}

}  // namespace
