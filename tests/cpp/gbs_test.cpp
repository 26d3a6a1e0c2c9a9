#include "isogram/gbs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include "flat.hpp"
#include "isogram/error.hpp"
#include "isogram_reference/gbs.hpp"
#include "support.hpp"

namespace {

namespace reference = isogram_reference;
using isogram::InputView;
using isogram::MatrixView;
using namespace isogram_test;

template <class T>
constexpr double kTolerance = 32 * std::numeric_limits<T>::epsilon();

// At every level, against one reference.
template <class T>
void expect_gbs(std::size_t n, std::size_t k, bool center,
                const std::vector<std::size_t>& widths = {4, 30, 7}) {
  std::vector<Data<T>> data;
  for (const std::size_t d : widths) {
    data.push_back(Data<T>::normal(n, d, static_cast<unsigned>(d), center ? 10 : 0.2));
  }
  if (!center) std::fill(data[1].row(n / 3), data[1].row(n / 3) + data[1].d, T(0));
  std::vector<reference::Matrix> graphs;
  for (const Data<T>& x : data) graphs.push_back(reference::graph(x.rows(), k, center));
  const std::vector<InputView> layers{data[0].view(), data[1].view(), data[2].view()};
  at_every_level([&] {
    const std::vector<double> own = isogram::gbs_table(layers, k, center).gbs;
    const std::vector<double> cross =
        isogram::gbs_table(layers, std::vector<InputView>{layers[2], layers[1]}, k, center).gbs;
    ASSERT_EQ(own.size(), 9);
    ASSERT_EQ(cross.size(), 6);
    for (std::size_t a = 0; a < 3; ++a) {
      for (std::size_t b = 0; b < 3; ++b) {
        const auto expected = static_cast<double>(reference::mean_row_cosine(graphs[a], graphs[b]));
        EXPECT_NEAR(own[a * 3 + b], expected, kTolerance<T>) << n << ", " << k;
        EXPECT_EQ(own[a * 3 + b], own[b * 3 + a]);
      }
      EXPECT_EQ(cross[a * 2 + 0], own[a * 3 + 2]);
      EXPECT_EQ(cross[a * 2 + 1], own[a * 3 + 1]);
    }
  });
}

TEST(Gbs, AgreesWithTheReference) {
  for (const std::size_t n : {6, 48, 97, 130}) {
    for (const std::size_t k : {0, 1, 5}) {
      for (const bool center : {false, true}) {
        expect_gbs<float>(n, k, center);
        expect_gbs<double>(n, k, center);
      }
    }
  }
}

TEST(Gbs, AgreesWithTheReferenceOnFewLongRows) {
  for (const std::size_t n : {6, 25}) {
    for (const std::size_t k : {0, 2}) {
      for (const bool center : {false, true}) {
        expect_gbs<float>(n, k, center, {9001, 8192, 9999});
        expect_gbs<double>(n, k, center, {9001, 8192, 9999});
      }
    }
  }
}

TEST(Gbs, IsExactlyOneWithItselfAndWithItsMultiple) {
  at_every_level([] {
    const auto data = Data<float>::normal(120, 8, 3, 1);
    auto scaled = data;
    for (std::size_t i = 0; i < data.n; ++i) {
      for (std::size_t j = 0; j < data.d; ++j)
        scaled.row(i)[j] *= std::exp2f(static_cast<float>(i));
    }
    for (const std::size_t k : {0, 3}) {
      const std::vector<InputView> layers{data.view(), scaled.view()};
      EXPECT_EQ(isogram::gbs_table(layers, k, false).gbs, std::vector<double>(4, 1.0));
    }
  });
}

TEST(Gbs, ZeroRowsCountZero) {
  at_every_level([] {
    Data<float> data(4, 2);
    data.values = {1, 0, 1, 0, 0, 0, 0, 1};
    const std::vector<InputView> layers{data.view()};
    // Rows 0 and 1 have an edge; row 2 (zero) and row 3 (orthogonal to all) have edges of weight 0.
    const std::vector<std::size_t> isolated{2};
    EXPECT_EQ(isogram::gbs_table(layers, 0, false).gbs[0], 0.5);
    EXPECT_EQ(isogram::gbs_table(layers, 0, false).isolated_x, isolated);
    EXPECT_EQ(isogram::gbs_table(layers, 2, false).gbs[0], 0.5);
    EXPECT_EQ(isogram::gbs_table(layers, 2, false).isolated_y, isolated);
  });
}

TEST(Gbs, MixedTypesAreComputedInTheWidest) {
  at_every_level([] {
    const auto narrow = Data<float>::normal(60, 5, 1);
    const auto wide = Data<double>::normal(60, 6, 2);
    const std::vector<InputView> layers{narrow.view(), wide.view()};
    const std::vector<double> table = isogram::gbs_table(layers, 0, false).gbs;
    const auto expected = static_cast<double>(reference::gbs(narrow.rows(), wide.rows(), 0, false));
    EXPECT_NEAR(table[1], expected, kTolerance<double>);
  });
}

TEST(Gbs, IsTheSameForAnyNumberOfThreads) {
  at_every_level([] {
    const auto a = Data<float>::normal(500, 20, 1, 0.3);
    const auto b = Data<float>::normal(500, 11, 2, 0.3);
    const std::vector<InputView> layers{a.view(), b.view()};
    for (const std::size_t k : {0, 5}) {
      const auto run = [&](int threads) {
        return isogram::gbs_table(layers, k, true, on_threads(threads)).gbs;
      };
      const std::vector<double> one = run(1);
      for (const int threads : {2, 3, 8}) EXPECT_EQ(run(threads), one) << threads << " threads";
    }
  });
}

// Rows of every layer in memory of their own, and their views.
template <class T>
struct Part {
  Part(const std::vector<Data<T>>& layers, isogram::Span rows) {
    for (const Data<T>& layer : layers) {
      data.emplace_back(rows.size(), layer.d);
      std::copy_n(&layer.values[rows.begin * layer.d], data.back().values.size(),
                  data.back().values.begin());
    }
    for (const Data<T>& own : data) views.push_back(own.view());
  }
  std::vector<Data<T>> data;
  std::vector<InputView> views;
};

template <class T>
std::vector<isogram::GbsPart> parts_of(const isogram::GbsPlan& plan,
                                       const std::vector<Data<T>>& layers) {
  std::vector<isogram::GbsPart> parts;
  for (const isogram::SampleTile& tile : tiles_of(plan)) {
    const Part<T> rows(layers, tile.rows);
    const Part<T> cols(layers, tile.cols);
    parts.push_back(isogram::gbs_of_tile(plan, tile, rows.views, cols.views, on_threads(2)));
  }
  return parts;
}

template <class T>
void expect_gbs_by_parts(std::size_t k, bool center) {
  std::vector<Data<T>> layers;
  for (const std::size_t d : {4, 30}) {
    layers.push_back(Data<T>::normal(210, d, static_cast<unsigned>(d), 0.2));
  }
  const std::vector<InputView> x{layers[0].view()};
  const std::vector<InputView> y{layers[1].view()};
  const isogram::GbsTable expected = isogram::gbs_table(x, y, k, center);
  for (const std::size_t edge : {0, 96, 100, 3}) {
    const isogram::GbsPlan plan = isogram::plan_gbs(x, y, k, center, edge);
    const auto parts = parts_of(plan, layers);
    const isogram::GbsTable table = isogram::gbs_of_parts(plan, parts);
    EXPECT_NEAR(table.gbs[0], expected.gbs[0], edge == 0 ? 0 : kTolerance<T>) << edge;
    EXPECT_EQ(table.isolated_x, expected.isolated_x);
    if (k == 0) continue;
    const auto graph = isogram::knn_graph_of_parts<T>(plan, 1, parts, true);
    EXPECT_EQ(graph.indices, isogram::knn_graph<T>(y[0], k, center, true).indices) << edge;
  }
}

TEST(Gbs, PartsNeedTheirOwnRowsAlone) {
  at_every_level([] {
    for (const std::size_t k : {0, 1, 5}) {
      for (const bool center : {false, true}) {
        expect_gbs_by_parts<float>(k, center);
        expect_gbs_by_parts<double>(k, center);
      }
    }
  });
}

TEST(GbsErrors, PartsMustBeThoseOfThePlan) {
  const std::vector<Data<float>> layers{Data<float>::normal(10, 3, 1)};
  const std::vector<InputView> x{layers[0].view()};
  for (const std::size_t k : {0, 2}) {
    const isogram::GbsPlan plan = isogram::plan_gbs(x, {}, k, false, 6);
    std::vector<isogram::GbsPart> parts = parts_of(plan, layers);
    const isogram::SampleTile first = tiles_of(plan)[0];
    EXPECT_THROW(isogram::gbs_of_tile(plan, first, x, {}), std::invalid_argument);
    std::swap(parts[0], parts[1]);
    EXPECT_THROW(isogram::gbs_of_parts(plan, parts), std::invalid_argument);
    parts.pop_back();
    EXPECT_EQ(complaint([&] { isogram::gbs_of_parts(plan, parts); }),
              "`parts` must have one for every tile of the plan");
  }
}

TEST(GbsErrors, PlansNeedLayers) {
  const std::vector<Data<float>> layers{Data<float>::normal(10, 3, 1)};
  const std::vector<InputView> y{layers[0].view()};
  EXPECT_EQ(complaint([&] { isogram::plan_gbs({}, y, 0, false); }),
            "`layers` must have at least one layer, got none");
}

// A neighbour that is no sample is refused, and never used as an index.
TEST(GbsErrors, NeighboursMustBeSamples) {
  const std::vector<Data<float>> layers{Data<float>::normal(10, 3, 1)};
  const std::vector<InputView> x{layers[0].view()};
  const isogram::GbsPlan plan = isogram::plan_gbs(x, {}, 2, false, 6);
  const std::vector<isogram::GbsPart> parts = parts_of(plan, layers);
  const auto refuses = [&](const std::vector<isogram::GbsPart>& others) {
    EXPECT_THROW(isogram::gbs_of_parts(plan, others), std::invalid_argument);
    EXPECT_THROW(isogram::knn_graph_of_parts<float>(plan, 0, others, true), std::invalid_argument);
  };
  for (const std::int32_t index : {-2, 10, 1 << 30}) {
    auto others = parts;
    others[1].of_cols[0].indices[3] = index;
    refuses(others);
  }
  auto others = parts;
  others[0].of_rows[0].cosines[0] = std::nan("");
  refuses(others);
}

TEST(Gbs, LongCallsCanBeInterrupted) {
  at_every_level([] {
    const auto data = Data<double>::normal(3000, 700, 1);
    isogram::Execution execution;
    int calls = 0;
    execution.poll = [&](std::size_t, std::size_t) { return ++calls < 2; };
    const std::vector<InputView> layers{data.view(), data.view()};
    EXPECT_THROW(isogram::gbs_table(layers, 0, true, execution), isogram::Interrupted);
  });
}

TEST(GbsErrors, NameTheLayer) {
  const auto a = Data<float>::normal(5, 3, 1);
  const auto b = Data<float>::normal(4, 3, 1);
  const InputView first(a.view(), "layers[0]");
  const InputView short_one(b.view(), "layers[2]");
  const InputView single(MatrixView<const float>(a.values.data(), 1, 3), "layers[0]");
  const InputView empty(MatrixView<const float>(a.values.data(), 5, 0), "layers[1]");
  const auto message = [](const std::vector<InputView>& layers, std::size_t k) {
    return complaint([&] { isogram::gbs_table(layers, k, false); });
  };
  EXPECT_EQ(message({first, first, short_one}, 0),
            "`layers[2]` must have 5 rows like `layers[0]`, got 4");
  EXPECT_EQ(message({single}, 0), "`layers[0]` must have at least 2 rows, got 1");
  EXPECT_EQ(message({first, empty}, 0),
            "`layers[1]` must have at least one row and one column, got 5 x 0");
  EXPECT_EQ(message({first}, 5),
            "`k` must be at least 1 and less than the 5 rows of `layers[0]`, got 5");
  EXPECT_EQ(message({}, 0), "`layers` must have at least one layer, got none");
  EXPECT_EQ(complaint([&] { isogram::gbs_table(std::vector<InputView>{first}, {}, 0, false); }),
            "`other` must have at least one layer, got none");
}

}  // namespace
