// The nearest neighbours of every node in graphs of cosines (see isogram/graph.hpp), found from
// tiles of the n × n cosines.
//
// A walk visits the tiles on and above the diagonal; a tile above it also stands for its transpose.
// T = float or double. The rules of device.hpp hold.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"
#include "isogram/cuda/tiles.hpp"

namespace isogram::cuda {

// The k best neighbours so far of every node, n × k, best first: by weight, of equal weights the
// smaller index. The caller fills it with weight −∞ and index −1 before the first tile.
template <class T>
struct Neighbours {
  T* weights;
  std::int32_t* indices;
  std::int64_t k;
};

// Offers the entries of a tile to the nodes of its rows: entry (i, j) is the weight of neighbour
// place.col + j for node place.row + i. A node is not offered to itself, and NaN is never taken.
// Any k ≥ 1. The result does not depend on the order of the tiles.
//
// Cost: one read of the tile. A warp compares 32 entries of its row at a time with the worst weight
// kept: 8 instructions, where an H100 has time for 34 while it reads 32 floats. In random order
// only k ln(n/k) of n entries enter; all lanes insert one together, in k/32 steps of a few hundred
// clocks that the reads of other warps hide.
template <class T>
void merge_nearest(Stream stream, const Matrix<const T>& tile, Place place,
                   const Neighbours<T>& best);

// merge_nearest() for the transpose of the tile: offers entry (i, j) to node place.col + j as the
// weight of neighbour place.row + i. With it, tiles on and above the diagonal suffice.
template <class T>
void merge_nearest_columns(Stream stream, const Matrix<const T>& tile, Place place,
                           const Neighbours<T>& best);

// Makes the first ranked.k of the best.k ≥ ranked.k neighbours kept for every node its nearest by
// float64 cosines, in any order. `tolerance` is twice the rounding of a weight. Where weights
// ranked.k and ranked.k + 1 differ by no more than `tolerance`, the kept neighbours are ranked
// again; where the last weight kept is as near too, all nodes are. `units` are the rows of unit
// norm (prepare() in prepare.hpp). They are compared by cosines, near ±1 by their differences or
// sums, which keep the digits that cosines lose. `ranked` is scratch.
//
// Cost: a warp per node; best.k comparisons of d doubles for a node in doubt, n comparisons if the
// kept neighbours do not suffice (most nodes, if a channel is far larger than the others).
template <class T>
void rank_nearest(Stream stream, const Matrix<const double>& units, double tolerance,
                  const Neighbours<T>& best, const Neighbours<double>& ranked);

}  // namespace isogram::cuda
