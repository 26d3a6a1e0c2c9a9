// Which pairs of layers a table of similarities needs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "tiles/grid.hpp"

namespace isogram {

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
  std::size_t x_layers() const { return x_; }
  const std::vector<Cell>& list() const { return pairs_; }

  // The layer that is j of y.
  std::size_t of_y(std::size_t j) const { return y_offset_ + j; }

  // Where pair (i of x, j of y) stands in list().
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

}  // namespace isogram
