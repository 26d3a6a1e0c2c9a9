// Moments tile by tile, from the plan and the tile's own rows alone.
#include "isogram/moments.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <vector>

#include "gram_expected.hpp"
#include "isogram/cka.hpp"
#include "support.hpp"
#include "tiles/grid.hpp"

namespace {

using namespace isogram_test;
using isogram::Estimator;
using isogram::HsicTable;
using isogram::InputView;
using isogram::Layer;
using isogram::Moments;
using isogram::MomentsPart;
using isogram::MomentsPlan;
using isogram::MomentsStage;
using isogram::SampleTile;
using isogram::Span;

constexpr Estimator kEstimators[] = {Estimator::biased, Estimator::debiased};

std::vector<Layer> layers_of(const std::vector<Input>& inputs, const KernelOptions& options) {
  std::vector<Layer> layers;
  for (const Input& input : inputs) layers.push_back({input.view(), options});
  return layers;
}

// Rows of every input, in memory of their own.
std::vector<Input> rows_of(const std::vector<Matrix>& values, ElementType type, Span rows) {
  std::vector<Input> result;
  for (const Matrix& x : values) {
    result.emplace_back(type, Order::c,
                        Matrix(x.begin() + static_cast<std::ptrdiff_t>(rows.begin),
                               x.begin() + static_cast<std::ptrdiff_t>(rows.end)));
  }
  return result;
}

// The sums over all tiles, computed in any order and merged in the order of tiles_of().
MomentsPart sums_of(const MomentsPlan& plan, const std::vector<Matrix>& values, ElementType type) {
  const std::vector<SampleTile> tiles = isogram::tiles_of(plan);
  std::vector<std::size_t> order(tiles.size());
  for (std::size_t t = 0; t < order.size(); ++t) order[t] = t;
  std::shuffle(order.begin(), order.end(), std::mt19937(7));
  std::map<std::size_t, MomentsPart> parts;
  for (const std::size_t t : order) {
    const std::vector<Input> rows = rows_of(values, type, tiles[t].rows);
    const bool is_diagonal = tiles[t].rows.begin == tiles[t].cols.begin;
    const std::vector<Input> cols =
        is_diagonal ? std::vector<Input>() : rows_of(values, type, tiles[t].cols);
    parts[t] = isogram::moments_of_tile(plan, tiles[t], views_of(rows), views_of(cols));
  }
  MomentsPart sums = isogram::no_moments(plan);
  for (const auto& [t, part] : parts) isogram::merge(plan, tiles[t], part, sums);
  return sums;
}

// The moments by the public steps, one stage after another.
Moments moments_by_tiles(const std::vector<Matrix>& values, ElementType type,
                         const KernelOptions& options, Estimator estimator, std::size_t edge) {
  std::vector<Input> inputs;
  for (const Matrix& x : values) inputs.emplace_back(type, Order::c, x);
  const std::vector<Layer> layers = layers_of(inputs, options);
  std::optional<Moments> found;
  MomentsPlan plan;
  for (const MomentsStage stage : isogram::moments_stages(layers, {}, estimator)) {
    if (stage == MomentsStage::magnitudes) break;
    plan = isogram::plan_moments(layers, {}, estimator, stage, edge);
    if (isogram::is_useless(plan)) continue;
    found = isogram::moments_of(plan, sums_of(plan, values, type));
    if (found) break;
  }
  const std::vector<bool> wanted = isogram::doubts(plan, *found);
  if (std::find(wanted.begin(), wanted.end(), true) == wanted.end()) return *found;
  MomentsPlan last = isogram::plan_moments(layers, {}, estimator, MomentsStage::magnitudes, edge);
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    if (!wanted[layer]) last.layers[layer].is_left_out = true;
  }
  return isogram::with_rounding(last, sums_of(last, values, type), *found);
}

void expect_same_bits(const std::vector<double>& got, const std::vector<double>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_TRUE(got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i])))
        << i << ": " << got[i] << " " << want[i];
  }
}

void expect_table(const HsicTable& got, const HsicTable& want) {
  expect_same_bits(got.hsic, want.hsic);
  expect_same_bits(got.cka, want.cka);
  expect_same_bits(got.self_x, want.self_x);
  expect_same_bits(got.self_y, want.self_y);
}

