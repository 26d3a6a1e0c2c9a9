// Streams, matrices in device memory and errors, and the rules that all of isogram's CUDA functions
// follow:
//
//   - A function only enqueues kernels on its stream. It never waits, allocates nothing and keeps
//     no state between calls. A launch that fails throws isogram::cuda::Error.
//   - Pointers are to device memory. The caller provides memory for results and scratch; functions
//     named …_scratch return the size of scratch.
//   - Sums have a fixed order and no floating-point atomics: results repeat bit for bit, on any
//     device.
//   - A NaN or infinity in an input is no error, because no function waits for its kernels: every
//     result that depends on it becomes NaN, unless the function says otherwise.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <type_traits>

#include "isogram/matrix_view.hpp"

struct CUstream_st;

namespace isogram::cuda {

using Stream = CUstream_st*;  // cudaStream_t

using Type = ElementType;

// A matrix to read, of any element type. Strides count items, and may be zero or negative.
struct Input {
  const void* data = nullptr;
  Type type = Type::float32;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t row_stride = 0;
  std::int64_t col_stride = 1;
};

// A matrix of adjacent items in rows `stride` items apart.
template <class T>
struct Matrix {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;

  // A template, as nvcc would warn of a conversion from Matrix<const T> to itself.
  template <class Const>
    requires std::is_same_v<Const, const T>
  operator Matrix<Const>() const {
    return {data, rows, cols, stride};
  }
};

// Where a tile's first entry lies in the whole matrix.
struct Place {
  std::int64_t row = 0;
  std::int64_t col = 0;
};

// A CUDA call failed; the message starts with the error's name.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace isogram::cuda
