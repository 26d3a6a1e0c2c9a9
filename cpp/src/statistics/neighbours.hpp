// The nearest neighbours of rows in a part of the graph: values that are merged.
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

// The k nearest neighbours of every row among the columns seen so far, in no order. Merged over all
// tiles of a row, they are its k nearest.
template <class T>
struct Neighbours {
  Neighbours() = default;
  // No neighbours yet: all places have column −1.
  Neighbours(std::size_t rows, std::size_t k);

  std::size_t rows() const { return k == 0 ? 0 : edges.size() / k; }
  std::span<Edge<T>> of(std::size_t row) { return {&edges[row * k], k}; }
  std::span<const Edge<T>> of(std::size_t row) const { return {&edges[row * k], k}; }

  std::size_t k = 0;
  Buffer<Edge<T>> edges;  // k of every row
  // The closeness of every edge (closeness.hpp), which decides where the rounding of weights could.
  // NaN, or an empty buffer, until it is needed.
  Buffer<double> closeness;
};

// Sets the closeness of all neighbours of `rows` among `cols`, which begin at node `first_col` of
// the graph. Parts that are merged on another machine need it, because the rows are not there.
template <class T>
void set_closeness(const InputView& rows, const InputView& cols, std::size_t first_col,
                   const GramFacts& facts, const Execution& execution, Neighbours<T>& neighbours);

// Merges `part`, the neighbours of rows `rows` of the graph, into `all`. Where weights leave the
// choice open, closeness decides; if it is not set, it is computed from x, all rows of the graph.
// If x is null, all parts must have it set. `depth` is the number of features.
template <class T>
void merge_neighbours(const Neighbours<T>& part, Span rows, const InputView* x, std::size_t depth,
                      const GramFacts& facts, const Execution& execution, Neighbours<T>& all);

// The rows × k edges after all tiles are merged, sorted by column in each row.
template <class T>
Buffer<Edge<T>> edges_of(Neighbours<T> neighbours);

// The graph of the edges from edges_of(), symmetrised or not: see knn_graph().
template <class T>
Csr<T> graph_of(const Buffer<Edge<T>>& edges, std::size_t n, std::size_t k, bool symmetrize);

}  // namespace isogram
