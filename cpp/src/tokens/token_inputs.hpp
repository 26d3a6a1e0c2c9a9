// Checks and counts of inputs that are sets of tokens.
#pragma once

#include <cstddef>

#include "isogram/tokens.hpp"

namespace isogram {

// Throws std::invalid_argument unless there are inputs, each with tokens and so many channels.
void require_tokens(const TokenInputs& inputs, std::size_t channels);

// The facts that need no look at the tokens themselves; of at least one input.
TokenFacts count_tokens(const TokenInputs& inputs);

// The larger of two, of which there may be none.
std::optional<int> larger(std::optional<int> a, std::optional<int> b);

}  // namespace isogram
