// Rows of unit norm less a common vector, with all digits of the difference.
//
// HSIC of cosines and correlations is HSIC of the inner products of unit rows, and does not change
// when these are shifted alike. Where rows have a large part in common (one massive feature, an
// offset), they differ in the last digits of their entries only. The difference x / ‖x‖ − λo, for
// an axis o amid the rows, is computed so that these digits are exact.
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
  // `x` holds some or all of the rows that `axis` was computed from; `axis` must outlive this
  // object. A zero row becomes −λo. Cost: three passes over a row, which stays in the cache.
  // Memory: 72 bytes per row. Throws std::invalid_argument that names the first entry that is not
  // finite.
  UnitRows(const InputView& x, const UnitAxis& axis, const Execution& execution);

  // Replaces columns `cols` of row i of x in `part` by those of the difference.
  void apply(std::size_t i, Span cols, double* part) const;

  // x · 2^−exponent = first + mean + α o + r, and x / ‖x‖ − λo = r / ‖x‖ + β o. The axis and both
  // parts of α have 24 bits, so that their products are exact, and rounding errors of differences
  // are added back: r has all its digits, however small it is beside x.
  struct Row {
    int exponent = 0;
    double first = 0;  // the row's mean is summed relative to this entry
    double mean = 0;
    double high = 0;  // α = high + low
    double low = 0;
    double rest = 0;  // the mean of r, subtracted last
    double norm = 1;
    double beta = 0;
  };

 private:
  const UnitAxis& axis_;
  std::vector<Row> rows_;
};

}  // namespace isogram
