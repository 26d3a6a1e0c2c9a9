// Rows of features, measured and prepared for the GEMM of a Gram matrix; gram.hpp has the steps
// after it. T, the type of prepared rows, is float or double. Types: any → float64 → T. The rules
// of device.hpp hold.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"

namespace isogram::cuda {

// ---- Measuring features ----------------------------------------------------------------------

// Scratch of column_means(), in doubles.
std::int64_t column_scratch(std::int64_t rows, std::int64_t cols);

// means[j] = Σ_i x_ij / rows for rows ≥ 1, summed relative to the first row, so that the mean of a
// constant column is exact; rests[j] is the rounding error of means[j]. Cost: one pass over x.
void column_means(Stream stream, const Input& x, double* means, double* rests, double* scratch);

// reaches[i] = max_j |x_ij − origin_j|, at most the largest double. Cost: one pass over x.
void row_reaches(Stream stream, const Input& x, const double* origin, double* reaches);

// means[j] = the mean of column j over the rows with reaches[i] ≤ *limit, summed relative to
// `origin`; origin_j if the sum overflows. Scratch as of column_means(). Cost: one pass over x.
void bulk_means(Stream stream, const Input& x, const double* origin, const double* reaches,
                const double* limit, double* means, double* scratch);

// Scratch of scaling_exponent(), in doubles.
std::int64_t scaling_scratch();

// *exponent = e with 2^e > m ≥ 2^(e−1), m = max |x_ij − origin_j| over x, and y unless it is null;
// 0 for e within ±20, and for m = 0 or NaN (scaling_exponent_of() in isogram/detail/scaling.hpp). A
// null `origin` stands for 0. Cost: one pass over both.
void scaling_exponent(Stream stream, const Input& x, const Input* y, const double* origin,
                      int* exponent, double* scratch);

// ---- Preparing rows --------------------------------------------------------------------------

enum class Preparation {
  as_given,            // x − origin
  scaled,              // (x − origin) · 2^−exponent, with an exponent per row
  shifted,             // (x − origin) · 2^−exponent, with one exponent for all rows
  unit,                // (x − origin) / ‖x − origin‖; a zero row stays 0
  unit_of_deviations,  // `unit` of x − origin less the mean of its row
};

// Prepares all rows of x. `origin` (x.cols) and then `rest` (x.cols) are subtracted from each row;
// null stands for 0. `exponent` is for `shifted`; null stands for 0. squared_norms[i], unless null,
// is the squared norm of the prepared row; exponents[i], unless null, its exponent for `scaled`.
// Infinity becomes NaN; a unit row with a NaN is NaN throughout. Cost: a block of threads per row,
// up to four passes, which the caches serve.
template <class T>
void prepare(Stream stream, const Input& x, Preparation preparation, const double* origin,
             const double* rest, const int* exponent, Matrix<T> rows, double* squared_norms,
             int* exponents);

// The common part of rows of unit norm, subtracted before rows are rounded.
struct Axis {
  const double* direction;  // x.cols entries
  const double* squares;    // Σ direction²
  const double* length;     // the subtracted part is length · direction
};

// x / ‖x‖ − length · direction for every row of x, or with `deviations` for every row less its
// mean, with a direction of mean 0 up to rounding; a zero row becomes −length · direction. No
// digits are lost where x is nearly a multiple of the direction: the rest of x beside the direction
// is computed first, by fused multiply-adds. A row with a NaN or infinity is NaN throughout. Cost:
// a block of threads per row, up to eight passes, which the caches serve.
template <class T>
void prepare_unit_differences(Stream stream, const Input& x, bool deviations, const Axis& axis,
                              Matrix<T> rows);

}  // namespace isogram::cuda
