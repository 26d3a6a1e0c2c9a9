// Gram matrices tile by tile: gram_facts() surveys all rows, then gram_tile() computes each tile
// from its own rows alone.
#pragma once

#include <optional>
#include <vector>

#include "isogram/gram.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// An axis amid rows of unit norm. It is determined by a few rows in the middle of all, so that no
// far row draws it away. lambda · axis is subtracted from the rows.
struct UnitAxis {
  bool center = false;          // each row loses its own mean first
  std::vector<double> axis;     // 24 bits per entry; zeros where the few rows have no direction
  std::vector<double> centred;  // `axis`, less its mean for `center`
  double squares = 0;           // Σ centred²
  double lambda = 0;            // in units of the axis: half of the few rows reach this far
};

// All facts that decide the bits of a tile and depend on more than its own rows: a few numbers per
// column.
struct GramFacts {
  KernelOptions options;          // gamma is set; Kernel::linear for shifted rows
  std::vector<double> origin;     // subtracted from every row, unless empty
  std::vector<double> rest;       // rounding error of the origin, subtracted too, unless empty
  std::optional<UnitAxis> axis;   // if set, rows are divided by their norms and lose lambda · axis
  bool center_rows = false;       // each row loses its own mean
  bool unit_norm = false;         // rows are divided by their norms
  int exponent = 0;               // else rows are divided by 2^exponent
  bool exponent_per_row = false;  // or each row by a power of two of its own
  bool is_deep = false;           // tiles are summed over panels of columns: see DeepTiles
  bool has_few_rows = false;      // and rows are not packed: see FewRows
  bool stays_scaled = false;      // entries stay in units of 2^(2 exponent): they cannot overflow
  bool may_vanish = false;        // rows are so far apart that products may be below the range of T

  // Whether rows are scaled when they are packed.
  bool has_unit() const { return exponent != 0 || exponent_per_row; }

  // Whether entries may be infinite because they overflow the type of the tiles.
  bool may_overflow() const {
    if (options.kernel == Kernel::polynomial) return true;
    return options.kernel == Kernel::linear && !stays_scaled && has_unit();
  }
};

// The facts for gram(x, …), or for gram(x, *y, …) unless y is null. Types: any → float64; T = float
// or double is the type of the tiles. Cost: one or two passes over the rows. Memory: rows as
// float64 per thread.
// Throws std::invalid_argument: no rows or columns, x.cols != y->cols, a NaN or infinity, an option
// out of range.
template <class T>
GramFacts gram_facts(const InputView& x, const InputView* y, const KernelOptions& options,
                     const Execution& execution = {});

// One tile, with the bits that gram() gives its entries: the rows of `rows` with the rows of
// `cols`, or with themselves if `cols` is null, for a tile on the diagonal of a symmetric matrix.
// The entries go to `mirror` as well, transposed, unless that is null: the tile on the other side
// of the diagonal. Returns false if an entry is infinite. Types, cost and memory as of gram().
// Throws std::invalid_argument: no rows, rows of another length than the facts', out or mirror of
// the wrong shape, a mirror of a tile on the diagonal.
template <class T>
bool gram_tile(const InputView& rows, const InputView* cols, const GramFacts& facts,
               MatrixView<T> out, const Execution& execution = {},
               const MatrixView<T>* mirror = nullptr);

}  // namespace isogram
