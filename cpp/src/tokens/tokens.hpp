// Inputs that are sets of tokens, packed once for all pairs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "isogram/rsm.hpp"
#include "isogram/tokens.hpp"
#include "simd/kernels.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"
#include "tiles/packed.hpp"
#include "tiles/tile.hpp"
#include "tokens/axes.hpp"
#include "tokens/folded.hpp"
#include "tokens/narrow.hpp"

namespace isogram {

// The layout of the tokens of an RSM.
struct TokenLayout {
  Matching matching = Matching::exact;
  std::size_t window = 0;                           // tokens per window, for Matching::window
  bool centered = false;                            // every input loses its own mean token
  std::size_t group = 1;                            // inputs whose tokens share panels
  bool is_listed = false;                           // for a list of pairs: no inputs share panels
  std::size_t max_tokens = 0;                       // tokens of the largest input
  Precision precision = Precision::float32;         // the matching's
  MatrixView<const double> axes = {};               // the matching's; without data, all channels
  const simd::ByteKernels* byte_kernels = nullptr;  // set for int8, unless rows are too long
  const simd::PairKernels* pair_kernels = nullptr;  // set for bfloat16

  // Whether tokens are rounded or projected for the matching, and scored as they are.
  bool is_narrow() const { return precision != Precision::float32 || axes.data; }
  // The most groups on each side of a block whose narrow tokens are scored together: what is scored
  // comes from the outer cache once for a block, and a slice of it stays in a core's own cache.
  std::size_t groups_scored_together() const {
    constexpr std::size_t most_inputs = 32, most_groups = 4;
    return is_listed ? 1 : std::clamp(most_inputs / group, std::size_t{1}, most_groups);
  }
  std::size_t pairs_scored_together() const {
    const std::size_t inputs = group * groups_scored_together();
    return is_narrow() ? inputs * inputs : 0;
  }
  // Whether inputs of a list may have tails; in groups of one, they would share with nobody.
  bool has_tails() const {
    return is_listed && group > 1 && !is_narrow() && matching != Matching::window &&
           matching != Matching::none;
  }
  // The number of channels, or of coordinates along the axes, in the matching.
  std::size_t seen(std::size_t channels) const { return axes.data ? axes.rows : channels; }
  // The number of channels or coordinates per word.
  std::size_t per_word() const { return byte_kernels ? byte_kernels->per_word : 2; }
};

// n packed inputs. Input i is stored as 2^−exponent(i) · Z_i less an origin, its tokens as packed
// rows: in their own order, or by descending norm for matchings window and topk. The origin is the
// mean token (0 unless centered); if a few tokens of huge norm pull the mean away from all others,
// it is the mean of the others.
//
// Pieces: rows of different pieces never share a panel. A piece is a group of consecutive inputs,
// or for a list of pairs each input of a group; for Matching::window, one window of one input. For
// Matching::none each input is one row, its tokens end to end; for a list of pairs rows are folded,
// else they are not packed here: write_entries() reads the inputs.
//
// Tails: for a list of pairs, the last tokens of an input would fill a few rows of a panel. The
// tails of a group share panels.
template <class T>
class TokenSets {
 public:
  TokenSets(const simd::KernelTable<T>& kernels, const TokenInputs& inputs,
            const TokenLayout& layout, const Execution& execution);

  // Upper bounds on the bytes of `inputs` inputs, and of each thread that packs them.
  static std::size_t bytes_for(const simd::KernelTable<T>& kernels, const TokenLayout& layout,
                               std::size_t inputs, std::size_t channels);
  static std::size_t packing_bytes_for(const simd::KernelTable<T>& kernels,
                                       const TokenLayout& layout, std::size_t channels);

  std::size_t inputs() const { return tokens_.size(); }
  std::size_t tokens(std::size_t input) const { return tokens_[input]; }
  std::size_t groups() const { return blocks_in(inputs(), layout_.group); }
  Span group(std::size_t g) const {
    return {g * layout_.group, std::min(inputs(), (g + 1) * layout_.group)};
  }
  std::size_t depth() const { return depth_; }

  // Packed rows; the first begins a panel.
  struct Rows {
    const T* data;
    std::size_t count;
  };
  // The tokens of inputs of one group; the first one's begin a panel.
  Rows rows(Span inputs) const;

  // For a narrow layout: the tokens before narrowing, and the norms for its bound. The packed rows
  // of T may be replaced by words of bytes, or of pairs of bfloat16.
  const NarrowTokens<T>& narrow() const { return *narrow_; }
  bool has_words() const { return layout_.byte_kernels || layout_.pair_kernels; }
  const std::int32_t* words(std::size_t input) const {
    return words_.data() + place_of(input, 0, word_depth());
  }
  std::size_t word_depth() const { return blocks_in(depth_, layout_.per_word()); }

