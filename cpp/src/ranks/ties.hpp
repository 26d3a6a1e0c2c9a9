// Ties of sorted values: equal values, and values that only rounding separates.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "isogram/compare.hpp"
#include "isogram/matrix_view.hpp"

namespace isogram {

// eps of the type in which entries were computed; 0 for 16-bit types, whose entries were rounded
// from wider ones: nearly equal values have become equal.
inline double eps_of(ElementType type) {
  if (type == ElementType::float64) return std::numeric_limits<double>::epsilon();
  return type == ElementType::float32 ? std::numeric_limits<float>::epsilon() : 0.0;
}

// The ties of n entries, value(i) in ascending order: runs of equal values, and groups by kTieRule,
// whose values are close to each other, far from all others, and not likely close by chance. If
// close values extend beyond a group's spread, only equal values are ties.
//
// An entry's rounding is relative to its magnitude or, if that is larger, to a quarter of `scale`,
// the scale of the terms of sums (0 if unknown).
template <class Value>
class SortedTies {
 public:
  SortedTies(Value value, std::size_t n, double eps, double scale)
      : value_(value), n_(n), eps_(eps), least_scale_(scale * (kTieRule.zero / kTieRule.spread)) {}

  // The end of the ties that begin at `begin`.
  std::size_t end(std::size_t begin) const {
    std::size_t last = begin + 1;
    while (last < n_ && value_(last) == value_(begin)) ++last;
    if (last == n_ || !is_near(begin, last) || !is_isolated(begin)) return last;
    const std::size_t end = end_of_group(begin, last);
    return end > last ? end : last;
  }

  // The first i ≥ `i` at which ties begin.
  std::size_t next_begin(std::size_t i) const {
    if (i == 0 || i == n_ || is_isolated(i)) return i;
    // The first value that can be in a group with i; a group that contains i begins there.
    const std::size_t first = partition(i, [&](std::size_t j) { return !is_near(j, i); });
    if (is_isolated(first)) {
      if (const std::size_t end = end_of_group(first, i); end > i) return end;
    }
    while (i < n_ && value_(i) == value_(i - 1)) ++i;
    return i;
  }

 private:
  double unit(std::size_t i, std::size_t j) const {
    return eps_ * std::max({std::abs(value_(i)), std::abs(value_(j)), least_scale_});
  }
  bool is_near(std::size_t i, std::size_t j) const {
    return value_(j) - value_(i) <= kTieRule.spread * unit(i, j);
  }
  // Whether value i is far from the value before it.
  bool is_isolated(std::size_t i) const {
    return i == 0 || i == n_ || value_(i) - value_(i - 1) > kTieRule.isolation * unit(i - 1, i);
  }

  // The end of the group that begins at `begin` and includes all values before `known`; `begin` if
  // no such group exists.
  std::size_t end_of_group(std::size_t begin, std::size_t known) const {
    std::size_t end = known;
    while (end < n_ && is_near(begin, end)) ++end;
    return is_isolated(end) && !is_chance(begin, end) ? end : begin;
  }

  // Whether values [begin, end) may be that close by chance, if n values were as dense as over the
  // whole range, as in the room around the group, or as at its magnitude (for values that spread
  // over many orders of magnitude).
  bool is_chance(std::size_t begin, std::size_t end) const {
    const double range = value_(n_ - 1) - value_(0);
    const double width = kTieRule.spread * unit(begin, end - 1);
    if (range <= width) return false;  // all are one group
    const double n = static_cast<double>(n_);
    double room = std::min(range / n, std::max({0.0, value_(begin), -value_(end - 1)}));
    if (begin > 0) room = std::min(room, value_(begin) - value_(begin - 1));
    if (end < n_) room = std::min(room, value_(end) - value_(end - 1));
    const double others = std::min(static_cast<double>(end - begin - 1), kTieRule.largest_power);
    return !(n * std::pow(width / room, others) <= kTieRule.by_chance);
  }

  // The first j in [0, end) for which comes_first(j) is false, by bisection; `end` if it is true
  // for all.
  template <class ComesFirst>
  static std::size_t partition(std::size_t end, ComesFirst comes_first) {
    std::size_t begin = 0;
    while (begin < end) {
      const std::size_t middle = begin + (end - begin) / 2;
      if (comes_first(middle)) {
        begin = middle + 1;
      } else {
        end = middle;
      }
    }
    return begin;
  }

  Value value_;
  std::size_t n_;
  double eps_;
  double least_scale_;
};

}  // namespace isogram
