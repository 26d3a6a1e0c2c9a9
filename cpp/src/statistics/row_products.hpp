// Dot products of the rows of graphs on the same nodes: the statistic that graph-based similarity
// is a formula on.
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

// Σ_j A_ij B_ij for some rows i of every pair of graphs, as LayerPairs::list(). Sums over columns
// are added: those of several tiles, in the tiles' order, are the sums over all.
class RowProducts {
 public:
  // For so many rows, once tiles are merged.
  explicit RowProducts(std::size_t rows) : rows_(rows) {}
  RowProducts(std::size_t pairs, std::size_t rows) : rows_(rows), products_(product(pairs, rows)) {}

  // Those that values() gave.
  RowProducts(std::span<const double> values, std::size_t rows);
  std::vector<double> values() const { return {products_.begin(), products_.end()}; }

  std::size_t rows() const { return rows_; }
  std::size_t pairs() const { return rows_ == 0 ? 0 : products_.size() / rows_; }
  double* of(std::size_t pair) { return products_.data() + pair * rows_; }
  const double* of(std::size_t pair) const { return products_.data() + pair * rows_; }

  // Adds the products of the same rows over other columns.
  void merge(const RowProducts& other);

  // Adds those of a tile of the whole to the rows that it meets.
  void merge(TileProducts&& part, const CoarseTile& tile);

 private:
  void merge_at(const RowProducts& part, Span rows);

  std::size_t rows_;
  Buffer<double> products_;
};

// Of one coarse tile of the graphs: the products of its rows over its columns, and where it stands
// for its mirror image too, those of its columns over its rows.
struct TileProducts {
  RowProducts rows;
  RowProducts cols;
};

// Of full graphs, of which graphs[l] is the coarse tile of layer l: the same rows and columns of
// all. Sums in float64, in an order that depends on the tile's size alone. Memory: two sets
// of sums, and a fine tile of each layer per thread.
template <class T>
TileProducts row_products(std::span<const TileWindow<T>> graphs, const LayerPairs& pairs,
                          const Execution& execution);

// Of symmetric sparse graphs, whole.
template <class T>
RowProducts row_products(std::span<const Csr<T>> graphs, const LayerPairs& pairs,
                         const Execution& execution);

// (1/n) Σ_i ab_i / √(aa_i bb_i): the mean cosine of n pairs of rows, where a zero row counts 0.
// Only rounding can leave [−1, 1], row by row.
inline double mean_cosine(const double* ab, const double* aa, const double* bb, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double norms = aa[i] * bb[i];
    if (norms > 0) sum += std::clamp(ab[i] / std::sqrt(norms), -1.0, 1.0);
  }
  return sum / static_cast<double>(n);
}

}  // namespace isogram
