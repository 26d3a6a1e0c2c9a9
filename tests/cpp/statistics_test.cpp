// Statistics of graphs: coarse tiles from their own rows alone, and their merge.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "flat.hpp"
#include "statistics/cosine_graph.hpp"
#include "statistics/nearest.hpp"
#include "statistics/neighbours.hpp"
#include "statistics/row_products.hpp"
#include "statistics/tile_neighbours.hpp"
#include "support.hpp"
#include "tiles/window.hpp"

namespace {

using namespace isogram_test;
using isogram::CoarseTile;
using isogram::GramFacts;
using isogram::GramTiles;
using isogram::InputView;
using isogram::Kernel;
using isogram::kTileEdge;
using isogram::LayerPairs;
using isogram::MatrixView;
using isogram::Neighbours;
using isogram::RowProducts;
using isogram::Span;
using isogram::TileInputs;
using isogram::TileNeighbours;
using isogram::TileProducts;
using isogram::TileWindow;

// Rows of data in memory of their own.
template <class T>
Data<T> rows_of(const Data<T>& all, Span rows) {
  Data<T> part(rows.size(), all.d);
  std::copy_n(&all.values[rows.begin * all.d], part.values.size(), part.values.begin());
  return part;
}

// Samples that are hard for a graph: one channel that dwarfs the others, few different values, zero
// rows, more features than samples.
template <class T>
std::vector<Data<T>> awkward_data() {
  std::vector<Data<T>> all;
  for (const std::size_t d : {9, 9, 3, 5000}) all.push_back(Data<T>::normal(250, d, 5, 0.2));
  for (std::size_t i = 0; i < 250; ++i) {
    all[1].row(i)[0] += T(3e4);
    for (T* x = all[2].row(i); x != all[2].row(i) + 3; ++x) *x = std::round(*x);
    if (i % 7 == 0) std::fill(all[0].row(i), all[0].row(i) + 9, T(0));
  }
  return all;
}

template <class T>
class GraphStatistics : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(GraphStatistics, Types);

template <class T>
TileProducts products_of(const std::vector<GramTiles<T>>& graphs, const LayerPairs& pairs) {
  std::vector<TileWindow<T>> windows;
  for (const GramTiles<T>& graph : graphs) windows.emplace_back(graph);
  return isogram::row_products<T>(windows, pairs, on_threads(2));
}

void expect_same(const RowProducts& got, const RowProducts& expected, double tolerance) {
  ASSERT_EQ(got.pairs(), expected.pairs());
  ASSERT_EQ(got.rows(), expected.rows());
  for (std::size_t p = 0; p < got.pairs(); ++p) {
    for (std::size_t i = 0; i < got.rows(); ++i) {
      ASSERT_NEAR(got.of(p)[i], expected.of(p)[i], tolerance) << "pair " << p << ", row " << i;
    }
  }
}

TYPED_TEST(GraphStatistics, RowProductsOfATileNeedItsOwnRowsAlone) {
  using T = TypeParam;
  const std::vector<Data<T>> data = awkward_data<T>();
  const LayerPairs pairs(2, 2, false);
  at_every_level([&] {
    for (const bool center : {false, true}) {
      std::vector<GramFacts> facts;
      std::vector<GramTiles<T>> whole;
      whole.reserve(data.size());
      for (const Data<T>& x : data) {
        facts.push_back(isogram::survey_cosines<T>(x.view(), center, Kernel::cosine, {}));
        whole.emplace_back(x.view(), facts.back(), isogram::Execution{});
      }
      EXPECT_TRUE(facts.back().is_deep);
      const TileProducts expected = products_of(whole, pairs);
      RowProducts merged(250);
      for (const CoarseTile& tile : isogram::coarse_tiles(250, kTileEdge)) {
        std::vector<GramTiles<T>> parts;
        std::vector<TileWindow<T>> windows;
        parts.reserve(data.size());
        for (std::size_t layer = 0; layer < data.size(); ++layer) {
          const Data<T> rows = rows_of(data[layer], tile.rows);
          const Data<T> cols = rows_of(data[layer], tile.cols);
          if (tile.is_mirrored()) {
            parts.emplace_back(rows.view(), cols.view(), facts[layer], isogram::Execution{});
          } else {
            parts.emplace_back(rows.view(), facts[layer], isogram::Execution{});
          }
          windows.emplace_back(whole[layer], tile);
        }
        TileProducts part = products_of(parts, pairs);
        const TileProducts window = isogram::row_products<T>(windows, pairs, on_threads(3));
        expect_same(part.rows, window.rows, 0);
        expect_same(part.cols, window.cols, 0);
        merged.merge(std::move(part), tile);
      }
      expect_same(merged, expected.rows, 1e-12);
    }
  });
}

// The neighbours of a graph sorted by column, and their weights.
template <class T>
struct Graph {
  std::vector<std::int32_t> columns;
  std::vector<T> weights;
  bool operator==(const Graph&) const = default;
};

template <class T>
Graph<T> graph_of(const isogram::Buffer<isogram::Edge<T>>& edges) {
  Graph<T> graph;
  for (const isogram::Edge<T>& edge : edges) {
    graph.columns.push_back(edge.column);
    graph.weights.push_back(edge.weight);
  }
  return graph;
}

// The graph from parts, each computed from its own rows and the facts, merged in the order of
// tiles.
template <class T>
Graph<T> graph_by_parts(const Data<T>& x, std::size_t k, std::size_t edge, const GramFacts& facts,
                        bool is_reversed) {
  Neighbours<T> all(x.n, k);
  std::vector<CoarseTile> tiles = isogram::coarse_tiles(x.n, edge);
  if (is_reversed) std::reverse(tiles.begin(), tiles.end());
  for (const CoarseTile& at : tiles) {
    const Data<T> own_rows = rows_of(x, at.rows);
    const Data<T> own_cols = rows_of(x, at.cols);
    const InputView rows = own_rows.view();
    const InputView cols = own_cols.view();
    const TileInputs tile{rows, at.is_mirrored() ? &cols : nullptr, at.rows.begin, at.cols.begin};
    const GramTiles<T> tiles_of_part = isogram::graph_tiles<T>(tile, facts, {});
    TileNeighbours<T> part =
        isogram::nearest_in_tile(tile, TileWindow<T>(tiles_of_part), k, facts, on_threads(2));
    isogram::set_closeness(rows, cols, at.cols.begin, facts, {}, part.rows);
    isogram::merge_neighbours(part.rows, at.rows, nullptr, x.d, facts, {}, all);
    if (!at.is_mirrored()) continue;
    isogram::set_closeness(cols, rows, at.rows.begin, facts, {}, part.cols);
    isogram::merge_neighbours(part.cols, at.cols, nullptr, x.d, facts, {}, all);
  }
  return graph_of(isogram::edges_of(std::move(all)));
}

TYPED_TEST(GraphStatistics, NeighboursOfATileNeedItsOwnRowsAlone) {
  using T = TypeParam;
  const std::vector<Data<T>> data = awkward_data<T>();
  at_every_level([&] {
    for (const Data<T>& x : data) {
      for (const auto& [center, kernel] :
           {std::pair(false, Kernel::cosine), std::pair(true, Kernel::cosine),
            std::pair(false, Kernel::correlation)}) {
        const GramFacts facts = isogram::survey_cosines<T>(x.view(), center, kernel, {});
        for (const std::size_t k : {1, 5, 120, 249}) {
          if (x.d > x.n && k != 5) continue;  // long
          const auto tiled =
              isogram::nearest<T>(x.view(), k, center, kernel, on_threads(2), kTileEdge);
          const Graph<T> expected = graph_of(tiled);
          EXPECT_EQ(graph_by_parts(x, k, kTileEdge, facts, false), expected) << x.d << ", " << k;
          EXPECT_EQ(graph_by_parts(x, k, kTileEdge, facts, true), expected) << x.d << ", " << k;
        }
      }
    }
  });
}

TYPED_TEST(GraphStatistics, NeighboursDoNotDependOnTheTiles) {
  using T = TypeParam;
  const std::vector<Data<T>> data = awkward_data<T>();
  at_every_level([&] {
    for (const Data<T>& x : data) {
      if (x.d == 3) continue;  // rounding chooses between equal cosines
      for (const std::size_t k : {1, 5, 120}) {
        if (x.d > x.n && k != 5) continue;  // long
        const auto nearest = [&](std::size_t edge) {
          return graph_of(isogram::nearest<T>(x.view(), k, true, Kernel::cosine, {}, edge));
        };
        EXPECT_EQ(nearest(kTileEdge).columns, nearest(isogram::kNeighbourEdge).columns)
            << x.d << ", " << k;
      }
    }
  });
}

TEST(RowProducts, MeanCosineCountsZeroRowsZero) {
  const std::vector<double> ab{2, 0, -3, 5};
  const std::vector<double> aa{1, 0, 3, 4};
  const std::vector<double> bb{4, 1, 3, 1};
  EXPECT_EQ(isogram::mean_cosine(ab.data(), aa.data(), bb.data(), 4), (1 + 0 - 1 + 1) / 4.0);
}

}  // namespace