// Expects the bits of moments() from the plan's default tiles, and its numbers from other tiles.
void expect_tiles(const std::vector<Matrix>& values, ElementType type,
                  const KernelOptions& options) {
  for (const Estimator estimator : kEstimators) {
    SCOPED_TRACE(name_of(options.kernel) + ", " + isogram_test::name_of(type) +
                 (estimator == Estimator::biased ? ", biased" : ", debiased"));
    std::vector<Input> inputs;
    for (const Matrix& x : values) inputs.emplace_back(type, Order::c, x);
    const HsicTable want = isogram::hsic_table(layers_of(inputs, options), estimator);
    const std::size_t count = values.size();
    expect_table(
        isogram::hsic_table(moments_by_tiles(values, type, options, estimator, 0), count, count),
        want);
    const HsicTable small = isogram::hsic_table(
        moments_by_tiles(values, type, options, estimator, isogram::kTileEdge), count, count);
    for (std::size_t p = 0; p < want.cka.size(); ++p) {
      EXPECT_EQ(std::isnan(small.cka[p]), std::isnan(want.cka[p])) << p;
      if (std::isnan(want.cka[p])) continue;
      EXPECT_NEAR(small.cka[p], want.cka[p], 1e-6) << p;
    }
  }
}

std::vector<Matrix> related(std::size_t n, const std::vector<std::size_t>& widths, double offset) {
  const Matrix latent = normal_matrix(n, 4, 1);
  std::vector<Matrix> layers;
  for (std::size_t l = 0; l < widths.size(); ++l) {
    layers.push_back(mixed_matrix(latent, widths[l], static_cast<unsigned>(l + 2), 0.5));
    for (Vec& row : layers.back()) {
      for (Real& value : row) value += offset;
    }
  }
  return layers;
}

TEST(MomentsOfTiles, AreThoseOfTheWhole) {
  for (const ElementType type : kTypes) {
    for (KernelOptions options : kKernels) {
      options.bandwidth = 4;
      expect_tiles(related(250, {5, 20}, 0), type, options);
    }
  }
}

TEST(MomentsOfTiles, AreThoseOfTheWholeInGramSpace) {
  expect_tiles(related(230, {400, 300}, 3), ElementType::float32, {});
}

// One far row, equal rows, and rows so far apart that float32 does not suffice.
TEST(MomentsOfTiles, NeedTheSameStages) {
  std::vector<Matrix> far = related(250, {5, 300}, 0);
  for (Real& value : far[0][100]) value *= 1e6;
  expect_tiles(far, ElementType::float32, {});
  std::vector<Matrix> constant = related(250, {5, 300}, 1);
  for (Vec& row : constant[0]) row = constant[0][0];
  expect_tiles(constant, ElementType::float32, {});
  std::vector<Matrix> apart = related(250, {5, 7}, 0);
  for (Real& value : apart[0][17]) value *= 1e30;
  for (Real& value : apart[1][200]) value *= 1e25;
  for (const ElementType type : {ElementType::float32, ElementType::float64}) {
    expect_tiles(apart, type, {});
  }
}

// Samples of huge norm in features of their own: only magnitudes show that they are not constant.
TEST(MomentsOfTiles, NeedMagnitudes) {
  Matrix x = normal_matrix(250, 6, 3);
  for (Vec& row : x) row[4] = row[5] = 0;
  x[20] = {0, 0, 0, 0, 1e12, 0};
  x[220] = {0, 0, 0, 0, 0, 1e12};
  const std::vector<Input> inputs{Input(ElementType::float64, Order::c, x)};
  const std::vector<Layer> layers = layers_of(inputs, {});
  const MomentsPlan plan =
      isogram::plan_moments(layers, {}, Estimator::debiased, MomentsStage::gram_float64);
  const Moments moments = *isogram::moments_of(plan, sums_of(plan, {x}, ElementType::float64));
  EXPECT_TRUE(isogram::doubts(plan, moments)[0]);
  EXPECT_EQ(isogram::self_hsic(moments, 0), 0);
  EXPECT_GT(isogram::hsic_table(layers, Estimator::debiased).self_x[0], 0);
  expect_tiles({x, normal_matrix(250, 3, 4)}, ElementType::float64, {});
}

