// Tokens narrowed for the matching, to fewer channels and to fewer digits, with what it takes to
// score the matching exactly and to bound what narrowing may have cost.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "assignment/assignment.hpp"
#include "isogram/detail/rounding.hpp"
#include "isogram/rsm.hpp"
#include "tiles/buffer.hpp"

namespace isogram {

using detail::RoundedNorms;

template <class T>
class NarrowTokens {
 public:
  // `first_token[i]` tokens come before those of input i; the last element counts them all. The
  // matching sees coordinates along so many axes; of 0, all channels.
  NarrowTokens(Precision precision, std::vector<std::size_t> first_token, std::size_t channels,
               std::size_t axes);

  // Keeps a token as it is. The tokens of one input come one after another.
  void keep(std::size_t input, std::size_t position, const double* token);

  // Takes note of what a token has beyond its coordinates.
  void leave_out(std::size_t input, const double* token, const double* coordinates);

  // Rounds in place what the matching sees of a token: the token, or its coordinates.
  void round(std::size_t input, std::size_t position, double* seen);

  // A rounded token in words: of int8 four bytes or two of 16 bits, of bfloat16 two; the first
  // channel in the lowest bits.
  std::vector<std::int32_t> words(std::size_t input, std::size_t position, const double* token,
                                  std::size_t per_word) const;

  // Tokens as they are lie in slices of so many channels: what is scored together is in a piece.
  static constexpr std::size_t kSlice = 64;
  std::size_t slice_width(std::size_t first_channel) const {
    return std::min(kSlice, channels_ - first_channel);
  }
  // Those of `input`, one after another; the first channel is a multiple of kSlice.
  const T* slice(std::size_t input, std::size_t first_channel) const {
    return tokens_.data() + place_in_slice(index(input, 0), first_channel);
  }
  // Of int8: what its whole numbers are multiplied by, and the sum of them.
  // One element per token from those of `input` on.
  const float* scales(std::size_t input) const { return scales_.data() + index(input, 0); }
  const std::int32_t* sums(std::size_t input) const { return sums_.data() + index(input, 0); }
  const RoundedNorms& norms(std::size_t input) const { return norms_[input]; }
  std::size_t channels() const { return channels_; }

 private:
  std::size_t index(std::size_t input, std::size_t position) const {
    return first_token_[input] + position;
  }
  std::size_t place_in_slice(std::size_t token, std::size_t first_channel) const {
    return first_token_.back() * first_channel + token * slice_width(first_channel);
  }

  Precision precision_;
  std::vector<std::size_t> first_token_;
  std::size_t channels_;
  bool has_axes_;
  std::size_t seen_;  // channels, or coordinates
  Buffer<T> tokens_;
  std::vector<float> scales_;
  std::vector<std::int32_t> sums_;
  std::vector<RoundedNorms> norms_;
};

// Matchings of narrow tokens that wait to be scored with the tokens themselves: together, because
// the tokens of a few inputs are read again for every pair of them.
class Rescoring {
 public:
  // Of at most `pairs` pairs of inputs with at most `tokens` tokens.
  Rescoring(std::size_t pairs, std::size_t tokens) : tokens_(tokens), columns_(pairs * tokens) {}

  struct Pair {
    std::size_t i;
    std::size_t j;
    std::size_t rows;   // tokens of i
    double dual_bound;  // no matching of the narrow tokens has a larger sum
    double total = 0;   // of the tokens themselves
  };

  void keep(std::size_t i, std::size_t j, std::size_t rows, const Assignment& found);

  // What the rows of the p-th pair kept since the last call were matched with.
  const std::int32_t* columns(std::size_t p) const { return columns_.data() + p * tokens_; }

  // Fills in the totals of what was kept since the last call.
  template <class T>
  const std::vector<Pair>& score(const NarrowTokens<T>& a, const NarrowTokens<T>& b);

 private:
  std::size_t tokens_;
  Buffer<std::int32_t> columns_;
  std::vector<Pair> pairs_;
  bool is_scored_ = false;
};

}  // namespace isogram
