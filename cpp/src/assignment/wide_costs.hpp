// Float64 costs of a problem whose costs span more digits than T has.
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

// A copy of a problem's costs in float64, rows ≤ cols: +∞ where an affinity forbids its pair,
// others finite. Rare problems need it. Other threads cannot change it during the call, unlike the
// affinity.
//
// A gate is a cost above any sum of the lower costs of a matching. Gates of one value are lowered
// to just above that sum: then float64 holds all costs together, and integers are short. Optimal
// matchings stay optimal, because they have the fewest gates and the smallest sum of the rest.
// Matchings with equally few gates keep their distance from the optimum.
class WideCosts {
 public:
  // Throws NotFinite.
  template <class T>
  WideCosts(MatrixView<const T> affinity, Objective objective, InfiniteCost infinite_cost,
            Worker* worker);

  MatrixView<const double> view() const { return {costs_.data(), rows_, cols_}; }
  bool forbids() const { return forbids_; }

  // Fills `problem`, with a finite cost for forbidden pairs that is high enough to keep their
  // number smallest. Returns false if float64 has no such cost, or too few digits.
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
  double largest_ = 0;  // the largest finite |cost|
  bool forbids_ = false;
};

}  // namespace isogram
