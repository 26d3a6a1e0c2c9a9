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

// What a matched pair of inputs is scored on: all channels, the coordinates along the axes, or
// nothing, as the sum of the matching is the score.
enum class Scoring { tokens, coordinates, matching };

// Tokens for scoring, in slices of simd::kSliceChannels elements, padded with zeros, so that the
// slices of the few inputs that are scored together stay in the L1 cache.
template <class T>
class SlicedTokens {
 public:
  SlicedTokens(std::size_t tokens, std::size_t elements)
      : count_(tokens), elements_(elements), data_(Buffer<T>::unset(entries(tokens, elements))) {}

  static std::size_t bytes_for(std::size_t tokens, std::size_t elements) {
    return sizeof(T) * entries(tokens, elements);
  }

  void keep(std::size_t index, const double* token);

  std::size_t slices() const { return blocks_in(elements_, simd::kSliceChannels); }
  // A slice of tokens, one after another, from `index` on.
  const T* slice(std::size_t index, std::size_t s) const { return data_.data() + place(index, s); }

 private:
  static std::size_t entries(std::size_t tokens, std::size_t elements) {
    return product(tokens, padded(elements, simd::kSliceChannels));
  }
  std::size_t place(std::size_t index, std::size_t s) const {
    return (count_ * s + index) * simd::kSliceChannels;
  }

  std::size_t count_;
  std::size_t elements_;
  Buffer<T> data_;
};

template <class T>
class NarrowTokens {
 public:
  // `first_token[i]` is the number of tokens before input i; the last element is the number of all.
  // `axes` is the number of axes of the matching; 0 for all channels.
  NarrowTokens(Precision precision, std::vector<std::size_t> first_token, std::size_t channels,
               std::size_t axes);

  static std::size_t bytes_for(Precision precision, std::size_t tokens, std::size_t channels,
                               std::size_t axes) {
    return SlicedTokens<T>::bytes_for(tokens, channels) +
           SlicedTokens<T>::bytes_for(tokens, kept_coordinates(precision, axes)) + 8 * tokens;
  }

  // Keeps a token for scoring, as T.
  void keep(std::size_t input, std::size_t position, const double* token);

  // Keeps the coordinates of a token, and adds the part of the token off the axes to the norms.
  void keep_along_axes(std::size_t input, std::size_t position, const double* token,
                       const double* coordinates);

  // Called once all tokens of an input are kept; its squared norm is that before it was centred.
  void finish(std::size_t input, double squared_norm);

  // Rounds a token, or its coordinates, in place, and adds it to the norms.
  void round(std::size_t input, std::size_t position, double* seen);

  // A rounded token in words: int8 as four bytes or two 16-bit integers per word, bfloat16 as two;
  // the first channel in the lowest bits.
  std::vector<std::int32_t> words(std::size_t input, std::size_t position, const double* token,
                                  std::size_t per_word) const;

  // What the matched tokens of two inputs are scored on. Where nothing but rounding to T would be
  // scored beyond the axes, the score is that of the coordinates, and the matching's own sum where
  // these are not rounded.
  Scoring scoring(std::size_t input, const NarrowTokens& other, std::size_t of_other) const {
    if (!lies_along_axes_[input] || !other.lies_along_axes_[of_other]) return Scoring::tokens;
    return precision_ == Precision::float32 ? Scoring::matching : Scoring::coordinates;
  }
  const SlicedTokens<T>& tokens() const { return tokens_; }
  const SlicedTokens<T>& coordinates() const { return coordinates_; }
  std::size_t first_token(std::size_t input) const { return first_token_[input]; }

  // For int8: the unit of each token's integers, and their sum; one element per token, from the
  // first of `input` on.
  const float* scales(std::size_t input) const { return scales_.data() + index(input, 0); }
  const std::int32_t* sums(std::size_t input) const { return sums_.data() + index(input, 0); }
  const RoundedNorms& norms(std::size_t input) const { return norms_[input]; }

 private:
  std::size_t index(std::size_t input, std::size_t position) const {
    return first_token_[input] + position;
  }
  // Those of float32 are not scored again.
  static std::size_t kept_coordinates(Precision precision, std::size_t axes) {
    return precision == Precision::float32 ? 0 : axes;
  }

  Precision precision_;
  std::vector<std::size_t> first_token_;
  std::size_t channels_;
  bool has_axes_;
  std::size_t seen_;  // channels, or coordinates, of the matching
  SlicedTokens<T> tokens_;
  SlicedTokens<T> coordinates_;
  std::vector<char> lies_along_axes_;  // of each input, whether it is its projection on the axes
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
    Scoring scoring;
    double total;  // the matched sum of the tokens before narrowing
  };

  void keep(std::size_t i, std::size_t j, std::size_t rows, Scoring scoring,
            const Assignment& found);

  // The columns of the p-th pair kept since the last score().
  const std::int32_t* columns(std::size_t p) const { return columns_.data() + p * tokens_; }

  // Computes the totals of the pairs kept since the last score().
  template <class T>
  const std::vector<Pair>& score(const NarrowTokens<T>& a, const NarrowTokens<T>& b);

 private:
  // Adds the products of sliced tokens to the totals of the pairs that are scored on them.
  template <class T>
  void add(Scoring scoring, const SlicedTokens<T>& a, const SlicedTokens<T>& b,
           const NarrowTokens<T>& rows, const NarrowTokens<T>& cols);

  std::size_t tokens_;
  Buffer<std::int32_t> columns_;
  std::vector<Pair> pairs_;
  bool is_scored_ = false;
};

}  // namespace isogram
