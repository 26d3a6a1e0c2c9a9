// Tokens narrowed for the matching, to fewer channels or fewer digits; and the tokens before
// narrowing, to score the matching, with the norms that bound its loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "assignment/assignment.hpp"
#include "isogram/detail/rounding.hpp"
#include "isogram/rsm.hpp"
#include "simd/kernels.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"

namespace isogram {

using detail::RoundedNorms;

template <class T>
class NarrowTokens {
 public:
  // `first_token[i]` is the number of tokens before input i; the last element is the number of all.
  // `axes` is the number of axes of the matching; 0 for all channels.
  NarrowTokens(Precision precision, std::vector<std::size_t> first_token, std::size_t channels,
               std::size_t axes);

  static std::size_t bytes_for(std::size_t tokens, std::size_t channels) {
    return product(tokens, sizeof(T) * slices_for(channels) * simd::kSliceChannels + 8);
  }

  // Keeps a token for scoring, as T.
  void keep(std::size_t input, std::size_t position, const double* token);

  // Adds the part of a token beyond its coordinates to the norms.
  void leave_out(std::size_t input, const double* token, const double* coordinates);

  // Rounds a token, or its coordinates, in place, and adds it to the norms.
  void round(std::size_t input, std::size_t position, double* seen);

  // A rounded token in words: int8 as four bytes or two 16-bit integers per word, bfloat16 as two;
  // the first channel in the lowest bits.
  std::vector<std::int32_t> words(std::size_t input, std::size_t position, const double* token,
                                  std::size_t per_word) const;

  // Tokens for scoring are stored in slices of simd::kSliceChannels channels, padded with zeros, so
  // that the slices of the few inputs that are scored together stay in the L1 cache.
  std::size_t slices() const { return slices_; }
  // A slice of the tokens of `input`, one after another.
  const T* slice(std::size_t input, std::size_t s) const {
    return tokens_.data() + place_in_slice(index(input, 0), s);
  }
  // For int8: the unit of each token's integers, and their sum; one element per token, from the
  // first of `input` on.
  const float* scales(std::size_t input) const { return scales_.data() + index(input, 0); }
  const std::int32_t* sums(std::size_t input) const { return sums_.data() + index(input, 0); }
  const RoundedNorms& norms(std::size_t input) const { return norms_[input]; }

 private:
  std::size_t index(std::size_t input, std::size_t position) const {
    return first_token_[input] + position;
  }
  static std::size_t slices_for(std::size_t channels) {
    return blocks_in(channels, simd::kSliceChannels);
  }
  std::size_t place_in_slice(std::size_t token, std::size_t s) const {
    return (first_token_.back() * s + token) * simd::kSliceChannels;
  }

  Precision precision_;
  std::vector<std::size_t> first_token_;
  std::size_t channels_;
  std::size_t slices_;
  bool has_axes_;
  std::size_t seen_;  // channels, or coordinates, of the matching
  Buffer<T> tokens_;
  std::vector<float> scales_;
  std::vector<std::int32_t> sums_;
  std::vector<RoundedNorms> norms_;
};

// Matchings of narrow tokens that wait to be scored with the tokens before narrowing. They are
// scored together, because the tokens of a few inputs are read again for every pair of them.
class Rescoring {
 public:
  // Memory for `pairs` pairs of inputs with at most `tokens` tokens each.
  Rescoring(std::size_t pairs, std::size_t tokens) : tokens_(tokens), columns_(pairs * tokens) {}

  struct Pair {
    std::size_t i;
    std::size_t j;
    std::size_t rows;   // tokens of i
    double dual_bound;  // an upper bound on the sum of any matching of the narrow tokens
    double total = 0;   // the matched sum of the tokens before narrowing
  };

  void keep(std::size_t i, std::size_t j, std::size_t rows, const Assignment& found);

  // The columns of the p-th pair kept since the last score().
  const std::int32_t* columns(std::size_t p) const { return columns_.data() + p * tokens_; }

  // Computes the totals of the pairs kept since the last score().
  template <class T>
  const std::vector<Pair>& score(const NarrowTokens<T>& a, const NarrowTokens<T>& b);

 private:
  std::size_t tokens_;
  Buffer<std::int32_t> columns_;
  std::vector<Pair> pairs_;
  bool is_scored_ = false;
};

}  // namespace isogram
