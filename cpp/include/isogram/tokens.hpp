// Inputs that are sets of tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// Inputs in one array: of input i, token s, channel c at
//   data + i · input_stride + s · token_stride + c · channel_stride;
// strides count items, and may be zero or negative.
struct Tokens {
  const void* data = nullptr;
  ElementType type = ElementType::float32;
  std::int64_t inputs = 0;
  std::int64_t tokens = 0;  // of the largest input
  std::int64_t channels = 0;
  std::int64_t input_stride = 0;
  std::int64_t token_stride = 0;
  std::int64_t channel_stride = 1;
  const std::int32_t* lengths = nullptr;  // (inputs): tokens of each, ≥ 1; null: `tokens` each
};

// The inputs of an operation: one array, or one matrix of tokens × channels per input. The data,
// views and lengths must outlive it.
class TokenInputs {
 public:
  TokenInputs() = default;                                        // none
  TokenInputs(const Tokens& tokens, std::string name = "tokens")  // NOLINT: conversions are the
      : tokens_(tokens), name_(std::move(name)) {}                // point
  TokenInputs(std::span<const InputView> inputs)                  // NOLINT
      : matrices_(inputs), name_(inputs.empty() ? "tokens" : inputs[0].name) {}
  TokenInputs(const std::vector<InputView>& inputs)  // NOLINT
      : TokenInputs(std::span<const InputView>(inputs)) {}

  std::size_t size() const {
    return is_array() ? static_cast<std::size_t>(tokens_.inputs) : matrices_.size();
  }
  std::size_t tokens(std::size_t input) const {
    if (!is_array()) return matrices_[input].rows;
    return static_cast<std::size_t>(tokens_.lengths ? tokens_.lengths[input] : tokens_.tokens);
  }
  std::size_t channels(std::size_t input) const {
    return is_array() ? static_cast<std::size_t>(tokens_.channels) : matrices_[input].cols;
  }
  // The channels of the first input; operations require them of all inputs.
  std::size_t channels() const { return size() == 0 ? 0 : channels(0); }
  const std::string& name() const { return name_; }

  // The number of tokens for which the input has memory.
  std::size_t most_tokens(std::size_t input) const {
    return is_array() ? static_cast<std::size_t>(tokens_.tokens) : matrices_[input].rows;
  }

  // The tokens × channels of one input.
  InputView operator[](std::size_t input) const;

 private:
  bool is_array() const { return tokens_.data != nullptr; }

  Tokens tokens_;
  std::span<const InputView> matrices_;
  std::string name_ = "tokens";
};

// Facts of all inputs that a plan needs.
struct TokenFacts {
  std::size_t fewest = 0;  // tokens of an input
  std::size_t most = 0;    // tokens of an input
  // The exponent e of the largest norm, 2^e > ‖Z_i‖ ≥ 2^(e−1); none if all inputs are 0.
  std::optional<int> largest_norm = std::nullopt;
};

// The facts of all inputs. Types: any → float64. Cost: one pass over the tokens. Memory: one input
// as float64 per thread.
// Throws std::invalid_argument: no inputs, an input without tokens or channels, different channel
// counts; NotFiniteToken: a NaN or infinity.
TokenFacts survey_tokens(const TokenInputs& inputs, const Execution& execution = {});

// The facts of a union of inputs from the facts of its two parts.
TokenFacts merged(const TokenFacts& a, const TokenFacts& b);

// The first NaN or infinity among the tokens of all inputs.
class NotFiniteToken : public std::invalid_argument {
 public:
  NotFiniteToken(std::string name, std::size_t input, std::size_t token, std::size_t channel,
                 double value);

  std::string name;  // TokenInputs::name()
  std::size_t input;
  std::size_t token;
  std::size_t channel;
  double value;
};

}  // namespace isogram
