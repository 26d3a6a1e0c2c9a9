// Transposes by squares as wide as a vector, which stay in registers.
#pragma once

#include <cstddef>
#include <utility>

#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

// The blocks of kWidth lanes of x and y with an even number, x's beside y's; and those with an odd
// number.
template <std::size_t kWidth, class V, std::size_t... kLane>
inline V lower_blocks(V x, V y, std::index_sequence<kLane...>) {
  constexpr std::size_t lanes = sizeof...(kLane);
  return __builtin_shufflevector(x, y, ((kLane & kWidth) == 0 ? kLane : lanes + kLane - kWidth)...);
}
template <std::size_t kWidth, class V, std::size_t... kLane>
inline V upper_blocks(V x, V y, std::index_sequence<kLane...>) {
  constexpr std::size_t lanes = sizeof...(kLane);
  return __builtin_shufflevector(x, y, ((kLane & kWidth) == 0 ? kLane + kWidth : lanes + kLane)...);
}

// Swaps the blocks of kWidth lanes beside the diagonal, then those of half the width, and so on.
template <class T, std::size_t kWidth = kLanes<T> / 2>
inline void transpose_square(Vector<T> (&rows)[kLanes<T>]) {
  if constexpr (kWidth > 0) {
    constexpr auto lanes = std::make_index_sequence<kLanes<T>>{};
#pragma GCC unroll 16
    for (std::size_t n = 0; n < kLanes<T> / 2; ++n) {
      const std::size_t r = n / kWidth * 2 * kWidth + n % kWidth;
      const Vector<T> upper = rows[r];
      const Vector<T> lower = rows[r + kWidth];
      rows[r] = lower_blocks<kWidth>(upper, lower, lanes);
      rows[r + kWidth] = upper_blocks<kWidth>(upper, lower, lanes);
    }
    transpose_square<T, kWidth / 2>(rows);
  }
}

template <class T>
inline void transpose_squares(const T* in, std::size_t in_stride, std::size_t cols, T* out,
                              std::size_t out_stride) {
  for (std::size_t j = 0; j < cols; j += kLanes<T>) {
    Vector<T> rows[kLanes<T>];
    unrolled<kLanes<T>>([&](std::size_t n) { rows[n] = load(in + n * in_stride + j); });
    transpose_square<T>(rows);
    unrolled<kLanes<T>>([&](std::size_t n) { store(out + (j + n) * out_stride, rows[n]); });
  }
}

template <class T>
void transpose(const T* in, std::size_t in_stride, std::size_t rows, std::size_t cols, T* out,
               std::size_t out_stride) noexcept {
  const std::size_t whole_rows = rows / kLanes<T> * kLanes<T>;
  const std::size_t whole_cols = cols / kLanes<T> * kLanes<T>;
  for (std::size_t i = 0; i < whole_rows; i += kLanes<T>) {
    transpose_squares(in + i * in_stride, in_stride, whole_cols, out + i, out_stride);
  }
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = i < whole_rows ? whole_cols : 0; j < cols; ++j) {
      out[j * out_stride + i] = in[i * in_stride + j];
    }
  }
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