  // For a list of pairs: the tokens of an input but its tail, and the tail, rows `first` … of a
  // panel; empty where an input has none.
  struct Tail {
    const T* panel;
    std::size_t first;
    std::size_t count;
  };
  Rows body(std::size_t input) const;
  Tail tail(std::size_t input) const;

  Rows window_rows(std::size_t input, std::size_t window) const;

  // For Matching::none: writes entries of an input's row to `out`, with scratch memory for a token,
  // and tells the address of an entry of the input, if its entries are adjacent, else null.
  void write_entries(std::size_t input, Span entries, double* scratch, T* out) const;
  const T* address(std::size_t input, std::size_t entry) const;

  const T* folded(std::size_t input) const {  // for Matching::none and a list of pairs
    return data_.data() + input * Fold<T>(depth_).elements();
  }

  // The row of an input's first token in its group.
  std::size_t row_in_group(std::size_t input) const { return row_in_group_[input]; }

  // The token at a position; the position itself if tokens keep their order.
  std::size_t token_at(std::size_t input, std::size_t position) const {
    return order_.size() == 0 ? position : order_[input * layout_.max_tokens + position];
  }

  int exponent(std::size_t input) const { return exponents_[input]; }
  // ‖Z_i‖² in scaled units, before an origin is subtracted.
  double squared_norm(std::size_t input) const { return squared_norms_[input]; }
  // Σ ‖token‖² of the stored tokens without the largest term; 0 for Matching::none.
  double bulk_norm(std::size_t input) const { return bulk_norms_[input]; }
  // The mean token in scaled units; zeros unless centered.
  const double* mean(std::size_t input) const { return means_.data() + input * channels_; }
  // The mean of the stored tokens; null where it is 0.
  const double* mean_left(std::size_t input) const {
    return has_mean_left_.size() == 0 || !has_mean_left_[input]
               ? nullptr
               : means_left_.data() + input * channels_;
  }
  std::size_t channels() const { return channels_; }

  // See TokenFacts.
  std::optional<int> largest_norm() const;

 private:
  std::size_t windows(std::size_t input) const { return blocks_in(tokens_[input], layout_.window); }
  std::size_t panels_for(std::size_t rows) const { return blocks_in(rows, panel_); }
  std::size_t row_after(std::size_t input) const;
  std::size_t tokens_in_tail(std::size_t input) const;
  std::size_t place_tails(Span inputs);
  void place();

  // The working memory of a thread that packs.
  struct Packers {
    Buffer<double> widened;
    Buffer<T> row;  // of a folded row
    RowPacker<T> rows;
    std::optional<RowPacker<std::int32_t>> words;
    std::optional<Axes::Coordinates> coordinates;
  };
  void take_panels(const Execution& execution);
  std::vector<std::size_t> used_rows() const;
  void prepare_narrow();
  bool is_folded() const { return layout_.matching == Matching::none && layout_.is_listed; }
  bool measure(std::size_t input, const InputView& view, Packers& packers, FirstNotFinite& bad);
  Packers packers_for(const simd::KernelTable<T>& kernels, const std::optional<Axes>& axes) const;
  void pack_folded(std::size_t input, Packers& packers);
  void pack(std::size_t input, const InputView& view, Packers& packers, FirstNotFinite& bad);
  void pack_token(std::size_t input, std::size_t position, double* token, Packers& packers);
  std::size_t place_of(std::size_t input, std::size_t position, std::size_t depth) const;
  std::size_t row_at(std::size_t first_panel, std::size_t row, std::size_t depth) const;

  TokenInputs inputs_;
  TokenLayout layout_;
  std::size_t panel_;
  std::size_t channels_;
  std::size_t depth_;
  std::vector<std::size_t> tokens_;
  std::vector<std::size_t> row_in_group_;
  std::vector<std::size_t> tail_in_group_;  // the row of a tail's first token; for a list of pairs
  std::vector<std::size_t> first_panel_;    // of each group, or of each input (windows)
  std::size_t panels_ = 0;
  std::vector<int> exponents_;
  std::vector<double> squared_norms_;
  std::vector<double> bulk_norms_;
  Buffer<std::size_t> order_;  // the tokens of each input by norm, if the matching needs it
  Buffer<double> means_;
  Buffer<double> means_left_;
  Buffer<char> has_mean_left_;
  Buffer<T> data_;
  std::optional<NarrowTokens<T>> narrow_;
  Buffer<std::int32_t> words_;
};

}  // namespace isogram
