// Views of matrices that the caller owns: any strides, four element types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace isogram {

// Bit patterns of the two 16-bit types; isogram widens them when it packs its inputs.
struct Half {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

// rows × cols elements, element (i, j) at data[i * row_stride + j * col_stride].
// Strides count elements, and may be zero or negative.
template <class T>
struct MatrixView {
  T* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::ptrdiff_t row_stride = 0;
  std::ptrdiff_t col_stride = 1;

  MatrixView() = default;
  MatrixView(T* data, std::size_t rows, std::size_t cols)
      : MatrixView(data, rows, cols, static_cast<std::ptrdiff_t>(cols), 1) {}
  MatrixView(T* data, std::size_t rows, std::size_t cols, std::ptrdiff_t row_stride,
             std::ptrdiff_t col_stride)
      : data(data), rows(rows), cols(cols), row_stride(row_stride), col_stride(col_stride) {}

  T& operator()(std::size_t i, std::size_t j) const {
    return data[static_cast<std::ptrdiff_t>(i) * row_stride +
                static_cast<std::ptrdiff_t>(j) * col_stride];
  }

  MatrixView transposed() const { return {data, cols, rows, col_stride, row_stride}; }
};

enum class ElementType { float16, bfloat16, float32, float64 };

struct InputView;

// The rows of an input that is not in memory, as of a file: read when a pass over them comes there.
class RowSource {
 public:
  virtual ~RowSource() = default;
  RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;

  // Rows [begin, end). Their memory stays until rows of this or another source are read; one thread
  // calls at a time. What it throws ends the pass.
  virtual InputView read(std::size_t begin, std::size_t end) = 0;
  // How many rows to ask for in a pass.
  virtual std::size_t rows_at_once() const = 0;
};

// A read-only matrix whose element type is known at run time. Elements are widened once, while an
// input is packed, so no operation is compiled once per input type.
struct InputView {
  const void* data = nullptr;
  ElementType type = ElementType::float32;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::ptrdiff_t row_stride = 0;
  std::ptrdiff_t col_stride = 1;
  std::string name = "x";  // how error messages call this argument
  // Unless null, where rows come from in place of `data`. Only functions that pass over rows take
  // such an input: gram_facts(), plan_moments(), plan_gbs(), require_distributions().
  std::shared_ptr<RowSource> source;

  InputView() = default;
  InputView(const void* data, ElementType type, std::size_t rows, std::size_t cols,
            std::ptrdiff_t row_stride, std::ptrdiff_t col_stride, std::string name = "x")
      : data(data),
        type(type),
        rows(rows),
        cols(cols),
        row_stride(row_stride),
        col_stride(col_stride),
        name(std::move(name)) {}

  template <class T>
  InputView(const MatrixView<T>& view, std::string name = "x")  // NOLINT: conversion is the point
      : InputView(view.data, type_of<std::remove_const_t<T>>(), view.rows, view.cols,
                  view.row_stride, view.col_stride, std::move(name)) {}

  InputView transposed() const { return {data, type, cols, rows, col_stride, row_stride, name}; }

 private:
  template <class T>
  static constexpr ElementType type_of() {
    if constexpr (std::is_same_v<T, Half>) return ElementType::float16;
    if constexpr (std::is_same_v<T, BFloat16>) return ElementType::bfloat16;
    if constexpr (std::is_same_v<T, float>) return ElementType::float32;
    if constexpr (std::is_same_v<T, double>) return ElementType::float64;
  }
};

}  // namespace isogram
