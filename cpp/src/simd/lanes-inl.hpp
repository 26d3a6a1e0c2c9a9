// Operations across the lanes of vectors: exchanges, folds, and masks as bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

// Lane l comes from lane l ^ kDistance.
template <std::size_t kDistance, class V, std::size_t... kLane>
inline V exchanged(V x, std::index_sequence<kLane...>) {
  return __builtin_shufflevector(x, x, (kLane ^ kDistance)...);
}

// In every lane the smallest of the lanes whose distance from it is a multiple of kSpacing, a power
// of two.
template <std::size_t kSpacing, class V, std::size_t kDistance = sizeof(V) / sizeof(V{}[0]) / 2>
inline V minimum_of_every(V x) {
  if constexpr (kDistance < kSpacing) {
    return x;
  } else {
    constexpr std::make_index_sequence<sizeof(V) / sizeof(x[0])> lanes;
    return minimum_of_every<kSpacing, V, kDistance / 2>(minimum(x, exchanged<kDistance>(x, lanes)));
  }
}

template <class V>
inline V minimum_everywhere(V x) {
  return minimum_of_every<1>(x);
}

template <class T, std::size_t kDistance = kLanes<T> / 2>
inline T horizontal_sum(Vector<T> x) {
  if constexpr (kDistance == 0) {
    return x[0];
  } else {
    const Vector<T> other = exchanged<kDistance>(x, std::make_index_sequence<kLanes<T>>{});
    return horizontal_sum<T, kDistance / 2>(x + other);
  }
}

template <class V, std::size_t... kLane>
inline V numbered(std::index_sequence<kLane...>) {
  return V{static_cast<decltype(V{}[0] + 0)>(kLane)...};
}

// The number of every lane.
template <class T>
inline Bits<T> lane_numbers() {
  return numbered<Bits<T>>(std::make_index_sequence<kLanes<T>>{});
}

// The lower halves of the segments of 2 * kHalf elements of x and y, or with kShift = kHalf the
// upper halves: element l is element (l / kHalf) * 2 * kHalf + l % kHalf + kShift of x followed by
// y.
template <std::size_t kHalf, std::size_t kShift, class V, std::size_t... kLane>
inline V halves(V x, V y, std::index_sequence<kLane...>) {
  return __builtin_shufflevector(x, y, ((kLane / kHalf) * 2 * kHalf + kLane % kHalf + kShift)...);
}

template <std::size_t kHalf, class V, class Fold>
inline V fold_halves(V x, V y, Fold fold) {
  constexpr std::make_index_sequence<sizeof(V) / sizeof(x[0])> lanes;
  return fold(halves<kHalf, 0>(x, y, lanes), halves<kHalf, kHalf>(x, y, lanes));
}

// Folds four vectors to one element each: result r is in lane r * kLanes / 4.
template <class V, class Fold>
inline V fold_four(const V (&x)[4], Fold fold) {
  constexpr std::size_t lanes = sizeof(V) / sizeof(x[0][0]);
  static_assert(lanes >= 4);
  V folded = fold_halves<lanes / 4>(fold_halves<lanes / 2>(x[0], x[1], fold),
                                    fold_halves<lanes / 2>(x[2], x[3], fold), fold);
  if constexpr (lanes >= 16) {
    folded = fold(folded, exchanged<2>(folded, std::make_index_sequence<lanes>{}));
  }
  if constexpr (lanes >= 8) {
    folded = fold(folded, exchanged<1>(folded, std::make_index_sequence<lanes>{}));
  }
  return folded;
}

// The smallest element of all, in every lane.
template <class V, std::size_t kCount>
inline V minimum_of(const V (&x)[kCount]) {
  V smallest[2] = {x[0], x[kCount - 1]};
  unrolled<kCount / 2>([&](std::size_t n) {
    smallest[0] = n == 0 ? x[0] : minimum(x[2 * n], smallest[0]);
    smallest[1] = n == 0 ? x[1] : minimum(x[2 * n + 1], smallest[1]);
  });
  const V even = minimum(smallest[0], smallest[1]);
  return minimum_everywhere(kCount % 2 == 0 ? even : minimum(x[kCount - 1], even));
}

