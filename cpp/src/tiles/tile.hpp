// Tiles of Gram matrices, over which every operation walks.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include "isogram/gram.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "simd/kernels.hpp"
#include "tiles/buffer.hpp"
#include "tiles/deep_tiles.hpp"
#include "tiles/given_gram.hpp"
#include "tiles/gram_facts.hpp"
#include "tiles/grid.hpp"
#include "tiles/packed.hpp"
#include "tiles/walk.hpp"

namespace isogram {

// A block of some rows and columns of a Gram matrix, with rows `stride` apart.
template <class T>
struct GramBlock {
  Span rows;
  Span cols;
  T* first;
  std::size_t stride;
  bool has_room = false;  // as in simd::BlockOptions

  T* row(std::size_t i) const { return first + i * stride; }
};

// The tiles of one Gram matrix, or of a part of it, computed one at a time from packed inputs, or
// copied: for long rows from DeepTiles, or from a matrix that is given. A tile has kTileEdge rows
// of kTileEdge entries; entries beyond the matrix are unspecified.
template <class T>
class GramTiles {
 public:
  // The matrix of the rows of x with themselves.
  GramTiles(const InputView& x, const KernelOptions& options, Columns columns,
            const Execution& execution);
  // The matrix of the rows of x with the rows of y.
  GramTiles(const InputView& x, const InputView& y, const KernelOptions& options,
            const Execution& execution);

  // A part of the matrix of the facts: some of its rows with themselves, or with some of its
  // columns. Entries have the bits of the whole matrix. The views need hold these rows only.
  GramTiles(const InputView& rows, const GramFacts& facts, const Execution& execution);
  GramTiles(const InputView& rows, const InputView& cols, const GramFacts& facts,
            const Execution& execution);

  // A matrix that is given.
  explicit GramTiles(GivenGram given)
    requires std::is_same_v<T, double>;

  std::size_t rows() const { return x_.rows; }
  std::size_t cols() const { return y_.rows; }
  const GramFacts& facts() const { return facts_; }
  // Moves the facts out. The tiles keep single numbers; those of each column were for packing.
  GramFacts release_facts() { return std::move(facts_); }

  // Whether the columns are the rows.
  bool is_symmetric() const { return is_symmetric_; }

  // Computes tile (row, col) of the tiles_in(rows()) × tiles_in(cols()) tiles; of a symmetric
  // matrix, a tile on or above the diagonal.
  void compute(Cell cell, T* tile) const;

  // Computes a block of the grid with edge block_edge(), and writes nothing beyond it.
  void compute(const GramBlock<T>& block, const simd::ExpectedRows& expected = {}) const;
  std::size_t block_edge() const { return block_edge_; }

  // Whether entries are exponentials of distances, whose relative error is small even for tiny
  // entries.
  bool is_exponential() const;

  // Whether rows are so far apart that products may be below the range of T.
  bool may_vanish() const { return facts_.may_vanish; }

  // Whether all entries of a packed row are 0.
  bool is_zero(std::size_t row) const { return left_norms()[row] == 0; }
  bool is_zero_col(std::size_t col) const { return right_norms()[col] == 0; }

  // Tiles times 2^exponent() are the caller's matrix: linear Gram matrices of shifted rows stay in
  // scaled units, in which they cannot overflow. 0 for other matrices.
  int exponent() const { return facts_.stays_scaled ? 2 * facts_.exponent : 0; }

 private:
  const Packed<T>& right() const { return right_ ? *right_ : left_; }
  const T* left_norms() const { return deep_ ? deep_->left_norms() : left_.squared_norms(); }
  const T* right_norms() const { return deep_ ? deep_->right_norms() : right().squared_norms(); }
  void reserve(typename Packed<T>::Memory memory);
  bool multiply_few_rows(const KernelOptions& options, Columns columns, const Execution& execution);
  bool pack_measuring(const KernelOptions& options, const Execution& execution);
  void pack(const Execution& execution);
  Block<T> kernel() const;
  void apply_scale(const GramBlock<T>& block) const;
  void apply_distance(const GramBlock<T>& block) const;
  void apply_cosine(const GramBlock<T>& block) const;
  void divide_by_norms(const GramBlock<T>& block) const;
  bool may_cancel() const;
  T least_certain(std::size_t i, std::size_t j) const;
  void repair_distances(std::size_t row, Span cols, T* tile_row) const;

  const simd::KernelTable<T>& kernels_;
  GramFacts facts_;
  InputView x_;
  InputView y_;
  bool is_symmetric_;
  Packed<T> left_;
  std::optional<Packed<T>> right_;
  std::optional<DeepTiles<T>> deep_;  // replaces left_ and right_ for long rows
  std::optional<GivenGram> given_;    // replaces all of them
  std::size_t block_edge_ = kTileEdge;
};

// Cosines or correlations of the rows of x; `center` subtracts the columns' means first.
template <class T>
GramTiles<T> cosine_tiles(const InputView& x, bool center, const Execution& execution,
                          Kernel kernel = Kernel::cosine) {
  return GramTiles<T>(x, {.kernel = kernel}, center ? Columns::centered : Columns::as_given,
                      preparing(execution));
}

// The working memory of a thread that computes one tile at a time.
template <class T>
Buffer<T> new_tile() {
  return Buffer<T>::unset(kTileSize);
}

// A block of a matrix. It is computed in its place if the rows of `out` are adjacent entries, else
// in scratch memory and then copied.
template <class T>
class BlockWriter {
 public:
  // Entries of the block go to `copy` as well, in the same place, unless that is null. `scratch`
  // has edge² entries, or none if blocks are computed in place.
  BlockWriter(Span rows, Span cols, MatrixView<T> out, const MatrixView<T>* copy,
              Buffer<T>& scratch, std::size_t edge);

  static bool is_in_place(const MatrixView<T>& out) {
    return out.col_stride == 1 && out.row_stride >= static_cast<std::ptrdiff_t>(out.cols);
  }

  const GramBlock<T>& block() const { return block_; }

  // The rows that write() will write.
  simd::ExpectedRows expected();

  void write() const;

 private:
  GramBlock<T> block_;
  MatrixView<T> out_;
  const MatrixView<T>* copy_;
  std::array<const void*, kLargestBlockEdge> starts_;
};

// Fills `out` with the blocks that compute(block, expected rows) computes. In a symmetric matrix
// blocks above the diagonal also fill the lower triangle; those of another go to `mirror` as well,
// transposed, unless that is null.
template <class T, class Compute>
void write_blocks(const GramTiles<T>& tiles, MatrixView<T> out, const Execution& execution,
                  Compute compute, const MatrixView<T>* mirror = nullptr) {
  const std::size_t edge = tiles.block_edge();
  const MatrixView<T> transposed = (mirror ? *mirror : out).transposed();
  const Grid grid = block_grid(out.rows, out.cols, tiles.is_symmetric(), edge);
  const auto new_scratch = [&] {
    return BlockWriter<T>::is_in_place(out) ? Buffer<T>() : Buffer<T>::unset(edge * edge);
  };
  walk_tiles(grid, execution, new_scratch, [&](Cell cell, Buffer<T>& scratch, Worker&) {
    const bool is_mirrored = mirror || (grid.is_upper() && cell.row != cell.col);
    BlockWriter<T> writer(block_span(cell.row, out.rows, edge),
                          block_span(cell.col, out.cols, edge), out,
                          is_mirrored ? &transposed : nullptr, scratch, edge);
    compute(writer.block(), writer.expected());
    writer.write();
  });
}

}  // namespace isogram
