// The tiles of a Gram matrix of long rows: feature maps laid flat have more entries than there are
// inputs, and a packed copy of them would be the largest memory of all.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "simd/kernels.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"
#include "tiles/packed.hpp"

namespace isogram {

// All tiles, summed over one panel of depth after another: each is packed where the one before
// was, and added to every tile. Sums are the same to the last bit as those of rows packed whole.
template <class T>
class DeepTiles {
 public:
  // Whether tiles and a panel take at most half the memory of packed rows.
  static bool pays(const InputView& x, const InputView* y);

  // Rows, and what happens to them: a transform that takes_parts(). Entries must be finite, or are
  // measured where nothing happens to them: see Packed::fill_measuring().
  struct Rows {
    const InputView& view;
    const Transform& transform;
    T* row_largest = nullptr;
  };

  // `block`s of the rows of x with those of y, or with themselves.
  DeepTiles(const simd::KernelTable<T>& kernels, Block<T> block, const Rows& x,
            const std::optional<Rows>& y, const Execution& execution);

  std::size_t edge() const { return edge_; }

  // Copies some rows and columns, all of one block, to `out`, rows `stride` apart. Blocks have this
  // edge; of one input there are those on and above the diagonal.
  void copy(Span rows, Span cols, T* out, std::size_t stride) const;

  // As those of Packed.
  const T* left_norms() const { return left_.squared_norms.data(); }
  const T* right_norms() const { return right_ ? right_->squared_norms.data() : left_norms(); }

 private:
  // One input: a panel of its depth, and what is known of the rows.
  struct Operand {
    Operand(const simd::KernelTable<T>& kernels, const InputView& x);
    void pack(const Rows& rows, Span depth, const Execution& execution);
    void finish();
    Packed<T> panel;
    Buffer<double> sums;  // of squares, so far
    Buffer<T> squared_norms;
  };

  void add_panel(Block<T> block, std::size_t begin, const Execution& execution);

  std::size_t cols_;
  std::size_t edge_;
  Grid grid_;
  Buffer<T> blocks_;
  Operand left_;
  std::optional<Operand> right_;
};

}  // namespace isogram
