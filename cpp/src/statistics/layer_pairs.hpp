// The pairs of layers of a table of similarities, and the check that their rows are the same
// samples.
#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"

namespace isogram {

// The layers of both sides in one list, and the wanted pairs: every layer with itself, and every
// layer of x with every layer of y.
class LayerPairs {
 public:
  LayerPairs(std::size_t x, std::size_t y, bool is_symmetric)
      : x_(x), y_offset_(is_symmetric ? 0 : x), layers_(y_offset_ + y) {
    pairs_.reserve(layers_ + (is_symmetric ? x * (x - 1) / 2 : x * y));
    for (std::size_t layer = 0; layer < layers_; ++layer) pairs_.push_back({layer, layer});
    for (std::size_t i = 0; i < x; ++i) {
      for (std::size_t j = is_symmetric ? i + 1 : x; j < layers_; ++j) pairs_.push_back({i, j});
    }
  }
  std::size_t layers() const { return layers_; }
  std::size_t x_layers() const { return x_; }
  const std::vector<Cell>& list() const { return pairs_; }

  // The number of layer j of y in the list.
  std::size_t of_y(std::size_t j) const { return y_offset_ + j; }

  // The place of pair (i of x, j of y) in list().
  std::size_t find(std::size_t i, std::size_t j) const {
    const Cell wanted{std::min(i, of_y(j)), std::max(i, of_y(j))};
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

// Throws std::invalid_argument unless the argument `name` has a layer.
template <class Layers>
void require_layers(const Layers& layers, const std::string& name) {
  if (!layers.empty()) return;
  throw std::invalid_argument("`" + name + "` must have at least one layer, got none");
}

// Throws std::invalid_argument unless there is a layer, and the features of all layers have equally
// many rows, at least `least`, and at least one column.
template <class Layers, class FeaturesOf>
void require_same_rows(const Layers& layers, std::size_t least, FeaturesOf features_of) {
  require_layers(layers, "layers");
  const InputView& first = features_of(layers[0]);
  require_rows(first, least);
  for (const auto& layer : layers) {
    const InputView& features = features_of(layer);
    require_not_empty(features);
    if (features.rows == first.rows) continue;
    throw std::invalid_argument("`" + features.name + "` must have " + std::to_string(first.rows) +
                                " rows like `" + first.name + "`, got " +
                                std::to_string(features.rows));
  }
}

}  // namespace isogram
