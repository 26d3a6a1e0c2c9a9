// Vectors of this instruction set, by the compiler's vector extension (GCC, Clang).
//
// All code of kernels is in the unnamed namespace of its level and uses no functions of the
// standard library: a template instantiated here and elsewhere would be one weak symbol, and the
// linker might keep a copy that the processor at hand cannot run.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels.hpp"
#include "level-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float type __attribute__((vector_size(kVectorBytes)));
  typedef std::int32_t bits __attribute__((vector_size(kVectorBytes)));
  typedef std::uint32_t words __attribute__((vector_size(kVectorBytes)));
};
template <>
struct VectorOf<double> {
  typedef double type __attribute__((vector_size(kVectorBytes)));
  typedef std::int64_t bits __attribute__((vector_size(kVectorBytes)));
  typedef std::uint64_t words __attribute__((vector_size(kVectorBytes)));
};
template <>
struct VectorOf<std::int32_t> {
  typedef std::int32_t type __attribute__((vector_size(kVectorBytes)));
};
template <>
struct VectorOf<std::int64_t> {
  typedef std::int64_t type __attribute__((vector_size(kVectorBytes)));
};

template <class T>
using Vector = typename VectorOf<T>::type;
template <class T>
using Bits = typename VectorOf<T>::bits;  // integers of T's width, one per lane; masks are −1 or 0
template <class T>
using Words = typename VectorOf<T>::words;  // unsigned, which may overflow

template <class T>
inline constexpr std::size_t kLanes = kVectorBytes / sizeof(T);

template <class T>
inline Vector<T> load(const T* p) {
  Vector<T> x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}

template <class T>
inline void store(T* p, Vector<T> x) {
  __builtin_memcpy(p, &x, sizeof x);
}

template <class T>
inline Vector<T> broadcast(T value) {
  return value - Vector<T>{};
}

// `count` < kLanes elements at p, and zeros in the other lanes.
template <class T>
inline Vector<T> load_part(const T* p, std::size_t count) {
#if defined(__AVX512F__)
  if constexpr (kVectorBytes == 64) {
    const auto mask = static_cast<__mmask16>((1U << count) - 1);
    if constexpr (sizeof(T) == sizeof(float)) {
      return (Vector<T>)_mm512_maskz_loadu_ps(mask, p);
    } else {
      return (Vector<T>)_mm512_maskz_loadu_pd(static_cast<__mmask8>(mask), p);
    }
  }
#endif
  T part[kLanes<T>] = {};
#if defined(__AVX2__)
  if constexpr (kVectorBytes == 32) {
    Integer<T> present[kLanes<T>];
    for (std::size_t l = 0; l < kLanes<T>; ++l) present[l] = l < count ? -1 : 0;
    Bits<T> mask;
    __builtin_memcpy(&mask, present, sizeof mask);
    if constexpr (sizeof(T) == sizeof(float)) {
      return (Vector<T>)_mm256_maskload_ps(p, (__m256i)mask);
    } else {
      return (Vector<T>)_mm256_maskload_pd(p, (__m256i)mask);
    }
  }
#endif
  for (std::size_t l = 0; l < count; ++l) part[l] = p[l];
  return load(part);
}

template <class T>
inline Vector<T> absolute(Vector<T> x) {
  const Vector<T> sign = broadcast(-T{0});
  Bits<T> bits;
  Bits<T> sign_bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  __builtin_memcpy(&sign_bits, &sign, sizeof sign_bits);
  bits &= ~sign_bits;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

// Calls vector(j) for whole vectors and scalar(j) for the rest of [0, n).
template <class T, class OnVector, class OnScalar>
inline void for_row(std::size_t n, OnVector vector, OnScalar scalar) {
  std::size_t j = 0;
  for (; j + kLanes<T> <= n; j += kLanes<T>) vector(j);
  for (; j < n; ++j) scalar(j);
}

template <class T>
inline constexpr T kInfinity = static_cast<T>(__builtin_inf());

// GCC compiles a < b ? a : b of vectors to a comparison and a blend, where processors have one
// instruction.
template <class V>
inline V minimum(V a, V b) {
#if defined(__x86_64__)
  [[maybe_unused]] constexpr bool of_floats = std::is_same_v<V, VectorOf<float>::type>;
  [[maybe_unused]] constexpr bool of_doubles = std::is_same_v<V, VectorOf<double>::type>;
  [[maybe_unused]] constexpr bool of_bits = std::is_same_v<V, VectorOf<float>::bits>;
#if defined(__AVX512F__)
  // With the plain intrinsics GCC 12 warns of uninitialized variables.
  if constexpr (of_floats) return (V)_mm512_maskz_min_ps(0xffff, (__m512)a, (__m512)b);
  if constexpr (of_doubles) return (V)_mm512_maskz_min_pd(0xff, (__m512d)a, (__m512d)b);
  if constexpr (of_bits) return (V)_mm512_maskz_min_epi32(0xffff, (__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  if constexpr (of_floats) return (V)_mm256_min_ps((__m256)a, (__m256)b);
  if constexpr (of_doubles) return (V)_mm256_min_pd((__m256d)a, (__m256d)b);
  if constexpr (of_bits) return (V)_mm256_min_epi32((__m256i)a, (__m256i)b);
#else
  if constexpr (of_floats) return (V)_mm_min_ps((__m128)a, (__m128)b);
  if constexpr (of_doubles) return (V)_mm_min_pd((__m128d)a, (__m128d)b);
#endif
#endif
  return a < b ? a : b;
}

// a if both are equal, so that the sign of a zero is defined.
template <class V>
inline V maximum(V a, V b) {
  return a < b ? b : a;
}

// Hides the origin of x from the compiler, which would otherwise compute or load x again for every
// use, or fuse it with its use.
template <class V>
inline V opaque(V x) {
#if defined(__x86_64__)
  asm("" : "+v"(x));
#elif defined(__aarch64__)
  asm("" : "+w"(x));
#endif
  return x;
}

// Likewise for a scalar, which the compiler would otherwise turn into a branch or into mask
// registers, both slower.
inline std::uint64_t opaque(std::uint64_t x) {
  asm("" : "+r"(x));
  return x;
}

// Calls visit(n) for n < kCount, unrolled, so that arrays indexed by n can live in registers.
template <std::size_t kCount, class Visit>
inline void unrolled(Visit visit) {
#pragma GCC unroll 32
  for (std::size_t n = 0; n < kCount; ++n) visit(n);
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
