// The two spaces in which moments are summed: see isogram/moments.hpp for what the functions are.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <vector>

#include "isogram/error.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/moments.hpp"
#include "isogram/parallel.hpp"
#include "statistics/layer_pairs.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"

namespace isogram {

// Row sums of all layers, and working memory as large, before anybody spends time on samples.
// Throws OutOfMemory.
inline std::vector<double> zeros_of(std::size_t layers, std::size_t count) {
  const std::size_t entries = product(layers, count);
  try {
    return std::vector<double>(entries);
  } catch (const std::exception&) {  // bad_alloc, or a length beyond any
    throw OutOfMemory(bytes_of<double>(entries));
  }
}

// Sums over a diagonal as computed: Σ |K_ii|, and Σ |K_ii K_jj| over i ≠ j.
struct DiagonalSums {
  double entries = 0;
  double pairs = 0;
};

inline void add_diagonal(const DiagonalSums& part, double& entries, double& pairs) {
  pairs += 2 * part.entries * entries + part.pairs;
  entries += part.entries;
}

inline LayerPairs pairs_of(const MomentsPlan& plan) {
  return LayerPairs(plan.x_layers, plan.y_layers, plan.is_symmetric);
}

// What is known of a layer but its Gram matrix.
inline LayerFacts facts_of(const InputView& x) {
  LayerFacts facts;
  facts.features = x.cols;
  facts.has_equal_rows = has_equal_rows(x);
  return facts;
}

// In tiles of the layers' Gram matrices: see gram_space.cpp, and gram_sums.cpp for the sums.
template <class T>
LayerFacts survey_in_gram_space(const Layer& layer, Estimator estimator,
                                const Execution& execution);
// The same of all samples at once, which are packed once.
template <class T>
struct PackedLayer {
  LayerFacts facts;
  GramTiles<T> tiles;
};
template <class T>
PackedLayer<T> survey_and_pack(const Layer& layer, Estimator estimator, const Execution& execution);
template <class T>
MomentsPart sums_in_gram_space(const MomentsPlan& plan, std::vector<GramTiles<T>> layers,
                               const Execution& execution);
// How many pieces of work a tile is.
std::size_t blocks_of(const SampleTile& tile);
template <class T>
MomentsPart sums_in_gram_space(const MomentsPlan& plan, const SampleTile& tile,
                               std::span<const InputView> rows, std::span<const InputView> cols,
                               const Execution& execution);
template <class T>
std::optional<Moments> moments_in_gram_space(const MomentsPlan& plan, const MomentsPart& sums);

// By magnitudes of the terms that the entries of inner products are summed from: see
// magnitudes.cpp.
LayerFacts survey_magnitudes(const Layer& layer, Estimator estimator, const Execution& execution);
MomentsPart sums_of_magnitudes(const MomentsPlan& plan, std::span<const InputView> rows,
                               std::span<const InputView> cols, const Execution& execution);

// Of linear layers as ‖XcᵀYc‖², from tiles of D × D matrices: see feature_space.cpp.
template <class T>
LayerFacts survey_in_feature_space(const Layer& layer, const Execution& execution);
template <class T>
MomentsPart sums_in_feature_space(const MomentsPlan& plan, std::span<const InputView> rows,
                                  const Execution& execution);
std::optional<Moments> moments_in_feature_space(const MomentsPlan& plan, const MomentsPart& sums);
// The same of samples that are in memory as a whole: of one pair after another, so that no more
// than one D × D matrix is held, in parts.
template <class T>
std::optional<Moments> moments_in_feature_space(const MomentsPlan& plan,
                                                std::span<const InputView> layers,
                                                const Execution& execution);

}  // namespace isogram
