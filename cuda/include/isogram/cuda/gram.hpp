// Gram matrices in three steps: prepare.hpp prepares rows, the caller computes their inner products
// (a GEMM), and apply_kernel() turns these into entries in place, tile by tile. T, the type of
// prepared rows and entries, is float or double. The rules of device.hpp hold.
#pragma once

#include "isogram/cuda/device.hpp"
#include "isogram/gram.hpp"

namespace isogram::cuda {

// ---- Kernel functions ------------------------------------------------------------------------

// KernelOptions of isogram/gram.hpp, with the numbers that depend on data in device memory.
struct KernelFunction {
  Kernel kernel = Kernel::linear;
  double gamma = 1;  // polynomial
  double coef0 = 1;
  int degree = 3;
  const double* bandwidth = nullptr;  // rbf, Laplacians; all entries are NaN unless it is > 0
  const int* exponent = nullptr;      // rbf, Laplacians: the exponent of `shifted` rows; null: 0
  const double* offset = nullptr;     // subtracted from every entry before it is rounded; null: 0
};

// The rows, or the columns, of the whole Gram matrix.
struct RowSet {
  Input source;                           // rbf, laplacian_l2: the rows before they were prepared
  const double* squared_norms = nullptr;  // cosine, correlation, rbf, laplacian_l2
  const int* exponents = nullptr;         // linear, polynomial; null: all 0
};

// Replaces the inner products of prepared rows in the tile at `place` by entries of the Gram
// matrix.
//
//   linear, polynomial     `scaled` rows, or others without exponents. A linear tile with exponents
//                          0 and without offset is not even read
//   cosine, correlation    `unit`, `unit_of_deviations` rows; entries are clamped to [−1, 1]
//   rbf, laplacian_l2      `shifted` rows. Where ‖a‖² + ‖b‖² − 2⟨a, b⟩ cancels by more than 5 bits
//                          or overflows, the distance is computed from differences of the source
//
// `same`: rows and cols are the same set, whose diagonal is exact: 1 for cosine (0 for a zero row),
// correlation, rbf and laplacian_l2.
// Cost: one read and write per entry, and 2 d reads for an entry that cancels. Throws
// std::invalid_argument for Kernel::laplacian, which is no function of inner products.
template <class T>
void apply_kernel(Stream stream, const KernelFunction& function, const RowSet& rows,
                  const RowSet& cols, bool same, Place place, Matrix<T> tile);

// exp(−‖a − b‖₁ / bandwidth) for the tile at `place`. `rows` and `cols` are the whole sets,
// `shifted` without an origin: an origin would round the differences of rows that are near each
// other and far from it. No GEMM is needed. Cost: 2 d additions per entry.
template <class T>
void laplacian(Stream stream, const KernelFunction& function, Matrix<const T> rows,
               Matrix<const T> cols, Place place, Matrix<T> tile);

// ---- The other triangle ----------------------------------------------------------------------

// lower = upperᵀ; the two must not overlap. Cost: one read, one write.
template <class T>
void mirror(Stream stream, Matrix<const T> upper, Matrix<T> lower);

// Copies the entries above the diagonal below it. Cost: half of a read and a write.
template <class T>
void mirror_diagonal(Stream stream, Matrix<T> square);

}  // namespace isogram::cuda
