// Gram matrices: K[i, j] = k(x_i, y_j).
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// linear       ⟨a, b⟩
// cosine       ⟨a, b⟩ / (‖a‖ ‖b‖); 0 where a norm is 0
// correlation  cosine of rows less their own mean
// rbf          exp(−‖a − b‖² / (2 bandwidth²))
// laplacian    exp(−‖a − b‖₁ / bandwidth)
// polynomial   (gamma ⟨a, b⟩ + coef0)^degree
enum class Kernel { linear, cosine, correlation, rbf, laplacian, polynomial };

struct KernelOptions {
  Kernel kernel = Kernel::linear;
  double bandwidth = 1.0;  // > 0; rbf and laplacian
  double gamma = 0.0;      // polynomial; 0 stands for 1 / x.cols
  int degree = 3;          // polynomial; ≥ 1
  double coef0 = 1.0;      // polynomial
};

// The Gram matrix of the rows of x (n × d), written to out (n × n), exactly symmetric; or of the
// rows of x against those of y (m × d), written to out (n × m).
//
// Types: any → T → T; norms and shifts in float64. T is the type of `out`: float or double.
// Squared distances are computed on rows less their common mean, and pair by pair from the input
// where the expansion ‖a‖² + ‖b‖² − 2⟨a, b⟩ would cancel or overflow; L1 distances by differences
// of the rows as given. So both are accurate for near-duplicates and for clusters and single rows
// however far apart. Features are scaled by powers of two: nothing overflows before the result
// does. Returns false if an entry of a linear or polynomial matrix overflowed: it is infinite.
// Cost n·m·d multiply-adds (half for one input); memory: one tile per thread, and both inputs
// packed once as T; for long rows another n × m of T and 1024 columns of the inputs in their
// place, where that takes less than half. Throws std::invalid_argument: no rows or columns, x.cols
// != y.cols, out of the wrong shape, a NaN or infinity, an option out of range.
template <class T>
bool gram(const InputView& x, const KernelOptions& options, MatrixView<T> out,
          const Execution& execution = {});
template <class T>
bool gram(const InputView& x, const InputView& y, const KernelOptions& options, MatrixView<T> out,
          const Execution& execution = {});

// out[p] = ‖x_i − x_j‖ for the p-th pair (i, j), by differences in float64, whatever their range.
// Without `pairs`: all i < j, row by row, n(n−1)/2 of them. Cost: one pass of d per pair.
void distances(const InputView& x, MatrixView<const std::int64_t> pairs, double* out,
               const Execution& execution = {});
void distances(const InputView& x, double* out, const Execution& execution = {});

// The root of the median square of n ≥ 1 values ≥ 0, in float64: a bandwidth, if the values are
// distances. For even n, the root of the mean square of the two middle values; NaN if any value is
// NaN. O(n): two passes, and as a rule a copy of a sixteenth of the values.
template <class T>
double root_median_square(const T* values, std::size_t n, const Execution& execution = {});

// values[i] = exp(−values[i]² / (2 bandwidth²)), in place: RBF entries from distances.
template <class T>
void rbf_from_distances(MatrixView<T> values, double bandwidth, const Execution& execution = {});

}  // namespace isogram
