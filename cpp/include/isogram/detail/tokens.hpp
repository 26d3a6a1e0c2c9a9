// The origin that is subtracted from the tokens of an input: the same on the host and on a GPU.
#pragma once

#include <cstddef>

#include "isogram/rsm.hpp"

namespace isogram::detail {

// Whether inputs, of `fewest` to `most` tokens, may lose their mean tokens before they are matched.
// Centring an input shifts every matching that pairs all of its tokens by the same amount. It would
// change what a greedy choice sees, and what unequal sets leave unmatched.
constexpr bool may_be_centered(Matching matching, std::size_t fewest, std::size_t most) {
  const bool keeps_matching =
      matching == Matching::exact || matching == Matching::window || matching == Matching::none;
  return keeps_matching && fewest == most;
}

// A few tokens of huge norm, as transformers have them, pull the mean away from all others: the
// products of those would then be of that shift, and lose their digits. Of squared norms of tokens
// less their mean, where there are such: the largest is more than kHugeNorm times the median; half
// of the tokens are nearer to the one of median norm than kNearNorm times that norm; and those
// farther from it than kFarNorm times the median distance are left out of the mean.
inline constexpr double kHugeNorm = 3;  // less than any such token makes
inline constexpr double kNearNorm = 0.25;
inline constexpr double kFarNorm = 16;

}  // namespace isogram::detail
