#include "assignment/wide_costs.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <span>

namespace isogram {

// Calls visit(row) for all rows, after a check for an interrupt.
template <class Visit>
void WideCosts::for_each_row(Visit visit) {
  for (std::size_t i = 0; i < rows_; ++i) {
    check_worker();
    visit(std::span(costs_.data() + i * cols_, cols_));
  }
}

template <class T>
WideCosts::WideCosts(MatrixView<const T> affinity, Objective objective, InfiniteCost infinite_cost,
                     Worker* worker) {
  if (affinity.rows > affinity.cols) affinity = affinity.transposed();
  rows_ = affinity.rows;
  cols_ = affinity.cols;
  costs_ = Buffer<double>::unset(product(rows_, cols_));
  const double sign = objective == Objective::maximize ? -1 : 1;
  for (std::size_t first = 0; first < rows_; first += kGatheredRows) {
    const std::size_t end = std::min(rows_, first + kGatheredRows);
    if (worker != nullptr && first > 0) worker->check();
    for (std::size_t j = 0; j < cols_; ++j) {
      for (std::size_t i = first; i < end; ++i) {
        costs_[i * cols_ + j] = sign * static_cast<double>(affinity(i, j));
      }
    }
  }
  for_each_row([&](std::span<double> row) {
    for (const double cost : row) {
      if (std::isfinite(cost)) {
        largest_ = std::max(largest_, std::abs(cost));
      } else if (cost == kForbidden && infinite_cost == InfiniteCost::forbids_the_pair) {
        forbids_ = true;
      } else {
        throw NotFinite();
      }
    }
  });
  lower_gates();
}

bool WideCosts::fill(AssignmentProblem<double>& problem, Start start, Worker* worker) const {
  if (!forbids_) return problem.fill(view(), Objective::minimize, start, worker);
  const double cost = above_sums_of(largest_);
  problem.begin(rows_, cols_, Objective::minimize, start);
  Buffer<double> row(cols_);
  for (std::size_t i = 0; i < rows_; ++i) {
    if (worker != nullptr && i > 0) worker->check();
    const double* costs = costs_.data() + i * cols_;
    for (std::size_t j = 0; j < cols_; ++j) row[j] = costs[j] == kForbidden ? cost : costs[j];
    problem.read(MatrixView<const double>(row.data(), 1, cols_), i);
  }
  return problem.scale();
}

bool WideCosts::uses_forbidden(const std::int32_t* column_of) const {
  if (!forbids_) return false;
  for (std::size_t i = 0; i < rows_; ++i) {
    if (costs_[i * cols_ + static_cast<std::size_t>(column_of[i])] == kForbidden) return true;
  }
  return false;
}

// A power of two above twice the sum of any matching of costs up to `largest`. It is more than
// kHole octaves above them, so that it counts as a gate.
double WideCosts::above_sums_of(double largest) const {
  if (largest == 0) return 1;
  const int octaves = std::max(static_cast<int>(std::bit_width(rows_)) + 2, detail::kHole + 2);
  return std::ldexp(1.0, std::ilogb(largest) + octaves);
}

// The largest magnitude of costs below `end`.
double WideCosts::largest_below(double end) {
  double largest = 0;
  for_each_row([&](std::span<const double> row) {
    for (const double cost : row) {
      if (cost < end) largest = std::max(largest, std::abs(cost));
    }
  });
  return largest;
}

void WideCosts::lower_gates() {
  // Gates are found from the highest value down, and lowered from the lowest gate up.
  std::array<double, 4> gates{};
  std::size_t count = 0;
  double below = largest_;
  for (; count < gates.size() && below > 0; ++count) {
    const double gate = below;
    below = largest_below(gate);
    if (!(gate > above_sums_of(below))) {
      below = gate;
      break;
    }
    gates[count] = gate;
  }
  std::array<double, gates.size()> lowered{};
  largest_ = below;
  for (std::size_t g = count; g-- > 0;) largest_ = lowered[g] = above_sums_of(largest_);
  if (count == 0) return;
  for_each_row([&](std::span<double> row) {
    for (double& cost : row) {
      const auto gate = std::find(gates.begin(), gates.begin() + count, cost) - gates.begin();
      if (static_cast<std::size_t>(gate) < count) cost = lowered[static_cast<std::size_t>(gate)];
    }
  });
}

template WideCosts::WideCosts(MatrixView<const float>, Objective, InfiniteCost, Worker*);
template WideCosts::WideCosts(MatrixView<const double>, Objective, InfiniteCost, Worker*);

}  // namespace isogram
