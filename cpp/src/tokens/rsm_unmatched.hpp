// Sums without a matching: every input is one long row, and the sums are a Gram matrix.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/deep_tiles.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"
#include "tiles/packed.hpp"
#include "tokens/folded.hpp"
#include "tokens/rsm_entries.hpp"
#include "tokens/rsm_matcher.hpp"
#include "tokens/rsm_sides.hpp"

namespace isogram {

template <class T>
class UnmatchedBlocks {
 public:
  UnmatchedBlocks(const RsmSides<T>& sides, const RsmEntries<T>& entries,
                  const Execution& execution)
      : sides_(sides), entries_(entries) {
    const Execution quiet = preparing(execution);
    multiply(quiet);
    if (!sides.layout.centered) return;
    row_means_ = packed_means(sides.rows, quiet);
    if (!sides.is_symmetric) col_means_ = packed_means(sides.cols, quiet);
  }

  // Inputs per side of a block. Rows are long, and most are read from memory: a wide block reads
  // them less often, but leaves fewer blocks for other threads.
  static std::size_t edge(std::size_t rows, std::size_t cols) {
    const std::size_t tiles = tiles_in(std::max(rows, cols));
    return std::clamp(tiles / 8, std::size_t{1}, kWidestBlock) * kTileEdge;
  }

  std::size_t blocks(std::size_t inputs) const { return blocks_in(inputs, edge()); }

  void add(Cell cell, Matcher<T>& matcher, Worker& worker) const {
    const Span inputs = span(cell.row, sides_.rows.inputs());
    const Span others = span(cell.col, sides_.cols.inputs());
    const T* sums = deep_ ? deep_->block(cell) : products(cell, matcher.affinities.data(), worker);
    for (std::size_t begin = inputs.begin; begin < inputs.end; begin += kTileEdge) {
      const Span rows{begin, std::min(begin + kTileEdge, inputs.end)};
      write_rows(rows, others, sums + (begin - inputs.begin) * edge(), matcher, worker);
    }
  }

 private:
  // Above this depth a wide block would take too long for an interrupt.
  static constexpr std::size_t kDeep = std::size_t{1} << 16;

  std::size_t edge() const {
    return deep_ ? deep_->edge() : edge(sides_.rows.inputs(), sides_.cols.inputs());
  }

  Span span(std::size_t block, std::size_t inputs) const {
    return block_span(block, inputs, edge());
  }

  // Multiplies rows panel by panel if they are long; else packs them.
  void multiply(const Execution& execution) {
    const TokenSets<T>& rows = sides_.rows;
    const TokenSets<T>& cols = sides_.cols;
    const std::size_t depth = rows.depth();
    const auto fill = [&execution](const TokenSets<T>& sets, Span entries, Packed<T>& panel) {
      const auto new_scratch = [&] { return Buffer<double>::unset(sets.channels()); };
      const auto write = [&](std::size_t input, Buffer<double>& scratch, T* out) {
        const bool is_last = input + 1 == sets.inputs();
        const T* next = is_last ? nullptr : sets.address(input + 1, entries.begin);
        if (next) fetch(next, entries.size());
        sets.write_entries(input, entries, scratch.data(), out);
      };
      panel.fill_written(entries.size(), execution, new_scratch, write);
    };
    const bool is_symmetric = sides_.is_symmetric;
    if (DeepTiles<T>::pays(rows.inputs(),
                           is_symmetric ? std::nullopt : std::optional(cols.inputs()), depth)) {
      using Side = typename DeepTiles<T>::Side;
      const auto side_of = [&fill](const TokenSets<T>& sets) -> Side {
        return {sets.inputs(), [&](Span entries, Packed<T>& panel) { fill(sets, entries, panel); },
                [&](std::size_t input, std::size_t entry) { return sets.address(input, entry); }};
      };
      const auto others = is_symmetric ? std::nullopt : std::optional(side_of(cols));
      deep_.emplace(sides_.kernels, sides_.kernels.inner_products, side_of(rows), others, depth,
                    execution);
      return;
    }
    packed_rows_ = Packed<T>(sides_.kernels, rows.inputs(), depth);
    fill(rows, {0, depth}, packed_rows_);
    if (is_symmetric) return;
    packed_cols_ = Packed<T>(sides_.kernels, cols.inputs(), depth);
    fill(cols, {0, depth}, packed_cols_);
  }

