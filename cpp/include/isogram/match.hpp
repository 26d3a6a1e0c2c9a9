// Exact linear assignment: the matching of rows with columns that has the largest (smallest) sum.
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
//   columns  count × rows: the column of each row, −1 where a row stays unmatched (rows > cols)
//   totals   count: the float64 sum of the matched entries, row by row; ±∞ if beyond float64
//   gaps     count: upper bounds on |optimum − total|, which certify a total:
//            |Σ matched − value of a dual solution| plus the rounding of both and of the total.
//            At most 2^-21 (float32) or 2^-44 (float64) of Σ|matched entries|, plus the rounding
//            of the total; ∞ with an infinite total. Gates, entries more than 64 times all
//            others, do not count in that sum
// A problem without rows or columns has columns −1, total 0 and gap 0.
//
// Shortest augmenting paths (Jonker and Volgenant 1987; Crouse 2016). Where row minima leave many
// rows free in a square problem of up to 4096 rows, the duals come from annealed, over-relaxed
// Sinkhorn sweeps (Sharify, Gaubert and Grigori 2011, arXiv:1104.3830; Thibault, Chizat, Dossal and
// Papadakis 2017, arXiv:1711.01851). A rectangular problem of up to 4096 rows and more than 64
// columns begins with augmenting row reduction (Jonker and Volgenant). A problem whose gap stays
// above the bound is solved again in float64, and if that is not enough, in integers with as many
// digits as its entries span. Of several optima every SIMD level and every number of threads finds
// the same.
//
// Types: T costs scaled by a power of two → T duals → float64 totals and gaps, T = float or double.
// Cost: O(r²·c) per problem in the worst case, r = min(rows, cols) and c the other; far less on
// most.
// Memory per thread: a padded copy of a problem, and two in float64 for a problem that is solved
// again.
// Throws std::invalid_argument: rows or cols above 2^31 − 1; NaN, or an infinity that forbids no
// pair (the message names the first in C order); a problem in which every matching takes a
// forbidden pair (the message names the first such problem).
template <class T>
void match(const ProblemBatch<T>& problems, Objective objective, std::int32_t* columns,
           double* totals, double* gaps, const Execution& execution = {});

}  // namespace isogram
