// Gram matrices: K[i, j] = k(x_i, y_j).
#pragma once

#include <cstddef>
#include <cstdint>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// linear       ⟨a, b⟩
// cosine       ⟨a, b⟩ / (‖a‖ ‖b‖); 0 where a norm is 0
// correlation  cosine of rows less their own mean
// rbf          exp(−‖a − b‖² / (2 bandwidth²))
// laplacian    exp(−‖a − b‖₁ / bandwidth)
// laplacian_l2 exp(−‖a − b‖ / bandwidth), of Euclidean distances
// polynomial   (gamma ⟨a, b⟩ + coef0)^degree
enum class Kernel { linear, cosine, correlation, rbf, laplacian, laplacian_l2, polynomial };

struct KernelOptions {
  Kernel kernel = Kernel::linear;
  double bandwidth = 1.0;  // > 0; rbf and both Laplacians
  double gamma = 0.0;      // polynomial; 0 stands for 1 / x.cols
  int degree = 3;          // polynomial; ≥ 1
  double coef0 = 1.0;      // polynomial
};

// The Gram matrix of the rows of x (n × d), written to out (n × n) and exactly symmetric; or of the
// rows of x against the rows of y (m × d), written to out (n × m). Returns false if an entry of a
// linear or polynomial matrix overflowed; that entry is infinite.
//
// Distances are accurate for near-duplicates, and for clusters and single rows however far apart:
// ‖a‖² + ‖b‖² − 2⟨a, b⟩ is computed from rows less their common mean, and replaced by Σ_c
// (a_c − b_c)² where it would cancel or overflow; L1 distances are sums of |a_c − b_c|. Features
// are scaled by powers of two, so that nothing overflows before the result does.
//
// Types: any → T → T, T = float or double; norms and shifts in float64.
// Cost: n·m·d multiply-adds, half of them for one input.
// Memory: one tile per thread, and both inputs packed once as T. Long rows are packed at most
// 2048 columns at a time, beside n × m sums of type T, where that takes less than half of the
// memory. Up to 192 long rows in all are not packed, except for Laplacian and correlation; at most
// 32 n × m sums of float64 take their place.
// Throws std::invalid_argument: no rows or columns, x.cols != y.cols, out of the wrong shape, a NaN
// or infinity, an option out of range.
template <class T>
bool gram(const InputView& x, const KernelOptions& options, MatrixView<T> out,
          const Execution& execution = {});
template <class T>
bool gram(const InputView& x, const InputView& y, const KernelOptions& options, MatrixView<T> out,
          const Execution& execution = {});

// out[p] = ‖x_i − x_j‖ for the p-th pair (i, j) of `pairs` (count × 2); without `pairs` for all
// i < j, row by row, n(n−1)/2 of them. Summed as (x_ic − x_jc)², scaled where squares would leave
// float64's range.
// Types: any → float64 → float64. Cost: 2 d operations per pair. Memory: two rows as float64 per
// thread.
// Throws std::invalid_argument: no rows or columns, a NaN or infinity, an index that is no row of
// x.
void distances(const InputView& x, MatrixView<const std::int64_t> pairs, double* out,
               const Execution& execution = {});
void distances(const InputView& x, double* out, const Execution& execution = {});

// The root of the median square of n values ≥ 0: a bandwidth, if the values are distances. For even
// n, the root of the mean square of the two middle values; NaN if any value is NaN.
// Types: T → float64, T = float or double. Cost: O(n), two passes. Memory: as a rule a sixteenth of
// the values, at most a copy of all.
// Throws std::invalid_argument: n = 0.
template <class T>
double root_median_square(const T* values, std::size_t n, const Execution& execution = {});

// root_median_square() of the distances() of pairs of rows, or without `pairs` of all, with the
// same bits. Squared distances in T tell which pairs may be in the middle; only theirs are computed
// in float64.
// Types: any → T → float64, T = float, or double for float64 rows. Cost: 2 d operations per pair in
// T, and distances() of the pairs whose squares are equal to the middle ones but for rounding; of
// all pairs where a square overflows T, and of chosen pairs of rows that are not stored as T.
// Memory: one T per pair; without `pairs` a matrix of T, and panels of rows.
// Throws std::invalid_argument: as distances(); no pair.
double median_distance(const InputView& x, const MatrixView<const std::int64_t>* pairs,
                       const Execution& execution = {});

// values[i, j] = exp(−values[i, j]² / (2 bandwidth²)), in place: RBF entries from distances.
// Types: T → T, T = float or double; exponents are squared in float64. Cost: one exponential per
// value. Memory: one row per thread.
// Throws std::invalid_argument: a bandwidth that is not positive and finite.
template <class T>
void rbf_from_distances(MatrixView<T> values, double bandwidth, const Execution& execution = {});

}  // namespace isogram
