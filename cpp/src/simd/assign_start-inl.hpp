// The start of an assignment: duals by row and column reduction or by Sinkhorn sweeps, and a greedy
// matching on edges of reduced cost zero, which augmenting row reduction goes on with if the
// problem is rectangular.
#pragma once

#include <cstddef>
#include <cstdint>

#include "assign-inl.hpp"
#include "assign_reduction-inl.hpp"
#include "kernels.hpp"
#include "lanes-inl.hpp"
#include "sinkhorn-inl.hpp"
#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

// Percent of rows that must stay free after row and column reduction before Sinkhorn sweeps pay.
// Correlated tokens leave 30 to 80 % free, random costs 20 to 30 %. Problems with dead tokens or
// ties leave fewer, and take longer with sweeps.
inline constexpr std::size_t kWorthSweeping = 25;

// The duals of the columns from j on, lowered to the minimum of C_rj − smallest_r over four rows r.
template <class T>
inline Vector<T> lowered(Vector<T> dual, const FourRows<T>& four, const T (&smallest)[4],
                         std::size_t j) {
#pragma GCC unroll 4
  for (std::size_t r = 0; r < 4; ++r) {
    dual = minimum<Vector<T>>(load(four.row[r] + j) - smallest[r], dual);
  }
  return dual;
}

// Row reduction, then column reduction: the row minima, and v_j = min_i (C_ij − row minimum i).
// Row minima are subtracted first: otherwise a row of zeros, or of small entries among large ones,
// would set the minima of all columns.
template <std::size_t kGroups, class T>
inline void reduce_rows_and_columns(const AssignmentState<T>& s) {
  const auto visit = [&s](std::size_t i, auto lower) {
    const FourRows<T> four(s.costs, s.stride, s.rows, i);
    T smallest[4];
    four_minima<T, kGroups>(s.cols, smallest,
                            [&](std::size_t r, std::size_t j) { return load(four.row[r] + j); });
    __builtin_memcpy(s.row_minimum + i, smallest, sizeof smallest);
    lower(four, smallest);
  };
  if constexpr (kGroups != kAnyGroups) {
    Vector<T> dual[kVectors<T, kGroups>];
    for (Vector<T>& one : dual) one = broadcast(kInfinity<T>);
    for (std::size_t i = 0; i < s.rows; i += 4) {
      visit(i, [&](const FourRows<T>& four, const T(&smallest)[4]) {
        unrolled<kVectors<T, kGroups>>(
            [&](std::size_t n) { dual[n] = lowered(dual[n], four, smallest, n * kLanes<T>); });
      });
    }
    __builtin_memcpy(s.dual, dual, sizeof dual);
  } else {
    for (std::size_t j = 0; j < s.stride; ++j) s.dual[j] = kInfinity<T>;
    for (std::size_t i = 0; i < s.rows; i += 4) {
      visit(i, [&](const FourRows<T>& four, const T(&smallest)[4]) {
        for (std::size_t j = 0; j < s.cols; j += kLanes<T>) {
          store(s.dual + j, lowered(load(s.dual + j), four, smallest, j));
        }
      });
    }
  }
  for (std::size_t j = s.cols; j < s.stride; ++j) s.dual[j] = 0;
}

// Whether at least `enough` rows would stay free if each row in turn took its first free column of
// reduced cost 0, C_ij − row minimum i ≤ v_j. It estimates match_greedily(), which takes longer and
// rounds differently.
template <std::size_t kGroups, class T>
inline bool leaves_rows_free(const AssignmentState<T>& s, std::size_t enough) {
  const auto lanes = [&s](std::size_t i, std::size_t j) {
    const Vector<T> rest = load(s.costs + i * s.stride + j) - s.row_minimum[i];
    return lanes_within<T>(rest, load(s.dual + j));
  };
  std::size_t free = 0;
  if constexpr (kGroups != kAnyGroups) {
    // Without branches, because a processor cannot predict whether a column is free.
    std::uint64_t taken = 0;
    for (std::size_t i = 0; i < s.rows && free < enough; ++i) {
      std::uint64_t left = 0;
      unrolled<kVectors<T, kGroups>>(
          [&](std::size_t n) { left |= lanes(i, n * kLanes<T>) << (n * kLanes<T>); });
      left = opaque(left) & ~taken;
      taken |= left & -left;
      free += opaque(std::uint64_t{left == 0});
    }
  } else {
    clear_taken(s);
    for (std::size_t i = 0; i < s.rows && free < enough; ++i) {
      const std::int32_t column = first_free(s, [&](std::size_t j) { return lanes(i, j); });
      if (column < 0) {
        ++free;
      } else {
        mark_taken(s, column);
      }
    }
  }
  return free == enough;
}

