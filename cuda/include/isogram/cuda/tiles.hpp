// The same tile of the Gram matrices of several layers.
#pragma once

#include <cstdint>

namespace isogram::cuda {

// `layers` matrices of rows × cols adjacent items, `stride` items from row to row and
// `layer_stride` from one layer to the next, in device memory.
template <class T>
struct Tiles {
  T* data;
  std::int64_t layers, layer_stride;
  std::int64_t rows, cols, stride;
};

}  // namespace isogram::cuda
