#include "isogram/cuda/gbs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "isogram_reference/gram.hpp"
#include "support.hpp"
#include "tiles.hpp"

namespace {

using namespace isogram_test;
namespace cuda = isogram::cuda;
namespace reference = isogram_reference;

// The error of float64 sums in many parts, relative to the sum of magnitudes.
constexpr double kSumError = 32 * eps<double>();

// ---- Products of rows ------------------------------------------------------------------------

// The table after a walk over the tiles on and above the diagonal, started from `before`.
template <class T>
std::vector<double> row_products(const std::vector<Matrix>& x, const std::vector<Matrix>& y,
                                 std::int64_t edge, double before) {
  const auto n = static_cast<std::int64_t>(x[0].size());
  std::vector<double> table(x.size() * y.size() * n, before);
  for_each_upper_tile(
      n, edge, [&](cuda::Place place, std::int64_t rows, std::int64_t cols, bool mirrored) {
        DeviceTiles<T> of_x(x, place, rows, cols);
        DeviceTiles<T> of_y(y, place, rows, cols);
        const cuda::Tiles<const T> first = of_x.view();
        const cuda::Tiles<const T> second = &x == &y ? first : of_y.view();
        cuda::add_row_products<T>(nullptr, first, second, place, mirrored, table.data(), n);
      });
  return table;
}

template <class T>
void expect_row_products(const std::vector<Matrix>& x, const std::vector<Matrix>& y,
                         std::int64_t edge) {
  const std::size_t n = x[0].size();
  SCOPED_TRACE(at(x.size(), y.size()) + " layers, n = " + std::to_string(n) + ", tiles of " +
               std::to_string(edge));
  const std::vector<double> table = row_products<T>(x, y, edge, 0.25);
  for (std::size_t l = 0; l < x.size(); ++l) {
    for (std::size_t m = 0; m < y.size(); ++m) {
      for (std::size_t i = 0; i < n; ++i) {
        const double got = table[(l * y.size() + m) * n + i];
        if (&x == &y && l > m) {
          ASSERT_EQ(got, 0.25) << "below the diagonal of the table";
          continue;
        }
        Real magnitude = 0.25;
        for (std::size_t j = 0; j < n; ++j) magnitude += std::abs(x[l][i][j] * y[m][i][j]);
        const Real want = 0.25 + reference::inner(x[l][i], y[m][i]);
        expect_close(got, want, kSumError * magnitude, at(l, m) + " row " + std::to_string(i));
      }
    }
  }
}

// Numbers around a thread's 6 layers and a block's 48.
TEST(RowProducts, OfOneSetOfAnyNumberOfLayers) {
  for (const std::size_t layers : {1, 2, 6, 7, 13, 19, 25, 31, 37, 43, 48, 49}) {
    const std::vector<Matrix> x = normal_graphs<float>(layers, 19, 1);
    expect_row_products<float>(x, x, 10);
  }
}

TEST(RowProducts, OfTwoSetsOfAnyNumberOfLayers) {
  const std::vector<Matrix> few = normal_graphs<double>(2, 19, 2);
  for (const std::size_t layers : {1, 6, 7, 12, 25, 48, 50}) {
    const std::vector<Matrix> x = normal_graphs<double>(layers, 19, 3);
    const std::vector<Matrix> y = normal_graphs<double>(layers, 19, 300);
    expect_row_products<double>(x, few, 12);
    expect_row_products<double>(few, x, 12);
    expect_row_products<double>(x, y, 19);
  }
}

// Sizes around chunks of 32 to 256 entries, and 4 to 8 columns at a time.
TEST(RowProducts, OfTilesOfAnySize) {
  for (const std::int64_t n : {2, 5, 9, 33, 65, 131}) {
    for (const std::int64_t edge : {n, (n + 1) / 2}) {
      const std::vector<Matrix> x = normal_graphs<float>(2, n, 4);
      const std::vector<Matrix> y = normal_graphs<float>(1, n, 5);
      expect_row_products<float>(x, x, edge);
      expect_row_products<float>(x, y, edge);
    }
  }
}

TEST(RowProducts, OfManyLayersInLongColumns) {
  const std::vector<Matrix> x = normal_graphs<float>(43, 70, 6);
  expect_row_products<float>(x, x, 37);
}

TEST(RowProducts, RepeatBitForBit) {
  const std::vector<Matrix> x = normal_graphs<float>(8, 70, 7);
  EXPECT_EQ(row_products<float>(x, x, 33, 0), row_products<float>(x, x, 33, 0));
}

// ---- Sparse graphs ---------------------------------------------------------------------------

// The nonzero entries of a matrix as a sparse graph, in more memory than it needs.
template <class T>
struct Sparse {
  explicit Sparse(const Matrix& x) : rows(static_cast<std::int64_t>(x.size())), indptr{0} {
    for (const Vec& row : x) {
      for (std::size_t j = 0; j < row.size(); ++j) {
        if (row[j] == 0) continue;
        indices.push_back(static_cast<std::int32_t>(j));
        data.push_back(static_cast<T>(row[j]));
      }
      indptr.push_back(static_cast<std::int64_t>(indices.size()));
    }
    indices.resize(indices.size() + 5, 0);
    data.resize(data.size() + 5, std::numeric_limits<T>::quiet_NaN());
  }
  cuda::Csr<const T> view() const { return {indptr.data(), indices.data(), data.data(), rows}; }

  std::int64_t rows;
  std::vector<std::int64_t> indptr;
  std::vector<std::int32_t> indices;
  std::vector<T> data;
};

// Rows with between none and all of their entries.
template <class T>
Matrix sparse_matrix(std::size_t rows, std::size_t cols, unsigned seed) {
  std::mt19937 random(seed);
  Matrix x = rounded<T>(normal_matrix(rows, cols, seed));
  for (std::size_t i = 0; i < rows; ++i) {
    for (Real& value : x[i]) {
      if (random() % (rows - 1) >= i) value = 0;
    }
  }
  std::shuffle(x.begin(), x.end(), random);
  return x;
}

template <class T>
void expect_sparse_products(const Matrix& x, const Matrix& y) {
  std::vector<double> got = poisoned<double>(static_cast<std::int64_t>(x.size()));
  const Sparse<T> of_x(x);
  const Sparse<T> of_y(y);
  cuda::nearest_products(nullptr, of_x.view(), of_y.view(), got.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    Real magnitude = 0;
    for (std::size_t j = 0; j < x[i].size(); ++j) magnitude += std::abs(x[i][j] * y[i][j]);
    expect_close(got[i], reference::inner(x[i], y[i]), kSumError * magnitude, at(i, 0));
  }
}

TEST(SparseProducts, OfRowsOfAnyLength) {
  for (const std::size_t rows : {2, 8, 9, 40}) {
    for (const std::size_t cols : {1, 31, 33, 100}) {
      SCOPED_TRACE(at(rows, cols));
      expect_sparse_products<float>(sparse_matrix<float>(rows, cols, 14),
                                    sparse_matrix<float>(rows, cols, 15));
      const Matrix x = sparse_matrix<double>(rows, cols, 16);
      expect_sparse_products<double>(x, x);
    }
  }
}

}  // namespace
