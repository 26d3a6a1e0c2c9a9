// When and how the mean token of an input is subtracted; shared by the host and GPUs.
#pragma once

#include <cstddef>

#include "isogram/rsm.hpp"

namespace isogram::detail {

// Whether the mean token of each input, of `fewest` to `most` tokens, may be subtracted before
// matching. That shifts the sums of all matchings that pair all tokens by the same amount. It would
// change greedy choices, and the tokens that inputs of unequal size leave unmatched.
constexpr bool may_be_centered(Matching matching, std::size_t fewest, std::size_t most) {
  const bool keeps_matching = matching == Matching::exact || matching == Matching::bound ||
                              matching == Matching::window || matching == Matching::none;
  return keeps_matching && fewest == most;
}

// A few tokens of huge norm, which transformers have, pull the mean away from all other tokens,
// whose products would lose their digits to that shift. Of the squared norms of tokens less their
// mean, such tokens are recognised by: the largest is more than kHugeNorm times the median, and
// half of the tokens lie nearer to the token of median norm than kNearNorm times that norm. Then
// tokens farther from it than kFarNorm times the median distance are left out of the mean.
inline constexpr double kHugeNorm = 3;  // below the ratio that any such token makes
inline constexpr double kNearNorm = 0.25;
inline constexpr double kFarNorm = 16;

}  // namespace isogram::detail
