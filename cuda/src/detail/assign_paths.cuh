// Shortest augmenting paths (Jonker and Volgenant 1987; Crouse 2016), and the certificate of the
// matching.
#pragma once

#include "assign_lanes.cuh"
#include "assign_problem.cuh"
#include "isogram/detail/certificate.hpp"

namespace isogram::cuda {

// A column and its row in one number, ordered so that free columns come before matched ones, and
// then smaller columns.
class ColumnCode {
 public:
  __device__ ColumnCode(int column, int row)
      : code_(static_cast<std::uint32_t>(row == kFree ? column << kBits
                                                      : kMatched | column << kBits | row)) {}
  __device__ explicit ColumnCode(std::uint32_t code) : code_(code) {}

  __device__ std::uint32_t code() const { return code_; }
  __device__ bool is_free() const { return (code_ & kMatched) == 0; }
  __device__ int column() const { return static_cast<int>(code_ >> kBits & kMask); }
  __device__ int row() const { return static_cast<int>(code_ & kMask); }

 private:
  static constexpr int kBits = 12;
  static constexpr int kMask = (1 << kBits) - 1;
  static constexpr int kMatched = 1 << (2 * kBits);
  std::uint32_t code_;
};

// A thread's columns in the search from one free row: its column k is rank + k · kThreads. The
// distance of a closed column no longer changes.
template <class State, class Crew>
class Search {
 public:
  using T = typename State::T;

  __device__ Search(const State& s, int root) : s_(s) {
    T costs[kColumns];
    load_row(root, costs);
#pragma unroll
    for (int k = 0; k < kColumns; ++k) {
      if (column(k) >= s.cols) continue;
      dual_[k] = s.memory.dual[column(k)];
      distance_[k] = costs[k] - dual_[k];
      code_[k] = ColumnCode(column(k), s.memory.row_of[column(k)]).code();
      predecessor_[k] = root;
      open_ |= 1U << k;
    }
  }

  __device__ Nearest<T> nearest_open() const {
    Nearest<T> nearest;
#pragma unroll
    for (int k = 0; k < kColumns; ++k) {
      nearest.consider(is_open(k) ? distance_[k] : kInfinity<T>, code_[k]);
    }
    return nearest;
  }

  // Closes the column, and shortens distances along paths through it and its row.
  __device__ void relax(ColumnCode closed, T reach) {
    const int row = closed.row();
    T costs[kColumns];
    load_row(row, costs);
    const T shift = (s_.costs(row, closed.column()) - s_.memory.dual[closed.column()]) - reach;
#pragma unroll
    for (int k = 0; k < kColumns; ++k) {
      if (column(k) == closed.column()) {
        open_ &= ~(1U << k);
        distance_[k] = reach;
      }
      const T path = (costs[k] - dual_[k]) - shift;
      const bool is_shorter = is_open(k) && path < distance_[k];
      distance_[k] = is_shorter ? path : distance_[k];
      predecessor_[k] = is_shorter ? row : predecessor_[k];
    }
  }

  // Lowers the duals of closed columns, so that the edges of the path are tight.
  __device__ void finish(T reach) const {
#pragma unroll
    for (int k = 0; k < kColumns; ++k) {
      if (column(k) >= s_.cols) continue;
      s_.memory.predecessor[column(k)] = predecessor_[k];
      if (!is_open(k)) s_.memory.dual[column(k)] = dual_[k] + (distance_[k] - reach);
    }
  }

 private:
  static constexpr int kColumns = (State::kSide + Crew::kThreads - 1) / Crew::kThreads;

  __device__ static int column(int k) { return Crew::rank() + k * Crew::kThreads; }
  __device__ bool is_open(int k) const { return open_ >> k & 1; }
  __device__ void load_row(int row, T (&costs)[kColumns]) const {
    s_.template load_row<Crew::kThreads>(row, column(0), costs);
  }

