// Streams, matrices in device memory, errors: shared by all of isogram's CUDA functions.
//
// Every function only enqueues kernels on its stream: nothing waits, nothing is allocated, and
// there is no state between calls. Pointers are to device memory, in which the caller also provides
// results and scratch; functions with "_scratch" in their names return the size of scratch.
// Reductions are in a fixed order, so that results repeat bit for bit. A NaN or an infinity in an
// input is no error, as nobody waits for it: all results that depend on it become NaN.
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
