#include "isogram/cuda/cka.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "isogram_reference/cka.hpp"
#include "support.hpp"
#include "tiles.hpp"

namespace {

using namespace isogram_test;
namespace cuda = isogram::cuda;
namespace reference = isogram_reference;

// The error of float64 sums in many parts, relative to the sum of magnitudes.
constexpr double kSumError = 32 * eps<double>();

// ---- Diagonals -------------------------------------------------------------------------------

template <class T>
void expect_cleared_diagonal(cuda::Place place, std::int64_t rows, std::int64_t cols) {
  const std::vector<Matrix> layers = normal_layers<T>(3, 90, 97, 1);
  DeviceTiles<T> tiles(layers, place, rows, cols);
  cuda::clear_diagonal(nullptr, tiles.view(), place);
  for (std::int64_t l = 0; l < 3; ++l) {
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < cols; ++j) {
        const bool is_diagonal = place.row + i == place.col + j;
        const Real want = is_diagonal ? 0 : layers[l][place.row + i][place.col + j];
        ASSERT_EQ(tiles.at(l, i, j), want) << at(i, j) << " of layer " << l;
      }
    }
  }
  tiles.expect_surroundings_untouched();
}

TEST(ClearDiagonal, WhereverItMeetsTheTiles) {
  for (const cuda::Place place : {cuda::Place{0, 0}, {0, 5}, {7, 0}, {3, 4}, {60, 10}, {0, 64}}) {
    for (const std::int64_t rows : {1, 8, 30}) {
      for (const std::int64_t cols : {1, 7, 33}) {
        SCOPED_TRACE(at(place.row, place.col) + at(rows, cols));
        expect_cleared_diagonal<float>(place, rows, cols);
        expect_cleared_diagonal<double>(place, rows, cols);
      }
    }
  }
}

TEST(ClearDiagonal, LongerThanABlock) {
  const std::vector<Matrix> layers{Matrix(300, Vec(300, 1))};
  DeviceTiles<float> tiles(layers);
  cuda::clear_diagonal(nullptr, tiles.view(), {40, 40});
  for (std::int64_t i = 0; i < 300; ++i) {
    ASSERT_EQ(tiles.at(0, i, i), 0);
    ASSERT_EQ(tiles.at(0, i, (i + 1) % 300), 1);
  }
}

// ---- Row sums --------------------------------------------------------------------------------

// The sums of the rows and, if mirrored, of the columns of a tile, for nodes 0 to n − 1 of every
// layer.
struct ExpectedSums {
  ExpectedSums(const std::vector<Matrix>& layers, cuda::Place place, std::int64_t rows,
               std::int64_t cols, bool mirrored, std::int64_t n)
      : sums(layers.size(), Vec(n)), magnitudes(sums), squares(sums) {
    for (std::size_t l = 0; l < layers.size(); ++l) {
      for (std::int64_t i = place.row; i < place.row + rows; ++i) {
        for (std::int64_t j = place.col; j < place.col + cols; ++j) {
          add(l, i, layers[l][i][j]);
          if (mirrored) add(l, j, layers[l][i][j]);
        }
      }
    }
  }
  void add(std::size_t layer, std::int64_t node, Real x) {
    sums[layer][node] += x;
    magnitudes[layer][node] += std::abs(x);
    squares[layer][node] += x * x;
  }
  Matrix sums, magnitudes, squares;
};

template <class T>
void expect_row_sums(const std::vector<Matrix>& layers, std::int64_t rows, std::int64_t cols,
                     bool mirrored) {
  const auto n = static_cast<std::int64_t>(layers[0][0].size());
  const cuda::Place place{2, mirrored ? rows + 2 : 1};
  DeviceTiles<T> tiles(layers, place, rows, cols);
  std::vector<double> sums(layers.size() * n, 7.0);
  std::vector<double> squares(layers.size() * n, -5.0);
  cuda::add_row_sums<T>(nullptr, tiles.view(), place, mirrored, {sums.data(), squares.data(), n});

  const ExpectedSums expected(layers, place, rows, cols, mirrored, n);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    for (std::int64_t i = 0; i < n; ++i) {
      const Real magnitude = expected.magnitudes[l][i] + 7;
      const Real square = expected.squares[l][i];
      expect_close(sums[l * n + i], 7 + expected.sums[l][i], kSumError * magnitude, at(l, i));
      expect_close(squares[l * n + i], square - 5, kSumError * (square + 5), at(l, i));
    }
  }
}

TEST(RowSums, EverySize) {
  const std::vector<Matrix> narrow = normal_layers<float>(1, 35, 340, 3);
  const std::vector<Matrix> wide = normal_layers<double>(3, 35, 340, 4);
  for (const std::int64_t rows : {1, 7, 8, 9, 33}) {
    for (const std::int64_t cols : {1, 31, 32, 33, 127, 129, 300}) {
      for (const bool mirrored : {false, true}) {
        SCOPED_TRACE(at(rows, cols) + (mirrored ? " mirrored" : ""));
        expect_row_sums<float>(narrow, rows, cols, mirrored);
        expect_row_sums<double>(wide, rows, cols, mirrored);
      }
    }
  }
}

