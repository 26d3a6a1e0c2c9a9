// Slow and obvious: the value of the best assignment, by trying all assignments of the smallest
// problems, and by the Hungarian method in long double for others.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

namespace isogram_reference {

using Rows = std::vector<std::vector<double>>;

inline Rows transposed(const Rows& a) {
  Rows result(a[0].size(), std::vector<double>(a.size()));
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a[0].size(); ++j) result[j][i] = a[i][j];
  }
  return result;
}

inline Rows negated(Rows a) {
  for (auto& row : a) {
    for (double& x : row) x = -x;
  }
  return a;
}

// The smallest sum over rows from `row` on, with a free column for each; rows ≤ cols.
inline long double smallest_sum(const Rows& costs, std::size_t row, std::vector<bool>& taken) {
  if (row == costs.size()) return 0;
  long double best = std::numeric_limits<long double>::infinity();
  for (std::size_t j = 0; j < taken.size(); ++j) {
    if (taken[j]) continue;
    taken[j] = true;
    best = std::min(best, costs[row][j] + smallest_sum(costs, row + 1, taken));
    taken[j] = false;
  }
  return best;
}

inline long double best_total_by_trying_all(const Rows& a, bool maximize) {
  if (maximize) return -best_total_by_trying_all(negated(a), false);
  if (a.size() > a[0].size()) return best_total_by_trying_all(transposed(a), false);
  std::vector<bool> taken(a[0].size(), false);
  return smallest_sum(a, 0, taken);
}

// The Hungarian method, one row after another. Rows and columns are numbered from 1; column 0 holds
// the row that enters; `row_of[j]` is 0 while column j is free.
class Hungarian {
 public:
  explicit Hungarian(const Rows& costs)
      : costs_(costs),
        rows_(costs.size()),
        cols_(costs[0].size()),
        row_dual_(rows_ + 1),
        column_dual_(cols_ + 1),
        row_of_(cols_ + 1),
        previous_(cols_ + 1) {
    for (std::size_t i = 1; i <= rows_; ++i) enter(i);
  }

  long double total() const {
    long double sum = 0;
    for (std::size_t j = 1; j <= cols_; ++j) {
      if (row_of_[j] != 0) sum += costs_[row_of_[j] - 1][j - 1];
    }
    return sum;
  }

 private:
  void enter(std::size_t row) {
    std::vector<long double> slack(cols_ + 1, std::numeric_limits<long double>::infinity());
    std::vector<bool> visited(cols_ + 1, false);
    row_of_[0] = row;
    std::size_t column = 0;
    while (row_of_[column] != 0) {
      visited[column] = true;
      column = advance(column, slack, visited);
    }
    for (std::size_t j = column; j != 0; j = previous_[j]) row_of_[j] = row_of_[previous_[j]];
  }

  // Returns the nearest unvisited column, after changing the duals so that its edge is tight.
  std::size_t advance(std::size_t from, std::vector<long double>& slack,
                      const std::vector<bool>& visited) {
    const std::size_t i = row_of_[from];
    std::size_t nearest = 0;
    long double delta = std::numeric_limits<long double>::infinity();
    for (std::size_t j = 1; j <= cols_; ++j) {
      if (visited[j]) continue;
      const long double reduced = costs_[i - 1][j - 1] - row_dual_[i] - column_dual_[j];
      if (reduced < slack[j]) {
        slack[j] = reduced;
        previous_[j] = from;
      }
      if (slack[j] < delta) {
        delta = slack[j];
        nearest = j;
      }
    }
    for (std::size_t j = 0; j <= cols_; ++j) {
      if (visited[j]) {
        row_dual_[row_of_[j]] += delta;
        column_dual_[j] -= delta;
      } else {
        slack[j] -= delta;
      }
    }
    return nearest;
  }

  const Rows& costs_;
  std::size_t rows_;
  std::size_t cols_;
  std::vector<long double> row_dual_;
  std::vector<long double> column_dual_;
  std::vector<std::size_t> row_of_;
  std::vector<std::size_t> previous_;
};

inline long double best_total(const Rows& a, bool maximize) {
  if (maximize) return -best_total(negated(a), false);
  if (a.size() > a[0].size()) return best_total(transposed(a), false);
  return Hungarian(a).total();
}

}  // namespace isogram_reference
