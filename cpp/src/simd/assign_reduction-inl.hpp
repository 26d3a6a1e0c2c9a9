// Augmenting row reduction (Jonker and Volgenant 1987), before the searches of a large rectangular
// problem: a free row takes the column of its smallest reduced cost, whose dual falls until the
// row's second smallest is as small. The row that had the column is free now, and goes next.
//
// Duals only fall, so reduced costs only rise. A row's shortlist therefore still holds its two
// smallest reduced costs while the second of them is not above the limit, and a row that comes
// again is rarely read again.
#pragma once

#include <cstddef>
#include <cstdint>

#include "assign-inl.hpp"
#include "kernels.hpp"
#include "lanes-inl.hpp"
#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

// Rows have a turn each for every kColumnsPerTurn columns, on average, and at most kMostTurns:
// shortest augmenting paths are faster in short rows, and for the few rows that compete longest.
inline constexpr std::size_t kColumnsPerTurn = 32;
inline constexpr std::size_t kMostTurns = 24;

template <class T>
inline constexpr std::size_t kGroupVectors = kAssignmentGroup / kLanes<T>;

// The smallest and the second smallest reduced cost of a row, and the column of the smallest.
template <class T>
struct TwoSmallest {
  T smallest;
  T second;
  std::int32_t column;
};

// The shortlist of a row, in the memory of the problem.
template <class T>
class Shortlist {
 public:
  Shortlist(const AssignmentState<T>& s, std::size_t row)
      : s_(s),
        row_(s.costs + row * s.stride),
        costs_(s.shortlists.costs + row * kAssignmentGroup),
        columns_(s.shortlists.columns + row * kAssignmentGroup),
        limit_(s.shortlists.limits + row) {}

  void clear() { *limit_ = -kInfinity<T>; }
  bool is_filled() const { return *limit_ > -kInfinity<T>; }

  TwoSmallest<T> two_smallest() {
    if (is_filled()) {
      const TwoSmallest<T> found = two_smallest_listed();
      if (found.second <= *limit_) return found;
    }
    fill();
    TwoSmallest<T> found = two_smallest_listed();
    if (*limit_ < found.second) found.second = *limit_;
    return found;
  }

 private:
  // Lists the best column of every residue modulo kAssignmentGroup. The limit is the smallest
  // reduced cost of all others.
  void fill() {
    Vector<T> smallest[kGroupVectors<T>];
    Vector<T> second[kGroupVectors<T>];
    Bits<T> column[kGroupVectors<T>];
    unrolled<kGroupVectors<T>>([&](std::size_t n) {
      smallest[n] = second[n] = broadcast(kInfinity<T>);
      column[n] = Bits<T>{};
    });
    Bits<T> columns = lane_numbers<T>();
    for (std::size_t j = 0; j < s_.stride; j += kAssignmentGroup) {
      unrolled<kGroupVectors<T>>([&](std::size_t n) {
        const Vector<T> reduced =
            load(row_ + j + n * kLanes<T>) - load(s_.dual + j + n * kLanes<T>);
        column[n] = reduced < smallest[n] ? columns : column[n];
        second[n] = minimum<Vector<T>>(maximum(reduced, smallest[n]), second[n]);
        smallest[n] = minimum<Vector<T>>(reduced, smallest[n]);
        columns += static_cast<Integer<T>>(kLanes<T>);
      });
    }
    *limit_ = minimum_of(second)[0];
    unrolled<kGroupVectors<T>>([&](std::size_t n) {
      for (std::size_t l = 0; l < kLanes<T>; ++l) {
        columns_[n * kLanes<T> + l] = static_cast<std::int32_t>(column[n][l]);
      }
    });
    for (std::size_t k = 0; k < kAssignmentGroup; ++k) costs_[k] = row_[columns_[k]];
  }

  TwoSmallest<T> two_smallest_listed() const {
    alignas(kVectorBytes) T reduced[kAssignmentGroup];
    for (std::size_t k = 0; k < kAssignmentGroup; ++k) {
      reduced[k] = costs_[k] - s_.dual[columns_[k]];
    }
    Vector<T> listed[kGroupVectors<T>];
    __builtin_memcpy(listed, reduced, sizeof listed);
    const Vector<T> smallest = minimum_of(listed);
    const std::uint64_t equal = bits_within<T>(listed, smallest);
    const auto first = static_cast<std::size_t>(__builtin_ctzll(equal));
    if ((equal & (equal - 1)) != 0) return {smallest[0], smallest[0], columns_[first]};
    unrolled<kGroupVectors<T>>([&](std::size_t n) {
      listed[n] = smallest < listed[n] ? listed[n] : broadcast(kInfinity<T>);
    });
    return {smallest[0], minimum_of(listed)[0], columns_[first]};
  }

  const AssignmentState<T>& s_;
  const T* row_;
  T* costs_;
  std::int32_t* columns_;
  T* limit_;
};

// The column that a row takes, or −1 if several reduced costs are its smallest and all of their
// columns are taken. Lowers the column's dual.
template <class T>
inline std::int32_t column_to_take(const AssignmentState<T>& s, std::size_t row) {
  const TwoSmallest<T> found = Shortlist<T>(s, row).two_smallest();
  T& dual = s.dual[found.column];
  const T lowered = dual - (found.second - found.smallest);
  if (lowered < dual) {
    dual = lowered;
    return found.column;
  }
  return first_free_within(s, row, found.smallest);
}

// Continues a greedy matching.
template <class T>
inline void reduce_augmenting(const AssignmentState<T>& s) {
  for (std::size_t i = 0; i < s.rows; ++i) Shortlist<T>(s, i).clear();
  const std::size_t of_row = s.cols / kColumnsPerTurn;
  std::size_t turns = s.rows * (of_row < kMostTurns ? of_row : kMostTurns);
  for (std::size_t i = 0; i < s.rows; ++i) {
    auto row = static_cast<std::int32_t>(i);
    while (row >= 0 && s.column_of[row] < 0 && turns > 0) {
      --turns;
      const std::int32_t column = column_to_take(s, static_cast<std::size_t>(row));
      if (column < 0) break;
      const std::int32_t before = s.row_of[column];
      if (before >= 0) s.column_of[before] = -1;
      s.row_of[column] = row;
      s.column_of[row] = column;
      mark_taken(s, column);
      row = before;
    }
  }
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
