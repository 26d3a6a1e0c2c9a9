// HSIC of pairs of layers from sums over their Gram matrices, in whatever space these are taken.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "grid.hpp"
#include "isogram/cka.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// All that HSIC needs of two Gram matrices K and L, diagonals zeroed if debiased.
struct Moments {
  double products;  // Σ K ∘ L
  double row_sums;  // (K1) · (L1)
  double total_k;   // 1ᵀK1
  double total_l;
};

inline double hsic_of(const Moments& m, std::size_t samples, Estimator estimator) {
  const double n = static_cast<double>(samples);
  if (estimator == Estimator::biased) {
    return (m.products - 2 / n * m.row_sums + m.total_k * m.total_l / (n * n)) /
           ((n - 1) * (n - 1));
  }
  return (m.products + m.total_k * m.total_l / ((n - 1) * (n - 2)) - 2 / (n - 2) * m.row_sums) /
         (n * (n - 3));
}

// The layers of both sides in one list, and which pairs of them are wanted: every layer with
// itself, and every one of x with every one of y.
class LayerPairs {
 public:
  LayerPairs(std::size_t x, std::size_t y, bool is_symmetric)
      : x_(x), y_offset_(is_symmetric ? 0 : x), layers_(y_offset_ + y) {
    for (std::size_t layer = 0; layer < layers_; ++layer) pairs_.push_back({layer, layer});
    for (std::size_t i = 0; i < x; ++i) {
      for (std::size_t j = is_symmetric ? i + 1 : x; j < layers_; ++j) pairs_.push_back({i, j});
    }
  }
  std::size_t layers() const { return layers_; }
  const std::vector<Cell>& list() const { return pairs_; }

  // Where pair (i of x, j of y) stands in list().
  std::size_t find(std::size_t i, std::size_t j) const {
    const Cell wanted{std::min(i, y_offset_ + j), std::max(i, y_offset_ + j)};
    if (wanted.row == wanted.col) return wanted.row;
    const bool is_symmetric = y_offset_ == 0;
    if (!is_symmetric) return layers_ + wanted.row * (layers_ - x_) + (wanted.col - x_);
    return layers_ + wanted.row * (2 * layers_ - wanted.row - 1) / 2 + wanted.col - wanted.row - 1;
  }

 private:
  std::size_t x_;
  std::size_t y_offset_;
  std::size_t layers_;
  std::vector<Cell> pairs_;
};

// HSIC of every wanted pair, in units of 2^(exponent of one + exponent of the other).
struct PairValues {
  std::vector<double> hsic;    // as LayerPairs::list()
  std::vector<int> exponents;  // per layer
};

// All pairs from tiles of the layers' Gram matrices, in one walk: see gram_space.cpp. Nothing if T
// is too short for a layer.
template <class T>
std::optional<PairValues> hsic_in_gram_space(std::span<const Layer* const> layers,
                                             const LayerPairs& pairs, Estimator estimator,
                                             const Execution& execution);

// All pairs of linear layers as ‖XcᵀYc‖², from tiles of D × D matrices: see feature_space.cpp.
// Nothing if the Gram matrices have to be looked at after all.
template <class T>
std::optional<PairValues> hsic_in_feature_space(std::span<const Layer* const> layers,
                                                const LayerPairs& pairs, Estimator estimator,
                                                const Execution& execution);

}  // namespace isogram
