#include <cmath>
#include <limits>

#include "detail/entries.cuh"
#include "detail/launch.cuh"
#include "detail/reduce.cuh"
#include "detail/tokens.cuh"
#include "isogram/cuda/rsm.hpp"
#include "isogram/detail/rounding.hpp"

namespace isogram::cuda {

namespace {

constexpr int kBlocks = 3;  // per multiprocessor: more would leave too few registers

// ---- Rounding --------------------------------------------------------------------------------

// To the nearest, ties to even; for finite numbers far from overflow.
struct ToBFloat16 {
  using Stored = std::uint16_t;

  template <class Largest>
  __device__ explicit ToBFloat16(Largest) {}

  template <class X>
  __device__ static Stored rounded(X x) {
    const std::uint32_t bits = __float_as_uint(static_cast<float>(x));
    return static_cast<Stored>((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16);
  }
  __device__ static double value(Stored x) { return widened(BFloat16{x}); }
  __device__ static void keep_scale(float*, std::int64_t) {}
};

// Integers in units of 1/127 of a token's largest magnitude.
struct ToBytes {
  using Stored = std::int8_t;
  static constexpr double kLargestByte = 127;
  static constexpr float kSmallestScale = std::numeric_limits<float>::min();

  float scale;
  double inverse;

  // A subnormal scale is rounded so coarsely that bytes could overflow: such a token counts as 0.
  template <class Largest>
  __device__ explicit ToBytes(Largest largest)
      : scale(static_cast<float>(largest() * (1 / kLargestByte))) {
    if (!(scale >= kSmallestScale)) scale = 0;
    inverse = scale > 0 ? 1 / static_cast<double>(scale) : 0;
  }

  __device__ Stored rounded(double x) const {
    const double whole = rint(x * inverse);
    return fabs(whole) <= kLargestByte ? static_cast<Stored>(whole) : Stored{0};  // NaN is 0
  }
  __device__ double value(Stored x) const { return static_cast<double>(x) * scale; }
  __device__ void keep_scale(float* scales, std::int64_t token) const { scales[token] = scale; }
};

// Numbers of the type of entries.
template <class T>
struct ToEntries {
  using Stored = T;

  template <class Largest>
  __device__ explicit ToEntries(Largest) {}