// More samples than a coarse tile has.
TEST(MomentsOfTiles, AreThoseOfManySamples) {
  expect_tiles(related(6200, {3, 2}, 0), ElementType::float32, {});
  expect_tiles(related(6200, {3}, 0), ElementType::float32,
               {.kernel = Kernel::rbf, .bandwidth = 2});
}

TEST(MomentsOfTiles, NeedLayers) {
  const std::vector<Matrix> values = related(10, {3}, 0);
  const std::vector<Input> inputs{{ElementType::float32, Order::c, values[0]}};
  const std::vector<Layer> y = layers_of(inputs, {});
  EXPECT_EQ(complaint([&] {
              isogram::plan_moments({}, y, Estimator::biased, MomentsStage::gram_float32);
            }),
            "`layers` must have at least one layer, got none");
}

// Parts and views of another tile, another stage, or other layers are refused, not read beyond
// their ends.
TEST(MomentsOfTiles, RefuseWhatIsNotTheirs) {
  const std::vector<Matrix> values = related(100, {5, 20}, 0);
  const std::vector<Input> inputs{{ElementType::float32, Order::c, values[0]},
                                  {ElementType::float32, Order::c, values[1]}};
  const std::vector<Layer> layers = layers_of(inputs, {});
  for (const MomentsStage stage :
       {MomentsStage::features_float32, MomentsStage::gram_float64, MomentsStage::magnitudes}) {
    const MomentsPlan plan = isogram::plan_moments(layers, {}, Estimator::debiased, stage, 60);
    const std::vector<SampleTile> tiles = isogram::tiles_of(plan);
    const auto views_of = [&](Span rows) {
      std::vector<InputView> views;
      for (const Layer& layer : layers) {
        views.push_back(layer.features);
        views.back().rows = rows.size();
      }
      return views;
    };
    const std::vector<InputView> views = views_of(tiles[0].rows);
    const MomentsPart part = isogram::moments_of_tile(plan, tiles[0], views, {});
    MomentsPart sums = isogram::no_moments(plan);
    if (stage != MomentsStage::magnitudes) {  // empty sums
      EXPECT_THROW(isogram::moments_of(plan, {}), std::invalid_argument);
    }
    isogram::merge(plan, tiles[0], part, sums);

    const auto refuse_part = [&](const SampleTile& tile, const MomentsPart& other) {
      EXPECT_THROW(isogram::merge(plan, tile, other, sums), std::invalid_argument);
    };
    refuse_part(tiles[0], {});
    refuse_part({{90, 150}, {90, 150}}, part);
    if (stage != MomentsStage::magnitudes) refuse_part(tiles.back(), part);
    MomentsPart longer = part;
    longer.products.resize(9);
    refuse_part(tiles[0], longer);
    if (!part.cross.empty()) {
      MomentsPart narrower = part;
      narrower.cross[2].pop_back();
      refuse_part(tiles[0], narrower);
    }

    const auto refuse_views = [&](const SampleTile& tile, const auto& rows, const auto& cols) {
      EXPECT_THROW(isogram::moments_of_tile(plan, tile, rows, cols), std::invalid_argument);
    };
    refuse_views(tiles.back(), views, std::vector<InputView>());
    refuse_views(tiles[0], std::vector<InputView>{views[0]}, std::vector<InputView>());
    refuse_views(tiles[0], std::vector<InputView>{views[1], views[0]}, std::vector<InputView>());
    refuse_views(tiles[0], views, std::vector<InputView>{views[0]});
  }
}

TEST(MomentsOfTiles, NameTheFirstEntryThatIsNotFinite) {
  for (const KernelOptions& options : kKernels) {
    SCOPED_TRACE(name_of(options.kernel));
    Matrix x = normal_matrix(300, 5, 6);
    x[250][3] = INFINITY;
    const std::vector<Input> inputs{Input(ElementType::float32, Order::c, x)};
    const std::vector<Layer> layers = layers_of(inputs, options);
    EXPECT_EQ(complaint([&] {
                isogram::plan_moments(layers, {}, Estimator::biased, MomentsStage::gram_float32,
                                      96);
              }),
              "`x` must be finite, got inf at index (250, 3)");
  }
}

}  // namespace
