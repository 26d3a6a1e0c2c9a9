// HSIC and centred kernel alignment, for one pair of representations or for many layers at once.
#pragma once

#include <span>
#include <vector>

#include "isogram/center.hpp"
#include "isogram/gram.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/moments.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// HSIC and CKA of all pairs of layers. HSIC(x, x) is exactly 0 where the centred Gram matrix of a
// layer vanishes as far as double can tell: constant features, samples that are all equally alike,
// or rows 2^500 or more apart. The layer's CKA is NaN, and its HSIC with another layer is 0 unless
// it is more than the rounding of its own sums.
struct HsicTable {
  std::vector<double> hsic;    // HSIC(x_i, y_j), x.size() × y.size(), row by row
  std::vector<double> cka;     // HSIC(x_i, y_j) / sqrt(HSIC(x_i, x_i) · HSIC(y_j, y_j)), x × y too
  std::vector<double> self_x;  // HSIC(x_i, x_i)
  std::vector<double> self_y;  // HSIC(y_j, y_j)
};

// HSIC between every layer of x and every layer of y (or of x again), all on the same n samples:
//   biased    tr(K H L H) / (n−1)²   (Gretton et al. 2005)
//   debiased  [Σ K∘L + 1ᵀK1 · 1ᵀL1 / ((n−1)(n−2)) − 2 · 1ᵀKL1 / (n−2)] / (n(n−3)), zeroed
//             diagonals   (Song et al. 2012)
// CKA takes the same estimator in numerator and denominator. Both estimators are inner products of
// centred Gram matrices, so that only rounding can leave [−1, 1]: CKA is clamped to it.
//
// One walk over the tiles of all Gram matrices. For linear kernels, and for cosine and correlation
// after division by the norms, an origin amid most rows is subtracted from all rows. HSIC does not
// change, and neither a common part of the rows nor one row of huge norm costs the digits of the
// others. For the linear kernel ‖XᵀY‖² (feature space) replaces the Gram matrices where that is
// cheaper; the numbers are the same but for rounding. More than 6144 samples are computed in coarse
// tiles of 6144 × 6144 entries. The same bits for any number of threads.
//
// Types: any → T → float64 sums. T = double if any layer is float64 or its kernel polynomial, or if
// float cannot tell a layer from a constant; else float.
// Cost: n²d/2 multiply-adds per layer and n²/2 per pair of layers; in feature space n d_k d_l per
// pair.
// Memory: the rows and columns of one coarse tile packed, or the n²/2 products of a layer where
// they take less than half of that; a tile of each layer per thread; row sums of at most 32 · 8
// bytes per layer and sample. No other n × n matrix is held.
// Throws std::invalid_argument: no layers, layers of different n, n < 2 (biased) or n < 4
// (debiased), a NaN or infinity, an option out of range.
HsicTable hsic_table(std::span<const Layer> x, Estimator estimator,
                     const Execution& execution = {});
HsicTable hsic_table(std::span<const Layer> x, std::span<const Layer> y, Estimator estimator,
                     const Execution& execution = {});

// The same for Gram matrices that are given in place of features; with an empty y, matrices of x
// with each other. Matrices are centred before they are multiplied. They are symmetric up to √eps
// of their type times the largest entry; entries that differ from their mirror images count with
// the mean of both. HSIC(x, x) is 0 where centring leaves 64 roundings of float64.
//
// Types: any → float64. Cost: n² per matrix and n²/2 per pair. Matrices are read twice where they
// lie. Memory: a tile of each matrix per thread, and row sums as of hsic_table().
// Throws std::invalid_argument: no matrices, matrices of different n, n < 2 (biased) or n < 4
// (debiased), one that is not square, a NaN or infinity, one that is not symmetric, with the first
// pair of entries.
HsicTable hsic_table_of_grams(std::span<const InputView> x, std::span<const InputView> y,
                              Estimator estimator, const Execution& execution = {});

// HSIC and CKA from moments of x_layers layers with y_layers others, or with themselves. Cost: O(1)
// per pair.
HsicTable hsic_table(const Moments& moments, std::size_t x_layers, std::size_t y_layers);

// HSIC of a layer with itself, in the units of the moments; 0 up to Moments::rounding.
double self_hsic(const Moments& moments, std::size_t layer);

}  // namespace isogram
