// Shared by the tests of CUDA kernels: device views of the matrices of tests/cpp/support.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpp/support.hpp"
#include "isogram/cuda/device.hpp"

namespace isogram_test {

// A result or scratch that shows which items were not written: NaN, or a value that no kernel
// computes.
template <class T>
std::vector<T> poisoned(std::int64_t size) {
  const T poison = std::is_floating_point_v<T> ? std::numeric_limits<T>::quiet_NaN() : T(-77);
  return std::vector<T>(static_cast<std::size_t>(size), poison);
}

inline isogram::cuda::Input device_input(const Input& input) {
  const isogram::InputView view = input.view();
  return {view.data,
          view.type,
          static_cast<std::int64_t>(view.rows),
          static_cast<std::int64_t>(view.cols),
          view.row_stride,
          view.col_stride};
}

// A matrix with gaps between its rows. Checks that every entry is written and no gap is.
template <class T>
class DeviceMatrix {
 public:
  DeviceMatrix(std::int64_t rows, std::int64_t cols, std::int64_t gap = 0, std::int64_t offset = 0)
      : rows_(rows),
        cols_(cols),
        stride_(cols + gap),
        offset_(offset),
        memory_(static_cast<std::size_t>(offset + rows * stride_), kPoison) {}

  DeviceMatrix(const Matrix& values, std::int64_t gap = 0, std::int64_t offset = 0)
      : DeviceMatrix(static_cast<std::int64_t>(values.size()),
                     static_cast<std::int64_t>(values[0].size()), gap, offset) {
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = 0; j < cols_; ++j) {
        (*this)(i, j) =
            static_cast<T>(values[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)]);
      }
    }
  }

  isogram::cuda::Matrix<T> view() { return {memory_.data() + offset_, rows_, cols_, stride_}; }
  T& operator()(std::int64_t i, std::int64_t j) {
    return memory_[static_cast<std::size_t>(offset_ + i * stride_ + j)];
  }
  T operator()(std::int64_t i, std::int64_t j) const {
    return memory_[static_cast<std::size_t>(offset_ + i * stride_ + j)];
  }
  Matrix values() const {
    Matrix result(static_cast<std::size_t>(rows_), Vec(static_cast<std::size_t>(cols_)));
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = 0; j < cols_; ++j) {
        result[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] = (*this)(i, j);
      }
    }
    return result;
  }
  void expect_surroundings_untouched() const {
    const auto poisoned = std::count(memory_.begin(), memory_.end(), kPoison);
    EXPECT_EQ(poisoned, static_cast<std::ptrdiff_t>(memory_.size()) - rows_ * cols_);
  }

  static constexpr T kPoison = static_cast<T>(-12345.678);

 private:
  std::int64_t rows_;
  std::int64_t cols_;
  std::int64_t stride_;
  std::int64_t offset_;
  std::vector<T> memory_;
};

template <class T>
Output<T> as_output(const DeviceMatrix<T>& m) {
  const Matrix values = m.values();
  Output<T> out(values.size(), values[0].size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < values[i].size(); ++j)
      out.view()(i, j) = static_cast<T>(values[i][j]);
  }
  return out;
}

}  // namespace isogram_test
