// The middle of many values, without sorting them.
#pragma once

#include <cstddef>
#include <vector>

#include "isogram/parallel.hpp"

namespace isogram {

template <class T>
struct Bracket {
  T low;
  T high;
};

// The two middle values, which are one if their number is odd.
template <class T>
struct Middle {
  T lower;
  T upper;
};

// Of n values without a NaN.
template <class T>
Middle<T> middle_of(const T* values, std::size_t n, const Execution& execution);

// The values of ranks `lower` and `upper`, which is `lower` or the next.
template <class T>
Middle<T> at_ranks(std::vector<T> values, std::size_t lower, std::size_t upper);

template <class T>
double root_mean_square(Middle<T> middle);

template <class T>
bool has_nan(const T* values, std::size_t n, const Execution& execution);

}  // namespace isogram
