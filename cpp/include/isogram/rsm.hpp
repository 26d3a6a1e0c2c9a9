// Representational similarity matrices of inputs that are sets of tokens: spatial ones, and
// semantic ones, which do not care where an object stands (Wald et al., "Decoupling Semantic
// Similarity from Spatial Alignment for Neural Networks", NeurIPS 2024, arXiv:2410.23107).
#pragma once

#include <cstddef>
#include <memory>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "isogram/tokens.hpp"

namespace isogram {

// How the tokens of two inputs are matched, always on their inner products.
//   exact   the optimal assignment
//   window  tokens sorted by norm (descending, equal ones by index), cut into windows of
//   `window_or_k`,
//           window against window solved exactly; the code of the paper (arXiv:2410.23107) sorts
//           ascending, which differs where `window_or_k` does not divide the tokens
//   topk    the `window_or_k` tokens of largest norm of both matched exactly, the rest greedily
//   greedy  the largest remaining affinity whose row and column are free
//   none    the identity: the spatial RSM
enum class Matching { exact, window, topk, greedy, none };

// How the exact matching sees float32 tokens: as they are, or rounded to fewer digits. The matched
// pairs are scored in float32 in any case.
//   bfloat16  8 bits of every channel, where the processor multiplies those (AVX-512 BF16); tokens
//             as they are elsewhere, where rounding them would gain nothing
//   int8      every channel as −127 … 127 times a scale of its token
enum class Precision { float32, bfloat16, int8 };

// `axes`, rank × channels: what the exact matching sees of tokens is their coordinates along these
// orthonormal rows, rounded as `precision` says; without data, all channels. It loses least where
// they are the leading eigenvectors of Σ z zᵀ over the tokens z that are matched: of each input
// less its mean token where all inputs have as many tokens, and over ‖Z_i‖. An orthogonal map
// changes no inner product: where tokens lie in the span of the axes, nothing is lost but rounding.
// The matched pairs are scored on all channels.
struct RsmOptions {
  Matching matching = Matching::exact;
  std::size_t window_or_k = 0;  // window and topk: ≥ 1
  Precision precision = Precision::float32;
  MatrixView<const double> axes = {};  // has to stay where it is
};

// Where to write the entries that one matching gives; those of a view without data are not
// computed. With the matched sum m of inputs i and j:
//   linear    m; infinite where that is beyond T
//   cosine    m / (‖Z_i‖ ‖Z_j‖), norms of whole inputs; 0 for an all-zero input
//   distance  √(‖Z_i‖² + ‖Z_j‖² − 2 m); by the differences of matched tokens, in float64, where
//             the sum would cancel. See rbf_from_distances()
template <class T>
struct RsmOutputs {
  MatrixView<T> linear;
  MatrixView<T> cosine;
  MatrixView<T> distance;

  // Of a narrow precision or of axes: an upper bound on (optimum − m) / (‖Z_i‖ ‖Z_j‖), 0 where the
  // matching saw tokens as they are. The optimum is at most the dual value of the narrowed problem
  // plus the most that narrowing can change in any matching: by rounding, and by the inner products
  // of what tokens have beyond the axes, whose sum is at most the product of the norms of that, of
  // all tokens of either input.
  MatrixView<T> loss = {};
};

// The RSM of n inputs (n × n, exactly symmetric, identity matching on the diagonal), or of n
// inputs against m others (n × m). Input i has s_i tokens of c channels; the s_i may
// differ: then every token of the smaller set is matched. Returns the exponent e of the unit of
// distances, which are written over 2^e: 0 unless the largest would come near an end of T's range.
//
// Types: any → T affinities → float64 matched sums → T; without a matching, T sums in short panels.
// Cost of a distance from differences: s·c. A distance so far below the norms of the tokens that
// affinities may have lost the digits that tell near tokens apart (clusters of tokens far from each
// other that inputs share, near copies) has a matching of its own, in float64: of exact and window
// by differences, of topk and greedy, for T = float, by inner products. Cost: s²c in float64 and
// one or two more assignments, and s² doubles per thread. Where all inputs have the same number of
// tokens, exact, window and none centre each by its own mean token first, which shifts every such
// sum by s · ⟨mean_i, mean_j⟩ alone: the matching is the same and the sum keeps its digits when
// tokens share a large offset. Cost per pair: s²c multiply-adds and one assignment. Memory: tokens
// packed once as T (with a narrow precision or axes they are kept as T beside that, for
// rescoring), and a block of pairs per thread. Axes: c·rank multiply-adds per token in float64,
// s·rank·s per pair in place of s²c, and s·c to score it. Bit-identical for any number of threads.
// Throws std::invalid_argument: no inputs, an empty input, different channel counts, an output of
// the wrong shape, window_or_k = 0 where one is needed, a narrow precision or axes with another
// matching than exact, a narrow precision with T = double, axes that are not orthonormal to 2^−32
// or have not as many columns as there are channels; NotFiniteToken.
template <class T>
int semantic_rsm(const TokenInputs& inputs, const RsmOptions& options, const RsmOutputs<T>& outputs,
                 const Execution& execution = {});
template <class T>
int semantic_rsm(const TokenInputs& inputs, const TokenInputs& others, const RsmOptions& options,
                 const RsmOutputs<T>& outputs, const Execution& execution = {});

// ---- Tile by tile ----------------------------------------------------------------------------

// The facts of all inputs that decide the bits of an RSM, the same for each of its tiles.
struct RsmPlan {
  RsmOptions options;
  std::size_t max_tokens = 0;  // of any input
  bool is_centered = false;    // whether every input loses its own mean token first
  int distance_exponent = 0;   // distances are written over 2^this
};

// `facts` are those of inputs and others, merged; without a largest norm, distances are written as
// they are. Throws std::invalid_argument as semantic_rsm() does.
template <class T>
RsmPlan plan_rsm(const RsmOptions& options, const TokenFacts& facts);

// One tile of an RSM, rows.size() × cols.size() entries: the bits that the RSM of all inputs of the
// plan has there. The overload without `cols` computes a tile on the diagonal of the RSM of one
// set: rows against themselves. Types, cost, memory and errors: as of semantic_rsm().
template <class T>
void semantic_rsm_tile(const RsmPlan& plan, const TokenInputs& rows, const RsmOutputs<T>& outputs,
                       const Execution& execution = {});
template <class T>
void semantic_rsm_tile(const RsmPlan& plan, const TokenInputs& rows, const TokenInputs& cols,
                       const RsmOutputs<T>& outputs, const Execution& execution = {});

// Packed rows, for tiles that have the same ones: such a tile packs its columns alone. Cost, memory
// and errors: the rows' share of those of semantic_rsm(). The inputs and axes have to stay where
// they are as long as this or a copy of it lives.
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

// The same tiles, of packed rows; any number of threads may call them with the same rows.
template <class T>
void semantic_rsm_tile(const RsmRows<T>& rows, const RsmOutputs<T>& outputs,
                       const Execution& execution = {});
template <class T>
void semantic_rsm_tile(const RsmRows<T>& rows, const TokenInputs& cols,
                       const RsmOutputs<T>& outputs, const Execution& execution = {});

// The bytes of working memory that semantic_rsm_tile() takes at most for `rows` × `cols` inputs,
// beside the inputs and outputs; cols = 0 stands for rows against themselves. Only costs that
// float64 cannot hold together take more: they are matched as integers.
template <class T>
std::size_t rsm_tile_bytes(const RsmPlan& plan, std::size_t channels, std::size_t rows,
                           std::size_t cols, bool has_distances, const Execution& execution = {});

}  // namespace isogram
