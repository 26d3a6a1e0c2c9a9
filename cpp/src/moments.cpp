#include "isogram/moments.hpp"

#include <algorithm>
#include <utility>

#include "isogram/arithmetic.hpp"
#include "isogram/error.hpp"
#include "statistics/spaces.hpp"
#include "threads/team.hpp"
#include "tiles/gram_facts.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// The layers of x, then the layers of y.
std::vector<const Layer*> all_layers(std::span<const Layer> x, std::span<const Layer> y) {
  std::vector<const Layer*> layers;
  layers.reserve(x.size() + y.size());
  for (const std::span<const Layer> side : {x, y}) {
    for (const Layer& layer : side) layers.push_back(&layer);
  }
  return layers;
}

LayerPairs pairs_of(std::span<const Layer> x, std::span<const Layer> y) {
  return LayerPairs(x.size(), y.empty() ? x.size() : y.size(), y.empty());
}

// Whether D × D matrices take fewer multiply-adds than n × n Gram matrices.
bool feature_space_is_cheaper(std::span<const Layer* const> layers, const LayerPairs& pairs) {
  const auto n = static_cast<double>(layers[0]->features.rows);
  double in_features = 0;
  double in_gram = n * n / 2 * static_cast<double>(pairs.list().size());
  for (const Layer* layer : layers) {
    if (layer->kernel.kernel != Kernel::linear) return false;
    in_gram += n * n / 2 * static_cast<double>(layer->features.cols);
  }
  for (const auto& [k, l] : pairs.list()) {
    const double d_k = static_cast<double>(layers[k]->features.cols);
    const double d_l = static_cast<double>(layers[l]->features.cols);
    in_features += n * d_k * d_l / (k == l ? 2 : 1);
  }
  return in_features <= in_gram;
}

// Polynomials of inner products may leave float32's range, and lose its digits, where features do
// not.
bool needs_float64(const Layer* layer) {
  return layer->features.type == ElementType::float64 || layer->kernel.kernel == Kernel::polynomial;
}

bool is_of_features(MomentsStage stage) {
  return stage == MomentsStage::features_float32 || stage == MomentsStage::features_float64;
}

LayerFacts survey_for(MomentsStage stage, const Layer& layer, Estimator estimator,
                      const Execution& execution) {
  switch (stage) {
    case MomentsStage::features_float32:
      return survey_in_feature_space<float>(layer, execution);
    case MomentsStage::features_float64:
      return survey_in_feature_space<double>(layer, execution);
    case MomentsStage::gram_float32:
      return survey_in_gram_space<float>(layer, estimator, execution);
    case MomentsStage::gram_float64:
      return survey_in_gram_space<double>(layer, estimator, execution);
    case MomentsStage::magnitudes:
      break;
  }
  return survey_magnitudes(layer, estimator, execution);
}

// Adds `part`, sums of `count` samples from `begin` on for each layer, to the sums of all samples.
void add_rows(const std::vector<double>& part, std::size_t count, std::size_t begin,
              std::size_t samples, std::vector<double>& sums) {
  if (part.empty()) return;
  const std::size_t layers = part.size() / count;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    for (std::size_t i = 0; i < count; ++i) {
      sums[layer * samples + begin + i] += part[layer * count + i];
    }
  }
}

void require_tile(const MomentsPlan& plan, Span samples, std::span<const InputView> layers) {
  bool is_right = samples.end <= plan.samples && layers.size() == plan.layers.size();
  for (std::size_t layer = 0; is_right && layer < layers.size(); ++layer) {
    is_right =
        layers[layer].rows == samples.size() && layers[layer].cols == plan.layers[layer].features;
  }
  require(is_right, "the tile must have its rows and its columns of every layer of the plan");
}

bool has_size(const MomentsPlan& plan, const SampleTile& tile, const MomentsPart& part) {
  const std::size_t layers = plan.layers.size();
  if (plan.stage == MomentsStage::magnitudes) return part.products.size() == layers;
  if (part.row_sums.size() != layers * tile.rows.size()) return false;
  const LayerPairs pairs = pairs_of(plan);
  if (!is_of_features(plan.stage)) {
    const bool is_mirrored = tile.rows.begin != tile.cols.begin;
    return part.products.size() == pairs.list().size() &&
           part.col_sums.size() == (is_mirrored ? layers * tile.cols.size() : 0) &&
           part.diagonal.size() == layers && part.off_diagonal.size() == layers;
  }
  if (part.diagonal.size() != part.row_sums.size() || !part.products.empty() ||
      !part.col_sums.empty() || part.cross.size() != pairs.list().size()) {
    return false;
  }
  for (std::size_t p = 0; p < part.cross.size(); ++p) {
    const auto [k, l] = pairs.list()[p];
    if (part.cross[p].size() != plan.layers[k].features * plan.layers[l].features) return false;
  }
  return true;
}

