// Greedy matching: takes the largest affinity whose row and column are free, again and again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "isogram/matrix_view.hpp"

namespace isogram {

template <class T>
class GreedyMatcher {
 public:
  explicit GreedyMatcher(std::size_t max_tokens) : column_taken_(max_tokens) {
    heap_.reserve(max_tokens);
  }

  // The float64 sum of the matched affinities; of equal ones the smaller row, then the smaller
  // column is matched first. columns[i] is the column of row i plus `first_column`, or −1. Cost:
  // one pass over a row each time that its best column is taken by another row.
  double total(MatrixView<const T> affinity, std::int32_t* columns, std::int32_t first_column) {
    std::fill_n(columns, affinity.rows, -1);
    std::fill(column_taken_.begin(), column_taken_.end(), false);
    heap_.clear();
    for (std::size_t i = 0; i < affinity.rows; ++i) heap_.push_back(best_of_row(affinity, i));
    std::make_heap(heap_.begin(), heap_.end(), goes_after);
    double sum = 0;
    for (std::size_t left = std::min(affinity.rows, affinity.cols); left > 0;) {
      std::pop_heap(heap_.begin(), heap_.end(), goes_after);
      Edge& edge = heap_.back();
      if (column_taken_[edge.column]) {
        // Another row took the column. The row's next best edge is no better, so the order of rows
        // stays right.
        edge = best_of_row(affinity, edge.row);
        std::push_heap(heap_.begin(), heap_.end(), goes_after);
        continue;
      }
      column_taken_[edge.column] = true;
      columns[edge.row] = first_column + static_cast<std::int32_t>(edge.column);
      sum += edge.affinity;
      heap_.pop_back();
      --left;
    }
    return sum;
  }

 private:
  struct Edge {
    T affinity;
    std::size_t row;
    std::size_t column;
  };

  static bool goes_after(const Edge& a, const Edge& b) {
    return a.affinity != b.affinity ? a.affinity < b.affinity : a.row > b.row;
  }

  // There must be a free column.
  Edge best_of_row(MatrixView<const T> affinity, std::size_t i) const {
    std::size_t j = 0;
    const T* entry = affinity.data + static_cast<std::ptrdiff_t>(i) * affinity.row_stride;
    for (; column_taken_[j]; ++j) entry += affinity.col_stride;
    Edge best{*entry, i, j};
    for (; j < affinity.cols; ++j, entry += affinity.col_stride) {
      if (*entry > best.affinity && !column_taken_[j]) best = {*entry, i, j};
    }
    return best;
  }

  std::vector<char> column_taken_;
  std::vector<Edge> heap_;  // the best edge of every free row when it was last searched
};

}  // namespace isogram
