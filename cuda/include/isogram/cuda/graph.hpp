// The nearest neighbours of every node in graphs of cosines (see isogram/graph.hpp), found from
// tiles of the n × n cosines.
//
// A walk visits the tiles on and above the diagonal; one above it is also that of its transpose.
// All functions only enqueue work, allocate nothing and never wait; a failed launch throws
// isogram::cuda::Error. T = float or double. Results repeat bit for bit, on any device.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"
#include "isogram/cuda/tiles.hpp"

namespace isogram::cuda {

// The k best neighbours so far of every node, n × k, best first: by weight, of equal ones the
// smaller index. Before the first tile every weight is −∞ and every index −1.
template <class T>
struct Neighbours {
  T* weights;
  std::int32_t* indices;
  std::int64_t k;
};

// Offers the entries of a tile, row by row, to the nodes of its rows: entry (i, j) is the weight of
// neighbour place.col + j for node place.row + i. A node is not offered to itself; a NaN is never
// taken. Any k; the result does not depend on the order of the tiles.
//
// Once a node has seen many, few entries can still enter: k ln(n/k) of n in random order. So a warp
// compares 32 entries of its row at a time with the worst kept, and that is nearly all it does: at
// 8 instructions for them, where an H100 has time for 34 while it reads 32 floats, memory sets the
// pace. What does enter is inserted by all lanes together, k/32 steps of a few hundred clocks,
// hidden behind the reads of other warps.
template <class T>
void merge_nearest(Stream stream, const Matrix<const T>& tile, Place place,
                   const Neighbours<T>& best);

// The same for the transpose of the tile: offers entry (i, j) to node place.col + j as the weight
// of neighbour place.row + i. With it, tiles above the diagonal suffice.
template <class T>
void merge_nearest_columns(Stream stream, const Matrix<const T>& tile, Place place,
                           const Neighbours<T>& best);

// Makes the first ranked.k of the best neighbours of every node its nearest by cosine in float64,
// in any order. best.k ≥ ranked.k neighbours were kept. Where number ranked.k and the next one
// differ by no more than `tolerance`, twice the rounding of a weight, the kept ones are ranked
// again; where the last one kept is as near, all nodes are. `units`: the rows of unit norm (see
// prepare() in gram.hpp). They are compared by their cosine, near ±1 by their differences or sums,
// which keep the digits that cosines have lost. `ranked` is memory to work in.
//
// A warp per node: best.k comparisons of d doubles for those in doubt, n for those where even the
// kept ones are too few (most nodes, if a channel is far larger than the others).
template <class T>
void rank_nearest(Stream stream, const Matrix<const double>& units, double tolerance,
                  const Neighbours<T>& best, const Neighbours<double>& ranked);

}  // namespace isogram::cuda
