// The nearest neighbours of every row by cosine.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "tiles/buffer.hpp"

namespace isogram {

template <class T>
struct Edge {
  T weight;
  std::int32_t column;
};

// The edges of every row of x to the k others of largest cosine, of equal ones those of smaller
// column: rows × k, of every row by ascending column. 1 ≤ k < rows. With `center` of features less
// their column means.
//
// Tiles of T find the candidates. Where their rounding could change which are nearest (a channel
// much larger than the others makes all cosines nearly 1), the cosines decide that float64 gives,
// and near 1 their differences from it: so the neighbours do not depend on T.
// Cost: n²d/2 multiply-adds in T; where T is float and cannot tell the neighbours of many rows
// apart, the same in float64 besides; for each row that float64 tiles cannot tell apart either, n·d
// in float64, twice where cosines are near ±1, and a packed copy of x in float64.
template <class T>
Buffer<Edge<T>> nearest(const InputView& x, std::size_t k, bool center, const Execution& execution);

}  // namespace isogram