// Writes the smallest reduced cost of each of four rows to `row_minimum`, and its first column to
// `column_of`.
template <std::size_t kGroups, class T>
inline void find_row_minima(const AssignmentState<T>& s, std::size_t i) {
  const FourRows<T> four(s.costs, s.stride, s.rows, i);
  Vector<T> least[4];
  Bits<T> column[4];
  unrolled<4>([&](std::size_t r) {
    least[r] = broadcast(kInfinity<T>);
    column[r] = Bits<T>{};
  });
  Bits<T> columns = lane_numbers<T>();
  for_vectors<T, kGroups>(s.cols, [&](std::size_t j) {
    const Vector<T> dual = opaque(load(s.dual + j));
    unrolled<4>([&](std::size_t r) {
      const Vector<T> reduced = load(four.row[r] + j) - dual;
      column[r] = reduced < least[r] ? columns : column[r];
      least[r] = minimum(reduced, least[r]);
    });
    columns += static_cast<Integer<T>>(kLanes<T>);
  });
  T smallest[4];
  smallest_of_each(least, smallest);
  __builtin_memcpy(s.row_minimum + i, smallest, sizeof smallest);
  unrolled<4>([&](std::size_t r) {
    column[r] = least[r] == smallest[r] ? column[r] : (Bits<T>)broadcast(kInfinity<T>);
  });
  Integer<T> first[4];
  smallest_of_each(column, first);
  unrolled<4>([&](std::size_t r) { s.column_of[i + r] = static_cast<std::int32_t>(first[r]); });
}

// Matches rows with columns of smallest reduced cost.
template <std::size_t kGroups, class T>
inline void match_greedily(const AssignmentState<T>& s) {
  for (std::size_t i = 0; i < s.rows; i += 4) find_row_minima<kGroups>(s, i);
  for (std::size_t j = 0; j < s.stride; ++j) s.row_of[j] = -1;
  clear_taken(s);
  for (std::size_t i = 0; i < s.rows; ++i) {
    std::int32_t column = s.column_of[i];
    if (s.row_of[column] >= 0) {
      column = first_free_within(s, i, s.row_minimum[i]);
      s.column_of[i] = column;
      if (column < 0) continue;
    }
    s.row_of[column] = static_cast<std::int32_t>(i);
    mark_taken(s, column);
  }
}

// A square problem starts from the duals of row and column reduction or, if these would leave many
// rows free, of Sinkhorn sweeps. A rectangular problem starts from zeros: its optimal duals are 0
// on unmatched columns and nowhere positive, and augmenting only lowers duals.
template <std::size_t kGroups, class T>
inline void find_first_duals(const AssignmentState<T>& s) {
  if (s.rows != s.cols) {
    for (std::size_t j = 0; j < s.stride; ++j) s.dual[j] = 0;
    return;
  }
  reduce_rows_and_columns<kGroups>(s);
  const std::size_t enough = (s.rows * kWorthSweeping + 99) / 100;
  if (s.may_sweep && leaves_rows_free<kGroups>(s, enough)) anneal<kGroups>(s);
}

template <class T>
void find_duals(const AssignmentState<T>& s) noexcept {
  with_groups(s.stride, [&](auto groups) { find_first_duals<groups.count>(s); });
}

template <class T>
void start_assignment(const AssignmentState<T>& s) noexcept {
  with_groups(s.stride, [&](auto groups) {
    find_first_duals<groups.count>(s);
    match_greedily<groups.count>(s);
    if constexpr (groups.count == kAnyGroups) {
      if (s.rows != s.cols && s.may_sweep) reduce_augmenting(s);
    }
  });
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
