// Rows of features, measured and prepared for inner products: what comes before the GEMM of a Gram
// matrix; see gram.hpp for what comes after it.
//
// T, of prepared rows, is float or double. Differences, sums and scaled numbers are float64 before
// they are rounded to T.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"

namespace isogram::cuda {

// ---- Measuring features ----------------------------------------------------------------------

// Scratch of column_means(), in doubles.
std::int64_t column_scratch(std::int64_t rows, std::int64_t cols);

// means[j] = Σ_i x_ij / rows, relative to the first row while it is summed up, so that constant
// columns have exactly their value as mean; rests[j] is the rounding error of means[j]. One pass
// over x, which has at least one row.
void column_means(Stream stream, const Input& x, double* means, double* rests, double* scratch);

// reaches[i] = max_j |x_ij − origin_j|, at most the largest double. One pass over x.
void row_reaches(Stream stream, const Input& x, const double* origin, double* reaches);

// The means of the rows that reach no farther than *limit, relative to `origin`; `origin` itself
// in columns whose sums overflow. Scratch as for column_means(). One pass over x.
void bulk_means(Stream stream, const Input& x, const double* origin, const double* reaches,
                const double* limit, double* means, double* scratch);

// Scratch of scaling_exponent(), in doubles.
std::int64_t scaling_scratch();

// The exponent e of 2^e > |x_ij − origin_j| ≥ 2^(e−1) for the largest of x, and of y unless null: 0
// where it is within ±20 already, and for 0 or NaN. See isogram/detail/scaling.hpp. One pass over
// both. `origin` may be null: 0.
void scaling_exponent(Stream stream, const Input& x, const Input* y, const double* origin,
                      int* exponent, double* scratch);

// ---- Preparing rows --------------------------------------------------------------------------

enum class Preparation {
  as_given,            // x − origin
  scaled,              // each row of that · 2^−exponent, one for each row
  shifted,             // (x − origin) · 2^−exponent
  unit,                // (x − origin) / ‖x − origin‖; a row of zeros stays one
  unit_of_deviations,  // the same of x − origin less the mean of the row
};

// Prepares all rows of x. `origin` (x.cols), null for 0, is subtracted from each, and then `rest`,
// null for 0 and but for unit rows; `exponent`, null for 0, is of `shifted`. A row's squared norm
// as prepared, and for `scaled` its exponent, is written where squared_norms and exponents are not
// null. Infinity becomes NaN; with a NaN, a unit row is NaN throughout. A block of threads per row,
// up to four passes, which caches serve.
template <class T>
void prepare(Stream stream, const Input& x, Preparation preparation, const double* origin,
             const double* rest, const int* exponent, Matrix<T> rows, double* squared_norms,
             int* exponents);

// The part that rows of unit norm have in common, subtracted from them before they are rounded.
struct Axis {
  const double* direction;  // x.cols entries
  const double* squares;    // their sum of squares
  const double* length;     // of the subtracted part, in units of the direction
};

// x / ‖x‖ − length · direction for every row, of x or (`deviations`) of x less the mean of the row;
// a zero row becomes −length · direction. All digits are there where x is nearly a multiple of the
// direction: what is left of x beside that is computed first, by fused multiply-adds. For
// `deviations` the direction's mean must be 0 but for rounding. With a NaN or infinity a row is NaN
// throughout. A block of threads per row, up to eight passes, which caches serve.
template <class T>
void prepare_unit_differences(Stream stream, const Input& x, bool deviations, const Axis& axis,
                              Matrix<T> rows);

}  // namespace isogram::cuda
