#include "detail/tokens.cuh"

#include <cmath>
#include <limits>

#include "detail/assign_crew.cuh"
#include "detail/launch.cuh"
#include "detail/reduce.cuh"
#include "detail/strips.cuh"
#include "isogram/cuda/rsm.hpp"
#include "isogram/detail/scaling.hpp"
#include "isogram/detail/tokens.hpp"

namespace isogram::cuda {

namespace {

// ---- Summaries -------------------------------------------------------------------------------

constexpr std::int64_t kNowhere = std::numeric_limits<std::int64_t>::max();

struct SurveyMemory {
  WarpPartials values;
  std::int64_t places[kMaxWarps];
};

// Calls visit(token, channel) for all items of an input, divided among the warps of its block.
template <class Visit>
__device__ void for_each_item(std::int64_t tokens, std::int64_t channels, Visit visit) {
  for (std::int64_t token = threadIdx.x / kWarp; token < tokens; token += kTokenWarps) {
    for (std::int64_t c = threadIdx.x % kWarp; c < channels; c += kWarp) visit(token, c);
  }
}

template <class X>
__global__ void __launch_bounds__(kWarp* kTokenWarps)
    survey_inputs(TokenReader<X> inputs, TokenSummary summary) {
  auto& memory = shared_memory<SurveyMemory>();
  const std::int64_t input = blockIdx.x;
  const std::int64_t tokens = inputs.length(input);
  const X x = inputs.as_given(input);
  double largest = 0;
  std::int64_t not_finite = kNowhere;
  for_each_item(tokens, inputs.channels, [&](std::int64_t token, std::int64_t c) {
    const double magnitude = fabs(double{x(token, c)});
    largest = Maximum()(largest, magnitude);
    if (!isfinite(magnitude)) not_finite = Minimum()(not_finite, token * inputs.channels + c);
  });
  largest = block_reduced(largest, Maximum(), memory.values);
  not_finite = block_reduced(not_finite, Minimum(), memory.places);

  const int exponent = detail::scaling_exponent_of(largest);
  const ScaledInput<X> z = inputs.scaled(input, exponent);
  double squares = 0;
  for_each_item(tokens, inputs.channels, [&](std::int64_t token, std::int64_t c) {
    const double value = z(token, c);
    squares += value * value;
  });
  squares = block_reduced(squares, Sum(), memory.values);
  if (threadIdx.x > 0) return;
  summary.exponents[input] = exponent;
  summary.squared_norms[input] = squares;
  summary.not_finite[input] = not_finite == kNowhere ? -1 : not_finite;
}

// Writes summary.means, summed relative to the first token.
template <class X>
__global__ void __launch_bounds__(kWarp* kStripThreads)
    mean_tokens(TokenReader<X> inputs, TokenSummary summary) {
  const std::int64_t input = blockIdx.x;
  const std::int64_t tokens = inputs.length(input);
  const ScaledInput<X> z = inputs.scaled(input, summary.exponents[input]);
  for (std::int64_t left = 0; left < inputs.channels; left += kWarp) {
    const std::int64_t c = left + threadIdx.x;
    const bool is_channel = c < inputs.channels;
    const double first = is_channel ? z(0, c) : 0;
    const double sum =
        sum_of_rows(0, tokens, is_channel, [&](std::int64_t token) { return z(token, c) - first; });
    if (threadIdx.y == 0 && is_channel) {
      summary.means[input * inputs.channels + c] = first + sum / static_cast<double>(tokens);
    }
    __syncthreads();  // before the next channels use the same memory
  }
}

// Shared memory of the search for tokens of huge norm.
struct OthersMemory {
  double values[kMaxMatched];
  int median;
  WarpPartials partials;
};

// The index of the median of `count` values. A thread computes the rank of one value after another.
__device__ int median_of(OthersMemory& memory, int count) {
  if (threadIdx.x == 0) memory.median = 0;  // with NaN no value may have the middle rank
  __syncthreads();
  for (int s = static_cast<int>(threadIdx.x); s < count; s += static_cast<int>(blockDim.x)) {
    const double own = memory.values[s];
    int rank = 0;
    for (int other = 0; other < count; ++other) {
      const double value = memory.values[other];
      rank += value < own || (value == own && other < s);
    }
    if (rank == count / 2) memory.median = s;
  }
  __syncthreads();
  const int median = memory.median;
  __syncthreads();  // before memory.median is written again
  return median;
}

// Where a few tokens of huge norm pull a mean away from all others, replaces it by the mean of the
// others: see isogram/detail/tokens.hpp.
template <class X>
__global__ void __launch_bounds__(kWarp* kTokenWarps)
    leave_out_huge_tokens(TokenReader<X> inputs, TokenSummary summary) {
  auto& memory = shared_memory<OthersMemory>();
  const std::int64_t input = blockIdx.x;
  const auto tokens = static_cast<int>(inputs.length(input));
  double* mean = summary.means + input * inputs.channels;
  double* left = summary.means_left + input * inputs.channels;
  const ScaledInput<X> z = inputs.scaled(input, summary.exponents[input]);
  const auto measure = [&](auto value) {
    for (int s = static_cast<int>(threadIdx.x) / kWarp; s < tokens; s += kTokenWarps) {
      const double squares = over_channels(
          inputs.channels,
          [&](std::int64_t c) {
            const double x = value(s, c);
            return x * x;
          },
          Sum());
      if (threadIdx.x % kWarp == 0) memory.values[s] = squares;
    }
    __syncthreads();
  };
  for (std::int64_t c = threadIdx.x; c < inputs.channels; c += blockDim.x) left[c] = 0;

  measure([&](int s, std::int64_t c) { return z(s, c) - mean[c]; });
  double largest = 0;
  for (int s = static_cast<int>(threadIdx.x); s < tokens; s += static_cast<int>(blockDim.x)) {
    largest = Maximum()(largest, memory.values[s]);
  }
  largest = block_reduced(largest, Maximum(), memory.partials);
  const int typical = median_of(memory, tokens);
  const double norm = memory.values[typical];
  if (!(largest > detail::kHugeNorm * norm)) return;
  __syncthreads();  // all threads have read memory.values

  measure([&](int s, std::int64_t c) { return z(s, c) - z(typical, c); });
  const double distance = memory.values[median_of(memory, tokens)];
  if (!(distance < detail::kNearNorm * norm)) return;
  for (std::int64_t c = threadIdx.x; c < inputs.channels; c += blockDim.x) {
    const double origin = z(typical, c);
    double sum = 0;
    int others = 0;
    for (int s = 0; s < tokens; ++s) {
      if (memory.values[s] > detail::kFarNorm * distance) continue;
      sum += z(s, c) - origin;
      ++others;
    }
    const double of_others = origin + sum / others;
    left[c] = mean[c] - of_others;
    mean[c] = of_others;
  }
}

struct BulkMemory {
  WarpPartials values;
  int warps[kMaxWarps];
};

// Σ ‖token − mean‖² without its largest term. That term is left out rather than subtracted from the
// full sum, because all digits of that sum may be its own.
template <class X>
__global__ void __launch_bounds__(kWarp* kTokenWarps)
    sum_bulk_norms(TokenReader<X> inputs, TokenSummary summary) {
  auto& memory = shared_memory<BulkMemory>();
  const std::int64_t input = blockIdx.x;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const ScaledInput<X> z = inputs.centered(input, summary);
  double largest = 0;
  double others = 0;
  for (std::int64_t token = warp; token < inputs.length(input); token += kTokenWarps) {
    const auto square = [&](std::int64_t c) {
      const double value = z(token, c);
      return value * value;
    };
    const double norm = over_channels(inputs.channels, square, Sum());
    others += Minimum()(norm, largest);
    largest = Maximum()(norm, largest);
  }
  const double of_all = block_reduced(largest, Maximum(), memory.values);
  const int owner = block_reduced(largest == of_all ? warp : kTokenWarps, Minimum(), memory.warps);
  if (warp != owner) others += largest;
  const bool counts = threadIdx.x % kWarp == 0;
  const double sum = block_reduced(counts ? others : 0.0, Sum(), memory.values);
  if (threadIdx.x == 0) summary.bulk_norms[input] = sum;
}

// ---- Order -----------------------------------------------------------------------------------

template <class X>
__global__ void __launch_bounds__(kWarp* kTokenWarps)
    square_tokens(TokenReader<X> inputs, std::int64_t rows, const int* exponents,
                  double* squared_norms) {
  const std::int64_t row = std::int64_t{blockIdx.x} * kTokenWarps + threadIdx.y;
  if (row >= rows) return;
  const std::int64_t input = row / inputs.tokens;
  const std::int64_t token = row % inputs.tokens;
  if (token >= inputs.length(input)) return;
  const ScaledInput<X> z = inputs.scaled(input, exponents[input]);
  const auto square = [&](std::int64_t c) {
    const double value = z(token, c);
    return value * value;
  };
  const double sum = over_channels(inputs.channels, square, Sum());
  if (threadIdx.x == 0) squared_norms[row] = sum;
}

// A thread per token, which counts the tokens before it. `ordered` compares NaN too, so that every
// place is filled.
__global__ void __launch_bounds__(kWarp* kTokenWarps)
    rank_tokens(const double* squared_norms, std::int64_t rows, std::int64_t tokens,
                const std::int32_t* lengths, std::int32_t* order) {
  const std::int64_t row = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (row >= rows) return;
  const std::int64_t input = row / tokens;
  const std::int64_t token = row % tokens;
  const std::int64_t length = lengths ? lengths[input] : tokens;
  const double* norms = squared_norms + input * tokens;
  std::int64_t rank = token;
  if (token < length) {
    const std::uint64_t own = ordered(norms[token]);
    rank = 0;
    for (std::int64_t other = 0; other < length; ++other) {
      const std::uint64_t norm = ordered(norms[other]);
      if (norm > own || (norm == own && other < token)) ++rank;
    }
  }
  order[input * tokens + rank] = static_cast<std::int32_t>(token);
}

// ---- Packing ---------------------------------------------------------------------------------

template <class X, class T>
__global__ void __launch_bounds__(kWarp* kTokenWarps)
    pack_rows(TokenReader<X> inputs, std::int64_t count, TokenSummary summary,
              const std::int32_t* order, PackedTokens<T> packed, std::int64_t rows) {
  const std::int64_t row = std::int64_t{blockIdx.x} * kTokenWarps + threadIdx.y;
  if (row >= rows) return;
  const std::int64_t input = row / packed.window % count;
  const std::int64_t piece = row / packed.window / count;
  const std::int64_t position = piece * packed.window + row % packed.window;
  const bool is_token = position < inputs.length(input);
  const std::int64_t token = is_token && order ? order[input * inputs.tokens + position] : position;
  const ScaledInput<X> z = inputs.centered(input, summary);
  for (std::int64_t c = threadIdx.x; c < packed.stride; c += kWarp) {
    packed.data[row * packed.stride + c] =
        is_token && c < inputs.channels ? static_cast<T>(z(token, c)) : T(0);
  }
}

}  // namespace

void summarise_tokens(Stream stream, const Tokens& tokens, const TokenSummary& summary) {
  const auto blocks = static_cast<unsigned>(tokens.inputs);
  with_tokens(tokens, [&]<class X>(const TokenReader<X>& inputs) {
    launch(survey_inputs<X>, blocks, kWarp * kTokenWarps, sizeof(SurveyMemory), stream, inputs,
           summary);
    if (summary.means) {
      launch(mean_tokens<X>, blocks, dim3(kWarp, kStripThreads), sizeof(StripPartials), stream,
             inputs, summary);
    }
    if (summary.means && summary.means_left) {
      launch(leave_out_huge_tokens<X>, blocks, kWarp * kTokenWarps, sizeof(OthersMemory), stream,
             inputs, summary);
    }
    if (summary.bulk_norms) {
      launch(sum_bulk_norms<X>, blocks, kWarp * kTokenWarps, sizeof(BulkMemory), stream, inputs,
             summary);
    }
  });
}

void order_tokens(Stream stream, const Tokens& tokens, const int* exponents, double* squared_norms,
                  std::int32_t* order) {
  const std::int64_t rows = tokens.inputs * tokens.tokens;
  with_tokens(tokens, [&]<class X>(const TokenReader<X>& inputs) {
    launch(square_tokens<X>, blocks_for(rows, kTokenWarps), dim3(kWarp, kTokenWarps), 0, stream,
           inputs, rows, exponents, squared_norms);
  });
  constexpr int threads = kWarp * kTokenWarps;
  launch(rank_tokens, blocks_for(rows, threads), threads, 0, stream, squared_norms, rows,
         tokens.tokens, tokens.lengths, order);
}

template <class T>
void pack_tokens(Stream stream, const Tokens& tokens, const TokenSummary& summary,
                 const std::int32_t* order, const PackedTokens<T>& packed) {
  const std::int64_t pieces = (tokens.tokens + packed.window - 1) / packed.window;
  const std::int64_t rows = pieces * tokens.inputs * packed.window;
  with_tokens(tokens, [&]<class X>(const TokenReader<X>& inputs) {
    launch(pack_rows<X, T>, blocks_for(rows, kTokenWarps), dim3(kWarp, kTokenWarps), 0, stream,
           inputs, tokens.inputs, summary, order, packed, rows);
  });
}

template void pack_tokens(Stream, const Tokens&, const TokenSummary&, const std::int32_t*,
                          const PackedTokens<float>&);
template void pack_tokens(Stream, const Tokens&, const TokenSummary&, const std::int32_t*,
                          const PackedTokens<double>&);

}  // namespace isogram::cuda
