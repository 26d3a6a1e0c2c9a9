// The shifts that centring subtracts from a matrix; shared by the host and GPUs.
#pragma once

#include "isogram/detail/host_device.hpp"

namespace isogram::detail {

// Centring subtracts a shift per row and a shift per column from every entry of an n × n matrix. A
// shift is the row's sum over of_sum, less half of the total over of_total; so a row and a column
// of equal sums have equal shifts.
struct CenteringShares {
  double of_sum;
  double of_total;

  ISOGRAM_HOST_DEVICE double shift(double sum, double total) const {
    return sum / of_sum - total / of_total / 2;
  }
};

// Shares of H K H; or, `hollow`, of U-centring, whose sums leave out the diagonal.
ISOGRAM_HOST_DEVICE inline CenteringShares centering_shares(double n, bool hollow) {
  if (hollow) return {n - 2, (n - 1) * (n - 2)};
  return {n, n * n};
}

}  // namespace isogram::detail
