// Matrices as arrays in C order.
#pragma once

#include <cstddef>
#include <random>
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

// Rows of T, and their values for the reference.
template <class T>
struct Data {
  Data(std::size_t rows, std::size_t cols) : values(rows * cols), n(rows), d(cols) {}

  static Data normal(std::size_t rows, std::size_t cols, unsigned seed, double mean = 0) {
    Data data(rows, cols);
    std::mt19937 random(seed);
    std::normal_distribution<double> distribution(mean, 1);
    for (T& x : data.values) x = static_cast<T>(distribution(random));
    return data;
  }

  T* row(std::size_t i) { return values.data() + i * d; }
  isogram::MatrixView<const T> view() const { return {values.data(), n, d}; }
  Matrix rows() const {
    Matrix result;
    for (std::size_t i = 0; i < n; ++i) {
      result.emplace_back(values.data() + i * d, values.data() + (i + 1) * d);
    }
    return result;
  }

  std::vector<T> values;
  std::size_t n;
  std::size_t d;
};

inline isogram::Execution on_threads(int count) {
  isogram::Execution execution;
  execution.num_threads = count;
  return execution;
}

}  // namespace isogram_test
