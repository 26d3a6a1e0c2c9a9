// Slow and obvious: cosine graphs and what is measured on them, dense, in long double.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "isogram_reference/compare.hpp"

namespace isogram_reference {

inline Matrix less_column_means(Matrix x) {
  for (std::size_t j = 0; j < x[0].size(); ++j) {
    Real mean = 0;
    for (const Vec& row : x) mean += row[j] / static_cast<Real>(x.size());
    for (Vec& row : x) row[j] -= mean;
  }
  return x;
}

// Cosines of all rows, zero for zero rows and on the diagonal.
inline Matrix dense_graph(Matrix x, bool center) {
  if (center) x = less_column_means(x);
  Matrix graph(x.size(), Vec(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < x.size(); ++j) graph[i][j] = i == j ? 0 : cosine_of(x[i], x[j]);
  }
  return graph;
}

// The columns of the k largest off-diagonal entries of every row; of equal ones the smaller.
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

inline Matrix knn_graph(const Matrix& x, std::size_t k, bool center, bool symmetrize) {
  const Matrix full = dense_graph(x, center);
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

// k = 0: full graphs.
inline Real gbs(const Matrix& x, const Matrix& y, std::size_t k, bool center) {
  if (k == 0) return mean_row_cosine(dense_graph(x, center), dense_graph(y, center));
  return mean_row_cosine(knn_graph(x, k, center, true), knn_graph(y, k, center, true));
}

// Σ_ij (A_ij − k_i k_j / 2m) [same class] / 2m: Newman's definition, pair by pair.
inline Real modularity(const Matrix& x, const std::vector<std::int64_t>& labels, std::size_t k) {
  const Matrix graph = knn_graph(x, k, false, true);
  Vec degree;
  Real total = 0;
  for (const Vec& row : graph) {
    Real sum = 0;
    for (const Real weight : row) sum += weight;
    degree.push_back(sum);
    total += sum;
  }
  Real q = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < x.size(); ++j) {
      if (labels[i] == labels[j]) q += (graph[i][j] - degree[i] * degree[j] / total) / total;
    }
  }
  return q;
}

// Every three nodes.
inline std::array<std::int64_t, 3> motifs(const Matrix& x, const std::vector<std::int64_t>& labels,
                                          std::size_t k) {
  const auto chosen = nearest(dense_graph(x, false), k);
  std::vector<std::vector<bool>> linked(x.size(), std::vector<bool>(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (const std::size_t j : chosen[i]) linked[i][j] = linked[j][i] = true;
  }
  std::array<std::int64_t, 3> counts{};
  for (std::size_t a = 0; a < x.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      for (std::size_t c = 0; c < b; ++c) {
        if (!linked[a][b] || !linked[b][c] || !linked[a][c]) continue;
        ++counts[std::set<std::int64_t>{labels[a], labels[b], labels[c]}.size() - 1];
      }
    }
  }
  return counts;
}

}  // namespace isogram_reference
