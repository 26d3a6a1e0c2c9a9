// How close rows are, where the rounding of the cosines in tiles leaves open which are nearest.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "tiles/gram_facts.hpp"
#include "tiles/input.hpp"

namespace isogram {

// Of weights that differ by more, the larger is that of the larger cosine, whatever the rounding.
template <class T>
double tolerance_of(std::size_t depth);

// A number that grows with the cosine of two unit rows: the cosine c itself between ±1/2, beyond
// them ±1/(2 − 2|c|), which is at least 1 in magnitude. There 2 − 2|c| is `squares`, of the
// differences of the rows, or their sums, and so keeps its digits where c is ±1 but for rounding.
double closeness(double cosine, double squares);

// No row is closer than an equal one.
inline constexpr double kClosest = 1 / std::numeric_limits<double>::min();

double cosine_of(double closeness);

// Rows of unit norm in float64.
Transform unit_transform(const GramFacts& facts);

// One thread's way to unit rows.
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

// How close one row after another is to others.
class RowCloseness {
 public:
  RowCloseness(const InputView& rows, const InputView& cols, const GramFacts& facts)
      : rows_(rows, facts), cols_(cols, facts), memory_(3 * rows_.depth()) {}

  void go_to(std::size_t row) { rows_.read(row, memory_.data()); }

  // Throws InputChanged where there is no order.
  double to(std::size_t column);

 private:
  UnitRowReader rows_;
  UnitRowReader cols_;
  std::vector<double> memory_;
};

}  // namespace isogram
