// Greedy matching: the largest remaining affinity whose row and column are free.
#pragma once

#include <cstddef>
#include <vector>

#include "isogram/matrix_view.hpp"

namespace isogram {

template <class T>
class GreedyMatcher {
 public:
  explicit GreedyMatcher(std::size_t max_tokens)
      : best_column_(max_tokens), column_taken_(max_tokens), row_taken_(max_tokens) {}

  // The float64 sum of the matched affinities; of equal ones the smaller row, then the smaller
  // column goes first.
  double total(MatrixView<const T> affinity) {
    for (std::size_t j = 0; j < affinity.cols; ++j) column_taken_[j] = false;
    for (std::size_t i = 0; i < affinity.rows; ++i) {
      row_taken_[i] = false;
      best_column_[i] = best_free_column(affinity, i);
    }
    double sum = 0;
    for (std::size_t left = std::min(affinity.rows, affinity.cols); left > 0;) {
      const std::size_t i = best_free_row(affinity);
      if (column_taken_[best_column_[i]]) {
        // Another row took it. What this row has left is no better, so no row was passed over.
        best_column_[i] = best_free_column(affinity, i);
        continue;
      }
      row_taken_[i] = true;
      column_taken_[best_column_[i]] = true;
      sum += affinity(i, best_column_[i]);
      --left;
    }
    return sum;
  }

 private:
  std::size_t best_free_column(MatrixView<const T> affinity, std::size_t i) const {
    std::size_t best = affinity.cols;
    for (std::size_t j = 0; j < affinity.cols; ++j) {
      if (column_taken_[j]) continue;
      if (best == affinity.cols || affinity(i, j) > affinity(i, best)) best = j;
    }
    return best;
  }

  std::size_t best_free_row(MatrixView<const T> affinity) const {
    std::size_t best = affinity.rows;
    for (std::size_t i = 0; i < affinity.rows; ++i) {
      if (row_taken_[i]) continue;
      if (best == affinity.rows ||
          affinity(i, best_column_[i]) > affinity(best, best_column_[best])) {
        best = i;
      }
    }
    return best;
  }

  std::vector<std::size_t> best_column_;
  std::vector<char> column_taken_;
  std::vector<char> row_taken_;
};

}  // namespace isogram
