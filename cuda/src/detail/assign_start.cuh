// Column duals that leave few rows for augmenting paths, and a greedy matching on them.
#pragma once

#include "assign_lanes.cuh"
#include "assign_problem.cuh"
#include "assign_sweeps.cuh"

namespace isogram::cuda {

// Percent of rows that must stay free after start_from_minima() before Sinkhorn sweeps pay.
// Correlated tokens leave 30 to 80 % free. Dead tokens and ties leave fewer; there sweeps do more
// harm than good.
inline constexpr int kWorthSweeping = 30;

// Rounds of a greedy matching. A row has one nearest column unless there are ties; augmenting paths
// soon settle the remaining ties, because they end at their first column.
inline constexpr int kGreedyRounds = 8;

inline constexpr std::int32_t kNobody = 0x7fffffff;  // no claim on a column: above any row

template <class State>
__device__ void start_from_zeros(State& s) {
  s.for_own(s.cols, [&](int j) { s.memory.dual[j] = 0; });
  s.crew.sync();
}

// v_j = min_i (C_ij − min_k C_ik). Row minima are subtracted first: otherwise a row of zeros, or of
// small entries among large ones, would set the minima of all columns.
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

// The free column of smallest reduced cost in row i; of equal ones the first from the diagonal on,
// so that rows with ties (dead tokens) do not all claim the same.
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

// Free rows claim a free column of smallest reduced cost; the first row that claims a column gets
// it. Returns whether more rows may be matched.
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

// Matches rows with columns of smallest reduced cost, writes these costs to `row_minimum`, and
// returns the number of free rows.
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

// A square problem starts from minima or, if these leave many rows free, from the duals of Sinkhorn
// sweeps. A rectangular problem starts from zeros: its optimal duals are 0 on unmatched columns and
// nowhere positive, and augmenting only lowers duals.
template <class State>
__device__ void start_assignment(State& s) {
  const bool is_square = s.rows == s.cols;
  is_square ? start_from_minima(s) : start_from_zeros(s);
  const int free = match_greedily(s);
  if (is_square && 100 * free > kWorthSweeping * s.rows && anneal(s)) match_greedily(s);
}

}  // namespace isogram::cuda
