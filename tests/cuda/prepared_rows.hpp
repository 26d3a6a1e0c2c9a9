// Rows prepared by the kernels, for tests of the kernels and of Gram matrices.
#pragma once

#include <cstdint>
#include <vector>

#include "isogram/cuda/prepare.hpp"
#include "support.hpp"

namespace isogram_test {

template <class T>
Input of_type(const Matrix& values) {
  return Input(sizeof(T) == 4 ? ElementType::float32 : ElementType::float64, Order::c, values);
}

struct Means {
  std::vector<double> rounded;
  std::vector<double> rests;
};

inline Means means_of(const Input& x) {
  const isogram::cuda::Input input = device_input(x);
  std::vector<double> means = poisoned<double>(input.cols);
  std::vector<double> rests = poisoned<double>(input.cols);
  std::vector<double> scratch =
      poisoned<double>(isogram::cuda::column_scratch(input.rows, input.cols));
  isogram::cuda::column_means(nullptr, input, means.data(), rests.data(), scratch.data());
  return {means, rests};
}

inline int scaling_exponent(const Input& x, const Input* y = nullptr,
                            const double* origin = nullptr) {
  const isogram::cuda::Input of_x = device_input(x);
  const isogram::cuda::Input of_y = y ? device_input(*y) : isogram::cuda::Input{};
  std::vector<double> scratch = poisoned<double>(isogram::cuda::scaling_scratch());
  int exponent = -77;
  isogram::cuda::scaling_exponent(nullptr, of_x, y ? &of_y : nullptr, origin, &exponent,
                                  scratch.data());
  return exponent;
}

template <class T>
struct PreparedRows {
  PreparedRows(const Input& x, isogram::cuda::Preparation preparation, const double* origin,
               const int* exponent)
      : source(device_input(x)),
        rows(source.rows, source.cols, 3),
        squared_norms(poisoned<double>(source.rows)),
        exponents(poisoned<int>(source.rows)) {
    isogram::cuda::prepare(nullptr, source, preparation, origin, nullptr, exponent, rows.view(),
                           squared_norms.data(), exponents.data());
    rows.expect_surroundings_untouched();
  }
  const T* row(std::int64_t i) { return &rows(i, 0); }

  isogram::cuda::Input source;
  DeviceMatrix<T> rows;
  std::vector<double> squared_norms;
  std::vector<int> exponents;
};

}  // namespace isogram_test
