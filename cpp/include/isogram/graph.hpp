// Graphs whose nodes are samples and whose edges are cosines of their features (Chen et al. 2021,
// "Graph-Based Similarity of Neural Network Representations", arXiv:2111.11165).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

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
// half. Edges of weight 0 are kept, so that every row has k edges. They lead to *other* rows, and
// may be negative; the code of the paper sorts rows whose diagonal is 0, where a row prefers itself
// to a neighbour of negative cosine.
// Types: any → T → T. Where rounding to T could change which rows are nearest (a channel much
// larger than the others, a common offset: all cosines are nearly 1), candidates are ranked again
// in float64, by the differences of unit rows: the columns are those of x in float64, for any T.
// Cost n²d/2 multiply-adds, and up to as many in float64 where most rows are ranked again; n·d for
// a row whose neighbours not even float64 sums tell apart (equal cosines of many rows, say).
// Memory: a running top-k per row, x packed once (or its n²/2 cosines where that is less
// than half), and a tile per thread. Bit-identical for any number of threads. Throws
// std::invalid_argument: no rows or columns, a NaN or infinity, not 1 ≤ k < n.
template <class T>
Csr<T> knn_graph(const InputView& x, std::size_t k, bool center, bool symmetrize,
                 const Execution& execution = {});

}  // namespace isogram
