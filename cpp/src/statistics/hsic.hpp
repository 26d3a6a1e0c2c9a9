// HSIC of pairs of layers from sums over their Gram matrices, in whatever space these are taken.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "isogram/cka.hpp"
#include "isogram/parallel.hpp"
#include "statistics/layer_pairs.hpp"

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