TEST(RowSums, OnlyThoseThatAreWanted) {
  const cuda::Place place{0, 15};
  DeviceTiles<float> tiles(normal_layers<float>(2, 15, 30, 4), place, 15, 15);
  std::vector<double> both_sums(60), both_squares(60), sums(60), squares(60);
  cuda::add_row_sums<float>(nullptr, tiles.view(), place, true,
                            {both_sums.data(), both_squares.data(), 30});
  cuda::add_row_sums<float>(nullptr, tiles.view(), place, true, {sums.data(), nullptr, 30});
  cuda::add_row_sums<float>(nullptr, tiles.view(), place, true, {nullptr, squares.data(), 30});
  EXPECT_EQ(sums, both_sums);
  EXPECT_EQ(squares, both_squares);
}

TEST(RowSums, OfLargeFloatsStayExact) {
  DeviceTiles<float> tiles({Matrix(2, Vec(1000, 16777217.0L - 1))});
  std::vector<double> sums(2), squares(2);
  cuda::add_row_sums<float>(nullptr, tiles.view(), {}, false, {sums.data(), squares.data(), 2});
  EXPECT_EQ(sums, std::vector<double>(2, 1000 * 0x1p24));
  EXPECT_EQ(squares, std::vector<double>(2, 1000 * 0x1p48));
}

// ---- Products of layers ----------------------------------------------------------------------

template <class T>
std::vector<double> products(DeviceTiles<T>& x, DeviceTiles<T>& y, double weight, double before) {
  const cuda::Tiles<T> of_x = x.view();
  const cuda::Tiles<T> of_y = y.view();
  std::vector<double> table(of_x.layers * of_y.layers, before);
  std::vector<double> scratch = poisoned<double>(cuda::product_scratch(of_x.layers, of_y.layers));
  cuda::add_products<T>(nullptr, of_x, of_y, weight, table.data(), scratch.data());
  return table;
}

void expect_products(const std::vector<double>& table, const std::vector<Matrix>& x,
                     const std::vector<Matrix>& y, double weight, double before) {
  for (std::size_t l = 0; l < x.size(); ++l) {
    for (std::size_t m = 0; m < y.size(); ++m) {
      Real sum = 0;
      Real magnitude = std::abs(before);
      for (std::size_t i = 0; i < x[l].size(); ++i) {
        sum += reference::inner(x[l][i], y[m][i]);
        for (std::size_t j = 0; j < x[l][i].size(); ++j) {
          magnitude += weight * std::abs(x[l][i][j] * y[m][i][j]);
        }
      }
      expect_close(table[l * y.size() + m], before + weight * sum, kSumError * magnitude, at(l, m));
    }
  }
}

template <class T>
void expect_products_of_sets(std::size_t x_layers, std::size_t y_layers, std::size_t rows,
                             std::size_t cols) {
  SCOPED_TRACE(at(x_layers, y_layers) + " layers of " + at(rows, cols));
  const std::vector<Matrix> x = normal_layers<T>(x_layers, rows, cols, 5);
  const std::vector<Matrix> y = normal_layers<T>(y_layers, rows, cols, 500);
  DeviceTiles<T> of_x(x);
  DeviceTiles<T> of_y(y);
  expect_products(products(of_x, of_y, 2, 0.5), x, y, 2, 0.5);
}

template <class T>
void expect_products_of_one_set(std::size_t layers, std::size_t rows, std::size_t cols) {
  SCOPED_TRACE(std::to_string(layers) + " layers of " + at(rows, cols));
  const std::vector<Matrix> x = normal_layers<T>(layers, rows, cols, 6);
  DeviceTiles<T> of_x(x);
  const std::vector<double> table = products(of_x, of_x, 1, -3);
  expect_products(table, x, x, 1, -3);
  for (std::size_t l = 0; l < layers; ++l) {
    for (std::size_t m = 0; m < l; ++m) ASSERT_EQ(table[l * layers + m], table[m * layers + l]);
  }
}

// Numbers around a thread's 6 layers, a block's 48, and chunks of 32 to 256 entries.
constexpr std::size_t kLayerCounts[] = {1, 2, 5, 6, 7, 12, 13, 24, 25, 31, 48, 49, 97};

TEST(Products, OfOneSetOfAnyNumberOfLayers) {
  for (const std::size_t layers : kLayerCounts) {
    expect_products_of_one_set<float>(layers, 5, 70);
    expect_products_of_one_set<double>(layers, 3, 45);
  }
}

TEST(Products, OfTwoSetsOfAnyNumberOfLayers) {
  for (const std::size_t layers : kLayerCounts) {
    expect_products_of_sets<float>(layers, 1, 4, 37);
    expect_products_of_sets<float>(3, layers, 4, 37);
    expect_products_of_sets<double>(layers, layers, 3, 33);
    expect_products_of_sets<double>(layers, 50, 2, 17);
  }
}

