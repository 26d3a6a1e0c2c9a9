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

// The neighbours of the first nodes, from their rows.
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

// The neighbours of the first nodes, from their columns.
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

// A square matrix whose diagonal would be the nearest of every node.
template <class T>
Matrix normal_weights(std::size_t n, unsigned seed) {
  Matrix graph = rounded<T>(normal_matrix(n, n, seed));
  for (std::size_t i = 0; i < n; ++i) graph[i][i] = 100;
  return graph;
}

// Weights of few values: nearly all are ties.
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

// Sizes around 8 rows and 128 columns at a time, and strips of 128 × 32.
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

// Unit rows whose cosines are all nearly 1 or nearly −1.
Matrix nearly_parallel_rows(std::size_t n, std::size_t d, Real size, unsigned seed) {
  Matrix rows = normal_matrix(n, d, seed);
  for (std::size_t i = 0; i < n; ++i) {
    rows[i][d / 2] += i % 3 == 0 ? -size : size;
    const Real norm = std::sqrt(reference::inner(rows[i], rows[i]));
    for (Real& x : rows[i]) x /= norm;
  }
  return rounded<double>(rows);
}

// The neighbours kept by weights that are rounded to float.
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

}  // namespace
