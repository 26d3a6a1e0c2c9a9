// Dot products of the rows of graphs on the same nodes: the statistic of GBS.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "isogram/graph.hpp"
#include "isogram/parallel.hpp"
#include "statistics/layer_pairs.hpp"
#include "tiles/buffer.hpp"
#include "tiles/window.hpp"

namespace isogram {

struct TileProducts;

// Σ_j A_ij B_ij for some rows i of every pair of graphs, in the order of LayerPairs::list(). Sums
// over different columns are merged by addition, in the order of the tiles.
class RowProducts {
 public:
  // No products yet, for merges of tiles into `rows` rows.
  explicit RowProducts(std::size_t rows) : rows_(rows) {}
  RowProducts(std::size_t pairs, std::size_t rows) : rows_(rows), products_(product(pairs, rows)) {}

  // The products from values().
  RowProducts(std::span<const double> values, std::size_t rows);
  std::vector<double> values() const { return {products_.begin(), products_.end()}; }

  std::size_t rows() const { return rows_; }
  std::size_t pairs() const { return rows_ == 0 ? 0 : products_.size() / rows_; }
  double* of(std::size_t pair) { return products_.data() + pair * rows_; }
  const double* of(std::size_t pair) const { return products_.data() + pair * rows_; }

  // Adds the products of the same rows over other columns.
  void merge(const RowProducts& other);

  // Adds the products of a coarse tile to those of its rows and, if mirrored, its columns.
  void merge(TileProducts&& part, const CoarseTile& tile);

 private:
  void merge_at(const RowProducts& part, Span rows);

  std::size_t rows_;
  Buffer<double> products_;
};

// The products of one coarse tile: of its rows, summed over its columns; and if it also stands for
// its mirror image, of its columns, summed over its rows.
struct TileProducts {
  RowProducts rows;
  RowProducts cols;
};

// The products of full graphs: graphs[l] is the coarse tile of layer l, at the same place for all.
// Sums in float64, in an order that depends on the tile's size alone. Memory: two sets of sums, and
// a fine tile of each layer per thread.
template <class T>
TileProducts row_products(std::span<const TileWindow<T>> graphs, const LayerPairs& pairs,
                          const Execution& execution);

// The products of whole, symmetric sparse graphs.
template <class T>
RowProducts row_products(std::span<const Csr<T>> graphs, const LayerPairs& pairs,
                         const Execution& execution);

// (1/n) Σ_i ab_i / √(aa_i bb_i): the mean cosine of n pairs of rows; a zero row counts as 0. Each
// cosine is clamped to [−1, 1], which only rounding can leave.
inline double mean_cosine(const double* ab, const double* aa, const double* bb, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double norms = aa[i] * bb[i];
    if (norms > 0) sum += std::clamp(ab[i] / std::sqrt(norms), -1.0, 1.0);
  }
  return sum / static_cast<double>(n);
}

}  // namespace isogram
