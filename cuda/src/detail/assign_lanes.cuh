// The start of a problem whose costs a warp has in shared memory. Lanes scan all rows at once, and
// match them by sets of columns in 64 bits.
//
// Loops over rows are unrolled in part only: warps of a multiprocessor run different places of the
// code, and would wait for instructions if it were much larger than the instruction cache.
#pragma once

#include <cstdint>

#include "assign_problem.cuh"

namespace isogram::cuda {

// Minima over the lanes of one row, and of one column.
template <class T>
__device__ T minimum_of_row(T x) {
#pragma unroll
  for (int lane = 1; lane < kLaneCols; lane *= 2) {
    x = smaller(x, __shfl_xor_sync(kAllLanes, x, lane));
  }
  return x;
}
template <class T>
__device__ T minimum_of_column(T x) {
#pragma unroll
  for (int lane = kLaneCols; lane < kWarp; lane *= 2) {
    x = smaller(x, __shfl_xor_sync(kAllLanes, x, lane));
  }
  return x;
}

template <class State>
__device__ void start_from_minima_in_lanes(State& s) {
  using T = typename State::T;
  using Lanes = typename State::Lanes;
  T dual[Lanes::kCols];
#pragma unroll
  for (T& of_column : dual) of_column = kInfinity<T>;
#pragma unroll 2
  for (int a = 0; a < Lanes::kRows; ++a) {
    T cost[Lanes::kCols];
    T least = kInfinity<T>;
#pragma unroll
    for (int b = 0; b < Lanes::kCols; ++b) {
      cost[b] = s.costs(Lanes::row(a), Lanes::col(b));
      least = smaller(cost[b], least);
    }
    least = minimum_of_row(least);
    if (Lanes::row(a) >= s.rows) least = 0;  // ∞ − ∞ would be NaN
#pragma unroll
    for (int b = 0; b < Lanes::kCols; ++b) dual[b] = smaller(cost[b] - least, dual[b]);
  }
#pragma unroll
  for (int b = 0; b < Lanes::kCols; ++b) {
    dual[b] = minimum_of_column(dual[b]);
    if (Lanes::lane_row() == 0 && Lanes::col(b) < s.cols) s.memory.dual[Lanes::col(b)] = dual[b];
  }
  s.crew.sync();
}

// Writes the smallest reduced cost of every row to `row_minimum`, and its columns to `tight`.
template <class State>
__device__ void find_tight_columns(State& s) {
  using T = typename State::T;
  using Lanes = typename State::Lanes;
  T dual[Lanes::kCols];
#pragma unroll
  for (int b = 0; b < Lanes::kCols; ++b) {
    dual[b] = Lanes::col(b) < s.cols ? s.memory.dual[Lanes::col(b)] : 0;
  }
#pragma unroll 2
  for (int a = 0; a < Lanes::kRows; ++a) {
    const int row = Lanes::row(a);
    T reduced[Lanes::kCols];
    T least = kInfinity<T>;
#pragma unroll
    for (int b = 0; b < Lanes::kCols; ++b) {
      reduced[b] = s.costs(row, Lanes::col(b)) - dual[b];
      least = smaller(reduced[b], least);
    }
    least = minimum_of_row(least);
    unsigned columns = 0;
#pragma unroll
    for (int b = 0; b < Lanes::kCols; ++b) columns |= reduced[b] == least ? 1U << b : 0;
    s.memory.tight[row].of_lane[Lanes::lane_col()] = static_cast<std::uint8_t>(columns);
    if (Lanes::lane_col() == 0) s.memory.row_minimum[row] = least;
  }
  s.crew.sync();
}

// The first set bit from bit `first` on, cyclically. At least one bit is set.
__device__ inline int first_bit_from(int first, std::uint64_t bits) {
  const std::uint64_t rotated = bits >> first | bits << (-first & 63);
  return (__ffsll(rotated) - 1 + first) & 63;
}

__device__ inline std::uint64_t union_of_lanes(std::uint64_t bits) {
  const auto low = static_cast<std::uint32_t>(bits);
  const auto high = static_cast<std::uint32_t>(bits >> 32);
  return std::uint64_t{__reduce_or_sync(kAllLanes, high)} << 32 | __reduce_or_sync(kAllLanes, low);
}

// The rows of a lane that search a column of smallest reduced cost. Each row claims a free one; of
// several, the first from the diagonal on, so that rows with ties (dead tokens) do not all claim
// the same. The last row that claims a column gets it.
template <class State>
class Claims {
 public:
  __device__ explicit Claims(State& s) : s_(s) {
#pragma unroll
    for (int k = 0; k < kRows; ++k) tight_[k] = row(k) < s.rows ? s.memory.tight[row(k)].bits() : 0;
  }

  // Returns whether any lane claimed a column.
  __device__ bool claim() {
    bool claims = false;
#pragma unroll
    for (int k = 0; k < kRows; ++k) {
      tight_[k] &= free_;
      if (tight_[k] == 0) continue;
      claimed_[k] = first_bit_from(TightColumns::column(row(k)), tight_[k]);
      atomicMax(&s_.memory.row_of[TightColumns::column(claimed_[k])], row(k));
      claims = true;
    }
    return s_.crew.any(claims);
  }

  __device__ void settle() {
    std::uint64_t taken = 0;
#pragma unroll
    for (int k = 0; k < kRows; ++k) {
      const int column = TightColumns::column(claimed_[k]);
      if (tight_[k] == 0 || s_.memory.row_of[column] != row(k)) continue;
      s_.memory.column_of[row(k)] = column;
      taken |= std::uint64_t{1} << claimed_[k];
      tight_[k] = 0;
      ++matched_;
    }
    free_ &= ~union_of_lanes(taken);
  }

  __device__ int matched() const { return __reduce_add_sync(kAllLanes, matched_); }

 private:
  static constexpr int kRows = (State::kSide + kWarp - 1) / kWarp;
  __device__ int row(int k) const { return s_.crew.lane() + k * kWarp; }

  State& s_;
  std::uint64_t tight_[kRows];  // free tight columns of unmatched rows, as bits
  int claimed_[kRows] = {};     // the bit that each row claims
  std::uint64_t free_ = ~std::uint64_t{0};
  int matched_ = 0;
};

// Every round but the last matches a row. Returns the number of free rows.
template <class State>
__device__ int match_greedily_in_lanes(State& s) {
  s.for_own(s.rows, [&](int i) { s.memory.column_of[i] = kFree; });
  s.for_own(s.cols, [&](int j) { s.memory.row_of[j] = kFree; });
  find_tight_columns(s);
  Claims<State> claims(s);
  for (int round = 0; round < s.rows && claims.claim(); ++round) claims.settle();
  s.crew.sync();
  return s.rows - claims.matched();
}

}  // namespace isogram::cuda
