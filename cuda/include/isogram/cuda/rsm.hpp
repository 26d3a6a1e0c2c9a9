// Representational similarity matrices of inputs that are sets of tokens, in parts: tokens are
// packed once, the affinities of a block of pairs are the caller's to compute (a GEMM), they are
// matched (here, or by match.hpp), and the matched sums become entries. See isogram/rsm.hpp for
// the definitions.
//
// T, of packed tokens and of entries, is float or double. Scaled numbers, differences and sums are
// float64 before they are rounded to T.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"
#include "isogram/cuda/match.hpp"
#include "isogram/detail/rounding.hpp"
#include "isogram/rsm.hpp"
#include "isogram/tokens.hpp"

namespace isogram::cuda {

// ---- Preparing tokens ------------------------------------------------------------------------

// The caller's tokens, in the memory of the GPU.
using isogram::Tokens;

// The facts of every input that packing needs. Scaled units are 2^exponent, chosen as on the
// CPU: the exponent that brings the largest magnitude into [½, 1), 0 where it is moderate.
struct TokenSummary {
  int* exponents;            // (inputs)
  double* squared_norms;     // (inputs): ‖Z_i‖² in scaled units
  double* means;             // (inputs, channels): the mean token in scaled units, to be subtracted
                             // when tokens are packed; null: nothing is
  std::int64_t* not_finite;  // (inputs): token · channels + channel of the first NaN or infinity in
                             // this order, −1 where there is none
  double* means_left =
      nullptr;  // (inputs, channels): that of tokens less `means`. Where a few tokens
                // of huge norm pull the mean away from all others, `means` are of
                // those others, as on the CPU; else this is 0. Null: no such care
  double* bulk_norms = nullptr;  // (inputs): Σ of squared norms of tokens less `means`, but for the
                                 // largest, in scaled units; null: not asked for
};

// Writes all of `summary`. A mean is taken relative to the first token, so that equal tokens have
// exactly their value as mean. A block of threads per input, which reads it three times; with
// means_left, for up to kMaxMatched tokens, five times at least; for bulk_norms once more.
void summarise_tokens(Stream stream, const Tokens& tokens, const TokenSummary& summary);

// order[i, p] = the token of input i that comes p-th by descending norm, equal ones by index; p
// itself beyond the length of the input. `squared_norms` is scratch of (inputs, tokens) doubles.
// Every token is compared with every other of its input.
void order_tokens(Stream stream, const Tokens& tokens, const int* exponents, double* squared_norms,
                  std::int32_t* order);

// Packed tokens: (pieces, inputs, window, stride) adjacent items, each piece the next `window`
// tokens of every input. There are ⌈tokens / window⌉ pieces, mostly one. stride ≥ channels.
template <class T>
struct PackedTokens {
  T* data;
  std::int64_t window;
  std::int64_t stride;
};

// packed = 2^−exponent · Z − mean, tokens in the `order` given, or in their own where it is null.
// Writes everything: 0 beyond an input's tokens and channels. With stride = channels a whole
// input is a row of tokens · channels items. A warp per token; one read, one write.
template <class T>
void pack_tokens(Stream stream, const Tokens& tokens, const TokenSummary& summary,
                 const std::int32_t* order, const PackedTokens<T>& packed);

// ---- Fewer digits ----------------------------------------------------------------------------

// Norms of tokens as packed, and as rounded.
using detail::RoundedNorms;

// Tokens rounded to be matched.
struct RoundedTokens {
  void* data;           // (inputs, tokens, stride): bfloat16, or int8 in −127 … 127
  std::int64_t stride;  // ≥ channels
  float* scales;        // (inputs, tokens), of int8: what its integers are multiplied by; else null
  RoundedNorms* norms;  // (inputs)
};

// The products of this many int8 channels can be summed up in int32.
inline constexpr std::int64_t kMostByteChannels = std::int64_t{1} << 17;

// Packs tokens as pack_tokens<float> does in one piece (window = tokens) and in their own order,
// for rescore(), and rounded to the nearest, ties to even, for the affinities. `precision` is
// bfloat16 or int8. Writes zeros beyond an input's tokens and channels. A block of threads per
// input, which reads it twice.
void round_tokens(Stream stream, const Tokens& tokens, const TokenSummary& summary,
                  Precision precision, const PackedTokens<float>& packed,
                  const RoundedTokens& rounded);

// affinities_ij = products_ij · (row_scales_i · col_scales_j), for a block of products of int8. The
// two may be the same memory, with the same strides.
void scale_products(Stream stream, const Matrix<const std::int32_t>& products,
                    const float* row_scales, const float* col_scales,
                    const Matrix<float>& affinities);

// The parts in which rescore() leaves its sums; see MatchedSums.
std::int64_t rescore_parts(std::int64_t channels);

// Scores matchings of rounded tokens with the tokens themselves:
//   totals[part, r, c] = Σ_s ⟨a_r[s], b_c[columns[r, c, s]]⟩ over the part's channels,
// (rescore_parts(channels), down, across), in float32 over one part and input, then in float64.
// `columns` and of `problems` the numbers of problems, their rows, down_rows and above_diagonal are
// those that match() had; tokens without a column count for nothing. Both sides are packed in one
// piece, `data` is of the first input of the block, aligned to 16 bytes, and the strides are equal,
// a multiple of 4.
//
// A block of threads takes 32 channels of 32 × 6 inputs. The tokens of the 6 are in shared memory
// where they fit (64 tokens), and a row token is read once for all 6: per pair of s tokens of c
// channels s·c multiply-adds, 4·s·c bytes from shared memory, (1/6 + 1/32) 4·s·c from L2.
void rescore(Stream stream, const PackedTokens<const float>& rows,
             const PackedTokens<const float>& cols, const ProblemGrid& problems,
             std::int64_t channels, const std::int32_t* columns, double* totals);

// ---- Greedy matching -------------------------------------------------------------------------

// columns[problem, row] = its column, −1 where it stays unmatched, unless `columns` is null; and
// totals[problem] = the float64 sum of the largest remaining affinity whose row and column are
// free, again and again; of equal ones the smaller row, then the smaller column goes first. That is
// the CPU's choice, and its order of summation. Up to 4096 rows and columns; problems without rows
// or columns have total 0; above_diagonal is heeded. NaN and −∞ count as the lowest number.
//
// A warp, or a block for more than 64 rows or columns, keeps the best column of every row. It looks
// for a new one only when the row has its turn and the column is taken: as a rule a few times per
// row, and never more than rows · cols times in all.
void match_greedily(Stream stream, const ProblemGrid& problems, std::int32_t* columns,
                    double* totals);

// ---- Entries ---------------------------------------------------------------------------------

// Inputs of one side of a block, from its first on.
struct RsmSide {
  const int* exponents;
  const double* squared_norms;
  const RoundedNorms* rounded_norms = nullptr;  // where loss is asked for
  const double* bulk_norms = nullptr;           // null: no distance is marked
};

// The matched sums of a block of down × across pairs of inputs.
struct MatchedSums {
  std::int64_t down = 0;
  std::int64_t across = 0;
  const double* totals = nullptr;  // (parts, down, across): of packed tokens, to be added up
  std::int64_t parts = 1;
  const double* mean_products = nullptr;  // (down, across): ⟨mean_i, mean_j⟩; null: not centred
  std::int64_t tokens = 0;                // of every input, where centred

