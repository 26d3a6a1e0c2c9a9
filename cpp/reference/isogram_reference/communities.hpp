// Slow and obvious: modularity and motifs of cosine graphs, dense, in long double.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "isogram_reference/graph.hpp"

namespace isogram_reference {

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

// Counts triangles by trying all triples of nodes.
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
