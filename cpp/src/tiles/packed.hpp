// Inputs packed once for all their tiles: rows as panels (see simd/kernels.hpp), converted to T,
// and shifted and scaled so that products neither overflow nor cancel.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <type_traits>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"
#include "tiles/unit_rows.hpp"

namespace isogram {

// The changes that packing makes to every row, in float64, in this order.
struct Transform {
  const UnitRows* unit_rows = nullptr;          // if set, these replace the rows
  std::size_t first_column = 0;                 // number of the first packed column in unit_rows
  const std::vector<double>* origin = nullptr;  // subtracted from every row
  const std::vector<double>* rest = nullptr;    // rounding error of the origin, subtracted too
  bool center_rows = false;                     // each row loses its own mean
  bool unit_norm = false;                       // rows are divided by their norms; zero rows stay 0
  int exponent = 0;                             // else rows are divided by 2^exponent
  bool exponent_per_row = false;                // or each is scaled to a maximum in [1/2, 1)

  bool is_identity() const { return !origin && is_shift(); }
  // Whether rows only lose `origin` and `rest`.
  bool is_shift() const { return !unit_rows && takes_parts(); }
  // Whether rows, perhaps less something, are divided by their norms.
  bool is_division() const { return unit_norm && !unit_rows && exponent == 0; }
  // Whether some columns of a row can be transformed without the others.
  bool takes_parts() const {
    return !center_rows && !unit_norm && exponent == 0 && !exponent_per_row;
  }
};

// Applies `transform` to row i; returns its exponent.
int transform_row(std::size_t i, double* row, std::size_t n, const Transform& transform);

// Zeros for padding, on several threads: a panel of long rows is large.
template <class T>
void fill_with_zeros(T* values, std::size_t n, const Execution& execution);

// Writes rows to their places in panels. Neighbouring rows are kept back and transposed together,
// which costs far less than storing each with strides.
template <class T>
class RowPacker {
 public:
  // Packs into the panels of `kernels`.
  template <class Kernels>
  RowPacker(const Kernels& kernels, std::size_t depth)
      : RowPacker(kernels.panel, kernels.transpose, depth) {}

  // Memory for the next row, whose element k will go to panel_row[k * panel]; valid until the next
  // call.
  T* place_for(T* panel_row);

  // Rounds the row to T and packs it. Returns the rounded row.
  template <class Source>
  const T* add(const Source* row, T* panel_row);

  // Writes all rows kept back. Before this call, any row may still be missing in its panel.
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

  // Allocates memory for x, before any time is spent on reading it: `kept` takes memory that the
  // thread keeps between calls, `fresh` new memory, for one of many parts of a call.
  enum class Memory { kept, fresh };
  Packed(const simd::KernelTable<T>& kernels, const InputView& x, Memory memory = Memory::fresh)
      : Packed(kernels, x.rows, x.cols, memory) {}
  Packed(const simd::KernelTable<T>& kernels, std::size_t rows, std::size_t depth,
         Memory memory = Memory::fresh);

  // Packs x, with the rows and at most the columns of the constructor's x. With Finite::unknown,
  // throws std::invalid_argument that names the first entry that is not finite. Finite::known saves
  // a pass for rows that are packed as they are stored.
  void fill(const InputView& x, const Transform& transform, Finite finite,
            const Execution& execution);

  // Packs x unchanged, whose rows must be stored as T, and measures it in the same pass:
  // row_largest[i] becomes the larger of itself and row i's max |entry| (+∞ if an entry is not
  // finite). Squared norms become NaN.
  void fill_measuring(const InputView& x, T* row_largest, const Execution& execution);

  // Packs `depth` entries of every row, at most as many as the constructor was told of, as
  // write(i, state, place) writes them to `place`; make() makes the state of a thread. Squared
  // norms are 0.
  template <class Make, class Write>
  void fill_written(std::size_t depth, const Execution& execution, Make make, Write write);

  std::size_t rows() const { return rows_; }
  std::size_t depth() const { return depth_; }
  std::size_t panel() const { return panel_; }

  // Packed rows from `row` on, which must be the first of a panel.
  const T* rows_from(std::size_t row) const { return data_.data() + row * depth_; }

  // ‖row‖² of the packed rows, summed in float64, or 1 where a row was divided by its norm; NaN
  // where distances of such rows may overflow T; 0 for padding rows.
  const T* squared_norms() const { return squared_norms_.data(); }

  // The transformed row is 2^exponent times the packed row.
  int exponent(std::size_t row) const { return exponents_.empty() ? exponent_ : exponents_[row]; }

 private:
  void start(std::size_t depth, const Execution& execution);
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

template <class T>
template <class Make, class Write>
void Packed<T>::fill_written(std::size_t depth, const Execution& execution, Make make,
                             Write write) {
  start(depth, execution);
  struct Packer {
    RowPacker<T> rows;
    std::invoke_result_t<Make> state;
  };
  PerWorker packers(execution, std::min(panels_, threads_for(rows_ * depth_)),
                    [&] { return Packer{{*kernels_, depth_}, make()}; });
  parallel_for(execution, panels_, packers, [&](std::size_t p, Packer& own, Worker& worker) {
    T* panel = data_.data() + p * panel_ * depth_;
    const Span rows = block_span(p, rows_, panel_);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      worker.check(depth_);
      write(i, own.state, own.rows.place_for(panel + i - rows.begin));
    }
    own.rows.flush();
  });
}

// Whether rows of x are stored as T, and so can be packed without reading them entry by entry.
template <class T>
bool is_stored_as(const InputView& x);

// A sum of squares as T; NaN, for which every comparison is false, if the squared distance of two
// such rows may overflow T.
template <class T>
T squared_norm_as(double squares) {
  return squares < std::numeric_limits<T>::max() / 4 ? static_cast<T>(squares)
                                                     : std::numeric_limits<T>::quiet_NaN();
}

// A kernel of simd::KernelTable for blocks of a tile.
template <class T>
using Block = decltype(simd::KernelTable<T>::inner_products);

// Completes an n × n block that a kernel computed with is_upper, by mirroring its entries.
template <class T>
void mirror_upper(const simd::KernelTable<T>& kernels, std::size_t n, T* out, std::size_t stride) {
  for (std::size_t j = kernels.panel; j < n; j += kernels.panel) {
    kernels.transpose(out + j, stride, j, std::min(kernels.panel, n - j), out + j * stride, stride);
  }
}

// Fills `out`, rows `stride` apart, with a `block` of packed rows. `rows` and `cols` begin with a
// panel. If they are the same rows of one input, every pair is computed once.
template <class T>
void fill_block(Block<T> block, const Packed<T>& left, Span rows, const Packed<T>& right, Span cols,
                T* out, std::size_t stride, const simd::BlockOptions& options = {});

}  // namespace isogram