void require_sums(const MomentsPlan& plan, const MomentsPart& sums) {
  const Span all{0, plan.samples};
  require(has_size(plan, {all, all}, sums), "`sums` must have the parts of all tiles of the plan");
}

void require_part(const MomentsPlan& plan, const SampleTile& tile, const MomentsPart& part) {
  const bool is_inside = tile.rows.end <= plan.samples && tile.cols.end <= plan.samples;
  require(is_inside && has_size(plan, tile, part),
          "`part` must have the sums over its tile, of every layer and pair of layers of the plan");
}

// One progress for several stages: a later stage starts at the progress of the stage before and
// stays there until it has passed it.
class OneProgress {
 public:
  explicit OneProgress(const Execution& execution) : execution_(execution) {}

  // Refers to this object.
  Execution execution() {
    Execution result{execution_.num_threads, {}};
    if (execution_.poll) {
      result.poll = [this](std::size_t done, std::size_t total) { return poll(done, total); };
    }
    return result;
  }

 private:
  bool poll(std::size_t done, std::size_t total) {
    if (total_ == 0) total_ = total;
    if (total > 0) {
      const double share = static_cast<double>(done) / static_cast<double>(total);
      done_ = std::max(done_, static_cast<std::size_t>(share * static_cast<double>(total_)));
    }
    return execution_.poll(done_, total_);
  }

  const Execution& execution_;
  std::size_t done_ = 0;
  std::size_t total_ = 0;
};

std::vector<InputView> rows_of_all(std::span<const Layer* const> layers, Span rows) {
  std::vector<InputView> views;
  views.reserve(layers.size());
  for (const Layer* layer : layers) views.push_back(rows_of(layer->features, rows));
  return views;
}

// The sums over all tiles of a plan, one tile after another.
MomentsPart sums_of(const MomentsPlan& plan, std::span<const Layer* const> layers,
                    const Execution& execution) {
  MomentsPart sums = no_moments(plan);
  const auto add_tile = [&](const SampleTile& tile, const Execution& own) {
    const std::vector<InputView> rows = rows_of_all(layers, tile.rows);
    const bool is_diagonal = tile.rows.begin == tile.cols.begin;
    const std::vector<InputView> cols =
        is_diagonal ? std::vector<InputView>() : rows_of_all(layers, tile.cols);
    merge(plan, tile, moments_of_tile(plan, tile, rows, cols, own), sums);
  };
  walk_coarse_tiles(tiles_of(plan), execution, blocks_of, add_tile);
  return sums;
}

std::optional<Moments> in_feature_space(const MomentsPlan& plan,
                                        std::span<const Layer* const> layers,
                                        const Execution& execution) {
  const std::vector<InputView> views = rows_of_all(layers, {0, plan.samples});
  return plan.stage == MomentsStage::features_float32
             ? moments_in_feature_space<float>(plan, views, execution)
             : moments_in_feature_space<double>(plan, views, execution);
}

MomentsPlan plan_without_facts(std::span<const Layer> x, std::span<const Layer> y,
                               Estimator estimator, MomentsStage stage) {
  MomentsPlan plan;
  plan.stage = stage;
  plan.estimator = estimator;
  plan.samples = x[0].features.rows;
  plan.x_layers = x.size();
  plan.y_layers = y.empty() ? x.size() : y.size();
  plan.is_symmetric = y.empty();
  plan.edge = kCoarseEdge;
  return plan;
}

// A stage in Gram space of samples that fit into one tile: they are packed once, for the survey and
// the sums.
template <class T>
std::optional<Moments> in_one_tile(MomentsPlan& plan, std::span<const Layer* const> layers,
                                   const Execution& execution) {
  std::vector<GramTiles<T>> tiles;
  for (const Layer* layer : layers) {
    auto packed = survey_and_pack<T>(*layer, plan.estimator, preparing(execution));
    plan.layers.push_back(std::move(packed.facts));
    tiles.push_back(std::move(packed.tiles));
  }
  if (is_useless(plan)) return {};
  return moments_in_gram_space<T>(plan, sums_in_gram_space(plan, std::move(tiles), execution));
}

