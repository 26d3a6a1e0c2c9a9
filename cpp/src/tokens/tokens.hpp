// Inputs that are sets of tokens, packed once for all pairs.
#pragma once

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
#include "tokens/narrow.hpp"

namespace isogram {

// How the tokens of an RSM are laid out.
struct TokenLayout {
  Matching matching = Matching::exact;
  std::size_t window = 0;                    // tokens per window; only of Matching::window
  bool centered = false;                     // every input less its own mean token
  std::size_t group = 1;                     // inputs whose tokens share panels
  std::size_t max_tokens = 0;                // of any input
  Precision precision = Precision::float32;  // of the matching
  MatrixView<const double> axes = {};  // along which it sees tokens; without data, all channels
  const simd::ByteKernels* byte_kernels = nullptr;  // for int8, unless rows are too long
  const simd::PairKernels* pair_kernels = nullptr;  // for bfloat16

  // Whether the matching sees other tokens than those that are scored.
  bool is_narrow() const { return precision != Precision::float32 || axes.data; }
  // How many channels it sees, or coordinates.
  std::size_t seen(std::size_t channels) const { return axes.data ? axes.rows : channels; }
  // So many of them are in a word, of tokens in words.
  std::size_t per_word() const { return byte_kernels ? byte_kernels->per_word : 2; }
};

// n inputs. Input i is stored as 2^−exponent(i) · Z_i less a token of its own, its tokens as packed
// rows: in their own order, or by descending norm where the matching asks for it. That token is the
// mean; or where a few tokens of huge norm pull the mean away from all others, the mean of these.
//
// Pieces. Rows of different pieces never share a panel. A piece is a group of consecutive inputs;
// for Matching::window, one window of one input; for Matching::none all inputs are one piece in
// which each is a single row, its tokens end to end.
template <class T>
class TokenSets {
 public:
  TokenSets(const simd::KernelTable<T>& kernels, const TokenInputs& inputs,
            const TokenLayout& layout, const Execution& execution);

  // Bytes that so many inputs take at most, and beside them each thread that packs.
  static std::size_t bytes_for(const simd::KernelTable<T>& kernels, const TokenLayout& layout,
                               std::size_t inputs, std::size_t channels);
  static std::size_t packing_bytes_for(const simd::KernelTable<T>& kernels,
                                       const TokenLayout& layout, std::size_t channels);

  std::size_t inputs() const { return tokens_.size(); }
  std::size_t tokens(std::size_t input) const { return tokens_[input]; }
  std::size_t groups() const { return tiles_per(inputs(), layout_.group); }
  Span group(std::size_t g) const {
    return {g * layout_.group, std::min(inputs(), (g + 1) * layout_.group)};
  }
  std::size_t depth() const { return depth_; }

  // Packed rows that begin with a panel.
  struct Rows {
    const T* data;
    std::size_t count;
  };
  Rows group_rows(std::size_t g) const;

  // Where the layout is narrow: tokens as they are, and what narrowing took from them. In place of
  // packed rows of T there may be words of bytes, or of pairs of bfloat16.
  const NarrowTokens<T>& narrow() const { return *narrow_; }
  bool has_words() const { return layout_.byte_kernels || layout_.pair_kernels; }
  const std::int32_t* group_words(std::size_t g) const {
    return words_.data() + first_panel_[g] * panel_ * word_depth();
  }
  std::size_t word_depth() const { return tiles_per(depth_, layout_.per_word()); }

  Rows window_rows(std::size_t input, std::size_t window) const;
  Rows whole_inputs(Span inputs) const;  // Matching::none, from the first of a panel on

  // Where an input's first token lies among the rows of its group.
  std::size_t row_in_group(std::size_t input) const { return row_in_group_[input]; }

  // The token that comes at a position; the position itself where tokens keep their order.
  std::size_t token_at(std::size_t input, std::size_t position) const {
    return order_.size() == 0 ? position : order_[input * layout_.max_tokens + position];
  }

  int exponent(std::size_t input) const { return exponents_[input]; }
  // ‖Z_i‖² in scaled units, of the input as it came.
  double squared_norm(std::size_t input) const { return squared_norms_[input]; }
  // Σ of squared norms of the tokens as they are stored, but for the largest; 0 of whole rows.
  double bulk_norm(std::size_t input) const { return bulk_norms_[input]; }
  // The mean token in scaled units; zeros unless centered.
  const double* mean(std::size_t input) const { return means_.data() + input * channels_; }
  // That of the tokens as they are stored; null where it is 0.
  const double* mean_left(std::size_t input) const {
    return has_mean_left_.size() == 0 || !has_mean_left_[input]
               ? nullptr
               : means_left_.data() + input * channels_;
  }
  std::size_t channels() const { return channels_; }

  // See TokenFacts.
  std::optional<int> largest_norm() const;

 private:
  static std::size_t tiles_per(std::size_t n, std::size_t size) { return (n + size - 1) / size; }
  std::size_t windows(std::size_t input) const { return tiles_per(tokens_[input], layout_.window); }
  std::size_t panels_for(std::size_t rows) const { return tiles_per(rows, panel_); }
  void place();

  // One thread's way into panels.
  struct Packers {
    Buffer<double> widened;
    RowPacker<T> rows;
    std::optional<RowPacker<std::int32_t>> words;
    std::optional<Axes::Coordinates> coordinates;
  };
  void prepare_narrow();
  void pack(std::size_t input, const InputView& view, Packers& packers, FirstNotFinite& bad);
  void pack_token(std::size_t input, std::size_t position, double* token, Packers& packers);
  std::size_t place_of(std::size_t input, std::size_t position, std::size_t depth) const;
  std::size_t row_at(std::size_t first_panel, std::size_t row, std::size_t depth) const;

  TokenLayout layout_;
  std::size_t panel_;
  std::size_t channels_;
  std::size_t depth_;
  std::vector<std::size_t> tokens_;
  std::vector<std::size_t> row_in_group_;
  std::vector<std::size_t> first_panel_;  // of each piece's start: group, input (windows) or all
  std::size_t panels_ = 0;
  std::vector<int> exponents_;
  std::vector<double> squared_norms_;
  std::vector<double> bulk_norms_;
  Buffer<std::size_t> order_;  // of each input's tokens, where a matching asks for one
  Buffer<double> means_;
  Buffer<double> means_left_;
  Buffer<char> has_mean_left_;
  Buffer<T> data_;
  std::optional<NarrowTokens<T>> narrow_;
  Buffer<std::int32_t> words_;
};

}  // namespace isogram
