// Representational similarity matrices of inputs that are sets of tokens, in steps: tokens are
// packed once, the caller computes the affinities of a block of pairs (a GEMM), match() or
// match_greedily() matches them, and write_entries() turns the matched sums into entries. See
// isogram/rsm.hpp for the definitions. T, the type of packed tokens and entries, is float or
// double; scaled numbers, differences and sums are float64 before they are rounded to T. The rules
// of device.hpp hold.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"
#include "isogram/cuda/match.hpp"
#include "isogram/detail/rounding.hpp"
#include "isogram/rsm.hpp"
#include "isogram/tokens.hpp"

namespace isogram::cuda {

// ---- Preparing tokens ------------------------------------------------------------------------

// The caller's tokens; `data` and `lengths` in device memory.
using isogram::Tokens;

// The facts of every input that packing needs. Numbers are in units of 2^exponent: the exponent
// brings the largest magnitude into [½, 1), and is 0 where that is moderate, as on the host.
struct TokenSummary {
  int* exponents;            // (inputs)
  double* squared_norms;     // (inputs): ‖Z_i‖² in units
  double* means;             // (inputs, channels): the mean token in units, subtracted when tokens
                             // are packed; null: none is
  std::int64_t* not_finite;  // (inputs): token · channels + channel of the first NaN or infinity;
                             // −1 if there is none
  // (inputs, channels): the mean of tokens less `means`. If a few tokens of huge norm pull the mean
  // away from all others, `means` are of the others (isogram/detail/tokens.hpp); else this is 0.
  // Null: `means` are of all tokens.
  double* means_left = nullptr;
  // (inputs): Σ ‖token − mean‖² without its largest term, in units; null: not computed.
  double* bulk_norms = nullptr;
};

// Writes all of `summary`. Means are summed relative to the first token, so that the mean of equal
// tokens is exact. means_left is for at most kMaxMatched tokens. Cost: a block of threads per
// input, which reads it three times; at least five times with means_left, and once more for
// bulk_norms.
void summarise_tokens(Stream stream, const Tokens& tokens, const TokenSummary& summary);

// order[i, p] = the token of input i with the p-th largest norm (equal norms by index); p itself
// beyond the length of the input. `squared_norms` is scratch, (inputs, tokens) doubles. Cost: one
// pass over the tokens, and tokens² comparisons per input.
void order_tokens(Stream stream, const Tokens& tokens, const int* exponents, double* squared_norms,
                  std::int32_t* order);

// Packed tokens: (pieces, inputs, window, stride) adjacent items. A piece holds the next `window`
// tokens of every input; there are ⌈tokens / window⌉ pieces, mostly one. stride ≥ channels.
template <class T>
struct PackedTokens {
  T* data;
  std::int64_t window;
  std::int64_t stride;
};

// packed = 2^−exponent · Z − mean, tokens in `order`, or in their own order if it is null; 0 beyond
// an input's tokens and channels. With stride = channels an input is a row of tokens · channels
// items. Types: any → float64 → T. Cost: a warp per token; one read, one write.
template <class T>
void pack_tokens(Stream stream, const Tokens& tokens, const TokenSummary& summary,
                 const std::int32_t* order, const PackedTokens<T>& packed);

// ---- Fewer digits ----------------------------------------------------------------------------

// Norms of packed tokens and of rounded tokens.
using detail::RoundedNorms;

// Tokens rounded to be matched.
struct RoundedTokens {
  void* data;           // (inputs, tokens, stride): bfloat16, int8 in −127 … 127, or coordinates
                        // of the type of entries
  std::int64_t stride;  // ≥ channels, or axes
  float* scales;        // (inputs, tokens): the unit of a token's int8; null for other types
  RoundedNorms* norms;  // (inputs)
};

// An int32 holds the sum of the products of this many int8 channels.
inline constexpr std::int64_t kMostByteChannels = std::int64_t{1} << 17;

// Packs tokens twice: like pack_tokens<float>() in one piece (window = tokens) and in their own
// order, for rescore(), and rounded to `precision` (bfloat16 or int8; to the nearest, ties to
// even), for the affinities. Writes 0 beyond an input's tokens and channels. Cost: a block of
// threads per input, which reads it twice.
void round_tokens(Stream stream, const Tokens& tokens, const TokenSummary& summary,
                  Precision precision, const PackedTokens<float>& packed,
                  const RoundedTokens& rounded);

// Rounds the coordinates of tokens along the axes of a matching, as round_tokens() does the tokens
// themselves; with float32 to T, the type of entries. Both sides are what pack_tokens<double>()
// makes of them in one piece: `tokens` by itself, and `coordinates`, of stride axes, as
// tokens · axesᵀ. The norms are those of coordinates, and RoundedNorms::left_out is what they leave
// of the tokens. Cost: a block of threads per input, which reads both; one write.
template <class T>
void round_coordinates(Stream stream, std::int64_t inputs, const PackedTokens<const double>& tokens,
                       const PackedTokens<const double>& coordinates, Precision precision,
                       const RoundedTokens& rounded);

// affinities_ij = products_ij · (row_scales_i · col_scales_j), for a block of int32 products of
// int8 tokens. `affinities` may be the memory of `products`, with the same stride. Cost: one read,
// one write.
void scale_products(Stream stream, const Matrix<const std::int32_t>& products,
                    const float* row_scales, const float* col_scales,
                    const Matrix<float>& affinities);

// The number of parts of the sums of rescore(); see MatchedSums.
std::int64_t rescore_parts(std::int64_t channels);

// Scores matchings of rounded tokens, or coordinates, with the tokens before that:
//   totals[part, r, c] = Σ_s ⟨a_r[s], b_c[columns[r, c, s]]⟩ over the part's channels,
// (rescore_parts(channels), down, across); sums of type T within a part and input, float64 beyond.
// `columns` is the result of match(), and `problems` has its down, across, rows, cols, down_rows
// and above_diagonal; tokens without a column add nothing. Both sides are packed in one piece.
// Their `data` is the first input of the block, aligned to 16 bytes; their strides are equal, a
// multiple of 4.
//
// Cost per pair of s tokens of c channels, in float32: s·c multiply-adds, 4·s·c bytes from shared
// memory and (1/6 + 1/32) 4·s·c from L2. A block of threads takes 32 channels of 32 × 6 inputs; the
// tokens of the 6 are in shared memory if they fit (64 tokens of floats), and a row token is read
// once for all 6.
template <class T>
void rescore(Stream stream, const PackedTokens<const T>& rows, const PackedTokens<const T>& cols,
             const ProblemGrid& problems, std::int64_t channels, const std::int32_t* columns,
             double* totals);

// ---- Greedy matching -------------------------------------------------------------------------

// Matches greedily: again and again the largest remaining affinity whose row and column are free;
// of equal affinities the smaller row, then the smaller column. columns[problem, row] is the column
// of the row, −1 if it stays unmatched (`columns` may be null); totals[problem] is the float64 sum
// in the order of the choices. Choices and order are the host's. Problems have up to kMaxMatched
// rows and columns; above_diagonal applies; a problem without rows or columns has total 0. NaN and
// −∞ count as the lowest number.
//
// Cost: a warp, or a block for more than 64 rows or columns, keeps the best free column of every
// row. It searches a row again only when the row has the largest affinity and its column is taken:
// as a rule a few times per row, at most rows · cols times in all.
void match_greedily(Stream stream, const ProblemGrid& problems, std::int32_t* columns,
                    double* totals);

// ---- Entries ---------------------------------------------------------------------------------

// Inputs of one side of a block, from its first on.
struct RsmSide {
  const int* exponents;
  const double* squared_norms;
  const RoundedNorms* rounded_norms = nullptr;  // required for RsmOutputs::loss
  const double* bulk_norms = nullptr;           // null: no distance is marked for a new matching
};

// The matched sums of a block of down × across pairs of inputs.
struct MatchedSums {
  std::int64_t down = 0;
  std::int64_t across = 0;
  const double* totals = nullptr;  // (parts, down, across): sums over packed tokens, in parts
  std::int64_t parts = 1;
  const double* mean_products = nullptr;  // (down, across): ⟨mean_i, mean_j⟩; null: not centred
  std::int64_t tokens = 0;                // of every input, with mean_products

