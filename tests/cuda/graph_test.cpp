#include "isogram/cuda/graph.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "isogram_reference/graph.hpp"
#include "support.hpp"
#include "tiles.hpp"

namespace {

using namespace isogram_test;
namespace cuda = isogram::cuda;
namespace reference = isogram_reference;

// Float64 sums in many parts: relative to the sum of magnitudes.
constexpr double kSumError = 32 * eps<double>();

// ---- Products of rows ------------------------------------------------------------------------

// Tables from a walk over the upper tiles of symmetric graphs, started from `before`.
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

// Around a thread's 6 layers and a block's 48.
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

// Chunks of 32 to 256 entries, and 4 to 8 columns at a time.
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

// ---- Nearest neighbours ----------------------------------------------------------------------

template <class T>
struct Nearest {
  Nearest(std::int64_t nodes, std::int64_t k)
      : nodes(nodes),
        k(k),
        weights(nodes * k, -std::numeric_limits<T>::infinity()),
        indices(nodes * k, -1) {}
  cuda::Neighbours<T> view() { return {weights.data(), indices.data(), k}; }

  std::int64_t nodes, k;
  std::vector<T> weights;
  std::vector<std::int32_t> indices;
};

template <class T>
void expect_nearest(const Nearest<T>& got, const Matrix& graph) {
  const auto chosen = reference::nearest(graph, got.k);
  for (std::int64_t i = 0; i < got.nodes; ++i) {
    for (std::int64_t p = 0; p < got.k; ++p) {
      const auto want = static_cast<std::int32_t>(chosen[i][p]);
      ASSERT_EQ(got.indices[i * got.k + p], want) << "neighbour " << p << " of " << i;
      ASSERT_EQ(got.weights[i * got.k + p], graph[i][want]) << "neighbour " << p << " of " << i;
    }
  }
}

struct PlacedTile {
  cuda::Place place;
  std::int64_t rows, cols;
};

// The tiles of rows × cols, in a random order.
std::vector<PlacedTile> shuffled_tiles(std::int64_t rows, std::int64_t cols, std::int64_t height,
                                       std::int64_t width) {
  std::vector<PlacedTile> tiles;
  for (std::int64_t row = 0; row < rows; row += height) {
    for (std::int64_t col = 0; col < cols; col += width) {
      tiles.push_back({{row, col}, std::min(height, rows - row), std::min(width, cols - col)});
    }
  }
  std::shuffle(tiles.begin(), tiles.end(), std::mt19937(1));
  return tiles;
}

template <class T>
cuda::Matrix<const T> only_matrix(DeviceTiles<T>& tile) {
  const cuda::Tiles<T> view = tile.view();
  return {view.data, view.rows, view.cols, view.stride};
}

// Of the first nodes, from their rows.
template <class T>
Nearest<T> nearest_of_rows(const Matrix& graph, std::int64_t nodes, std::int64_t k,
                           std::int64_t height, std::int64_t width) {
  Nearest<T> nearest(nodes, k);
  const auto n = static_cast<std::int64_t>(graph.size());
  for (const PlacedTile& part : shuffled_tiles(nodes, n, height, width)) {
    DeviceTiles<T> tile({graph}, part.place, part.rows, part.cols);
    cuda::merge_nearest(nullptr, only_matrix(tile), part.place, nearest.view());
  }
  return nearest;
}

// From their columns.
template <class T>
Nearest<T> nearest_of_columns(const Matrix& graph, std::int64_t nodes, std::int64_t k,
                              std::int64_t height, std::int64_t width) {
  Nearest<T> nearest(nodes, k);
  const auto n = static_cast<std::int64_t>(graph.size());
  for (const PlacedTile& part : shuffled_tiles(n, nodes, height, width)) {
    DeviceTiles<T> tile({graph}, part.place, part.rows, part.cols);
    cuda::merge_nearest_columns(nullptr, only_matrix(tile), part.place, nearest.view());
  }
  return nearest;
}

Matrix transposed(const Matrix& x) {
  Matrix result(x[0].size(), Vec(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < x[0].size(); ++j) result[j][i] = x[i][j];
  }
  return result;
}

// Square; on the diagonal is what would be everybody's nearest.
template <class T>
Matrix normal_weights(std::size_t n, unsigned seed) {
  Matrix graph = rounded<T>(normal_matrix(n, n, seed));
  for (std::size_t i = 0; i < n; ++i) graph[i][i] = 100;
  return graph;
}

// Nearly all weights are equal to others.
Matrix tied_weights(std::size_t n, int values, unsigned seed) {
  std::mt19937 random(seed);
  Matrix graph(n, Vec(n));
  for (Vec& row : graph) {
    for (Real& x : row) x = static_cast<int>(random() % static_cast<unsigned>(values)) - 1;
  }
  return graph;
}

template <class T>
void expect_nearest_both_ways(const Matrix& graph, std::int64_t nodes, std::int64_t k,
                              std::int64_t height, std::int64_t width) {
  SCOPED_TRACE("k = " + std::to_string(k) + ", tiles of " + at(height, width));
  expect_nearest(nearest_of_rows<T>(graph, nodes, k, height, width), graph);
  expect_nearest(nearest_of_columns<T>(transposed(graph), nodes, k, width, height), graph);
}

TEST(NearestNeighbours, OfAnyNumberOfThem) {
  const Matrix graph = normal_weights<float>(40, 8);
  for (std::int64_t k = 1; k < 40; ++k) expect_nearest_both_ways<float>(graph, 4, k, 3, 23);
}

TEST(NearestNeighbours, MoreThanAWarpHasLanes) {
  const Matrix graph = normal_weights<double>(140, 9);
  for (const std::int64_t k : {31, 32, 33, 63, 64, 65, 96, 97, 138, 139}) {
    expect_nearest_both_ways<double>(graph, 3, k, 3, 50);
  }
}

// Around 8 rows and 128 columns at a time, and strips of 128 × 32.
TEST(NearestNeighbours, InTilesOfAnySize) {
  for (const std::int64_t n : {2, 3, 8, 9, 31, 33, 65}) {
    const Matrix graph = normal_weights<float>(n, 10);
    const std::int64_t k = std::min<std::int64_t>(5, n - 1);
    expect_nearest_both_ways<float>(graph, n, k, n, n);
    expect_nearest_both_ways<float>(graph, n, k, (n + 1) / 2, n / 2 + 3);
  }
  for (const std::int64_t n : {127, 128, 129, 257}) {
    expect_nearest_both_ways<float>(normal_weights<float>(n, 11), 9, 4, 9, n);
  }
}

TEST(NearestNeighbours, OfEqualWeightsTheFirst) {
  for (const int values : {1, 2, 3, 8}) {
    const Matrix graph = tied_weights(70, values, 12);
    for (const std::int64_t k : {1, 7, 33, 69}) {
      expect_nearest_both_ways<float>(graph, 4, k, 4, 70);
      expect_nearest_both_ways<double>(graph, 4, k, 3, 9);
    }
  }
}

TEST(NearestNeighbours, FromUpperTiles) {
  const Matrix graph = normal_graphs<float>(1, 90, 13)[0];
  for (const std::int64_t k : {1, 10}) {
    Nearest<float> nearest(90, k);
    for_each_upper_tile(
        90, 40, [&](cuda::Place place, std::int64_t rows, std::int64_t cols, bool mirrored) {
          DeviceTiles<float> tile({graph}, place, rows, cols);
          cuda::merge_nearest(nullptr, only_matrix(tile), place, nearest.view());
          if (!mirrored) return;
          cuda::merge_nearest_columns(nullptr, only_matrix(tile), place, nearest.view());
        });
    expect_nearest(nearest, graph);
  }
}

TEST(NearestNeighbours, NaNIsNeverTaken) {
  Matrix graph = normal_weights<float>(50, 14);
  for (std::size_t i = 0; i < 50; ++i) graph[i][(7 * i) % 50] = NAN;
  const Nearest<float> nearest = nearest_of_rows<float>(graph, 50, 6, 50, 20);
  for (Vec& row : graph) {
    for (Real& x : row) x = std::isnan(x) ? -100 : x;
  }
  expect_nearest(nearest, graph);

  const Nearest<float> none = nearest_of_rows<float>(Matrix(4, Vec(4, NAN)), 4, 3, 4, 4);
  EXPECT_EQ(none.indices, std::vector<std::int32_t>(12, -1));
}

// ---- Ranking again ---------------------------------------------------------------------------

// Unit rows all of whose cosines are nearly 1, or nearly −1.
Matrix nearly_parallel_rows(std::size_t n, std::size_t d, Real size, unsigned seed) {
  Matrix rows = normal_matrix(n, d, seed);
  for (std::size_t i = 0; i < n; ++i) {
    rows[i][d / 2] += i % 3 == 0 ? -size : size;
    const Real norm = std::sqrt(reference::inner(rows[i], rows[i]));
    for (Real& x : rows[i]) x /= norm;
  }
  return rounded<double>(rows);
}

// Neighbours as weights rounded to float leave them, from all columns.
Nearest<float> kept_of(const Matrix& cosines, std::int64_t kept) {
  const auto n = static_cast<std::int64_t>(cosines.size());
  return nearest_of_rows<float>(rounded<float>(cosines), n, kept, n, n);
}

void expect_ranked(std::size_t n, std::size_t d, Real size, std::int64_t k, std::int64_t kept) {
  SCOPED_TRACE(at(n, d) + ", k = " + std::to_string(k) + " of " + std::to_string(kept));
  const Matrix rows = nearly_parallel_rows(n, d, size, static_cast<unsigned>(n));
  const Matrix cosines = reference::dense_graph(rows, false);
  std::vector<double> units;
  for (const Vec& row : rows) {
    for (std::size_t j = 0; j < d; ++j) units.push_back(static_cast<double>(row[j]));
  }
  Nearest<float> best = kept_of(cosines, kept);
  Nearest<double> ranked(static_cast<std::int64_t>(n), k);
  const auto nodes = static_cast<std::int64_t>(n);
  const auto depth = static_cast<std::int64_t>(d);
  cuda::rank_nearest<float>(nullptr, {units.data(), nodes, depth, depth}, 2 * eps<float>(),
                            best.view(), ranked.view());
  const auto chosen = reference::nearest(cosines, static_cast<std::size_t>(k));
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t first = i * static_cast<std::size_t>(kept);
    std::set<std::size_t> got;
    for (std::size_t p = first; p < first + static_cast<std::size_t>(k); ++p) {
      got.insert(static_cast<std::size_t>(best.indices[p]));
      const auto cosine = static_cast<double>(cosines[i][best.indices[p]]);
      ASSERT_NEAR(best.weights[p], cosine, 2 * eps<float>());
    }
    const std::vector<std::size_t>& want = chosen[i];
    ASSERT_EQ(got, std::set<std::size_t>(want.begin(), want.end())) << "of node " << i;
  }
}

