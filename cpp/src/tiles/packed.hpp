// Inputs packed once for all their tiles: rows as panels (see simd/kernels.hpp), widened to T,
// shifted and scaled so that nothing that follows overflows or cancels.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "simd/kernels.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"
#include "tiles/unit_rows.hpp"

namespace isogram {

// What packing does to every row, in float64, in this order.
struct Transform {
  const UnitRows* unit_rows = nullptr;          // in place of rows …
  std::size_t first_column = 0;                 // … whose columns from this on are packed
  const std::vector<double>* origin = nullptr;  // subtracted from every row
  const std::vector<double>* rest = nullptr;    // of an origin that rounding took from it: too
  bool center_rows = false;                     // then the row's own mean
  bool unit_norm = false;                       // then divided by its norm; zero rows stay zero
  int exponent = 0;                             // or times 2^−exponent
  bool exponent_per_row = false;                // or scaled so that its maximum is in [1/2, 1)

  bool is_identity() const { return !origin && is_shift(); }
  // Nothing but subtracts `origin`.
  bool is_shift() const { return !unit_rows && takes_parts(); }
  // A part of a row is made without the rest of it.
  bool takes_parts() const {
    return !center_rows && !unit_norm && exponent == 0 && !exponent_per_row;
  }
};

// Applies `transform` to row i; returns its exponent.
int transform_row(std::size_t i, double* row, std::size_t n, const Transform& transform);

// Zeros of padding, as much as there are in a panel of the longest rows.
template <class T>
void fill_with_zeros(T* values, std::size_t n, const Execution& execution);

// Puts rows in their places in panels. Neighbours are kept back and transposed together, which
// costs far less than storing each with strides.
template <class T>
class RowPacker {
 public:
  // For the panels of a table of kernels.
  template <class Kernels>
  RowPacker(const Kernels& kernels, std::size_t depth)
      : RowPacker(kernels.panel, kernels.transpose, depth) {}

  // Where to write the next row, of which element k is to go to panel_row[k * panel]; good until
  // the next call.
  T* place_for(T* panel_row);

  // Rounds the row to T and puts it there. Returns the rounded row.
  template <class Source>
  const T* add(const Source* row, T* panel_row);

  // Nothing is certain to be in its place before this.
  void flush();

 private:
  using Transpose = void (*)(const T*, std::size_t, std::size_t, std::size_t, T*,
                             std::size_t) noexcept;
  RowPacker(std::size_t panel, Transpose transpose, std::size_t depth);

  std::size_t panel_;
  Transpose transpose_;
  std::size_t depth_;
  std::size_t capacity_;  // rows
  Buffer<T> rows_;
  std::size_t count_ = 0;
  T* first_ = nullptr;  // the place of the first row kept back
};

// Whether the caller knows that all entries are finite.
enum class Finite { known, unknown };

template <class T>
class Packed {
 public:
  Packed() = default;

  // Memory for x, before anybody spends time on looking at it: for one of many calls from what the
  // thread keeps, for one of many parts of a call new.
  enum class Memory { kept, fresh };
  Packed(const simd::KernelTable<T>& kernels, const InputView& x, Memory memory = Memory::fresh);

  // Packs x: as many rows as memory was made for, and no more columns. With Finite::unknown, throws
  // std::invalid_argument that names the first entry that is not finite. Finite::known spares rows
  // that are packed as they are stored a pass.
  void fill(const InputView& x, const Transform& transform, Finite finite,
            const Execution& execution);

  // Packs x, whose rows are stored as T, one after another, as they are, and measures it meanwhile:
  // row i's max |entry|, +∞ if one is not finite, goes to row_largest[i] if it is larger. Squared
  // norms become NaN.
  void fill_measuring(const InputView& x, T* row_largest, const Execution& execution);

  std::size_t rows() const { return rows_; }
  std::size_t depth() const { return depth_; }
  std::size_t panel() const { return panel_; }

  // Packed rows from `row` on, the first of a panel.
  const T* rows_from(std::size_t row) const { return data_.data() + row * depth_; }

  // ‖row‖² of the packed rows, summed in float64; NaN where distances of such rows may be
  // beyond T, and zeros for the padding up to whole panels.
  const T* squared_norms() const { return squared_norms_.data(); }

  // The row is 2^exponent times the packed row.
  int exponent(std::size_t row) const { return exponents_.empty() ? exponent_ : exponents_[row]; }
  bool has_row_exponents() const { return !exponents_.empty(); }

 private:
  void start(const InputView& x, const Transform& transform, const Execution& execution);
  void fill_as_stored(const InputView& x, const Execution& execution);

  const simd::KernelTable<T>* kernels_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t depth_ = 0;
  std::size_t panel_ = 1;
  std::size_t panels_ = 0;
  int exponent_ = 0;
  std::vector<int> exponents_;
  Buffer<T> data_;
  Buffer<T> squared_norms_;
};

// Whether rows of x can be packed without looking at each of their entries.
template <class T>
bool is_stored_as(const InputView& x);

// A sum of squares as T; NaN, which no comparison takes for a number, if a squared distance of two
// rows that have it may be beyond T.
template <class T>
T squared_norm_as(double squares) {
  return squares < std::numeric_limits<T>::max() / 4 ? static_cast<T>(squares)
                                                     : std::numeric_limits<T>::quiet_NaN();
}

// A kernel of simd::KernelTable for blocks of a tile.
template <class T>
using Block = decltype(simd::KernelTable<T>::inner_products);

// Mirrors the entries of an n × n block that a kernel with is_upper computed to those that it left.
template <class T>
void mirror_upper(const simd::KernelTable<T>& kernels, std::size_t n, T* out, std::size_t stride) {
  for (std::size_t j = kernels.panel; j < n; j += kernels.panel) {
    kernels.transpose(out + j, stride, j, std::min(kernels.panel, n - j), out + j * stride, stride);
  }
}

// Fills `out`, rows `stride` apart, with a `block` of packed rows; of rows of one input with
// themselves every pair is computed once. Both begin with a panel.
template <class T>
void fill_block(Block<T> block, const Packed<T>& left, Span rows, const Packed<T>& right, Span cols,
                T* out, std::size_t stride, const simd::BlockOptions& options = {});

}  // namespace isogram
