// Which of sorted values are equal: those that are, and those that only rounding separates.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "isogram/compare.hpp"
#include "isogram/matrix_view.hpp"

namespace isogram {

// Of a type whose entries may come from sums in that type. 16-bit entries are rounded from wider
// ones, which makes equal what was nearly so.
inline double eps_of(ElementType type) {
  if (type == ElementType::float64) return std::numeric_limits<double>::epsilon();
  return type == ElementType::float32 ? std::numeric_limits<float>::epsilon() : 0.0;
}

// `value(i)` gives n values of entries in ascending order, which fall into ties: runs of equal
// values, and groups by kTieRule: close to each other, far from all others, and more than chance
// would put there. No group grows beyond its spread: where close values go on, they are distinct.
//
// An entry's rounding is relative to its magnitude, or where that is less, to a quarter of `scale`,
// that of the terms of the sum that it is (0: not known).
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
    // The first value that can be in a group with i; if i is in one, it begins there.
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
  // Whether i is far from what comes before.
  bool is_isolated(std::size_t i) const {
    return i == 0 || i == n_ || value_(i) - value_(i - 1) > kTieRule.isolation * unit(i - 1, i);
  }

  // The end of the group that begins at `begin` and includes what comes before `known`; `begin` if
  // there is none.
  std::size_t end_of_group(std::size_t begin, std::size_t known) const {
    std::size_t end = known;
    while (end < n_ && is_near(begin, end)) ++end;
    return is_isolated(end) && !is_chance(begin, end) ? end : begin;
  }

  // Whether so many of n values may fall so close together by themselves: values that are as dense
  // as all are over their range, or as it takes to fill the room that these have for themselves, or
  // as those that spread over many orders of magnitude are there.
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

  // The first j in [0, end) that does not come first, by bisection; `end` if all do.
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
