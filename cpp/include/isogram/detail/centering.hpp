// The shifts that centring subtracts from a matrix: the same on the host and on a GPU.
#pragma once

#include "isogram/detail/host_device.hpp"

namespace isogram::detail {

// Every entry of an n × n matrix loses the shift of its row and that of its column: a sum over
// of_sum, less half of the total over of_total, so that equal sums give equal shifts.
struct CenteringShares {
  double of_sum;
  double of_total;

  ISOGRAM_HOST_DEVICE double shift(double sum, double total) const {
    return sum / of_sum - total / of_total / 2;
  }
};

// Of H K H, or of U-centring, where sums are hollow: without the diagonal, which becomes 0.
ISOGRAM_HOST_DEVICE inline CenteringShares centering_shares(double n, bool hollow) {
  if (hollow) return {n - 2, (n - 1) * (n - 2)};
  return {n, n * n};
}

}  // namespace isogram::detail
