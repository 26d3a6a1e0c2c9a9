// Costs of a problem whose digits T does not hold together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "assignment/assignment.hpp"
#include "isogram/match.hpp"
#include "isogram/matrix_view.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"

namespace isogram {

// A copy of a problem's costs in float64, rows ≤ cols, for the rare problems that need it: +∞ where
// an affinity forbids its pair, all others finite. Nobody changes it while it is worked on.
//
// A gate is a cost above any sum of the lower costs of an assignment. Gates of one value are
// lowered to just above that sum: float64 then holds all costs together, and integers are short.
// The optimal assignments stay the same, because an optimal one has as few gates as possible and
// the smallest sum of the rest; the distance from the optimum of others with as few gates stays the
// same, too.
class WideCosts {
 public:
  // Throws NotFinite.
  template <class T>
  WideCosts(MatrixView<const T> affinity, Objective objective, InfiniteCost infinite_cost,
            Worker* worker);

  MatrixView<const double> view() const { return {costs_.data(), rows_, cols_}; }
  bool forbids() const { return forbids_; }

  // With a finite cost for forbidden pairs, so high that no assignment takes one more than it has
  // to. False if float64 has no such cost, or not the digits.
  bool fill(AssignmentProblem<double>& problem, Start start, Worker* worker) const;

  bool uses_forbidden(const std::int32_t* column_of) const;

 private:
  static constexpr double kForbidden = std::numeric_limits<double>::infinity();

  template <class Visit>
  void for_each_row(Visit visit);
  double above_sums_of(double largest) const;
  double largest_below(double end);
  void lower_gates();

  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  Buffer<double> costs_;
  double largest_ = 0;  // of the finite ones
  bool forbids_ = false;
};

}  // namespace isogram
