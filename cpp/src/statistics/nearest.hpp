// The nearest neighbours of rows by cosine, from coarse tile after coarse tile.
#pragma once

#include <cstddef>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "statistics/edges.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"

namespace isogram {

// Rows and columns of the coarse tiles of k-NN graphs: each begins anew to look for candidates, of
// which k ln(edge / k) are the best of a row for a time. The neighbours do not depend on the tiles,
// but among cosines that float64 cannot tell apart.
inline constexpr std::size_t kNeighbourEdge = 256 * kTileEdge;

// The edges of every row of x, from coarse tile after coarse tile. 1 ≤ k < rows. With `center` of
// features less their column means.
template <class T>
Buffer<Edge<T>> nearest(const InputView& x, std::size_t k, bool center, const Execution& execution,
                        std::size_t edge = kNeighbourEdge);

}  // namespace isogram