  const State& s_;
  T dual_[kColumns] = {};
  T distance_[kColumns] = {};
  std::uint32_t code_[kColumns] = {};
  int predecessor_[kColumns] = {};
  unsigned open_ = 0;
};

// Exchanges matched and unmatched edges on the alternating path from `sink` back to `root`; it has
// at most `rows` unmatched edges.
template <class State>
__device__ void flip_path(const State& s, int root, int sink) {
  for (int edge = 0; edge < s.rows; ++edge) {
    const int row = s.memory.predecessor[sink];
    const int next = s.memory.column_of[row];
    s.memory.row_of[sink] = row;
    s.memory.column_of[row] = sink;
    if (row == root) return;
    sink = next;
  }
}

// Dijkstra's search on reduced costs. Every step closes a matched column, and fewer columns are
// matched than there are rows. Rounding may find a column nearer than `reach`; `reach` never
// decreases, because a rising dual would break the feasibility of rectangular problems.
template <class State, class Crew>
__device__ void augment(const State& s, Crew& crew, int root) {
  using T = typename State::T;
  Search<State, Crew> search(s, root);
  T reach = -kInfinity<T>;
  for (int step = 0; step < s.rows; ++step) {
    const Nearest<T> nearest = crew.nearest(search.nearest_open());
    const ColumnCode found(nearest.code);
    reach = nearest.distance > reach ? nearest.distance : reach;
    if (found.is_free()) {
      crew.sync();
      search.finish(reach);
      crew.sync();
      if (crew.rank() == 0) flip_path(s, root, found.column());
      crew.sync();
      return;
    }
    search.relax(found, reach);
  }
}

// A search matches one free row and frees no other.
template <class State, class Crew>
__device__ void augment_all(const State& s, Crew crew) {
  for (int first = 0; first < s.rows; first += kWarp) {
    const int own = first + crew.lane();
    const bool is_free = own < s.rows && s.memory.column_of[own] == kFree;
    unsigned free = __ballot_sync(kAllLanes, is_free);
    for (; free != 0; free &= free - 1) augment(s, crew, first + __ffs(free) - 1);
  }
}

// Up to kMostOfWarp columns are searched by the block's first warp alone: its steps need no
// barrier, and other blocks keep the multiprocessor busy.
inline constexpr int kMostOfWarp = 256;

template <class State>
__device__ void augment_all(const State& s) {
  if constexpr (State::kSide > kMostOfWarp) {
    augment_all(s, s.crew);
  } else {
    if (s.crew.warp() == 0) augment_all(s, s.crew.first_warp());
    s.crew.sync();
  }
}

// The slack of the matched costs under the duals, in float64. The bound holds for any duals of a
// square problem; in a rectangular one unmatched columns have v = 0 and no v is positive.
template <class State>
__device__ detail::Slack slack(State& s) {
  const auto reduced = [&](int i, int j) {
    return static_cast<double>(s.costs(i, j)) - static_cast<double>(s.memory.dual[j]);
  };
  detail::Slack own{0, 0};
  const auto add_row = [&](int i, double least) {
    const double matched = reduced(i, s.memory.column_of[i]);
    own.sum += matched - least;
    own.rounded += std::abs(matched) + std::abs(least);
  };
  if constexpr (State::kIsWarp) {
    // Rounding keeps order: the smallest float64 difference is in a column of smallest rounded
    // difference.
    find_tight_columns(s);
    s.for_own(s.rows, [&](int i) {
      double least = kInfinity<double>;
      for (std::uint64_t tight = s.memory.tight[i].bits(); tight != 0; tight &= tight - 1) {
        least = smaller(reduced(i, TightColumns::column(__ffsll(tight) - 1)), least);
      }
      add_row(i, least);
    });
  } else {
    s.for_rows_of_warp([&](int i) {
      double least = kInfinity<double>;
      s.for_costs_of_row(i, [&](int j, auto cost) {
        least = smaller(static_cast<double>(cost) - static_cast<double>(s.memory.dual[j]), least);
      });
      add_row(i, warp_minimum(least));
    });
    if (s.crew.lane() > 0) own = {0, 0};
  }
  return {s.crew.reduced(own.sum, Sum()), s.crew.reduced(own.rounded, Sum())};
}

}  // namespace isogram::cuda