  __device__ static Stored rounded(double x) { return static_cast<T>(x); }
  __device__ static double value(Stored x) { return x; }
  __device__ static void keep_scale(float*, std::int64_t) {}
};

// Rounds item(c) for c < end, stores the items below `stride`, and adds the norms in every lane of
// the warp. item(c) is 0 beyond the token's own. Returns Σ item(c)².
template <class Rounding, class Item>
__device__ double round_token(const Rounding& rounding, Item item, std::int64_t end,
                              typename Rounding::Stored* out, std::int64_t stride,
                              RoundedNorms& norms) {
  double squares = 0;
  double rounded_squares = 0;
  double squared_errors = 0;
  for (std::int64_t c = threadIdx.x % kWarp; c < end; c += kWarp) {
    const auto x = item(c);
    const typename Rounding::Stored stored = rounding.rounded(x);
    if (c < stride) out[c] = stored;
    const double rounded = rounding.value(stored);
    squares += double{x} * x;
    rounded_squares += rounded * rounded;
    squared_errors += (x - rounded) * (x - rounded);
  }
  squares = warp_reduced(squares, Sum());
  const double error = sqrt(warp_reduced(squared_errors, Sum()));
  norms.errors += error;
  norms.rounded += sqrt(warp_reduced(rounded_squares, Sum()));
  norms.largest_error = Maximum()(norms.largest_error, error);
  norms.largest = Maximum()(norms.largest, sqrt(squares));
  return squares;
}

// The norms over all warps of a block; the lanes of a warp have equal values.
__device__ RoundedNorms block_norms(const RoundedNorms& own, WarpPartials& partials) {
  const bool counts = threadIdx.x % kWarp == 0;
  const double left_out = own.left_out * own.left_out;
  return {block_reduced(counts ? own.errors : 0, Sum(), partials),
          block_reduced(counts ? own.rounded : 0, Sum(), partials),
          block_reduced(own.largest_error, Maximum(), partials),
          block_reduced(own.largest, Maximum(), partials),
          sqrt(block_reduced(counts ? left_out : 0, Sum(), partials))};
}

template <class Rounding>
__device__ typename Rounding::Stored* stored_token(const RoundedTokens& out, std::int64_t token) {
  return static_cast<typename Rounding::Stored*>(out.data) + token * out.stride;
}

template <class Rounding, class X>
__global__ void __launch_bounds__(kWarp* kTokenWarps, kBlocks)
    round_inputs(TokenReader<X> inputs, TokenSummary summary, PackedTokens<float> packed,
                 RoundedTokens out) {
  const std::int64_t input = blockIdx.x;
  const std::int64_t length = inputs.length(input);
  const ScaledInput<X> z = inputs.centered(input, summary);
  const std::int64_t end = Maximum()(packed.stride, out.stride);
  RoundedNorms norms{};
  for (std::int64_t token = threadIdx.x / kWarp; token < inputs.tokens; token += kTokenWarps) {
    const auto value = [&](std::int64_t c) {
      return token < length && c < inputs.channels ? z(token, c) : 0.0;
    };
    const std::int64_t row = input * inputs.tokens + token;
    const auto pack = [&](std::int64_t c) {
      const auto x = static_cast<float>(value(c));
      if (c < packed.stride) packed.data[row * packed.stride + c] = x;
      return x;
    };
    const Rounding rounding([&] {
      return over_channels(
          inputs.channels, [&](std::int64_t c) { return fabs(value(c)); }, Maximum());
    });
    rounding.keep_scale(out.scales, row);
    round_token(rounding, pack, end, stored_token<Rounding>(out, row), out.stride, norms);
  }
  norms = block_norms(norms, shared_memory<WarpPartials>());
  if (threadIdx.x == 0) out.norms[input] = norms;
}

// A token of `tokens` has its coordinates at the same place of `coordinates`.
template <class Rounding>
__global__ void __launch_bounds__(kWarp* kTokenWarps, kBlocks)
    round_inputs_along_axes(PackedTokens<const double> tokens,
                            PackedTokens<const double> coordinates, RoundedTokens out) {
  const std::int64_t input = blockIdx.x;
  RoundedNorms norms{};
  for (std::int64_t s = threadIdx.x / kWarp; s < tokens.window; s += kTokenWarps) {
    const std::int64_t row = input * tokens.window + s;
    const double* token = tokens.data + row * tokens.stride;
    const double* along = coordinates.data + row * coordinates.stride;
    const auto coordinate = [&](std::int64_t c) { return c < coordinates.stride ? along[c] : 0.0; };
    const Rounding rounding([&] {
      return over_channels(
          coordinates.stride, [&](std::int64_t c) { return fabs(along[c]); }, Maximum());
    });
    rounding.keep_scale(out.scales, row);
    const double squares_along_axes = round_token(
        rounding, coordinate, out.stride, stored_token<Rounding>(out, row), out.stride, norms);
    const double squares =
        over_channels(tokens.stride, [&](std::int64_t c) { return token[c] * token[c]; }, Sum());
    norms.left_out = hypot(norms.left_out, detail::left_out_norm(squares, squares_along_axes));
  }
  norms = block_norms(norms, shared_memory<WarpPartials>());
  if (threadIdx.x == 0) out.norms[input] = norms;
}

template <class Rounding>
void launch_rounding(Stream stream, const Tokens& tokens, const TokenSummary& summary,
                     const PackedTokens<float>& packed, const RoundedTokens& rounded) {
  with_tokens(tokens, [&]<class X>(const TokenReader<X>& inputs) {
    launch(round_inputs<Rounding, X>, static_cast<unsigned>(tokens.inputs), kWarp * kTokenWarps,
           sizeof(WarpPartials), stream, inputs, summary, packed, rounded);
  });
}

template <class Rounding>
void launch_rounding_along_axes(Stream stream, std::int64_t inputs,
                                const PackedTokens<const double>& tokens,
                                const PackedTokens<const double>& coordinates,
                                const RoundedTokens& rounded) {
  launch(round_inputs_along_axes<Rounding>, static_cast<unsigned>(inputs), kWarp * kTokenWarps,
         sizeof(WarpPartials), stream, tokens, coordinates, rounded);
}

// ---- Products of bytes -----------------------------------------------------------------------

struct ScaledProducts : EveryEntry {
  const float* row_scales;
  const float* col_scales;

  __device__ float row(std::int64_t i) const { return row_scales[i]; }
  __device__ float column(std::int64_t j) const { return col_scales[j]; }
  __device__ float operator()(float row, float column, float product) const {
    return product * (row * column);
  }
};

// ---- Rescoring -------------------------------------------------------------------------------

// A block takes 32 channels of 32 × 6 inputs. A warp takes one row input at a time, four of its
// tokens at once, and a lane 4 channels of a token. The eight lanes of a token read 32 adjacent
// channels of one column token: every bank of shared memory once.
constexpr int kPartChannels = 32;
constexpr int kRowInputs = 32;
constexpr int kColInputs = 6;
constexpr int kRescoreWarps = 8;
constexpr int kPacks = kPartChannels / kEntries;  // per token
constexpr int kTokensAtOnce = kWarp / kPacks;
template <class T>  // per multiprocessor
constexpr int kRescoreBlocks = sizeof(T) == sizeof(float) ? kBlocks : 2;
// Tokens: 6 inputs of that size fit into shared memory.
template <class T>
constexpr std::int64_t kMostStaged = 64 * sizeof(float) / sizeof(T);

template <class T>
struct Rescoring {
  PackedTokens<const T> rows;
  PackedTokens<const T> cols;
  ProblemGrid problems;
  const std::int32_t* columns;
  double* totals;
};

// Tokens as packs of 4 channels, from the lane's channel on.
template <class T>
struct PackReader {
  const Pack<T>* data;
  std::int64_t input_stride;
  std::int64_t token_stride;

