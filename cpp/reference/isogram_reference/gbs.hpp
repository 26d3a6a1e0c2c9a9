// Slow and obvious: similarity of cosine graphs, dense, in long double.
#pragma once

#include <cstddef>

#include "isogram_reference/compare.hpp"
#include "isogram_reference/graph.hpp"

namespace isogram_reference {

// k = 0: full graphs.
inline Real gbs(const Matrix& x, const Matrix& y, std::size_t k, bool center) {
  if (k == 0) return mean_row_cosine(dense_graph(x, center), dense_graph(y, center));
  return mean_row_cosine(knn_graph(x, k, center, true), knn_graph(y, k, center, true));
}

}  // namespace isogram_reference
