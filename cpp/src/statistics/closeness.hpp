// The closeness of rows: decides which are nearest where the rounding of cosines in tiles leaves it
// open.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "tiles/gram_facts.hpp"
#include "tiles/input.hpp"

namespace isogram {

// If two weights differ by more than this, the larger weight has the larger cosine, whatever the
// rounding.
template <class T>
double tolerance_of(std::size_t depth);

// The closeness of two unit rows, a number that grows with their cosine c: c itself between ±1/2;
// beyond, ±1/(2 − 2|c|), at least 1 in magnitude. `squares` is 2 − 2|c|, the squared norm of the
// difference (or for c < 0 the sum) of the rows, which keeps its digits where c rounds to ±1.
double closeness(double cosine, double squares);

// The closeness of equal rows, the largest.
inline constexpr double kClosest = 1 / std::numeric_limits<double>::min();

double cosine_of(double closeness);

// The transform to rows of unit norm in float64.
Transform unit_transform(const GramFacts& facts);

// Reads unit rows; for one thread.
class UnitRowReader {
 public:
  UnitRowReader(const InputView& x, const GramFacts& facts)
      : reader_(x), transform_(unit_transform(facts)) {}

  std::size_t depth() const { return reader_.view().cols; }
  const std::string& name() const { return reader_.view().name; }
  void read(std::size_t row, double* out) const {
    reader_.read(row, out);
    transform_row(row, out, depth(), transform_);
  }

 private:
  RowReader reader_;
  Transform transform_;
};

// The closeness of one row after another to others.
class RowCloseness {
 public:
  RowCloseness(const InputView& rows, const InputView& cols, const GramFacts& facts)
      : rows_(rows, facts), cols_(cols, facts), memory_(3 * rows_.depth()) {}

  void go_to(std::size_t row) { rows_.read(row, memory_.data()); }

  // Throws InputChanged if the result is NaN.
  double to(std::size_t column);

 private:
  UnitRowReader rows_;
  UnitRowReader cols_;
  std::vector<double> memory_;
};

}  // namespace isogram
