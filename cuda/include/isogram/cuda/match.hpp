// Exact linear assignment of many problems at once: the matching of rows with columns that has the
// largest (smallest) sum. See isogram/match.hpp for the definitions. The rules of device.hpp hold.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"
#include "isogram/match.hpp"

namespace isogram::cuda {

inline constexpr std::int64_t kMaxMatched = 4096;  // rows or columns of a problem

// down × across problems of rows × cols entries; problem b = r · across + c is at
//   data + r · down_stride + c · across_stride.
// Strides count items, and may be zero or negative. A batch has across = 1. The affinities between
// the tokens of two sets of inputs are one matrix that holds the problems of all pairs side by
// side; there down_stride is rows · row_stride, and across_stride is cols. down_rows and
// across_cols are for problems of fewer rows and columns; entries beyond their counts are ignored.
struct ProblemGrid {
  const void* data = nullptr;
  Type type = Type::float32;  // or float64
  std::int64_t down = 0;
  std::int64_t across = 1;
  std::int64_t down_stride = 0;
  std::int64_t across_stride = 0;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t row_stride = 0;
  std::int64_t col_stride = 1;
  const std::int32_t* down_rows = nullptr;    // (down): rows of problems (r, ·); null: all
  const std::int32_t* across_cols = nullptr;  // (across): columns of problems (·, c); null: all
  bool above_diagonal = false;  // solve problems with r < c alone; others' results are not written
};

// Results, in the order of the problems. A problem without rows or columns has total 0 and gap 0.
struct Matchings {
  std::int32_t* columns;  // (problems, rows): the column of each row, −1 if unmatched; or null
  double* totals;         // (problems): the float64 sum of the matched entries
  double* gaps;           // (problems): upper bounds on |optimum − total|
  std::uint8_t* is_proven = nullptr;  // (problems): whether the gap is within the bound of the host
                                      // (isogram/match.hpp); or null
};

// Scratch of match(), in bytes, a multiple of 256: 4 per problem, for a list of the problems that
// float32 does not solve; with more than 256 rows or columns 29 MB more, the working memory of
// blocks.
std::int64_t match_scratch(std::int64_t problems, std::int64_t rows, std::int64_t cols);

// Solves every problem: up to kMaxMatched rows and columns, fewer than 2^32 − 1 problems.
//
// The method is the host's: shortest augmenting paths, from the duals of annealed Sinkhorn sweeps
// where row minima leave many rows free. A float32 problem whose gap is above the host's bound is
// solved again in float64, by a second launch that reads the list of such problems on the device. A
// problem whose gap stays above the bound (rare, with costs far apart) is not proven; the host
// would solve it in integers. Of several optima every run finds the same; the host may find
// another.
//
// A problem of up to 64 rows and columns is solved by a warp: costs in shared memory, read once in
// runs of 8 columns (of 4 rows if transposed); plans, distances and predecessors in registers; no
// barrier. A larger problem is solved by a block, which reads costs from their place again and
// again: from L2 if the matrices of a launch fit there. Adjacent columns make full cache lines;
// other strides, and problems with more rows than columns, do not.
//
// A problem with a NaN or infinity is not solved: it is not proven, its columns are −1, its total
// and gap NaN, and
//   *not_finite = min(*not_finite, (problem · rows + row) · cols + column)
// for the first such entry. The caller sets *not_finite to 2^64 − 1 (as int64: −1) before. The
// numbers of steps of all loops are bounded by rows and columns: no input makes a kernel hang.
// Types: T costs → T duals → float64 totals and gaps, T = float or double as problems.type says.
// Cost: O(r² c / threads) per problem in the worst case, r = min(rows, cols) and c the other.
void match(Stream stream, const ProblemGrid& problems, Objective objective,
           const Matchings& matchings, unsigned long long* not_finite, void* scratch);

}  // namespace isogram::cuda
