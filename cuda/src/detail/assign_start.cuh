// Column duals from which few rows are left for augmenting paths, and the matching that they give
// at once.
#pragma once

#include "assign_lanes.cuh"
#include "assign_problem.cuh"
#include "assign_sweeps.cuh"

namespace isogram::cuda {

// Percent of rows that must stay free at the cheap start before Sinkhorn sweeps pay. Correlated
// tokens leave 30 to 80 % free, dead tokens or ties fewer: to those sweeps do more harm than good.
inline constexpr int kWorthSweeping = 30;

// Rounds of a greedy matching. Rows have one nearest column unless there are ties; what is left of
// those is soon done by augmenting paths, which end at the first column.
inline constexpr int kGreedyRounds = 8;

inline constexpr std::int32_t kNobody = 0x7fffffff;  // claims a column: more than any row

template <class State>
__device__ void start_from_zeros(State& s) {
  s.for_own(s.cols, [&](int j) { s.memory.dual[j] = 0; });
  s.crew.sync();
}

// v_j = min_i (C_ij − min_k C_ik). Row minima come off first: plain column minima would make a row
// of zeros, or of small entries among large ones, look cheap wherever others are dear.
template <class State>
__device__ void start_from_minima(State& s) {
  using T = typename State::T;
  if constexpr (State::kIsWarp) return start_from_minima_in_lanes(s);
  s.for_rows_of_warp([&](int i) {
    T least = kInfinity<T>;
    s.for_costs_of_row(i, [&](int, T cost) { least = smaller(cost, least); });
    s.memory.row_minimum[i] = warp_minimum(least);
  });
  s.crew.sync();
  s.for_own(s.cols, [&](int j) {
    T least = kInfinity<T>;
    s.for_costs_of_column(
        j, [&](int i, T cost) { least = smaller(cost - s.memory.row_minimum[i], least); });
    s.memory.dual[j] = least;
  });
  s.crew.sync();
}

// Of the free columns the one of smallest reduced cost in row i. Of equals the first from the
// diagonal on: rows with ties, as of dead tokens, do not all ask for the same.
template <class State>
__device__ auto nearest_free_column(const State& s, int i) {
  using T = typename State::T;
  Nearest<T> nearest;
  s.for_costs_of_row(i, [&](int j, T cost) {
    const bool is_free = s.memory.row_of[j] == kFree;
    const int from_diagonal = j < i ? j - i + s.cols : j - i;
    nearest.consider(is_free ? cost - s.memory.dual[j] : kInfinity<T>,
                     static_cast<std::uint32_t>(from_diagonal));
  });
  return warp_nearest(nearest);
}

// Rows without a column claim one that has the smallest reduced cost of all, and the first row that
// does gets it. Returns whether there may be more to match.
template <class State>
__device__ bool match_claims(State& s, bool is_first_round) {
  std::int32_t* claim = s.memory.predecessor;
  bool claimed = false;
  s.for_rows_of_warp([&](int i) {
    if (s.memory.column_of[i] != kFree) return;
    const auto nearest = nearest_free_column(s, i);
    if (is_first_round && s.crew.lane() == 0) s.memory.row_minimum[i] = nearest.distance;
    if (!is_first_round && nearest.distance > s.memory.row_minimum[i]) return;
    const int from_first = static_cast<int>(nearest.code) + i;
    if (s.crew.lane() == 0) {
      atomicMin(&claim[from_first < s.cols ? from_first : from_first - s.cols], i);
    }
    claimed = true;
  });
  if (!s.crew.any(claimed)) return false;
  s.for_own(s.cols, [&](int j) {
    const int row = claim[j];
    if (row == kNobody) return;
    claim[j] = kNobody;
    s.memory.row_of[j] = row;
    s.memory.column_of[row] = j;
  });
  s.crew.sync();
  return true;
}

// Matches rows to columns of smallest reduced cost, which are left in `row_minimum`; how many rows
// stay free.
template <class State>
__device__ int match_greedily(State& s) {
  if constexpr (State::kIsWarp) return match_greedily_in_lanes(s);
  s.for_own(s.rows, [&](int i) { s.memory.column_of[i] = kFree; });
  s.for_own(s.cols, [&](int j) {
    s.memory.row_of[j] = kFree;
    s.memory.predecessor[j] = kNobody;
  });
  s.crew.sync();
  for (int round = 0; round < kGreedyRounds && match_claims(s, round == 0); ++round) {
  }
  int free = 0;
  s.for_own(s.rows, [&](int i) { free += s.memory.column_of[i] == kFree; });
  return static_cast<int>(s.crew.reduced(free, Sum()));
}

// A square problem starts from minima, or if those leave many rows free, from Sinkhorn's duals. A
// rectangular problem starts from zeros: optimal duals are 0 on unmatched columns, nowhere
// positive, and augmenting only ever lowers them.
template <class State>
__device__ void start_assignment(State& s) {
  const bool is_square = s.rows == s.cols;
  is_square ? start_from_minima(s) : start_from_zeros(s);
  const int free = match_greedily(s);
  if (is_square && 100 * free > kWorthSweeping * s.rows && anneal(s)) match_greedily(s);
}

}  // namespace isogram::cuda
