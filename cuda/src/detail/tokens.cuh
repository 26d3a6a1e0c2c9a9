// Readers of tokens of any element type and strides, in units of 2^exponent.
#pragma once

#include <cstdint>

#include "isogram/cuda/rsm.hpp"
#include "number.cuh"
#include "power_of_two.cuh"
#include "reduce.cuh"

namespace isogram::cuda {

inline constexpr int kTokenWarps = 8;  // per block; a warp takes a token

// One input, less a mean token unless null.
template <class X>
struct ScaledInput {
  X x;
  PowerOfTwo scale;
  const double* mean = nullptr;

  __device__ double operator()(std::int64_t token, std::int64_t channel) const {
    const double value = scale * x(token, channel);
    return mean ? value - mean[channel] : value;
  }
};

// All inputs; X is a Reader of the tokens and channels of one.
template <class X>
struct TokenReader {
  X first;
  std::int64_t input_stride;
  std::int64_t tokens;
  std::int64_t channels;
  const std::int32_t* lengths;

  __device__ std::int64_t length(std::int64_t input) const {
    return lengths ? lengths[input] : tokens;
  }
  __device__ X as_given(std::int64_t input) const {
    return {first.data + input * input_stride, first.row_stride, first.col_stride};
  }
  __device__ ScaledInput<X> scaled(std::int64_t input, int exponent) const {
    return {as_given(input), PowerOfTwo(-exponent)};
  }
  __device__ ScaledInput<X> centered(std::int64_t input, const TokenSummary& summary) const {
    const double* mean = summary.means ? summary.means + input * channels : nullptr;
    return {as_given(input), PowerOfTwo(-summary.exponents[input]), mean};
  }
};

// Calls visit(TokenReader) with the tokens' element type.
template <class Visit>
void with_tokens(const Tokens& t, Visit visit) {
  const Input first{t.data, t.type, t.tokens, t.channels, t.token_stride, t.channel_stride};
  with_reader(first, [&](auto reader) {
    visit(TokenReader<decltype(reader)>{reader, t.input_stride, t.tokens, t.channels, t.lengths});
  });
}

// value(channel) of all channels, combined by a warp, in every lane.
template <class Value, class Combine>
__device__ double over_channels(std::int64_t channels, Value value, Combine combine) {
  double result = 0;
  for (std::int64_t c = threadIdx.x % kWarp; c < channels; c += kWarp) {
    result = combine(result, value(c));
  }
  return warp_reduced(result, combine);
}

}  // namespace isogram::cuda