// Computes one stage and sets `plan` to its plan.
std::optional<Moments> in_stage(MomentsStage stage, std::span<const Layer> x,
                                std::span<const Layer> y, Estimator estimator, MomentsPlan& plan,
                                const Execution& execution) {
  const std::vector<const Layer*> layers = all_layers(x, y);
  plan = plan_without_facts(x, y, estimator, stage);
  if (!is_of_features(stage) && plan.samples <= plan.edge) {
    return stage == MomentsStage::gram_float32 ? in_one_tile<float>(plan, layers, execution)
                                               : in_one_tile<double>(plan, layers, execution);
  }
  // Fails for lack of memory before any time is spent on reading samples.
  static_cast<void>(zeros_of(layers.size(), plan.samples));
  plan = plan_moments(x, y, estimator, stage, 0, execution);
  if (is_useless(plan)) return {};
  if (is_of_features(stage)) return in_feature_space(plan, layers, execution);
  return moments_of(plan, sums_of(plan, layers, execution));
}

// Stage magnitudes, for the wanted layers.
Moments with_less_rounding(MomentsPlan magnitudes, const std::vector<bool>& wanted,
                           std::span<const Layer* const> layers, Moments moments,
                           const Execution& execution) {
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    if (!wanted[layer]) magnitudes.layers[layer].is_left_out = true;
  }
  return with_rounding(magnitudes, sums_of(magnitudes, layers, execution), std::move(moments));
}

}  // namespace

double Moments::hsic(std::size_t k, std::size_t l) const {
  const double n = static_cast<double>(samples);
  const double product = products[k * layers + l];
  const double of_rows = row_products[k * layers + l];
  const double of_totals = totals[k] * totals[l];
  if (estimator == Estimator::biased) {
    return (product - 2 / n * of_rows + of_totals / (n * n)) / ((n - 1) * (n - 1));
  }
  return (product + of_totals / ((n - 1) * (n - 2)) - 2 / (n - 2) * of_rows) / (n * (n - 3));
}

void Moments::set_pair(std::size_t k, std::size_t l, double product, double row_product) {
  products[k * layers + l] = products[l * layers + k] = product;
  row_products[k * layers + l] = row_products[l * layers + k] = row_product;
}

std::vector<MomentsStage> moments_stages(std::span<const Layer> x, std::span<const Layer> y,
                                         Estimator estimator) {
  const std::vector<const Layer*> layers = all_layers(x, y);
  require_layers(x, "layers");
  require_same_rows(layers, estimator == Estimator::biased ? 2 : 4,
                    [](const Layer* layer) -> const InputView& { return layer->features; });
  const bool is_wide = std::any_of(layers.begin(), layers.end(), needs_float64);
  const bool has_features = feature_space_is_cheaper(layers, pairs_of(x, y));
  std::vector<MomentsStage> stages;
  stages.reserve(5);
  if (!is_wide && has_features) stages.push_back(MomentsStage::features_float32);
  if (!is_wide) stages.push_back(MomentsStage::gram_float32);
  if (has_features) stages.push_back(MomentsStage::features_float64);
  stages.push_back(MomentsStage::gram_float64);
  stages.push_back(MomentsStage::magnitudes);
  return stages;
}

MomentsPlan plan_moments(std::span<const Layer> x, std::span<const Layer> y, Estimator estimator,
                         MomentsStage stage, std::size_t edge, const Execution& execution) {
  const UsualArithmetic usual;
  require_layers(x, "layers");
  const std::vector<const Layer*> layers = all_layers(x, y);
  require_same_rows(layers, estimator == Estimator::biased ? 2 : 4,
                    [](const Layer* layer) -> const InputView& { return layer->features; });
  MomentsPlan plan = plan_without_facts(x, y, estimator, stage);
  if (edge > 0) plan.edge = edge;
  const Execution quiet = preparing(execution);
  plan.layers.reserve(layers.size());
  for (const Layer* layer : layers) {
    // Cosines check entries when a tile is packed, and the tile could not name the index of an
    // entry that is not finite: so they are checked here.
    const bool is_whole = plan.samples <= plan.edge;
    if (!is_whole && uses_unit_norm(layer->kernel.kernel)) survey(layer->features, nullptr, quiet);
    plan.layers.push_back(survey_for(stage, *layer, estimator, quiet));
  }
  return plan;
}

bool is_useless(const MomentsPlan& plan) {
  return plan.stage == MomentsStage::gram_float32 &&
         std::any_of(plan.layers.begin(), plan.layers.end(),
                     [](const LayerFacts& layer) { return layer.gram.may_vanish; });
}

std::vector<SampleTile> tiles_of(const MomentsPlan& plan) {
  std::vector<SampleTile> tiles;
  for (const CoarseTile& tile : coarse_tiles(plan.samples, plan.edge)) {
    if (is_of_features(plan.stage) && tile.is_mirrored()) continue;
    tiles.push_back({tile.rows, tile.cols});
  }
  return tiles;
}

