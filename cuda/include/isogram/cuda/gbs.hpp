// Dot products of the rows of graphs, for GBS (see isogram/gbs.hpp): of full graphs tile by tile,
// and of sparse graphs.
//
// A walk visits the tiles on and above the diagonal; a tile above it also stands for its transpose.
// Types: T → float64 sums, T = float or double. The rules of device.hpp hold.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"
#include "isogram/cuda/tiles.hpp"

namespace isogram::cuda {

// table[l, m, i] += Σ_j X_l[i, j] Y_m[i, j] for the rows i of the whole graphs,
// x.layers × y.layers × n. The diagonals must be 0 (clear_diagonal() in cka.hpp). A mirrored tile
// is also added to the rows of its transpose. If x and y are the same layers (x.data == y.data and
// equal numbers), only pairs l ≤ m are added.
// Cost: the multiply-adds of add_products() in cka.hpp, twice if mirrored, and one read and write
// of the tile's rows of the table.
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

// out[i] = Σ_j X[i, j] Y[i, j] for all rows of two sparse matrices with equal numbers of rows.
// Cost: a warp per row, which looks up each entry of x in y by bisection.
template <class T>
void nearest_products(Stream stream, const Csr<const T>& x, const Csr<const T>& y, double* out);

}  // namespace isogram::cuda
