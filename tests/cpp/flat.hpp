// Matrices as the arrays that the functions of square matrices and of distributions take.
#pragma once

#include <cstddef>
#include <vector>

#include "isogram/parallel.hpp"
#include "support.hpp"

namespace isogram_test {

template <class T = double>
std::vector<T> flat(const Matrix& rows) {
  std::vector<T> values;
  for (const Vec& row : rows) {
    for (const Real x : row) values.push_back(static_cast<T>(x));
  }
  return values;
}

template <class T>
isogram::MatrixView<const T> view(const std::vector<T>& values, std::size_t rows) {
  return {values.data(), rows, values.size() / rows};
}

inline isogram::Execution on_threads(int count) {
  isogram::Execution execution;
  execution.num_threads = count;
  return execution;
}

}  // namespace isogram_test
