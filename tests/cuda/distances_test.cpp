#include "isogram/cuda/distances.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "cpp/gram_expected.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
namespace cuda = isogram::cuda;

TEST(Distances, OfAllPairs) {
  for (const ElementType type : kTypes) {
    for (const std::size_t rows : {1, 2, 3, 40}) {
      const Input x(type, Order::padded, normal_matrix(rows, 37, 4, 1, 10));
      const Matrix values = x.values();
      std::vector<double> distances = poisoned<double>(static_cast<int>(rows * (rows - 1) / 2));
      cuda::distances(nullptr, device_input(x), nullptr,
                      static_cast<std::int64_t>(distances.size()), distances.data());
      std::size_t p = 0;
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = i + 1; j < rows; ++j, ++p) {
          const Real want = std::sqrt(isogram_reference::squared_distance(values[i], values[j]));
          expect_close(distances[p], want, 40 * eps<double>() * want, at(i, j));
        }
      }
    }
  }
}

TEST(Distances, OfAnyRange) {
  for (const Real scale : {1e-300L, 1e-160L, 1e150L, 1e200L, 1e306L}) {
    Matrix values = normal_matrix(6, 70, 26);
    for (std::size_t i = 3; i < 6; ++i) {
      for (Real& value : values[i]) value *= scale;
    }
    const Input x(ElementType::float64, Order::c, values);
    values = x.values();
    std::vector<double> distances = poisoned<double>(15);
    cuda::distances(nullptr, device_input(x), nullptr, 15, distances.data());
    for (std::size_t i = 0, p = 0; i < 6; ++i) {
      for (std::size_t j = i + 1; j < 6; ++j, ++p) {
        const Real want = std::sqrt(isogram_reference::squared_distance(values[i], values[j]));
        expect_close(distances[p], want, 40 * eps<double>() * want, at(i, j));
      }
    }
  }
}

TEST(Distances, OfGivenPairs) {
  const Input x(ElementType::float32, Order::c, normal_matrix(20, 3, 5));
  const Matrix values = x.values();
  const std::vector<std::int64_t> pairs{3, 19, 7, 7, 0, 1, 19, 3, 4, 5, 5, 4, 2, 9, 9, 8, 1, 0};
  std::vector<double> distances = poisoned<double>(9);
  cuda::distances(nullptr, device_input(x), pairs.data(), 9, distances.data());
  for (std::size_t p = 0; p < 9; ++p) {
    const Real want = std::sqrt(
        isogram_reference::squared_distance(values[static_cast<std::size_t>(pairs[2 * p])],
                                            values[static_cast<std::size_t>(pairs[2 * p + 1])]));
    expect_close(distances[p], want, 8 * eps<double>() * want, std::to_string(p));
  }
}

}  // namespace
