#include "tokens/token_inputs.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "isogram/error.hpp"
#include "tiles/input.hpp"

namespace isogram {

InputView TokenInputs::operator[](std::size_t input) const {
  if (!is_array()) return matrices_[input];
  const std::ptrdiff_t items = static_cast<std::ptrdiff_t>(input) * tokens_.input_stride;
  return {static_cast<const char*>(tokens_.data) + items * size_of(tokens_.type),
          tokens_.type,
          tokens(input),
          channels(),
          tokens_.token_stride,
          tokens_.channel_stride,
          name_};
}

NotFiniteToken::NotFiniteToken(std::string name, std::size_t input, std::size_t token,
                               std::size_t channel, double value)
    : std::invalid_argument(not_finite_message(name, {input, token, channel}, value)),
      name(std::move(name)),
      input(input),
      token(token),
      channel(channel),
      value(value) {}

void require_tokens(const TokenInputs& inputs, std::size_t channels) {
  // Sizes and lengths of an array are signed, and may be negative.
  const auto given = [](std::size_t size) { return static_cast<std::ptrdiff_t>(size); };
  if (given(inputs.size()) < 1) {
    throw std::invalid_argument("`" + inputs.name() + "` must hold at least one input, got " +
                                std::to_string(given(inputs.size())));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto complain = [&](const std::string& message) {
      throw std::invalid_argument("`" + inputs.name() + "[" + std::to_string(i) + "]` must have " +
                                  message);
    };
    const std::ptrdiff_t tokens = given(inputs.tokens(i));
    if (tokens < 1 || given(inputs.channels(i)) < 1) {
      complain("at least one token and one channel, got " + std::to_string(tokens) + " x " +
               std::to_string(given(inputs.channels(i))));
    }
    if (inputs.channels(i) != channels) {
      complain(std::to_string(channels) + " channels like the first input, got " +
               std::to_string(inputs.channels(i)));
    }
    if (inputs.tokens(i) > inputs.most_tokens(i)) {
      complain("no more tokens than the array, " + std::to_string(inputs.most_tokens(i)) +
               ", got " + std::to_string(tokens));
    }
  }
}

std::optional<int> larger(std::optional<int> a, std::optional<int> b) {
  return a && b ? std::max(*a, *b) : a ? a : b;
}

TokenFacts count_tokens(const TokenInputs& inputs) {
  TokenFacts facts{inputs.tokens(0), inputs.tokens(0)};
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    facts.fewest = std::min(facts.fewest, inputs.tokens(i));
    facts.most = std::max(facts.most, inputs.tokens(i));
  }
  return facts;
}

TokenFacts merged(const TokenFacts& a, const TokenFacts& b) {
  return {std::min(a.fewest, b.fewest), std::max(a.most, b.most),
          larger(a.largest_norm, b.largest_norm)};
}

}  // namespace isogram
