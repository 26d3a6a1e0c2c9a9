// Checks and counts of inputs that are sets of tokens.
#pragma once

#include <cstddef>
#include <optional>

#include "isogram/tokens.hpp"

namespace isogram {

// Throws std::invalid_argument unless there is an input, and each has at least one token and
// exactly `channels` ≥ 1 channels.
void require_tokens(const TokenInputs& inputs, std::size_t channels);

// The numbers of tokens of at least one input; TokenFacts::largest_norm is left unset.
TokenFacts count_tokens(const TokenInputs& inputs);

// The larger of two; of one if the other is none.
std::optional<int> larger(std::optional<int> a, std::optional<int> b);

}  // namespace isogram
