// The tiles of a Gram matrix of long rows. Flattened feature maps have more entries per row than
// the matrix has, and a packed copy of them would be the largest memory of a call.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "simd/kernels.hpp"
#include "tiles/buffer.hpp"
#include "tiles/few_rows.hpp"
#include "tiles/grid.hpp"
#include "tiles/packed.hpp"

namespace isogram {

// All tiles of a matrix, summed over panels of depth (up to 2048 columns): each panel is packed
// into the memory of the one before and added to every tile. Sums have the same bits as those of
// rows packed whole.
template <class T>
class DeepTiles {
 public:
  // Whether tiles and panels take at most half the memory of packed rows.
  static bool pays(const InputView& x, const InputView* y) {
    return pays(x.rows, y ? std::optional(y->rows) : std::nullopt, x.cols);
  }
  // For rows with `others`, or with themselves.
  static bool pays(std::size_t rows, std::optional<std::size_t> others, std::size_t depth);

  // One side of the products: a number of rows, and functions that pack some of their columns, and
  // that return the address of an entry if adjacent entries follow it there, else null.
  struct Side {
    std::size_t rows;
    std::function<void(Span columns, Packed<T>& panel)> pack;
    std::function<const void*(std::size_t row, std::size_t column)> address;
  };

  // Rows and their transform, which must satisfy takes_parts(). Entries must be finite; or, if
  // row_largest is set and the transform is the identity, they are measured
  // (Packed::fill_measuring()).
  struct Rows {
    const InputView& view;
    const Transform& transform;
    T* row_largest = nullptr;
  };

  // Computes `block` for the rows of x with the rows of y, or with themselves.
  DeepTiles(const simd::KernelTable<T>& kernels, Block<T> block, const Rows& x,
            const std::optional<Rows>& y, const Execution& execution);
  DeepTiles(const simd::KernelTable<T>& kernels, Block<T> block, const Side& x,
            const std::optional<Side>& y, std::size_t depth, const Execution& execution);

  // The tiles of a few rows.
  explicit DeepTiles(const FewRows<T>& products);

  std::size_t edge() const { return edge_; }

  // A block of the grid with edge edge(); its rows are edge() entries apart.
  const T* block(Cell cell) const { return blocks_.data() + grid_.index(cell) * edge_ * edge_; }

  // The address of an entry, which the other entries of its row and block follow.
  const T* entry(std::size_t row, std::size_t col) const {
    return block({row / edge_, col / edge_}) + row % edge_ * edge_ + col % edge_;
  }

  // Copies some rows and columns, all of one block, to `out`, rows `stride` apart. Blocks have edge
  // edge(); of one input only blocks on and above the diagonal exist.
  void copy(Span rows, Span cols, T* out, std::size_t stride) const;

  // As Packed::squared_norms().
  const T* left_norms() const { return left_norms_.data(); }
  const T* right_norms() const { return right_norms_.size() ? right_norms_.data() : left_norms(); }

 private:
  // A side, with a panel of its depth, and the squares of its rows over the panels so far.
  struct Operand {
    Operand(const simd::KernelTable<T>& kernels, const Side& side, std::size_t depth);
    void pack(Span depth);
    // Adds the addresses of some rows' columns, if they are known.
    void add_starts(Span rows, Span depth, std::vector<const void*>& starts) const;
    const Side& side;
    Packed<T> panel;
    std::vector<double> squares;
  };

  static Side side_of(const Rows& rows, const Execution& execution);
  void add_panel(Block<T> block, const Operand& left, const Operand& right, Span depth, Span next,
                 const Execution& execution);

  std::size_t edge_;
  Grid grid_;
  Buffer<T> blocks_;
  Buffer<T> left_norms_;
  Buffer<T> right_norms_;  // none of one input
};

}  // namespace isogram
