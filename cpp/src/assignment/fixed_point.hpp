// Signed integers of many words, as multiples of a power of two: sums of doubles without rounding.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace isogram {

// A finite double as |x| = digits · 2^exponent, digits < 2^53.
struct Digits {
  explicit Digits(double x) {
    const auto bits = std::bit_cast<std::uint64_t>(x);
    const auto biased = static_cast<int>(bits >> 52 & 0x7ff);
    digits = (bits & ((std::uint64_t{1} << 52) - 1)) | std::uint64_t{biased > 0} << 52;
    exponent = std::max(biased, 1) - 1075;
  }
  std::uint64_t digits;
  int exponent;
};

// Two's complement, lowest word first.
template <std::size_t kWords>
struct FixedPoint {
  std::uint64_t words[kWords] = {};

  // x as a multiple of 2^exponent, for |x| < 2^(exponent + 64·kWords − 1). Lower digits are cut
  // off.
  static FixedPoint of(double x, int exponent) {
    const Digits of_x(x);
    FixedPoint result;
    const int shift = of_x.exponent - exponent;
    if (shift < 0) {
      result.words[0] = shift > -64 ? of_x.digits >> -shift : 0;
    } else {
      const auto word = static_cast<std::size_t>(shift / 64);
      const int bit = shift % 64;
      result.words[word] = of_x.digits << bit;
      if (bit > 0 && word + 1 < kWords) result.words[word + 1] = of_x.digits >> (64 - bit);
    }
    return std::signbit(x) ? FixedPoint() - result : result;
  }

  friend FixedPoint operator+(const FixedPoint& a, const FixedPoint& b) {
    FixedPoint sum;
    bool carry = false;
    for (std::size_t k = 0; k < kWords; ++k) {
      const bool first = __builtin_add_overflow(a.words[k], b.words[k], &sum.words[k]);
      const bool second = __builtin_add_overflow(sum.words[k], std::uint64_t{carry}, &sum.words[k]);
      carry = first || second;
    }
    return sum;
  }

  friend FixedPoint operator-(const FixedPoint& a, const FixedPoint& b) {
    FixedPoint difference;
    bool borrow = false;
    for (std::size_t k = 0; k < kWords; ++k) {
      std::uint64_t& word = difference.words[k];
      const bool first = __builtin_sub_overflow(a.words[k], b.words[k], &word);
      const bool second = __builtin_sub_overflow(word, std::uint64_t{borrow}, &word);
      borrow = first || second;
    }
    return difference;
  }

  friend bool operator<(const FixedPoint& a, const FixedPoint& b) {
    const auto top_a = static_cast<std::int64_t>(a.words[kWords - 1]);
    const auto top_b = static_cast<std::int64_t>(b.words[kWords - 1]);
    if (top_a != top_b) return top_a < top_b;
    for (std::size_t k = kWords - 1; k-- > 0;) {
      if (a.words[k] != b.words[k]) return a.words[k] < b.words[k];
    }
    return false;
  }

  friend bool operator==(const FixedPoint&, const FixedPoint&) = default;
};

}  // namespace isogram
