// The nearest neighbours of rows by cosine, tile by tile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "isogram/graph.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "tiles/buffer.hpp"
#include "tiles/gram_facts.hpp"
#include "tiles/grid.hpp"
#include "tiles/window.hpp"

namespace isogram {

template <class T>
struct Edge {
  T weight;
  std::int32_t column;
};

// Rows and columns of the coarse tiles of k-NN graphs: each begins anew to look for candidates, of
// which k ln(edge / k) are the best of a row for a time. The neighbours do not depend on the tiles,
// but among cosines that float64 cannot tell apart.
inline constexpr std::size_t kNeighbourEdge = 256 * kTileEdge;

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

// Of one coarse tile of a graph: the nearest of its rows among its columns and, where it stands for
// its mirror image too, of its columns among its rows. Columns are those of the whole graph.
template <class T>
struct TileNeighbours {
  Neighbours<T> rows;
  Neighbours<T> cols;
};

// Where a coarse tile lies: views of its rows and of its columns alone, and the numbers of the
// first of each in the graph. No columns: the rows themselves, on the diagonal.
struct TileInputs {
  const InputView& rows;
  const InputView* cols = nullptr;
  std::size_t first_row = 0;
  std::size_t first_col = 0;
};

// The cosines of a tile, packed for it alone; `facts` are those of the cosines of the whole graph.
template <class T>
GramTiles<T> graph_tiles(const TileInputs& tile, const GramFacts& facts,
                         const Execution& execution);

// The nearest k others, or as many as there are, of every row of a tile, of equal cosines those of
// smaller column. `tiles` has its cosines.
//
// Fine tiles of T find the candidates. Where their rounding could change which are nearest (a
// channel much larger than the others makes all cosines nearly 1), the cosines decide that float64
// gives, and near 1 their differences from it: so the neighbours do not depend on T.
// Cost: a multiply-add of T per entry and feature; where T is float and cannot tell the neighbours
// of many rows apart, the same in float64 besides; for each row that float64 tiles cannot tell
// apart either, its entries in float64, twice where cosines are near ±1, and a packed copy of the
// other side in float64.
template <class T>
TileNeighbours<T> nearest_in_tile(const TileInputs& tile, const TileWindow<T>& tiles, std::size_t k,
                                  const GramFacts& facts, const Execution& execution);

// Sets the closeness of all neighbours of `rows` among `cols`, of which the first is number
// `first_col` of the graph: for parts that are merged where the rows are not at hand.
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

// The edges of every row of x, from coarse tile after coarse tile. 1 ≤ k < rows. With `center` of
// features less their column means.
template <class T>
Buffer<Edge<T>> nearest(const InputView& x, std::size_t k, bool center, const Execution& execution,
                        std::size_t edge = kNeighbourEdge);

}  // namespace isogram
