// Tokens rounded to fewer digits for the matching, with what it takes to score the matching
// exactly and to bound what the rounding may have cost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "buffer.hpp"
#include "isogram/rsm.hpp"

namespace isogram {

// Norms over the tokens of one input: a as it is, â as it was rounded.
struct RoundedNorms {
  double errors = 0;         // Σ ‖a − â‖
  double rounded = 0;        // Σ ‖â‖
  double largest_error = 0;  // max ‖a − â‖
  double largest = 0;        // max ‖a‖
};

// An upper bound on Σ |⟨a, b⟩ − ⟨â, b̂⟩| over the pairs of any matching, from
// ⟨a, b⟩ − ⟨â, b̂⟩ = ⟨a − â, b⟩ + ⟨â, b − b̂⟩ and the inequality of Cauchy and Schwarz; with the
// rounding of the ⟨â, b̂⟩ themselves, summed in float32 over `channels`.
double rounding_bound(const RoundedNorms& a, const RoundedNorms& b, std::size_t channels);

class NarrowTokens {
 public:
  // `first_token[i]` tokens come before those of input i; the last element counts them all.
  NarrowTokens(Precision precision, std::vector<std::size_t> first_token, std::size_t channels);

  // Keeps the token and rounds it in place. The tokens of one input come one after another.
  void round(std::size_t input, std::size_t position, double* token);

  // A token rounded to int8, as signed bytes, four to a word.
  std::vector<std::int32_t> words(std::size_t input, std::size_t position,
                                  const double* token) const;

  const float* token(std::size_t input, std::size_t position) const {
    return tokens_.data() + index(input, position) * channels_;
  }
  // Of int8: what its bytes are multiplied by, and 128 Σ of them (see simd::ByteKernels).
  // One element per token from those of `input` on.
  const float* scales(std::size_t input) const { return scales_.data() + index(input, 0); }
  const std::int32_t* excesses(std::size_t input) const {
    return excesses_.data() + index(input, 0);
  }
  const RoundedNorms& norms(std::size_t input) const { return norms_[input]; }

 private:
  std::size_t index(std::size_t input, std::size_t position) const {
    return first_token_[input] + position;
  }

  Precision precision_;
  std::vector<std::size_t> first_token_;
  std::size_t channels_;
  Buffer<float> tokens_;
  std::vector<float> scales_;
  std::vector<std::int32_t> excesses_;
  std::vector<RoundedNorms> norms_;
};

}  // namespace isogram
