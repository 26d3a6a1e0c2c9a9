// Slow and obvious: graphs of cosines and correlations, dense, in long double.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "isogram_reference/gram.hpp"

namespace isogram_reference {

inline Matrix less_column_means(Matrix x) {
  for (std::size_t j = 0; j < x[0].size(); ++j) {
    Real mean = 0;
    for (const Vec& row : x) mean += row[j] / static_cast<Real>(x.size());
    for (Vec& row : x) row[j] -= mean;
  }
  return x;
}

// Cosines of all rows, with `center_rows` less their own mean, zero for zero rows and on the
// diagonal.
inline Matrix dense_graph(Matrix x, bool center, bool center_rows = false) {
  if (center) x = less_column_means(x);
  if (center_rows) {
    for (Vec& row : x) row = without_mean(row);
  }
  Matrix graph(x.size(), Vec(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < x.size(); ++j) graph[i][j] = i == j ? 0 : cosine_of(x[i], x[j]);
  }
  return graph;
}

// The columns of the k largest off-diagonal entries of every row; of equal entries the smaller
// column.
inline std::vector<std::vector<std::size_t>> nearest(const Matrix& graph, std::size_t k) {
  std::vector<std::vector<std::size_t>> chosen;
  for (std::size_t i = 0; i < graph.size(); ++i) {
    std::vector<std::size_t> order;
    for (std::size_t j = 0; j < graph.size(); ++j) {
      if (j != i) order.push_back(j);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return graph[i][a] > graph[i][b]; });
    order.resize(k);
    chosen.push_back(order);
  }
  return chosen;
}

inline Matrix knn_graph(const Matrix& x, std::size_t k, bool center, bool symmetrize,
                        bool center_rows = false) {
  const Matrix full = dense_graph(x, center, center_rows);
  Matrix graph(x.size(), Vec(x.size()));
  const auto chosen = nearest(full, k);
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (const std::size_t j : chosen[i]) {
      graph[i][j] += symmetrize ? full[i][j] / 2 : full[i][j];
      if (symmetrize) graph[j][i] += full[i][j] / 2;
    }
  }
  return graph;
}

}  // namespace isogram_reference
