// Rows of unit norm less a common vector, without the rounding of either.
//
// HSIC of cosines and of correlations is that of the inner products of rows of unit norm, and does
// not change when these are shifted alike. Where rows have a large part in common (one massive
// feature, an offset), all that tells them apart is in the last digits of their entries: of the
// difference x / ‖x‖ − λo, for an axis o amid the rows, those digits have to be all.
#pragma once

#include <cstddef>
#include <vector>

#include "isogram/gram_facts.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "tiles/grid.hpp"

namespace isogram {

UnitAxis unit_axis_of(const InputView& x, bool center, const Execution& execution);

class UnitRows {
 public:
  // Of the rows of x, some or all of the rows that the axis, which has to outlive this, is of; a
  // zero row becomes −λo. Three passes over a row, which stays in the cache; 72 bytes of memory per
  // row. Throws std::invalid_argument that names the first entry that is not finite.
  UnitRows(const InputView& x, const UnitAxis& axis, const Execution& execution);

  // Columns `cols` of row i of x, as they came, become those of the difference.
  void apply(std::size_t i, Span cols, double* part) const;

  // x · 2^−exponent = first + mean + α o + r, and x / ‖x‖ − λo = r / ‖x‖ + β o. Products of the
  // axis and of α in two parts, all of 24 bits, are exact, and what is lost in a difference comes
  // after it: r has all its digits, however much of x it is not.
  struct Row {
    int exponent = 0;
    double first = 0;  // of what the row's own mean is relative to
    double mean = 0;
    double high = 0;  // of α
    double low = 0;
    double rest = 0;  // the mean of r, which comes off last
    double norm = 1;
    double beta = 0;
  };

 private:
  const UnitAxis& axis_;
  std::vector<Row> rows_;
};

}  // namespace isogram