TEST(RankedNeighbours, AreThoseOfLongDoubles) {
  for (const Real size : {0.0L, 10.0L, 1e3L, 1e6L}) {
    expect_ranked(45, 20, size, 5, 7);
    expect_ranked(45, 70, size, 40, 41);
    expect_ranked(30, 3, size, 20, 29);
    expect_ranked(30, 33, size, 1, 4);
  }
}

TEST(RankedNeighbours, WithoutDoubtStayAsTheyAre) {
  Nearest<float> best(3, 2);
  best.weights = {0.5F, 0.25F, 0.5F, 0.5F, 0.5F, -std::numeric_limits<float>::infinity()};
  best.indices = {1, 2, 0, 2, 1, -1};
  const std::vector<double> units = {0, 0, 0};  // zero rows
  Nearest<double> ranked(3, 1);
  const std::vector<float> weights = best.weights;
  const std::vector<std::int32_t> indices = best.indices;
  cuda::rank_nearest<float>(nullptr, {units.data(), 3, 1, 1}, 1e-3, best.view(), ranked.view());
  EXPECT_EQ(best.weights, weights);
  EXPECT_EQ(best.indices, indices);
}

// ---- Sparse graphs ---------------------------------------------------------------------------

// What is not 0 of a matrix, in more memory than it takes, as graphs are given to the kernel.
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

// Rows with from none to all of their entries.
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
