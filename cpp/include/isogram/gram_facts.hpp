// Gram matrices tile by tile: the facts of all rows, found before any tile is computed, and the
// tiles, each computed from its own rows alone.
#pragma once

#include <optional>
#include <vector>

#include "isogram/gram.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// An axis amid rows of unit norm, and how far half of the rows reach along it. A few rows in the
// middle of all determine it, so that no far row draws it away.
struct UnitAxis {
  bool center = false;          // rows lose their own means first
  std::vector<double> axis;     // of 24 bits; zeros where the few rows have no direction
  std::vector<double> centred;  // less its mean, for `center`
  double squares = 0;           // Σ centred²
  double lambda = 0;            // in units of the axis
};

// Everything that decides the bits of a tile and depends on more than the tile's own rows. Facts
// are small: a few numbers per column.
struct GramFacts {
  KernelOptions options;          // of the entries as they are computed: linear for shifted rows
  std::vector<double> origin;     // subtracted from every row, unless empty
  std::vector<double> rest;       // rounding error of the origin, subtracted too, unless empty
  std::optional<UnitAxis> axis;   // if set, rows of unit norm less a common vector replace rows
  bool center_rows = false;       // rows lose their own means
  bool unit_norm = false;         // rows are divided by their norms
  int exponent = 0;               // else rows are divided by 2^exponent
  bool exponent_per_row = false;  // or each row by a power of two of its own
  bool is_deep = false;           // tiles are summed panel by panel: see DeepTiles
  bool stays_scaled = false;  // entries are left in units of 2^(2 exponent): they cannot overflow
  bool may_vanish = false;    // rows are so far apart that products are below the range of T

  // Whether rows are packed in another unit than the caller's.
  bool has_unit() const { return exponent != 0 || exponent_per_row; }
};

// The facts of gram(x, …) in T, or of gram(x, *y, …): one or two passes over the rows, in float64.
// Throws std::invalid_argument as gram() does.
template <class T>
GramFacts gram_facts(const InputView& x, const InputView* y, const KernelOptions& options,
                     const Execution& execution = {});

// A tile of that matrix, with the bits of the whole: the rows of `rows` with those of `cols`, or
// with themselves for a tile on the diagonal of a symmetric matrix. Returns false if an entry is
// infinite. Throws std::invalid_argument: no rows, rows of other lengths than the facts', out of
// the wrong shape.
template <class T>
bool gram_tile(const InputView& rows, const InputView* cols, const GramFacts& facts,
               MatrixView<T> out, const Execution& execution = {});

}  // namespace isogram
