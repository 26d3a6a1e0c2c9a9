// Views of arrays on a GPU, from their __cuda_array_interface__.
//
// The Python layer has checked or made all arrays. The checks here only keep a wrong call from
// reading beyond an array.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "isogram/cuda/device.hpp"
#include "isogram/cuda/match.hpp"
#include "isogram/cuda/rsm.hpp"
#include "isogram/cuda/tiles.hpp"

namespace isogram::bindings {

namespace py = pybind11;
using namespace py::literals;

// A stream's address, as Python passes it.
using StreamAddress = std::uintptr_t;

inline cuda::Stream stream_at(StreamAddress address) {
  return reinterpret_cast<cuda::Stream>(address);
}

using Place = std::pair<std::int64_t, std::int64_t>;

inline cuda::Place place_of(const Place& place) {
  return {place.first, place.second};
}

// An array's address, type, shape and strides.
class DeviceArray {
 public:
  explicit DeviceArray(const py::object& array);

  cuda::Input input() const;  // a matrix of any floating-point type and strides

  cuda::Tokens tokens() const;  // three axes, of any floating-point type and strides

  cuda::ProblemGrid problems() const;  // three axes, of floats or doubles and any strides

  template <class T>
  cuda::Matrix<T> matrix() const;  // rows of adjacent items

  template <class T>
  cuda::Tiles<T> tiles() const;  // three axes: layers, rows, columns

  template <class T>
  T* items() const;  // all items adjacent

  template <class T>
  bool holds() const;

  int axes() const { return static_cast<int>(shape_.size()); }
  std::int64_t extent(int axis) const { return shape_[static_cast<std::size_t>(axis)]; }
  std::int64_t stride(int axis) const { return strides_[static_cast<std::size_t>(axis)]; }

 private:
  const void* address() const { return reinterpret_cast<const void*>(address_); }
  cuda::Type type() const;
  template <class T>
  T* data() const;
  void require_axes(std::size_t axes) const;

  std::uintptr_t address_;
  char kind_;  // f, i or u
  std::int64_t item_size_;
  std::vector<std::int64_t> shape_;
  std::vector<std::int64_t> strides_;  // in items
};

// The items of an array, or null for None.
template <class T>
T* optional_items(const py::object& array) {
  return array.is_none() ? nullptr : DeviceArray(array).items<T>();
}

// Calls body with a value of the array's type, float or double.
template <class Body>
void with_type_of(const py::object& array, Body body) {
  if (DeviceArray(array).holds<float>()) {
    body(float());
  } else {
    body(double());
  }
}

}  // namespace isogram::bindings
