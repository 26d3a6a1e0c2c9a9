// Graphs whose nodes are samples and whose edges are cosines of their features, and how alike two
// such graphs are (Chen et al. 2021, "Graph-Based Similarity of Neural Network Representations",
// arXiv:2111.11165).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// A sparse square matrix in compressed rows; columns ascend within a row.
template <class T>
struct Csr {
  std::vector<std::int64_t> indptr;   // n + 1
  std::vector<std::int32_t> indices;  // columns
  std::vector<T> values;
};

// All cosines ⟨x_i, x_j⟩ / (‖x_i‖ ‖x_j‖) with a zero diagonal, written to out (n × n), exactly
// symmetric. A zero row has no edges of weight other than 0. `center` subtracts the columns' means
// from x first.
// Types: any → T → T, norms in float64. Cost n²d/2 multiply-adds; memory: x packed once, or its
// n²/2 cosines where that is less than half, and a tile per thread. Throws std::invalid_argument:
// no rows or columns, out of the wrong shape, a NaN or infinity.
template <class T>
void dense_graph(const InputView& x, bool center, MatrixView<T> out,
                 const Execution& execution = {});

// The k largest off-diagonal cosines of every row as directed edges W (of equal ones the smaller
// column), or (W + Wᵀ)/2 with `symmetrize`: a mutual edge keeps its weight, a one-sided one gets
// half. Edges of weight 0 are kept as such: every row has its k. The k are of the *other* rows, so
// that an edge may be negative; the code of the paper sorts a row whose diagonal is 0, and there a
// row prefers itself to a neighbour of negative cosine.
// Types: any → T → T. Where rounding to T could change which rows are nearest (a channel much
// larger than the others, a common offset: all cosines are nearly 1), candidates are ranked again
// in float64, by the differences of unit rows: the columns are those of x in float64, for any T.
// Cost n²d/2 multiply-adds, and up to as many in float64 where that is so for most rows; if not
// even sums of float64 tell a row's neighbours apart (equal cosines of many rows, say), n·d for
// that row. Memory: a running top-k per row, x packed once (or its n²/2 cosines where that is less
// than half), and a tile per thread. Bit-identical for any number of threads. Throws
// std::invalid_argument: no rows or columns, a NaN or infinity, not 1 ≤ k < n.
template <class T>
Csr<T> knn_graph(const InputView& x, std::size_t k, bool center, bool symmetrize,
                 const Execution& execution = {});

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
// graphs of knn_graph(), whose edges differ from those of the paper's code where a row has fewer
// than k cosines above 0. Types: any → T → float64 sums, T = double if any layer is float64, else
// float. Cost: n²d/2 multiply-adds for every layer and, for full graphs, n² for every pair of them;
// memory: n float64 sums for every pair (twice those for full graphs), all layers packed once (k =
// 0; or the n²/2 cosines of a layer where that is less than half) or their sparse graphs (k > 0),
// and a tile of each per thread. Bit-identical for any number of threads. Throws
// std::invalid_argument: no layers, layers of different n, n < 2, an empty layer, a NaN or
// infinity, not k < n.
GbsTable gbs_table(std::span<const InputView> x, std::size_t k, bool center,
                   const Execution& execution = {});
GbsTable gbs_table(std::span<const InputView> x, std::span<const InputView> y, std::size_t k,
                   bool center, const Execution& execution = {});

// Newman's modularity Q = Σ_c [L_c/m − (k_c/2m)²] of the symmetrised k-NN cosine graph, weighted,
// with the labels as communities (Lu et al. 2022, arXiv:2111.12485): L_c is the weight of edges
// inside class c, k_c the weighted degree of its nodes, m the weight of all edges. NaN if m = 0.
// Edges may be negative, see knn_graph(). Sums in float64. Throws as knn_graph, and unless there is
// one label per row.
double modularity(const InputView& x, std::span<const std::int64_t> labels, std::size_t k,
                  const Execution& execution = {});

// Triangles of the undirected k-NN graph (an edge where either end chose the other, whatever its
// weight) by how many classes they touch: one, two, three. Cost of the graph, and O(edges^1.5).
// Throws as modularity.
std::array<std::int64_t, 3> motifs(const InputView& x, std::span<const std::int64_t> labels,
                                   std::size_t k, const Execution& execution = {});

}  // namespace isogram
