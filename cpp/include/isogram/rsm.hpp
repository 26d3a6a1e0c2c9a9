// Representational similarity matrices (RSMs) of inputs that are sets of tokens. A spatial RSM
// compares tokens at the same position; a semantic RSM matches tokens first, wherever they stand
// (Wald et al., "Decoupling Semantic Similarity from Spatial Alignment for Neural Networks",
// NeurIPS 2024, arXiv:2410.23107).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "isogram/tokens.hpp"

namespace isogram {

// How the tokens of two inputs are matched, always on their inner products.
//   exact   the optimal assignment
//   window  tokens sorted by norm (descending, equal norms by index), cut into windows of
//           `window_or_k` tokens, each window matched exactly with its counterpart; the code of the
//           paper sorts ascending, which differs where `window_or_k` does not divide the tokens
//   topk    the `window_or_k` tokens of largest norm of both matched exactly, the rest greedily
//   greedy  the largest remaining affinity whose row and column are free
//   none    the identity: the spatial RSM
//   bound   no matching: in place of the sum of the optimal assignment an upper bound on it, from
//           the dual values of row and column reduction; in a fifth of the time. Not for distances
enum class Matching { exact, window, topk, greedy, none, bound };

// The type to which the exact matching rounds float32 tokens. Matched pairs are scored with the
// float32 tokens for every type.
//   bfloat16  8 bits per channel, where the processor multiplies bfloat16 (AVX-512 BF16); elsewhere
//             rounding would gain nothing, and tokens are not rounded
//   int8      integers −127 … 127 times one scale per token
enum class Precision { float32, bfloat16, int8 };

// `axes` (rank × channels, orthonormal rows): the exact matching compares tokens by their
// coordinates along these axes, rounded as `precision` says. Without data it compares all channels.
// Matched pairs are scored on all channels; along the axes where both inputs have no more than
// √(eps/2) ‖Z‖ off them, eps that of T, so that the score loses no more than its rounding. The loss
// is smallest for the leading eigenvectors of Σ z zᵀ over the tokens z, divided by ‖Z_i‖ and, where
// all inputs have equally many tokens, less their input's mean token. It is 0 but for rounding
// where all tokens lie in the span of the axes.
struct RsmOptions {
  Matching matching = Matching::exact;
  std::size_t window_or_k = 0;  // window and topk: ≥ 1
  Precision precision = Precision::float32;
  MatrixView<const double> axes = {};  // must outlive the options, plans and rows made with them
};

// The matrices that one matching fills; a view without data is skipped. With the matched sum m = Σ
// ⟨a, b⟩ over the matched tokens of inputs i and j:
//   linear    m; infinite where that is beyond T
//   cosine    m / (‖Z_i‖ ‖Z_j‖), norms over all tokens of an input; 0 for an all-zero input
//   distance  √(‖Z_i‖² + ‖Z_j‖² − 2 m); by differences of matched tokens in float64 where that
//             would cancel. RBF entries: rbf_from_distances()
template <class T>
struct RsmOutputs {
  MatrixView<T> linear;
  MatrixView<T> cosine;
  MatrixView<T> distance;

