// The nearest neighbours of rows that were found so far: values that are merged.
#pragma once

#include <cstddef>
#include <span>

#include "isogram/graph.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "isogram/span.hpp"
#include "statistics/edges.hpp"
#include "tiles/buffer.hpp"
#include "tiles/gram_facts.hpp"

namespace isogram {

// The k nearest of every row among the columns seen so far, in no order: those of the tiles of a
// row, merged, are the k nearest of all.
template <class T>
struct Neighbours {
  Neighbours() = default;
  // None yet: places without a neighbour have column −1.
  Neighbours(std::size_t rows, std::size_t k);

  std::size_t rows() const { return k == 0 ? 0 : edges.size() / k; }
  std::span<Edge<T>> of(std::size_t row) { return {&edges[row * k], k}; }
  std::span<const Edge<T>> of(std::size_t row) const { return {&edges[row * k], k}; }

  std::size_t k = 0;
  Buffer<Edge<T>> edges;  // k of every row
  // Of every edge, what its cosine is compared by where the rounding of weights could decide: a
  // number that grows with it, from float64 rows. NaN, or all empty, as long as nobody needed it.
  Buffer<double> closeness;
};

// Sets the closeness of all neighbours of `rows` among `cols`, which begin at node `first_col` of
// the graph. Parts that are merged elsewhere need it, because the rows are not at hand there.
template <class T>
void set_closeness(const InputView& rows, const InputView& cols, std::size_t first_col,
                   const GramFacts& facts, const Execution& execution, Neighbours<T>& neighbours);

// Merges what a part found for rows `rows` of the graph into what was found for all rows. Where
// weights leave the choice open, closeness decides: where it is not set, that of the rows of x, all
// rows of the graph. Without x, that of all parts has to be set. `depth` is the number of features.
template <class T>
void merge_neighbours(const Neighbours<T>& part, Span rows, const InputView* x, std::size_t depth,
                      const GramFacts& facts, const Execution& execution, Neighbours<T>& all);

// Once all tiles are merged: rows × k edges, of every row by ascending column.
template <class T>
Buffer<Edge<T>> edges_of(Neighbours<T> neighbours);

// The graph of such edges, symmetrised or not: see knn_graph().
template <class T>
Csr<T> graph_of(const Buffer<Edge<T>>& edges, std::size_t n, std::size_t k, bool symmetrize);

}  // namespace isogram
