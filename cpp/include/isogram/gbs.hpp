// How alike the cosine graphs of two representations are (Chen et al. 2021, "Graph-Based Similarity
// of Neural Network Representations", arXiv:2111.11165).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// Similarities of the graphs of all layers, x.size() × y.size() row by row.
struct GbsTable {
  std::vector<double> gbs;
  // Nodes without an edge of weight other than 0, in the graph of each layer: rows of zeros, or
  // orthogonal to all others. They count 0.
  std::vector<std::size_t> isolated_x;
  std::vector<std::size_t> isolated_y;
};

// GBS(G1, G2) = (1/n) Σ_i cos(A1[i, :], A2[i, :]) between the graphs of every layer of x and of
// every layer of y (or of x again), row by row; a zero row gives 0. Only rounding can leave [−1,
// 1]: that is clamped, nothing else. k = 0 compares the full graphs, else the symmetrised k-NN
// graphs of knn_graph() (graph.hpp), whose edges differ from those of the paper's code where a row
// has fewer than k cosines above 0. Types: any → T → float64 sums, T = double if any layer is
// float64, else float. Cost: n²d/2 multiply-adds for every layer and, for full graphs, n² for every
// pair of them; memory: n float64 sums for every pair (twice those for full graphs), all layers
// packed once (k = 0; or the n²/2 cosines of a layer where that is less than half) or their sparse
// graphs (k > 0), and a tile of each per thread. Bit-identical for any number of threads. Throws
// std::invalid_argument: no layers, layers of different n, n < 2, an empty layer, a NaN or
// infinity, not k < n.
GbsTable gbs_table(std::span<const InputView> x, std::size_t k, bool center,
                   const Execution& execution = {});
GbsTable gbs_table(std::span<const InputView> x, std::span<const InputView> y, std::size_t k,
                   bool center, const Execution& execution = {});

}  // namespace isogram
