// The search for entries of a row of cosines that may be among the largest of their row or column.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lanes-inl.hpp"
#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

template <class T>
std::size_t first_reaching(const T* row, T row_bound, const T* column_bounds, std::size_t begin,
                           std::size_t n) noexcept {
  std::size_t j = begin;
  for (; j + kLanes<T> <= n; j += kLanes<T>) {
    const Vector<T> bound = minimum<Vector<T>>(broadcast(row_bound), load(column_bounds + j));
    const std::uint64_t reached = lane_bits<T>(load(row + j) >= bound);
    if (reached != 0) return j + static_cast<std::size_t>(__builtin_ctzll(reached));
  }
  while (j < n && row[j] < row_bound && row[j] < column_bounds[j]) ++j;
  return j;
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