TEST(Products, OfTilesOfAnySize) {
  for (const std::size_t layers : {2, 8, 20, 40}) {
    for (const std::size_t cols : {1, 31, 32, 33, 63, 65, 127, 129, 255, 256, 257, 600}) {
      expect_products_of_one_set<float>(layers, 3, cols);
      expect_products_of_sets<float>(layers, layers - 1, 2, cols);
    }
  }
}

TEST(Products, OfTilesInManyParts) {
  expect_products_of_one_set<float>(1, 120, 40);
  expect_products_of_one_set<float>(7, 61, 130);
  expect_products_of_sets<double>(2, 3, 200, 33);
}

TEST(Products, OfAsManyLayersElsewhereAreNotTakenForOneSet) {
  const std::vector<Matrix> x = normal_layers<float>(9, 4, 40, 7);
  const std::vector<Matrix> y = normal_layers<float>(9, 4, 40, 77);
  DeviceTiles<float> of_x(x);
  DeviceTiles<float> of_y(y);
  const std::vector<double> table = products(of_x, of_y, 1, 0);
  expect_products(table, x, y, 1, 0);
  EXPECT_NE(table[1], table[9]);
}

TEST(Products, OfLargeAndTinyFloatsNeitherOverflowNorVanish) {
  DeviceTiles<float> tiles({Matrix(4, Vec(40, 0x1p100L)), Matrix(4, Vec(40, 0x1p-100L))});
  const std::vector<double> want{0x1p200 * 160, 160, 160, 0x1p-200 * 160};
  EXPECT_EQ(products(tiles, tiles, 1, 0), want);
}

TEST(Products, RepeatBitForBit) {
  const std::vector<Matrix> x = normal_layers<float>(13, 40, 90, 8);
  DeviceTiles<float> tiles(x);
  EXPECT_EQ(products(tiles, tiles, 1, 0), products(tiles, tiles, 1, 0));
}

TEST(Products, NaNShowsInItsLayerOnly) {
  std::vector<Matrix> x = normal_layers<float>(8, 3, 40, 9);
  x[5][1][33] = NAN;
  DeviceTiles<float> tiles(x);
  const std::vector<double> table = products(tiles, tiles, 1, 0);
  for (std::size_t l = 0; l < 8; ++l) {
    for (std::size_t m = 0; m < 8; ++m) {
      EXPECT_EQ(std::isnan(table[l * 8 + m]), l == 5 || m == 5) << at(l, m);
    }
  }
}

// ---- All together: HSIC from a walk over upper tiles -----------------------------------------

template <class T>
void expect_debiased_hsic(std::size_t layer_count, std::int64_t n, std::int64_t edge) {
  SCOPED_TRACE(std::to_string(n) + " samples, tiles of " + std::to_string(edge));
  const std::vector<Matrix> layers = normal_graphs<T>(layer_count, n, 10);
  std::vector<double> table(layer_count * layer_count);
  std::vector<double> sums(layer_count * n), squares(layer_count * n);
  const auto count = static_cast<std::int64_t>(layer_count);
  std::vector<double> scratch = poisoned<double>(cuda::product_scratch(count, count));
  for_each_upper_tile(
      n, edge, [&](cuda::Place place, std::int64_t rows, std::int64_t cols, bool mirrored) {
        DeviceTiles<T> tiles(layers, place, rows, cols);
        const cuda::Tiles<const T> view = tiles.view();
        if (!mirrored) cuda::clear_diagonal(nullptr, tiles.view(), place);
        cuda::add_row_sums<T>(nullptr, view, place, mirrored, {sums.data(), squares.data(), n});
        cuda::add_products<T>(nullptr, view, view, mirrored ? 2 : 1, table.data(), scratch.data());
      });

  const auto size = static_cast<Real>(n);
  const auto row = [&](std::size_t l) { return Vec(&sums[l * n], &sums[l * n] + n); };
  const Vec ones(n, 1);
  for (std::size_t l = 0; l < layer_count; ++l) {
    const Real self = table[l * layer_count + l];
    expect_close(reference::inner(Vec(&squares[l * n], &squares[l * n] + n), ones), self,
                 kSumError * self, "squares");
    for (std::size_t m = 0; m < layer_count; ++m) {
      const Real totals = reference::inner(row(l), ones) * reference::inner(row(m), ones);
      const Real hsic = (table[l * layer_count + m] + totals / ((size - 1) * (size - 2)) -
                         2 / (size - 2) * reference::inner(row(l), row(m))) /
                        (size * (size - 3));
      expect_close(hsic, reference::debiased_hsic(layers[l], layers[m]), 1e-13, at(l, m));
    }
  }
}

TEST(DebiasedHsic, FromUpperTiles) {
  expect_debiased_hsic<float>(3, 50, 16);
  expect_debiased_hsic<double>(7, 33, 32);
  expect_debiased_hsic<double>(2, 40, 40);
}

}  // namespace
