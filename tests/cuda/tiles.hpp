// Tiles of the Gram matrices of several layers in device memory, for tests of sums over them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "isogram/cuda/tiles.hpp"
#include "support.hpp"

namespace isogram_test {

// x rounded to T.
template <class T>
Matrix rounded(Matrix x) {
  for (Vec& row : x) {
    for (Real& value : row) value = static_cast<T>(value);
  }
  return x;
}

template <class T>
std::vector<Matrix> normal_layers(std::size_t count, std::size_t rows, std::size_t cols,
                                  unsigned seed) {
  std::vector<Matrix> layers;
  for (unsigned l = 0; l < count; ++l) {
    layers.push_back(rounded<T>(normal_matrix(rows, cols, seed + l)));
  }
  return layers;
}

// Symmetric matrices.
template <class T>
std::vector<Matrix> normal_graphs(std::size_t count, std::size_t n, unsigned seed) {
  std::vector<Matrix> layers = normal_layers<T>(count, n, n, seed);
  for (Matrix& layer : layers) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < i; ++j) layer[i][j] = layer[j][i];
    }
  }
  return layers;
}

// The rows × cols entries at `place` of every layer, with NaN between rows and layers.
template <class T>
class DeviceTiles {
 public:
  DeviceTiles(const std::vector<Matrix>& layers, isogram::cuda::Place place, std::int64_t rows,
              std::int64_t cols, std::int64_t gap = 3)
      : place_(place),
        tiles_{nullptr,
               static_cast<std::int64_t>(layers.size()),
               rows * (cols + gap) + 2 * gap,
               rows,
               cols,
               cols + gap},
        memory_(poisoned<T>(tiles_.layers * tiles_.layer_stride)) {
    for (std::int64_t l = 0; l < tiles_.layers; ++l) {
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < cols; ++j) {
          at(l, i, j) = static_cast<T>(layers[static_cast<std::size_t>(l)][static_cast<std::size_t>(
              place.row + i)][static_cast<std::size_t>(place.col + j)]);
        }
      }
    }
  }

  // Whole matrices.
  explicit DeviceTiles(const std::vector<Matrix>& layers)
      : DeviceTiles(layers, {0, 0}, static_cast<std::int64_t>(layers[0].size()),
                    static_cast<std::int64_t>(layers[0][0].size())) {}

  isogram::cuda::Tiles<T> view() {
    isogram::cuda::Tiles<T> tiles = tiles_;
    tiles.data = memory_.data();
    return tiles;
  }
  isogram::cuda::Place place() const { return place_; }
  T& at(std::int64_t l, std::int64_t i, std::int64_t j) {
    return memory_[static_cast<std::size_t>(l * tiles_.layer_stride + i * tiles_.stride + j)];
  }
  void expect_surroundings_untouched() const {
    const auto nans = std::count_if(memory_.begin(), memory_.end(), [](T x) { return x != x; });
    EXPECT_EQ(nans, static_cast<std::ptrdiff_t>(memory_.size()) -
                        tiles_.layers * tiles_.rows * tiles_.cols);
  }

 private:
  isogram::cuda::Place place_;
  isogram::cuda::Tiles<T> tiles_;
  std::vector<T> memory_;
};

// Calls visit(place, rows, cols, mirrored) for the tiles on and above the diagonal of n × n.
template <class Visit>
void for_each_upper_tile(std::int64_t n, std::int64_t edge, Visit visit) {
  for (std::int64_t row = 0; row < n; row += edge) {
    for (std::int64_t col = row; col < n; col += edge) {
      visit(isogram::cuda::Place{row, col}, std::min(edge, n - row), std::min(edge, n - col),
            col > row);
    }
  }
}

}  // namespace isogram_test
