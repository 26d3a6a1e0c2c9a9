// Graphs whose nodes are samples and whose edges are cosines of their features, or correlations
// (Chen et al. 2021, "Graph-Based Similarity of Neural Network Representations", arXiv:2111.11165).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "isogram/gram.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// A sparse square matrix in compressed rows; columns ascend within a row.
template <class T>
struct Csr {
  std::vector<std::int64_t> indptr;   // n + 1
  std::vector<std::int32_t> indices;  // columns
  std::vector<T> data;
};

// The full graph: all cosines ⟨x_i, x_j⟩ / (‖x_i‖ ‖x_j‖) with a zero diagonal, written to out
// (n × n), exactly symmetric. A zero row has cosines 0. `center` subtracts the columns' means from
// x first. Kernel::correlation takes the cosines of rows less their own mean; a constant row has 0.
// Types: any → T → T, T = float or double; norms in float64.
// Cost: n²d/2 multiply-adds. Memory: a tile per thread, and x packed once, or its n²/2 cosines
// where that is less than half.
// Throws std::invalid_argument: no rows or columns, out of the wrong shape, a NaN or infinity,
// another kernel than cosine and correlation.
template <class T>
void dense_graph(const InputView& x, bool center, MatrixView<T> out, Kernel kernel = Kernel::cosine,
                 const Execution& execution = {});

// The k-NN graph: the k largest off-diagonal cosines of every row (of equal ones the smaller
// column) as directed edges W, or (W + Wᵀ)/2 with `symmetrize`, where a mutual edge keeps its
// weight and a one-sided edge gets half. Edges of weight 0 are kept, so that every row has k edges.
// Edges may be negative and never lead to the row itself. The code of the paper sorts rows with a
// zero diagonal instead, where a row prefers itself to a neighbour of negative cosine.
//
// Where rounding to T could change the nearest rows (a channel much larger than the others, or a
// common offset that makes all cosines nearly 1), candidates are ranked again in float64 by the
// differences of unit rows: the columns are those of x in float64 for any T. The same bits for any
// number of threads.
//
// Types: any → T → T, T = float or double.
// Cost: n²d/2 multiply-adds, and up to as many in float64 where most rows are ranked again; n·d for
// a row whose neighbours are equal up to the rounding of float64 sums.
// Memory: the k best so far of every row, a tile per thread, and x packed once, or its n²/2 cosines
// where that is less than half.
// Throws std::invalid_argument: no rows or columns, a NaN or infinity, k < 1, k ≥ n,
// another kernel than cosine and correlation.
template <class T>
Csr<T> knn_graph(const InputView& x, std::size_t k, bool center, bool symmetrize,
                 Kernel kernel = Kernel::cosine, const Execution& execution = {});

}  // namespace isogram