// The smallest element of each of four vectors.
template <class V, class Element>
inline void smallest_of_each(const V (&x)[4], Element (&smallest)[4]) {
  constexpr std::size_t lanes = sizeof(V) / sizeof(Element);
  if constexpr (lanes >= 4) {
    const V folded = fold_four(x, [](auto a, auto b) { return minimum(a, b); });
    unrolled<4>([&](std::size_t r) { smallest[r] = folded[r * lanes / 4]; });
  } else {
    unrolled<4>([&](std::size_t r) { smallest[r] = minimum_everywhere(x[r])[0]; });
  }
}

// The sum of each of four vectors.
template <class V, class Element>
inline void sum_of_each(const V (&x)[4], Element (&sums)[4]) {
  constexpr std::size_t lanes = sizeof(V) / sizeof(Element);
  if constexpr (lanes >= 4) {
    const V folded = fold_four(x, [](auto a, auto b) { return a + b; });
    unrolled<4>([&](std::size_t r) { sums[r] = folded[r * lanes / 4]; });
  } else {
    unrolled<4>([&](std::size_t r) { sums[r] = horizontal_sum<Element>(x[r]); });
  }
}

// Bit l is set if lane l of the mask is.
template <class T>
inline std::uint64_t lane_bits(Bits<T> mask) {
  [[maybe_unused]] constexpr bool is_float = sizeof(T) == sizeof(float);
#if defined(__AVX512DQ__)
  if constexpr (kVectorBytes == 64) {
    if constexpr (is_float) return _mm512_movepi32_mask((__m512i)mask);
    return _mm512_movepi64_mask((__m512i)mask);
  }
#endif
#if defined(__AVX2__)
  if constexpr (kVectorBytes == 32) {
    if constexpr (is_float) return static_cast<unsigned>(_mm256_movemask_ps((__m256)mask));
    return static_cast<unsigned>(_mm256_movemask_pd((__m256d)mask));
  }
#endif
#if defined(__SSE2__)
  if constexpr (kVectorBytes == 16) {
    if constexpr (is_float) return static_cast<unsigned>(_mm_movemask_ps((__m128)mask));
    return static_cast<unsigned>(_mm_movemask_pd((__m128d)mask));
  }
#endif
  std::uint64_t bits = 0;
  for (std::size_t l = 0; l < kLanes<T>; ++l) bits |= (mask[l] & std::uint64_t{1}) << l;
  return bits;
}

// lane_bits(x <= limit). Compilers would go through a vector even where the processor compares into
// a mask.
template <class T, class V>
inline std::uint64_t lanes_within(V x, V limit) {
#if defined(__AVX512F__)
  if constexpr (kVectorBytes == 64) {
    if constexpr (std::is_same_v<V, Bits<float>>) {
      return _mm512_cmp_epi32_mask((__m512i)x, (__m512i)limit, _MM_CMPINT_LE);
    } else if constexpr (sizeof(T) == sizeof(float)) {
      return _mm512_cmp_ps_mask((__m512)x, (__m512)limit, _CMP_LE_OQ);
    } else {
      return _mm512_cmp_pd_mask((__m512d)x, (__m512d)limit, _CMP_LE_OQ);
    }
  }
#endif
  return lane_bits<T>(x <= limit);
}

// Bit j is set if element j is at most `limit`.
template <class T, class V, std::size_t kCount>
inline std::uint64_t bits_within(const V (&x)[kCount], V limit) {
  std::uint64_t bits = 0;
  unrolled<kCount>([&](std::size_t n) { bits |= lanes_within<T>(x[n], limit) << (n * kLanes<T>); });
  return bits;
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
