// Rounding of HSIC.
#pragma once

#include <cstddef>
#include <limits>

namespace isogram {

// An upper bound on the rounding of HSIC. `squares` is the sum of the squares of the numbers to
// which the entries' errors are relative, `products` the sum that HSIC is computed from. Squares
// below the normal numbers have no digits.
template <class T>
double rounding_in(double squares, double products, std::size_t samples) {
  constexpr double eps = std::numeric_limits<T>::epsilon();
  const double n = static_cast<double>(samples);
  const double of_numbers =
      (eps * eps * squares + std::numeric_limits<double>::epsilon() * products) / (n * n);
  return 64 * (of_numbers + std::numeric_limits<double>::min());
}

}  // namespace isogram
