// What rounding leaves of HSIC.
#pragma once

#include <cstddef>
#include <limits>

namespace isogram {

// Of entries whose errors are relative to something whose squares have this sum, what rounding
// leaves of HSIC at most. Of squares below the normal numbers, digits are gone.
template <class T>
double rounding_in(double squares, double products, std::size_t samples) {
  constexpr double eps = std::numeric_limits<T>::epsilon();
  const double n = static_cast<double>(samples);
  const double of_numbers =
      (eps * eps * squares + std::numeric_limits<double>::epsilon() * products) / (n * n);
  return 64 * (of_numbers + std::numeric_limits<double>::min());
}

}  // namespace isogram
