// Dot products of the rows of graphs, for their similarity (see isogram/gbs.hpp): of full graphs
// tile by tile, and of sparse ones.
//
// A walk visits the tiles on and above the diagonal; one above it is also that of its transpose.
// All functions only enqueue work, allocate nothing and never wait; a failed launch throws
// isogram::cuda::Error. T = float or double; sums are float64, in a fixed order and without
// floating-point atomics: results repeat bit for bit, on any device.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"
#include "isogram/cuda/tiles.hpp"

namespace isogram::cuda {

// table[l, m, i] += Σ_j X_l[i, j] Y_m[i, j] for the rows i of the whole graphs, x.layers × y.layers
// × n, diagonals being 0 (see clear_diagonal in cka.hpp). A mirrored tile counts for the rows of
// its transpose too. Of one set (x.data == y.data and as many layers) only pairs l ≤ m are added.
// Cost: the multiply-adds of add_products in cka.hpp, twice them if mirrored, and one read and
// write of the table's rows that the tile meets.
template <class T>
void add_row_products(Stream stream, const Tiles<const T>& x, const Tiles<const T>& y, Place place,
                      bool mirrored, double* table, std::int64_t n);

// A sparse matrix in compressed rows; columns ascend within a row.
template <class T>
struct Csr {
  const std::int64_t* indptr;   // rows + 1
  const std::int32_t* indices;  // columns
  T* data;
  std::int64_t rows;
};

// out[i] = Σ_j X[i, j] Y[i, j] for all rows of two sparse matrices of equally many. A warp per row,
// which looks up the entries of x in y.
template <class T>
void nearest_products(Stream stream, const Csr<const T>& x, const Csr<const T>& y, double* out);

}  // namespace isogram::cuda
