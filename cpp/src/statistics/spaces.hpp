// The two spaces in which moments are summed; isogram/moments.hpp describes the steps.
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

// Zeros for sums of all layers, allocated before any time is spent on samples. Throws OutOfMemory.
inline std::vector<double> zeros_of(std::size_t layers, std::size_t count) {
  const std::size_t entries = product(layers, count);
  try {
    return std::vector<double>(entries);
  } catch (const std::exception&) {  // bad_alloc, or a length beyond any
    throw OutOfMemory(bytes_of<double>(entries));
  }
}

// Sums over a part of the diagonal: Σ |K_ii|, and Σ |K_ii K_jj| over i ≠ j.
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

// The facts of a layer without those of its Gram matrix.
inline LayerFacts facts_of(const InputView& x, const Execution& execution) {
  LayerFacts facts;
  facts.features = x.cols;
  facts.has_equal_rows = has_equal_rows(x, execution);
  return facts;
}

// Gram space: tiles of the layers' Gram matrices (gram_space.cpp; gram_sums.cpp for the sums).
template <class T>
LayerFacts survey_in_gram_space(const Layer& layer, Estimator estimator,
                                const Execution& execution);
// survey_in_gram_space() and packing of all samples together.
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
// The number of pieces of work of a tile, for progress.
std::size_t blocks_of(const SampleTile& tile);
template <class T>
MomentsPart sums_in_gram_space(const MomentsPlan& plan, const SampleTile& tile,
                               std::span<const InputView> rows, std::span<const InputView> cols,
                               const Execution& execution);
template <class T>
std::optional<Moments> moments_in_gram_space(const MomentsPlan& plan, const MomentsPart& sums);

// The moments of Gram matrices that are given (given_moments.cpp). Matrices are centred before they
// are multiplied, so that an offset or a huge sample costs no digits: their sums of rows are 0.
Moments moments_of_grams(std::span<const InputView> x, std::span<const InputView> y,
                         Estimator estimator, const Execution& execution);

// Stage magnitudes: sums over the magnitudes of the terms of inner products (magnitudes.cpp).
LayerFacts survey_magnitudes(const Layer& layer, Estimator estimator, const Execution& execution);
MomentsPart sums_of_magnitudes(const MomentsPlan& plan, std::span<const InputView> rows,
                               std::span<const InputView> cols, const Execution& execution);

// Feature space: ‖XcᵀYc‖² of linear layers, in tiles of D × D matrices (feature_space.cpp).
template <class T>
LayerFacts survey_in_feature_space(const Layer& layer, const Execution& execution);
template <class T>
MomentsPart sums_in_feature_space(const MomentsPlan& plan, std::span<const InputView> rows,
                                  const Execution& execution);
std::optional<Moments> moments_in_feature_space(const MomentsPlan& plan, const MomentsPart& sums);
// Moments of samples that are all in memory: one pair of layers after another, so that at most one
// D × D matrix is held, in parts.
template <class T>
std::optional<Moments> moments_in_feature_space(const MomentsPlan& plan,
                                                std::span<const InputView> layers,
                                                const Execution& execution);

}  // namespace isogram