  __device__ PackReader(const PackedTokens<const T>& tokens, std::int64_t first_input,
                        std::int64_t channel)
      : data(reinterpret_cast<const Pack<T>*>(
            tokens.data + first_input * tokens.window * tokens.stride + channel)),
        input_stride(tokens.window * tokens.stride / kEntries),
        token_stride(tokens.stride / kEntries) {}

  __device__ const Pack<T>& operator()(std::int64_t input, int token) const {
    return data[input * input_stride + token * token_stride];
  }
};

// The column inputs of a block. All of its threads must construct it together.
template <bool staged, class T>
class ColumnTokens {
 public:
  __device__ ColumnTokens(const PackReader<T>& tokens, int inputs, int tokens_of_each)
      : in_place_(tokens), tokens_of_each_(tokens_of_each) {
    if constexpr (!staged) return;
    const int first = (static_cast<int>(threadIdx.y) * kWarp + lane()) / kPacks;
    for (int t = first; t < inputs * tokens_of_each; t += kRescoreWarps * kTokensAtOnce) {
      stage()[t * kPacks + lane() % kPacks] = tokens(t / tokens_of_each, t % tokens_of_each);
    }
    __syncthreads();
  }

  __device__ const Pack<T>& operator()(int input, int token) const {
    if constexpr (!staged) return in_place_(input, token);
    return stage()[(input * tokens_of_each_ + token) * kPacks + lane() % kPacks];
  }

 private:
  __device__ static int lane() { return static_cast<int>(threadIdx.x); }
  __device__ static Pack<T>* stage() { return shared_memory<Pack<T>[1]>(); }