  // Where loss is asked for: what match() found for the rounded tokens, (down, across).
  const double* rounded_totals = nullptr;
  const double* gaps = nullptr;
  std::int64_t channels = 0;
};

// The caller's tokens of a block of pairs, and how they were matched. Positions come in
// parts, each matched on its own: `parts` of them, of part_rows and of part_cols positions, the
// last perhaps of fewer; what is beyond the parts is not matched.
struct MatchedTokens {
  Tokens rows;  // from the first input of the block on
  Tokens cols;
  const std::int32_t* row_order = nullptr;  // (inputs, tokens): see order_tokens(); null: their own
  const std::int32_t* col_order = nullptr;
  const std::int32_t* columns = nullptr;  // of part p from p · part_stride on (down, across, rows),
                                          // in the part; null: the identity
  std::int64_t parts = 1;
  std::int64_t part_stride = 0;
  std::int64_t part_rows = 0;
  std::int64_t part_cols = 0;
  std::int64_t last_rows = 0;
  int exponent = 0;  // tokens count as if they were over 2^exponent
  // (proven_parts, down, across), of the first parts: what match() says of them
  const std::uint8_t* is_proven = nullptr;
  std::int64_t proven_parts = 0;
};

// Writes the entries of a block, as on the CPU, into those of the outputs that are asked for: views
// of the whole matrices in device memory, with any strides, in which the block's first entry is at
// `place`. `same`: both sides are the same set of inputs; only entries above the diagonal are taken
// from `sums`, those below are their mirror images, and those on it are known. With `tokens`,
// distances whose sum would cancel are taken again by differences of matched tokens, a warp each;
// and with bulk norms, those get a minus sign for which the CPU would match the tokens once more:
// rounded affinities may have been matched wrongly, or a matching is not proven.
template <class T>
void write_entries(Stream stream, const MatchedSums& sums, const RsmSide& rows, const RsmSide& cols,
                   bool same, Place place, const RsmOutputs<T>& outputs,
                   const MatchedTokens* tokens = nullptr);

}  // namespace isogram::cuda