  // With a narrow precision or axes: an upper bound on (optimum − m) / (‖Z_i‖ ‖Z_j‖); 0 where
  // tokens are neither rounded nor projected. The bound is the dual value of the narrowed problem,
  // plus the most by which narrowing can change any matched sum, less m.
  MatrixView<T> loss = {};
};

// The RSM of n inputs (n × n, exactly symmetric, identity matching on the diagonal), or of n inputs
// against m others (n × m). Input i has s_i tokens of c channels. Where the s_i differ, every token
// of the smaller input is matched. Returns an exponent e: distances are written over 2^e, and e is
// 0 unless the largest distance would come near an end of T's range.
//
// Where all inputs have equally many tokens, matchings exact, window and none subtract each input's
// mean token first. That adds s · ⟨mean_i, mean_j⟩ to every matched sum: the matching is the same,
// and a large common offset costs no digits.
//
// A pair whose distance is so far below the norms of its tokens (near copies, or clusters of tokens
// far from each other that inputs share) that rounded affinities may confuse near tokens is matched
// again for its distance, in float64: exact and window by differences, topk and greedy, for
// T = float, by inner products. The same bits for any number of threads.
//
// Types: any → T affinities → float64 matched sums → T, T = float or double; matching none sums in
// T, in short panels.
// Cost per pair: s²c multiply-adds and one assignment; with axes s²·rank, and s·c to score it
// (s·rank along the axes), after c·rank per token in float64; a distance from differences: s·c
// more; a pair that is matched again: s²c in float64 and one or two assignments more.
// Memory: tokens packed once as T (twice with a narrow precision or axes, for scoring, and their
// coordinates where both; without a matching some columns at a time, beside the sums of all pairs,
// if that takes less); per thread a block of pairs, and s² doubles for a pair that is matched
// again.
// Throws std::invalid_argument: no inputs, an input without tokens or channels, different channel
// counts, an output of the wrong shape, window_or_k = 0 for window or topk, a narrow precision or
// axes with another matching than exact, a narrow precision with T = double, axes with other than c
// columns or not orthonormal to 2^−32; NotFiniteToken: a NaN or infinity.
template <class T>
int semantic_rsm(const TokenInputs& inputs, const RsmOptions& options, const RsmOutputs<T>& outputs,
                 const Execution& execution = {});
template <class T>
int semantic_rsm(const TokenInputs& inputs, const TokenInputs& others, const RsmOptions& options,
                 const RsmOutputs<T>& outputs, const Execution& execution = {});

// ---- Tile by tile ----------------------------------------------------------------------------

// The options and facts of all inputs that decide the bits of an RSM, shared by its tiles.
struct RsmPlan {
  RsmOptions options;
  std::size_t max_tokens = 0;  // of any input
  bool is_centered = false;    // whether every input loses its own mean token first
  int distance_exponent = 0;   // e: distances are written over 2^e
};

// The plan from merged() facts of all inputs and others. Facts without a largest norm leave
// distances unscaled. Cost: O(1), with axes rank²·channels. Throws std::invalid_argument: an option
// that semantic_rsm() refuses.
template <class T>
RsmPlan plan_rsm(const RsmOptions& options, const TokenFacts& facts);

// One tile of an RSM, rows.size() × cols.size() entries, with the bits that semantic_rsm() gives
// them among all inputs of the plan; without `cols` a tile on the diagonal, rows against
// themselves. Types, cost, memory and errors as of semantic_rsm(); throws also for an input with
// more tokens than the plan's.
template <class T>
void semantic_rsm_tile(const RsmPlan& plan, const TokenInputs& rows, const RsmOutputs<T>& outputs,
                       const Execution& execution = {});
template <class T>
void semantic_rsm_tile(const RsmPlan& plan, const TokenInputs& rows, const TokenInputs& cols,
                       const RsmOutputs<T>& outputs, const Execution& execution = {});

// Packed rows, shared by the tiles of a row of tiles: each packs its columns alone. Cost, memory
// and errors: the rows' share of semantic_rsm_tile(). The inputs and axes must outlive this object
// and its copies.
template <class T>
class RsmRows {
 public:
  RsmRows(const RsmPlan& plan, const TokenInputs& inputs, const Execution& execution = {});

  struct Packed;
  const Packed& packed() const { return *packed_; }
  std::size_t size() const;  // inputs

 private:
  std::shared_ptr<const Packed> packed_;
};

// semantic_rsm_tile() with packed rows. Threads may call it at the same time with the same rows.
template <class T>
void semantic_rsm_tile(const RsmRows<T>& rows, const RsmOutputs<T>& outputs,
                       const Execution& execution = {});
template <class T>
void semantic_rsm_tile(const RsmRows<T>& rows, const TokenInputs& cols,
                       const RsmOutputs<T>& outputs, const Execution& execution = {});

// The pairs (rows[k], cols[k]) of inputs.
struct RsmPairs {
  std::span<const std::int64_t> rows;
  std::span<const std::int64_t> cols;
};

// The entries of some pairs, as outputs of pairs × 1 entries, with the bits that semantic_rsm()
// gives them among all inputs of the plan. Pairs come in any order, and may repeat. Types and
// errors as of semantic_rsm(); throws also for an input in a pair that has more tokens than the
// plan's, and an index of no input. Cost per pair: as of semantic_rsm(), up to a sixth more for few
// tokens; for Matching::none ten times a pair of a product of matrices. Each input in a pair is
// packed in the time of two to four pairs. Memory: packed rows, and a band of 8 MB of packed
// columns if they are other inputs; 48 bytes a pair; and per thread as semantic_rsm(). Inputs in no
// pair are not read.
template <class T>
void semantic_rsm_pairs(const RsmPlan& plan, const TokenInputs& inputs, const RsmPairs& pairs,
                        const RsmOutputs<T>& outputs, const Execution& execution = {});
template <class T>
void semantic_rsm_pairs(const RsmPlan& plan, const TokenInputs& inputs, const TokenInputs& others,
                        const RsmPairs& pairs, const RsmOutputs<T>& outputs,
                        const Execution& execution = {});

// An upper bound on the working memory of semantic_rsm_tile() for `rows` × `cols` inputs, in bytes,
// beside inputs and outputs; cols = 0 stands for rows against themselves. With `is_listed` that of
// semantic_rsm_pairs(), beside pairs. Only assignment problems that have to be solved in integers
// (match.hpp) take more. Cost: O(1).
template <class T>
std::size_t rsm_tile_bytes(const RsmPlan& plan, std::size_t channels, std::size_t rows,
                           std::size_t cols, bool has_distances, const Execution& execution = {},
                           bool is_listed = false);

}  // namespace isogram
