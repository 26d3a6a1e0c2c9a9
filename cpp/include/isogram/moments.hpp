// Sums over the Gram matrices of layers, on which HSIC and CKA are formulas. They are found in four
// steps, so that tiles can be computed in any order and anywhere: plan_moments() surveys all
// samples, moments_of_tile() reads one tile's samples alone, merge() adds sums up, and moments_of()
// makes moments of the sums, or says that another stage is needed.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "isogram/center.hpp"
#include "isogram/gram.hpp"
#include "isogram/gram_facts.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "isogram/span.hpp"

namespace isogram {

// One representation: n samples × d features, and the kernel that compares its samples.
struct Layer {
  InputView features;
  KernelOptions kernel;
};

// The sums over the Gram matrices of L layers on n samples that HSIC needs. Layers of x come first;
// layers of y follow, unless they are those of x. For the debiased estimator diagonals count as 0.
struct Moments {
  Moments() = default;
  Moments(std::size_t samples, std::size_t layers, Estimator estimator)
      : samples(samples),
        layers(layers),
        estimator(estimator),
        products(layers * layers),
        row_products(layers * layers),
        totals(layers),
        offsets(layers),
        rounding(layers),
        exponents(layers) {}

  std::size_t samples = 0;
  std::size_t layers = 0;
  Estimator estimator = Estimator::debiased;
  std::vector<double> products;      // Σ K ∘ L: L × L, of the pairs that were asked for
  std::vector<double> row_products;  // (K1) · (L1), likewise
  std::vector<double> totals;        // 1ᵀK1
  std::vector<double> row_sums;      // K1: L × n
  std::vector<double> offsets;       // subtracted from every entry first, which changes no HSIC
  std::vector<double> rounding;      // a self-HSIC of at most this may be 0
  std::vector<int> exponents;        // K is in units of 2^exponent

  // HSIC of layers k and l, in units of 2^(exponents[k] + exponents[l]).
  double hsic(std::size_t k, std::size_t l) const;

  void set_pair(std::size_t k, std::size_t l, double product, double row_product);
};

// How moments are computed. Each stage gives the same numbers but for rounding; a stage whose own
// rounding is too large gives none, and the next stage is needed.
enum class MomentsStage {
  features_float32,  // ‖XcᵀYc‖² of linear layers, from D × D matrices
  gram_float32,      // tiles of Gram matrices
  features_float64,
  gram_float64,
  magnitudes,  // of the terms of entries: bounds of rounding for layers that seem constant
};

// The facts of all samples of a layer that moments need.
struct LayerFacts {
  GramFacts gram;               // in feature space only the origin and the exponent
  GramFacts shifted;            // of stage magnitudes: of the rows whose magnitudes they are
  std::vector<double> sum;      // in feature space of the shifted rows, unless it is hardly any
  double offset = 0;            // a typical entry, subtracted from all entries
  std::size_t features = 0;     // D
  bool has_equal_rows = false;  // all samples are the same
  bool is_left_out = false;     // of stage magnitudes
};

// Everything that decides moments, except the samples themselves.
struct MomentsPlan {
  MomentsStage stage = MomentsStage::gram_float32;
  Estimator estimator = Estimator::debiased;
  std::size_t samples = 0;
  std::size_t x_layers = 0;
  std::size_t y_layers = 0;
  bool is_symmetric = false;  // the layers of y are those of x
  std::size_t edge = 0;       // rows and columns of a tile
  std::vector<LayerFacts> layers;
};

// Sums over one or several tiles: of L layers, and of the P pairs of layers that are asked for.
struct MomentsPart {
  std::vector<double> products;            // Σ K ∘ L, per pair; of magnitudes Σ K ∘ K, per layer
  std::vector<double> row_sums;            // L × rows of the tile
  std::vector<double> col_sums;            // L × columns, unless these are the rows
  std::vector<double> diagonal;            // Σ |K_ii|, per layer; in feature space K_ii: L × rows
  std::vector<double> off_diagonal;        // Σ |K_ii K_jj| over i ≠ j, per layer
  std::vector<std::vector<double>> cross;  // in feature space XcᵀYc, D × D, per pair
};

// The stages that moments of these layers may need, in their order: one after another until one
// gives moments. Throws std::invalid_argument: no layers, layers of different n, n < 2 (biased) or
// n < 4 (debiased).
std::vector<MomentsStage> moments_stages(std::span<const Layer> x, std::span<const Layer> y,
                                         Estimator estimator);

// Surveys all samples for one stage: one or two passes over them, in float64. Without layers of y
// those of x are compared with each other. `edge` 0 stands for 6144 rows
// and columns, as of moments(). Throws std::invalid_argument: a NaN or infinity, an option out of
// range.
MomentsPlan plan_moments(std::span<const Layer> x, std::span<const Layer> y, Estimator estimator,
                         MomentsStage stage, std::size_t edge = 0, const Execution& execution = {});

// Whether the survey alone shows that the next stage is needed.
bool is_useless(const MomentsPlan& plan);

// The tiles, in the order in which parts are merged; in feature space all are on the diagonal.
std::vector<SampleTile> tiles_of(const MomentsPlan& plan);

// The sums over one tile, from views of the tile's rows and columns in every layer and of no other
// samples. For a tile on the diagonal `cols` may be empty. Memory: these rows and columns packed in
// the plan's type, tiles of one thread; in feature space a D × D matrix of doubles for each pair of
// layers. Throws std::invalid_argument: views that are not the tile's.
MomentsPart moments_of_tile(const MomentsPlan& plan, const SampleTile& tile,
                            std::span<const InputView> rows, std::span<const InputView> cols,
                            const Execution& execution = {});

// Zeros, to which parts are merged: sums over all samples. Throws std::invalid_argument: a part
// that is not of the tile.
MomentsPart no_moments(const MomentsPlan& plan);
void merge(const MomentsPlan& plan, const SampleTile& tile, const MomentsPart& part,
           MomentsPart& sums);

// The moments that all parts make, or none if the next stage is needed. Throws
// std::invalid_argument: sums of no part, or of another plan.
std::optional<Moments> moments_of(const MomentsPlan& plan, const MomentsPart& sums);

// Which layers seem constant in moments of stage gram_float64, and may not be. The last stage,
// magnitudes, is computed for these layers alone, and bounds what rounding leaves of them.
std::vector<bool> doubts(const MomentsPlan& plan, const Moments& moments);

// The moments, with the rounding from the sums of stage magnitudes.
Moments with_rounding(const MomentsPlan& magnitudes, const MomentsPart& sums, Moments moments);

// All steps for samples in memory: the moments of every layer of x with every one of y, or of x.
Moments moments(std::span<const Layer> x, std::span<const Layer> y, Estimator estimator,
                const Execution& execution = {});

}  // namespace isogram
