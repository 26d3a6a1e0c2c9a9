// What a Gram matrix needs to know of all of its rows before any of its tiles is computed.
#pragma once

#include <optional>
#include <vector>

#include "isogram/gram.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "tiles/packed.hpp"
#include "tiles/unit_rows.hpp"

namespace isogram {

// Features less their column means: for cosines of centred features. Or, for measures that do not
// change when the rows whose inner products a matrix has are shifted alike, those rows less an
// origin amid most of them: the linear matrix of shifted rows, also of the rows of unit norm that
// make cosines and correlations. No far row and no common part of the rows takes its digits.
// Hollow: shifted, for measures that do not look at the diagonal, which is left out of what the
// scale of far rows must leave room for.
enum class Columns { as_given, centered, shifted, hollow };

// Everything that decides the bits of a tile and depends on more than the tile's own rows. Facts
// are small: a few numbers per column.
struct GramFacts {
  KernelOptions options;         // of the entries as they are computed: linear for shifted rows
  std::vector<double> origin;    // subtracted from every row, unless empty
  std::vector<double> rest;      // what rounding took from the origin: too, unless empty
  std::optional<UnitAxis> axis;  // rows of unit norm less a common vector take the rows' place
  bool center_rows = false;      // see Transform, as the next three
  bool unit_norm = false;
  int exponent = 0;
  bool exponent_per_row = false;
  bool is_deep = false;       // tiles are summed panel by panel: see DeepTiles
  bool stays_scaled = false;  // entries are left in units of 2^(2 exponent): they cannot overflow
  bool may_vanish = false;    // rows are so far apart that products are below the range of T

  // What happens to rows when they are packed; `unit_rows` are theirs where there is an axis. Valid
  // as long as both.
  Transform transform(const UnitRows* unit_rows) const;

  // Whether rows are packed in another unit than they came in.
  bool has_unit() const { return exponent != 0 || exponent_per_row; }
};

// The facts of the matrix of the rows of x with themselves, or with those of y, computed in T.
// Passes over the data: none for cosines and correlations (of rows as given, unless they are long);
// else one or two. Those look for what is not finite: throws std::invalid_argument that names the
// first such entry; rows that were not looked at here are looked at when they are packed. Throws it
// too for an option out of range.
template <class T>
GramFacts survey_gram(const InputView& x, const InputView* y, const KernelOptions& options,
                      Columns columns, const Execution& execution);

// Whether every number of x is one of T.
template <class T>
bool fits_into(const InputView& x) {
  return sizeof(T) == sizeof(double) || x.type != ElementType::float64;
}

bool uses_distance(Kernel kernel);   // entries are exponentials of distances
bool uses_unit_norm(Kernel kernel);  // entries are cosines

}  // namespace isogram
