// Gram matrices, in parts: rows are prepared once (prepare.hpp), their inner products are the
// caller's to compute (a GEMM), and a kernel function is applied to those in place, tile by tile.
//
// T, of prepared rows and of results, is float or double.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"
#include "isogram/gram.hpp"

namespace isogram::cuda {

// ---- Kernel functions ------------------------------------------------------------------------

// As in isogram/gram.hpp, with numbers that depend on the data in device memory.
struct KernelFunction {
  Kernel kernel = Kernel::linear;
  double gamma = 1;  // polynomial
  double coef0 = 1;
  int degree = 3;
  const double* bandwidth = nullptr;  // rbf, laplacian; NaN throughout unless > 0
  const int* exponent = nullptr;      // rbf, laplacian: that of `shifted` rows; null: 0
  const double* offset = nullptr;     // subtracted from every entry before it is rounded; null: 0
};

// The rows, or the columns, of a whole Gram matrix, whatever the tile.
struct RowSet {
  Input source;                           // rbf: the rows before they were prepared
  const double* squared_norms = nullptr;  // cosine, correlation, rbf
  const int* exponents = nullptr;         // linear, polynomial; null: all 0
};

// Makes the tile at `place`, inner products of prepared rows, entries of the Gram matrix.
//
//   linear, polynomial     `scaled` rows (or others, without exponents). Linear tiles of rows with
//                          exponents 0 and without offset are not even read
//   cosine, correlation    `unit`, `unit_of_deviations` rows: entries are in [−1, 1]
//   rbf                    `shifted` rows. Where ‖a‖² + ‖b‖² − 2⟨a, b⟩ cancels by more than 5 bits
//                          or overflows, the distance is taken from the source again, by
//                          differences
//
// `same`: both sides are the same set, so that the diagonal is known: 1 for cosine (0 of a zero
// row), correlation and rbf. Not for Kernel::laplacian, which is no function of inner products.
// Moves every entry twice; d-times that for entries that cancel.
template <class T>
void apply_kernel(Stream stream, const KernelFunction& function, const RowSet& rows,
                  const RowSet& cols, bool same, Place place, Matrix<T> tile);

// exp(−‖a − b‖₁ / bandwidth) for the tile at `place`, of `shifted` rows: no GEMM. `rows` and `cols`
// are whole sets of rows. An origin gains nothing, and rounds the differences of rows that are near
// each other and far from it. 2 d additions per entry.
template <class T>
void laplacian(Stream stream, const KernelFunction& function, Matrix<const T> rows,
               Matrix<const T> cols, Place place, Matrix<T> tile);

// ---- The other triangle ----------------------------------------------------------------------

// lower = upperᵀ, for tiles that do not overlap.
template <class T>
void mirror(Stream stream, Matrix<const T> upper, Matrix<T> lower);

// Copies what is above the diagonal below it.
template <class T>
void mirror_diagonal(Stream stream, Matrix<T> square);

}  // namespace isogram::cuda
