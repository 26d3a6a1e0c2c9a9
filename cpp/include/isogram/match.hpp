// Exact linear assignment: which column for which row, so that the sum is largest (or smallest).
#pragma once

#include <cstddef>
#include <cstdint>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

enum class Objective { maximize, minimize };

// `count` matrices of rows × cols, problem b at data + b * problem_stride; strides in elements.
template <class T>
struct ProblemBatch {
  const T* data = nullptr;
  std::size_t count = 0;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::ptrdiff_t problem_stride = 0;
  std::ptrdiff_t row_stride = 0;
  std::ptrdiff_t col_stride = 1;
  bool is_single = false;  // the caller has one matrix: errors name (i, j) instead of (b, i, j)
};

// Solves every problem of the batch: min(rows, cols) pairs with the largest (smallest) sum. −∞ (+∞
// to minimise) forbids a pair.
//   columns  count × rows; the column of each row, −1 where a row stays unmatched (rows > cols)
//   totals   count; the float64 sum of the matched entries, by row; ±∞ if it is beyond float64
//   gaps     count; upper bounds on |optimum − total|, which certify that a total is optimal:
//            |Σ matched − value of a dual solution|, plus the rounding of both and of the total.
//            At most 2^-21 (float32) or 2^-44 (float64) of Σ|matched entries|,
//            and the rounding of the total; ∞ with an infinite total. Gates, entries that are 64
//            times beyond all others, do not count in that sum
// Without rows or columns: all −1, 0 and 0.
//
// Shortest augmenting paths (Jonker and Volgenant 1987; Crouse 2016) from duals by annealed
// Sinkhorn sweeps where minima leave many rows free (square problems of up to 4096 rows; Sharify,
// Gaubert and Grigori 2011, arXiv:1104.3830; over-relaxed, Thibault, Chizat, Dossal and Papadakis
// 2017, arXiv:1711.01851), on costs scaled by a power of two, in T; a problem whose gap stays above
// that bound is solved again in float64, and if that is not enough, in integers of as many digits
// as its entries span. Of several optima the same one is found at every SIMD level and for any
// number of threads. Cost O(r²·c) per problem in the worst case, r = min(rows, cols) and c the
// other; far less on most. Memory per thread: one padded copy of a problem, and two in float64 for
// one that has to be solved again.
// Throws std::invalid_argument: rows or cols above 2^31 − 1; NaN, or an infinity that forbids no
// pair (named by the first index in C order); a problem in which every matching takes a forbidden
// pair (named by the first such).
template <class T>
void match(const ProblemBatch<T>& problems, Objective objective, std::int32_t* columns,
           double* totals, double* gaps, const Execution& execution = {});

}  // namespace isogram