  // Writes the products of a block of packed rows, on and above the diagonal of the matrix, to
  // `block`.
  const T* products(Cell cell, T* block, Worker& worker) const {
    const Span inputs = span(cell.row, sides_.rows.inputs());
    const Span others = span(cell.col, sides_.cols.inputs());
    const Packed<T>& cols = sides_.is_symmetric ? packed_rows_ : packed_cols_;
    const bool is_diagonal = sides_.is_symmetric && cell.row == cell.col;
    const std::size_t depth = packed_rows_.depth();
    const std::size_t stride = edge();
    const std::size_t rows_at_once = is_diagonal || depth > kDeep ? kTileEdge : stride;
    for (std::size_t p = 0; p < inputs.size(); p += rows_at_once) {
      worker.check();
      const std::size_t q = is_diagonal ? p : 0;
      sides_.kernels.inner_products(packed_rows_.rows_from(inputs.begin + p),
                                    std::min(rows_at_once, inputs.size() - p),
                                    cols.rows_from(others.begin + q), others.size() - q, depth,
                                    block + p * stride + q, stride, {.has_room = true});
    }
    return block;
  }

  void write_rows(Span inputs, Span others, const T* sums, Matcher<T>& matcher,
                  Worker& worker) const {
    const std::size_t stride = edge();
    const bool is_centered = sides_.layout.centered;
    double* mean_products = matcher.mean_products.data();
    if (is_centered) {
      const Packed<double>& col_means = sides_.is_symmetric ? row_means_ : col_means_;
      simd::kernels().float64.inner_products(
          row_means_.rows_from(inputs.begin), inputs.size(), col_means.rows_from(others.begin),
          others.size(), sides_.rows.channels(), mean_products, stride, {.has_room = true});
    }
    for (std::size_t i = inputs.begin; i < inputs.end; ++i) {
      const std::size_t row = (i - inputs.begin) * stride;
      for (std::size_t j = others.begin; j < others.end; ++j) {
        const std::size_t entry = row + j - others.begin;
        if (sides_.is_symmetric && i == j) entries_.write_diagonal(Entry::of_matrix(i, i));
        if (!sides_.is_wanted(i, j)) continue;
        const double sum = sums[entry];
        const double total = is_centered ? entries_.restored(sum, mean_products[entry]) : sum;
        entries_.write(Entry::of_matrix(i, j), {total, nullptr}, matcher, worker);
      }
    }
  }

  static Packed<double> packed_means(const TokenSets<T>& sets, const Execution& execution) {
    const InputView means(MatrixView(sets.mean(0), sets.inputs(), sets.channels()), "means");
    Packed<double> packed(simd::kernels().float64, means);
    packed.fill(means, {}, Finite::known, execution);
    return packed;
  }

  const RsmSides<T>& sides_;
  const RsmEntries<T>& entries_;
  std::optional<DeepTiles<T>> deep_;
  Packed<T> packed_rows_;  // unless deep_ is set
  Packed<T> packed_cols_;  // and sides are not the same
  Packed<double> row_means_;
  Packed<double> col_means_;
};

// The sums of single pairs, with the bits that they have in blocks.
template <class T>
class UnmatchedPairs {
 public:
  UnmatchedPairs(const RsmSides<T>& sides, const RsmEntries<T>& entries)
      : sides_(sides),
        entries_(entries),
        fold_(sides.rows.depth()),
        fold_of_means_(sides.rows.channels()) {
    if (!sides.layout.centered) return;
    row_means_ = folded_means(sides.rows);
    if (!sides.is_symmetric) col_means_ = folded_means(sides.cols);
  }

  void add(const Entry& entry, Matcher<T>& matcher, Worker& worker) const {
    if (sides_.is_diagonal(entry)) return entries_.write_diagonal(entry);
    const double sum =
        fold_.product(sides_.kernels, sides_.rows.folded(entry.i), sides_.cols.folded(entry.j));
    const double total =
        sides_.layout.centered ? entries_.restored(sum, product_of_means(entry.i, entry.j)) : sum;
    entries_.write(entry, {total, nullptr}, matcher, worker);
  }

 private:
  double product_of_means(std::size_t i, std::size_t j) const {
    const std::size_t elements = fold_of_means_.elements();
    const Buffer<double>& col_means = sides_.is_symmetric ? row_means_ : col_means_;
    return fold_of_means_.product(simd::kernels().float64, row_means_.data() + i * elements,
                                  col_means.data() + j * elements);
  }

  Buffer<double> folded_means(const TokenSets<T>& sets) const {
    const std::size_t elements = fold_of_means_.elements();
    Buffer<double> folded(product(sets.inputs(), elements));
    for (std::size_t input = 0; input < sets.inputs(); ++input) {
      for (std::size_t c = 0; c < sets.channels(); ++c) {
        folded[input * elements + fold_of_means_.place_of(c)] = sets.mean(input)[c];
      }
    }
    return folded;
  }

  const RsmSides<T>& sides_;
  const RsmEntries<T>& entries_;
  const Fold<T> fold_;
  const Fold<double> fold_of_means_;
  Buffer<double> row_means_;
  Buffer<double> col_means_;
};

}  // namespace isogram
