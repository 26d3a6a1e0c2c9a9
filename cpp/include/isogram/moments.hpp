// Moments: sums over the Gram matrices of layers, from which HSIC and CKA are computed. Four steps
// compute them, so that tiles can be computed in any order and on any machine: plan_moments()
// surveys all samples, moments_of_tile() reads one tile's samples alone, merge() adds the sums of
// tiles, and moments_of() makes moments of the sums or tells that the next stage is needed.
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

// The sums that HSIC needs over the Gram matrices K of L layers on n samples. The layers of x come
// first; the layers of y follow unless they are the layers of x. For the debiased estimator
// diagonals count as 0.
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
  std::vector<double> products;      // Σ K_k ∘ K_l: L × L, for the pairs of x with y (or of x)
  std::vector<double> row_products;  // (K_k 1) · (K_l 1), for the same pairs
  std::vector<double> totals;        // 1ᵀK1
  std::vector<double> row_sums;      // K1: L × n
  std::vector<double> offsets;       // subtracted from every entry; HSIC does not change
  std::vector<double> rounding;      // a self-HSIC up to this may be rounding alone
  std::vector<int> exponents;        // K is in units of 2^exponent

  // HSIC of layers k and l, in units of 2^(exponents[k] + exponents[l]).
  double hsic(std::size_t k, std::size_t l) const;

  void set_pair(std::size_t k, std::size_t l, double product, double row_product);
};

// How moments are computed. All stages give the same numbers but for rounding. A stage whose
// rounding may be too large gives no moments; then the next stage is needed.
enum class MomentsStage {
  features_float32,  // ‖XcᵀYc‖² of linear layers, from D × D matrices
  gram_float32,      // tiles of Gram matrices
  features_float64,
  gram_float64,
  magnitudes,  // sums over |x_ic| |x_jc|: bounds of rounding for layers that seem constant
};

// Facts of all samples of a layer: a tile cannot know them from its own samples.
struct LayerFacts {
  GramFacts gram;               // in feature space the origin and the exponent alone are set
  GramFacts shifted;            // stage magnitudes: the facts of the rows before |·| is taken
  std::vector<double> sum;      // feature space: Σ of shifted rows; empty where it is negligible
  double offset = 0;            // a typical entry, subtracted from all entries
  std::size_t features = 0;     // D
  bool has_equal_rows = false;  // all samples are the same
  bool is_left_out = false;     // stage magnitudes: the layer needs no bound
};

// Everything that decides moments, except the samples themselves.
struct MomentsPlan {
  MomentsStage stage = MomentsStage::gram_float32;
  Estimator estimator = Estimator::debiased;
  std::size_t samples = 0;
  std::size_t x_layers = 0;
  std::size_t y_layers = 0;
  bool is_symmetric = false;  // the layers of x are compared with each other
  std::size_t edge = 0;       // rows and columns of a tile
  std::vector<LayerFacts> layers;
};

// Sums over one or several tiles, for L layers and P pairs of layers.
struct MomentsPart {
  std::vector<double> products;            // Σ K_k ∘ K_l, per pair; magnitudes: Σ K ∘ K, per layer
  std::vector<double> row_sums;            // L × rows of the tile
  std::vector<double> col_sums;            // L × columns; empty for a tile on the diagonal
  std::vector<double> diagonal;            // Σ |K_ii|, per layer; feature space: K_ii, L × rows
  std::vector<double> off_diagonal;        // Σ |K_ii K_jj| over i ≠ j, per layer
  std::vector<std::vector<double>> cross;  // feature space: XcᵀYc, D × D, per pair
};

// The stages for these layers, in order: each is needed only if the one before gives no moments.
// Throws std::invalid_argument: no layers, layers of different n, n < 2 (biased) or n < 4
// (debiased).
std::vector<MomentsStage> moments_stages(std::span<const Layer> x, std::span<const Layer> y,
                                         Estimator estimator);

// Surveys all samples for one stage. With an empty y the layers of x are compared with each other.
// `edge` is the number of rows and columns of a tile; 0 stands for 6144.
// Types: any → float64. Cost: one or two passes over the samples. Memory: rows as float64 per
// thread.
// Throws std::invalid_argument: no layers, layers of different n, n < 2 (biased) or n < 4
// (debiased), a NaN or infinity, an option out of range.
MomentsPlan plan_moments(std::span<const Layer> x, std::span<const Layer> y, Estimator estimator,
                         MomentsStage stage, std::size_t edge = 0, const Execution& execution = {});

// Whether the survey alone shows that the next stage is needed.
bool is_useless(const MomentsPlan& plan);

// The tiles, in the order in which their parts are merged; in feature space all lie on the
// diagonal.
std::vector<SampleTile> tiles_of(const MomentsPlan& plan);

// The sums over one tile. `rows` and `cols` are views of the tile's rows and columns in every
// layer; for a tile on the diagonal `cols` may be empty.
// Types: any → T → float64 sums, T = float or double by the plan's stage.
// Cost: d multiply-adds per entry and layer, half of them on the diagonal, and one per entry and
// pair of layers; in feature space d_k d_l per sample and pair.
// Memory: these rows and columns packed as T and a tile of each layer per thread; in feature space
// a D × D matrix of float64 for each pair of layers.
// Throws std::invalid_argument: views that do not have the tile's rows and the plan's features, a
// NaN or infinity.
MomentsPart moments_of_tile(const MomentsPlan& plan, const SampleTile& tile,
                            std::span<const InputView> rows, std::span<const InputView> cols,
                            const Execution& execution = {});

// no_moments() gives the zeros from which merge() starts; merge() adds the part of one tile to
// `sums`. Throws std::invalid_argument: a part whose sizes are not the tile's.
MomentsPart no_moments(const MomentsPlan& plan);
void merge(const MomentsPlan& plan, const SampleTile& tile, const MomentsPart& part,
           MomentsPart& sums);

// The moments from the merged parts of all tiles, or nullopt if the next stage is needed. Throws
// std::invalid_argument: sums without parts, or whose sizes are not the plan's.
std::optional<Moments> moments_of(const MomentsPlan& plan, const MomentsPart& sums);

// For each layer, whether moments of stage gram_float64 leave open if the layer is constant. Stage
// magnitudes is computed for these layers alone; it bounds their rounding more tightly.
std::vector<bool> doubts(const MomentsPlan& plan, const Moments& moments);

// `moments` with Moments::rounding lowered to the bounds from the sums of stage magnitudes, for the
// layers that are not left out.
Moments with_rounding(const MomentsPlan& magnitudes, const MomentsPart& sums, Moments moments);

// All steps, for samples in memory: the moments of every layer of x with every layer of y, or of x
// if y is empty. Types, cost, memory and errors as of hsic_table() (cka.hpp).
Moments moments(std::span<const Layer> x, std::span<const Layer> y, Estimator estimator,
                const Execution& execution = {});

}  // namespace isogram
