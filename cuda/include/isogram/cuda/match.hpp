// Exact linear assignment of many problems at once: which column for which row, so that the sum is
// largest (or smallest). See isogram/match.hpp for the definitions.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"
#include "isogram/match.hpp"

namespace isogram::cuda {

inline constexpr std::int64_t kMaxMatched = 4096;  // rows or columns of a problem

// down × across problems of rows × cols entries, of which number b = r · across + c is at
//   data + r · down_stride + c · across_stride;
// strides count items, and may be zero or negative. A batch has across = 1. All pairs of two
// sets of inputs have their problems side by side in one matrix of affinities between tokens:
// down_stride is rows · row_stride there, and across_stride is cols. Problems of fewer rows and
// columns than that are smaller: what is beyond their counts is not read.
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
  const std::int32_t* down_rows = nullptr;    // (down), on the device: rows of problems (r, ·)
  const std::int32_t* across_cols = nullptr;  // (across): columns of problems (·, c); null: all
  bool above_diagonal = false;  // solves where r < c only, and writes nothing for other problems
};

// Where results go, all in device memory and in the order of the problems. One without rows or
// columns has a total and a gap of 0.
struct Matchings {
  std::int32_t* columns;  // (problems, rows): of each row, −1 where it stays unmatched; or null
  double* totals;         // (problems): the float64 sum of the matched entries
  double* gaps;           // (problems): upper bounds on |optimum − total|
  std::uint8_t* is_proven = nullptr;  // (problems): whether the gap is as small as on the host; or
                                      // null
};

// Bytes of scratch for match(), a multiple of 256: 4 for each problem, for the list of those that
// float32 does not solve; and with more than 256 rows or columns 29 MB for the working memory of
// blocks.
std::int64_t match_scratch(std::int64_t problems, std::int64_t rows, std::int64_t cols);

// Solves every problem: up to 4096 rows and columns each, fewer than 2^32 − 1 problems.
//
// A warp solves a problem of up to 64 rows and columns: costs in shared memory, which it reads once
// in runs of 8 columns or, where problems are transposed, of 4 rows at a time; plans, distances and
// predecessors in registers; no barrier. A block solves a larger one, whose costs it reads where
// they are, again and again: from L2 if what is enqueued at once fits there. Rows of adjacent
// columns are read in full lines; other strides, and more rows than columns, are not.
// As on the CPU: shortest augmenting paths, from duals by annealed Sinkhorn sweeps where minima
// leave many rows free; a float32 problem whose gap is above the CPU's tolerance is solved again in
// float64, by a second launch that reads their list on the device. A problem whose gap stays above
// it, seldom and with costs far apart, is not proven: the CPU would go on in integers. Of several
// optima the same one is found in every run, and need not be the CPU's.
//
// A problem with a NaN or an infinity is not solved: nothing is proven, its columns are −1, its
// total and gap NaN, and
//   *not_finite = min(*not_finite, (problem · rows + row) · cols + column)
// for its first such entry. Set it to 2^64 − 1 (as int64: −1) before.
// Every loop is bounded by rows, columns, or a constant: nothing hangs, whatever the data.
// Cost: O(r² c / threads) per problem in the worst case, r = min(rows, cols), c the other.
void match(Stream stream, const ProblemGrid& problems, Objective objective,
           const Matchings& matchings, unsigned long long* not_finite, void* scratch);

}  // namespace isogram::cuda