MomentsPart moments_of_tile(const MomentsPlan& plan, const SampleTile& tile,
                            std::span<const InputView> rows, std::span<const InputView> cols,
                            const Execution& execution) {
  const UsualArithmetic usual;
  require_tile(plan, tile.rows, rows);
  if (!cols.empty()) require_tile(plan, tile.cols, cols);
  require(!cols.empty() || tile.rows.begin == tile.cols.begin,
          "a tile off the diagonal must have columns");
  switch (plan.stage) {
    case MomentsStage::features_float32:
      return sums_in_feature_space<float>(plan, rows, execution);
    case MomentsStage::features_float64:
      return sums_in_feature_space<double>(plan, rows, execution);
    case MomentsStage::gram_float32:
      return sums_in_gram_space<float>(plan, tile, rows, cols, execution);
    case MomentsStage::gram_float64:
      return sums_in_gram_space<double>(plan, tile, rows, cols, execution);
    case MomentsStage::magnitudes:
      break;
  }
  return sums_of_magnitudes(plan, rows, cols, execution);
}

MomentsPart no_moments(const MomentsPlan& plan) {
  const std::size_t layers = plan.layers.size();
  MomentsPart sums;
  if (plan.stage == MomentsStage::magnitudes) {
    sums.products.assign(layers, 0.0);
    return sums;
  }
  sums.row_sums = zeros_of(layers, plan.samples);
  if (is_of_features(plan.stage)) {
    sums.diagonal = zeros_of(layers, plan.samples);
    return sums;
  }
  sums.products.assign(pairs_of(plan).list().size(), 0.0);
  sums.diagonal.assign(layers, 0.0);
  sums.off_diagonal.assign(layers, 0.0);
  return sums;
}

void merge(const MomentsPlan& plan, const SampleTile& tile, const MomentsPart& part,
           MomentsPart& sums) {
  require_part(plan, tile, part);
  const std::size_t rows = tile.rows.size();
  for (std::size_t p = 0; p < part.products.size(); ++p) sums.products[p] += part.products[p];
  add_rows(part.row_sums, rows, tile.rows.begin, plan.samples, sums.row_sums);
  add_rows(part.col_sums, tile.cols.size(), tile.cols.begin, plan.samples, sums.row_sums);
  if (is_of_features(plan.stage)) {
    add_rows(part.diagonal, rows, tile.rows.begin, plan.samples, sums.diagonal);
    if (sums.cross.empty()) sums.cross.resize(part.cross.size());
    for (std::size_t p = 0; p < part.cross.size(); ++p) {
      std::vector<double>& cross = sums.cross[p];
      if (cross.empty()) {
        cross = part.cross[p];
        continue;
      }
      for (std::size_t e = 0; e < cross.size(); ++e) cross[e] += part.cross[p][e];
    }
    return;
  }
  for (std::size_t layer = 0; layer < part.diagonal.size(); ++layer) {
    add_diagonal({part.diagonal[layer], part.off_diagonal[layer]}, sums.diagonal[layer],
                 sums.off_diagonal[layer]);
  }
}

std::optional<Moments> moments_of(const MomentsPlan& plan, const MomentsPart& sums) {
  require_sums(plan, sums);
  if (is_of_features(plan.stage)) return moments_in_feature_space(plan, sums);
  return plan.stage == MomentsStage::gram_float32 ? moments_in_gram_space<float>(plan, sums)
                                                  : moments_in_gram_space<double>(plan, sums);
}

Moments moments(std::span<const Layer> x, std::span<const Layer> y, Estimator estimator,
                const Execution& caller) {
  const UsualArithmetic usual;
  OneProgress progress(caller);
  const Execution execution = progress.execution();
  const std::vector<const Layer*> layers = all_layers(x, y);
  MomentsPlan plan;
  std::optional<Moments> found;
  for (const MomentsStage stage : moments_stages(x, y, estimator)) {
    if (found || stage == MomentsStage::magnitudes) break;
    found = in_stage(stage, x, y, estimator, plan, execution);
  }
  const std::vector<bool> wanted = doubts(plan, *found);
  if (std::none_of(wanted.begin(), wanted.end(), [](bool one) { return one; })) {
    return std::move(*found);
  }
  const Execution quiet = preparing(execution);
  return with_less_rounding(plan_moments(x, y, estimator, MomentsStage::magnitudes, 0, quiet),
                            wanted, layers, std::move(*found), quiet);
}

}  // namespace isogram
