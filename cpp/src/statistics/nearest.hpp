// The nearest neighbours of rows by cosine or correlation, one coarse tile after another.
#pragma once

#include <cstddef>

#include "isogram/gram.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "statistics/edges.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"

namespace isogram {

// Rows and columns of the coarse tiles of k-NN graphs. Each tile searches its candidates from the
// start, and about k ln(edge / k) edges of a row enter its heap, so large tiles cost less. The
// neighbours do not depend on this edge, except among cosines that are equal in float64.
inline constexpr std::size_t kNeighbourEdge = 256 * kTileEdge;

// The k nearest edges of every row of x, by cosine or correlation, sorted by column; 1 ≤ k < rows.
// `center` subtracts the columns' means first.
template <class T>
Buffer<Edge<T>> nearest(const InputView& x, std::size_t k, bool center, Kernel kernel,
                        const Execution& execution, std::size_t edge = kNeighbourEdge);

}  // namespace isogram