  // Required for RsmOutputs::loss: totals and gaps of match() for the rounded tokens, (down,
  // across), and the channels, or axes, of those.
  const double* rounded_totals = nullptr;
  const double* gaps = nullptr;
  std::int64_t channels = 0;
};

// The caller's tokens of a block of pairs, and their matching. The positions of tokens are divided
// into `parts`, each matched on its own: part_rows and part_cols positions each, last_rows rows in
// the last. Positions beyond the parts are not matched.
struct MatchedTokens {
  Tokens rows;  // from the first input of the block on
  Tokens cols;
  const std::int32_t* row_order = nullptr;  // (inputs, tokens): order_tokens(); null: the caller's
  const std::int32_t* col_order = nullptr;
  const std::int32_t* columns = nullptr;  // part p from p · part_stride on: (down, across, rows),
                                          // columns within the part; null: the identity
  std::int64_t parts = 1;
  std::int64_t part_stride = 0;
  std::int64_t part_rows = 0;
  std::int64_t part_cols = 0;
  std::int64_t last_rows = 0;
  int exponent = 0;  // distances are written over 2^exponent
  // (proven_parts, down, across): Matchings::is_proven of the first parts.
  const std::uint8_t* is_proven = nullptr;
  std::int64_t proven_parts = 0;
};

// Writes the entries of a block into the outputs that have data: views of the whole matrices, with
// any strides, in which the block's first entry is at `place`. `same`: rows and cols are the same
// inputs; then only entries above the diagonal come from `sums`, their mirror images are written
// too, and the diagonal is exact. With `tokens`, distances that would cancel are computed again by
// differences of matched tokens, a warp each. With bulk norms, such a distance gets a minus sign
// where the host would match the tokens again: rounded affinities may have mismatched them, or a
// matching is not proven.
template <class T>
void write_entries(Stream stream, const MatchedSums& sums, const RsmSide& rows, const RsmSide& cols,
                   bool same, Place place, const RsmOutputs<T>& outputs,
                   const MatchedTokens* tokens = nullptr);

}  // namespace isogram::cuda