  PackReader<T> in_place_;
  int tokens_of_each_;
};

// One row input and the block's column inputs. An unwanted pair is replaced by the last one, which
// is scored twice.
struct PairsOfRow {
  std::int64_t row;
  int tokens;
  int input[kColInputs];
  const std::int32_t* columns[kColInputs];
};

template <class T>
__device__ T add_product(const Pack<T>& a, const Pack<T>& b, T sum) {
#pragma unroll
  for (int k = 0; k < kEntries; ++k) sum += a.items[k] * b.items[k];
  return sum;
}

// Adds to sums[k] the share of pair k in the lane's channels of the lane's row tokens.
template <bool staged, class T>
__device__ void add_products(const PackReader<T>& row_tokens,
                             const ColumnTokens<staged, T>& col_tokens, const PairsOfRow& pairs,
                             T (&sums)[kColInputs]) {
  const int lane = static_cast<int>(threadIdx.x);
  for (int begin = 0; begin < pairs.tokens; begin += kWarp) {
    int column[kColInputs];  // of token begin + lane
#pragma unroll
    for (int k = 0; k < kColInputs; ++k) {
      column[k] = begin + lane < pairs.tokens ? pairs.columns[k][begin + lane] : -1;
    }
    const int end = Minimum()(kWarp, pairs.tokens - begin);
    for (int first = 0; first < end; first += kTokensAtOnce) {
      const int s = first + lane / kPacks;
      const Pack<T> token = row_tokens(pairs.row, Minimum()(begin + s, pairs.tokens - 1));
#pragma unroll
      for (int k = 0; k < kColInputs; ++k) {
        const int found = __shfl_sync(kAllLanes, column[k], s);
        const auto& other = col_tokens(pairs.input[k], Maximum()(found, 0));  // avoids a branch
        const T sum = add_product(token, other, sums[k]);
        sums[k] = found >= 0 ? sum : sums[k];
      }
    }
  }
}

template <bool staged, class T>
__global__ void __launch_bounds__(kWarp* kRescoreWarps, kRescoreBlocks<T>)
    rescore_part(Rescoring<T> task) {
  const ProblemGrid& problems = task.problems;
  const std::int64_t part = blockIdx.x;
  const std::int64_t left = std::int64_t{blockIdx.y} * kColInputs;
  const std::int64_t top = std::int64_t{blockIdx.z} * kRowInputs;
  const auto inputs = static_cast<int>(Minimum()(problems.across - left, std::int64_t{kColInputs}));
  std::int64_t bottom = Minimum()(top + kRowInputs, problems.down);
  if (problems.above_diagonal) bottom = Minimum()(bottom, left + inputs - 1);
  if (top >= bottom) return;

  const int lane = static_cast<int>(threadIdx.x);
  const std::int64_t channel = part * kPartChannels + lane % kPacks * kEntries;
  const bool is_channel = channel < task.rows.stride;  // else channel 0 is read and ignored
  const PackReader<T> row_tokens(task.rows, 0, is_channel ? channel : 0);
  const ColumnTokens<staged, T> col_tokens(PackReader<T>(task.cols, left, is_channel ? channel : 0),
                                           inputs, static_cast<int>(problems.cols));
  for (std::int64_t r = top + threadIdx.y; r < bottom; r += kRescoreWarps) {
    const std::int64_t first_pair = r * problems.across + left;
    const auto is_wanted = [&](int k) {
      return k < inputs && (!problems.above_diagonal || r < left + k);
    };
    PairsOfRow pairs;
    pairs.row = r;
    pairs.tokens = problems.down_rows ? problems.down_rows[r] : static_cast<int>(problems.rows);
#pragma unroll
    for (int k = 0; k < kColInputs; ++k) {
      pairs.input[k] = is_wanted(k) ? k : inputs - 1;
      pairs.columns[k] = task.columns + (first_pair + pairs.input[k]) * problems.rows;
    }
    T sums[kColInputs] = {};
    add_products(row_tokens, col_tokens, pairs, sums);
#pragma unroll
    for (int k = 0; k < kColInputs; ++k) {
      const T sum = warp_reduced(is_channel ? sums[k] : T(0), Sum());
      if (lane > 0 || !is_wanted(k)) continue;
      task.totals[part * problems.down * problems.across + first_pair + k] = sum;
    }
  }
}

}  // namespace

void round_tokens(Stream stream, const Tokens& tokens, const TokenSummary& summary,
                  Precision precision, const PackedTokens<float>& packed,
                  const RoundedTokens& rounded) {
  if (precision == Precision::int8) {
    return launch_rounding<ToBytes>(stream, tokens, summary, packed, rounded);
  }
  launch_rounding<ToBFloat16>(stream, tokens, summary, packed, rounded);
}

template <class T>
void round_coordinates(Stream stream, std::int64_t inputs, const PackedTokens<const double>& tokens,
                       const PackedTokens<const double>& coordinates, Precision precision,
                       const RoundedTokens& rounded) {
  const auto launch_with = precision == Precision::int8 ? launch_rounding_along_axes<ToBytes>
                           : precision == Precision::bfloat16
                               ? launch_rounding_along_axes<ToBFloat16>
                               : launch_rounding_along_axes<ToEntries<T>>;
  launch_with(stream, inputs, tokens, coordinates, rounded);
}

void scale_products(Stream stream, const Matrix<const std::int32_t>& products,
                    const float* row_scales, const float* col_scales,
                    const Matrix<float>& affinities) {
  const Reader<std::int32_t> in{products.data, products.stride, 1};
  launch_map(stream, in, affinities, ScaledProducts{{}, row_scales, col_scales});
}

std::int64_t rescore_parts(std::int64_t channels) {
  return (channels + kPartChannels - 1) / kPartChannels;
}

template <class T>
void rescore(Stream stream, const PackedTokens<const T>& rows, const PackedTokens<const T>& cols,
             const ProblemGrid& problems, std::int64_t channels, const std::int32_t* columns,
             double* totals) {
  const bool staged = problems.cols <= kMostStaged<T>;
  const std::int64_t packs = kColInputs * problems.cols * kPacks;
  const dim3 grid(static_cast<unsigned>(rescore_parts(channels)),
                  blocks_for(problems.across, kColInputs), blocks_for(problems.down, kRowInputs));
  launch(staged ? &rescore_part<true, T> : &rescore_part<false, T>, grid,
         dim3(kWarp, kRescoreWarps), staged ? static_cast<std::size_t>(packs) * sizeof(Pack<T>) : 0,
         stream, Rescoring<T>{rows, cols, problems, columns, totals});
}

template void round_coordinates<float>(Stream, std::int64_t, const PackedTokens<const double>&,
                                       const PackedTokens<const double>&, Precision,
                                       const RoundedTokens&);
template void round_coordinates<double>(Stream, std::int64_t, const PackedTokens<const double>&,
                                        const PackedTokens<const double>&, Precision,
                                        const RoundedTokens&);
template void rescore(Stream, const PackedTokens<const float>&, const PackedTokens<const float>&,
                      const ProblemGrid&, std::int64_t, const std::int32_t*, double*);
template void rescore(Stream, const PackedTokens<const double>&, const PackedTokens<const double>&,
                      const ProblemGrid&, std::int64_t, const std::int32_t*, double*);

}  // namespace isogram::cuda
