// The largest magnitude of entries, which also tells whether all are finite.
#pragma once

#include <cstddef>

#include "kernels.hpp"
#include "lanes-inl.hpp"
#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

// The largest magnitude of the numbers included. k alternates between 0 and 1, because one minimum
// alone would wait for itself. Magnitudes are compared as integers: the order is the same, with
// infinity and NaN above all.
template <class T>
class Magnitudes {
 public:
  void include(std::size_t k, Vector<T> x) {
    complement_[k] = minimum<Bits<T>>(~(Bits<T>)x | kSign, complement_[k]);
  }

  // +∞ if a number was NaN or infinite.
  T largest() const {
    const Bits<T> magnitude = ~minimum_everywhere(minimum(complement_[0], complement_[1]));
    const T largest = ((Vector<T>)magnitude)[0];
    return largest < kInfinity<T> ? largest : kInfinity<T>;
  }

 private:
  static constexpr Integer<T> kSign = Integer<T>{1} << (8 * sizeof(T) - 1);
  // The complement of the bits of the largest |x|: processors find a minimum faster than a maximum.
  Bits<T> complement_[2] = {~Bits<T>{}, ~Bits<T>{}};
};

template <class T>
T largest_magnitude(const T* row, std::size_t n) noexcept {
  Magnitudes<T> magnitudes;
  std::size_t j = 0;
  for (; j + 2 * kLanes<T> <= n; j += 2 * kLanes<T>) {
    unrolled<2>([&](std::size_t k) { magnitudes.include(k, load(row + j + k * kLanes<T>)); });
  }
  for (; j < n; ++j) magnitudes.include(0, broadcast(row[j]));
  return magnitudes.largest();
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
