// Slow and obvious: similarity of cosine graphs, dense, in long double.
#pragma once

#include <cstddef>

#include "isogram_reference/compare.hpp"
#include "isogram_reference/graph.hpp"

namespace isogram_reference {

// k = 0: full graphs.
inline Matrix graph(const Matrix& x, std::size_t k, bool center) {
  return k == 0 ? dense_graph(x, center) : knn_graph(x, k, center, true);
}

inline Real gbs(const Matrix& x, const Matrix& y, std::size_t k, bool center) {
  return mean_row_cosine(graph(x, k, center), graph(y, k, center));
}

}  // namespace isogram_reference
