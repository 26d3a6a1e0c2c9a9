// The tiles of several layers' Gram matrices at one place.
#pragma once

#include <cstdint>
#include <type_traits>

namespace isogram::cuda {

// `layers` matrices of rows × cols adjacent items, `stride` items from row to row and
// `layer_stride` from one layer to the next, in device memory.
template <class T>
struct Tiles {
  T* data;
  std::int64_t layers, layer_stride;
  std::int64_t rows, cols, stride;

  // A template, as nvcc would warn of a conversion from Tiles<const T> to itself.
  template <class Const>
    requires std::is_same_v<Const, const T>
  operator Tiles<Const>() const {
    return {data, layers, layer_stride, rows, cols, stride};
  }
};

}  // namespace isogram::cuda
