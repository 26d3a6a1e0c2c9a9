#include "cuda_arguments.hpp"

#include <string>
#include <type_traits>

namespace isogram::bindings {

namespace {

std::vector<std::int64_t> integers(const py::handle& tuple) {
  std::vector<std::int64_t> values;
  for (const py::handle item : py::reinterpret_borrow<py::tuple>(tuple)) {
    values.push_back(py::cast<std::int64_t>(item));
  }
  return values;
}

std::vector<std::int64_t> adjacent_strides(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t axis = shape.size(); axis > 1; --axis) {
    strides[axis - 2] = strides[axis - 1] * shape[axis - 1];
  }
  return strides;
}

template <class T>
constexpr char kKind = std::is_floating_point_v<T> ? 'f'
                       : std::is_signed_v<T>       ? 'i'
                                                   : 'u';

}  // namespace

DeviceArray::DeviceArray(const py::object& array) {
  const py::dict interface = array.attr("__cuda_array_interface__");
  const auto type = py::cast<std::string>(interface["typestr"]);  // such as <f4
  address_ = py::cast<std::uintptr_t>(py::tuple(interface["data"])[0]);
  kind_ = type.at(1);
  item_size_ = std::stoll(type.substr(2));
  shape_ = integers(interface["shape"]);
  if (!interface.contains("strides") || interface["strides"].is_none()) {
    strides_ = adjacent_strides(shape_);
    return;
  }
  strides_ = integers(interface["strides"]);
  for (std::int64_t& stride : strides_) {
    if (stride % item_size_ != 0) throw py::type_error("expected strides of whole items");
    stride /= item_size_;
  }
}

cuda::Input DeviceArray::input() const {
  require_axes(2);
  return {address(), type(), extent(0), extent(1), stride(0), stride(1)};
}

cuda::Tokens DeviceArray::tokens() const {
  require_axes(3);
  return {.data = address(),
          .type = type(),
          .inputs = extent(0),
          .tokens = extent(1),
          .channels = extent(2),
          .input_stride = stride(0),
          .token_stride = stride(1),
          .channel_stride = stride(2)};
}

cuda::ProblemGrid DeviceArray::problems() const {
  require_axes(3);
  if (!holds<float>() && !holds<double>()) throw py::type_error("expected floats or doubles");
  return {.data = address(),
          .type = type(),
          .down = extent(0),
          .down_stride = stride(0),
          .rows = extent(1),
          .cols = extent(2),
          .row_stride = stride(1),
          .col_stride = stride(2)};
}

template <class T>
cuda::Matrix<T> DeviceArray::matrix() const {
  require_axes(2);
  if (stride(1) != 1 && extent(1) > 1) throw py::type_error("expected rows of adjacent items");
  return {data<T>(), extent(0), extent(1), stride(0)};
}

template <class T>
cuda::Tiles<T> DeviceArray::tiles() const {
  require_axes(3);
  if (stride(2) != 1 && extent(2) > 1) throw py::type_error("expected rows of adjacent items");
  return {data<T>(), extent(0), stride(0), extent(1), extent(2), stride(1)};
}

template <class T>
T* DeviceArray::items() const {
  const std::vector<std::int64_t> adjacent = adjacent_strides(shape_);
  for (std::size_t axis = 0; axis < shape_.size(); ++axis) {
    if (shape_[axis] > 1 && strides_[axis] != adjacent[axis]) {
      throw py::type_error("expected an array of adjacent items");
    }
  }
  return data<T>();
}

cuda::Type DeviceArray::type() const {
  if (holds<float>()) return cuda::Type::float32;
  if (holds<double>()) return cuda::Type::float64;
  if (kind_ == 'f' && item_size_ == 2) return cuda::Type::float16;
  if (holds<std::uint16_t>()) return cuda::Type::bfloat16;
  throw py::type_error("expected an array of a floating-point type");
}

template <class T>
bool DeviceArray::holds() const {
  return kind_ == kKind<T> && item_size_ == sizeof(T);
}

template <class T>
T* DeviceArray::data() const {
  if (!holds<std::remove_const_t<T>>()) throw py::type_error("expected an array of another type");
  return reinterpret_cast<T*>(address_);
}

void DeviceArray::require_axes(std::size_t axes) const {
  if (shape_.size() != axes) {
    throw py::type_error("expected an array of " + std::to_string(axes) + " axes");
  }
}

template cuda::Matrix<float> DeviceArray::matrix() const;
template cuda::Matrix<double> DeviceArray::matrix() const;
template cuda::Matrix<const float> DeviceArray::matrix() const;
template cuda::Matrix<const double> DeviceArray::matrix() const;
template cuda::Tiles<float> DeviceArray::tiles() const;
template cuda::Tiles<double> DeviceArray::tiles() const;
template cuda::Tiles<const float> DeviceArray::tiles() const;
template cuda::Tiles<const double> DeviceArray::tiles() const;
template float* DeviceArray::items() const;
template double* DeviceArray::items() const;
template const float* DeviceArray::items() const;
template const double* DeviceArray::items() const;
template int* DeviceArray::items() const;
template std::int64_t* DeviceArray::items() const;
template const std::int64_t* DeviceArray::items() const;
template unsigned long long* DeviceArray::items() const;
template unsigned char* DeviceArray::items() const;
template const std::int32_t* DeviceArray::items() const;
template std::uint16_t* DeviceArray::items() const;
template std::int8_t* DeviceArray::items() const;
template bool DeviceArray::holds<float>() const;
template bool DeviceArray::holds<double>() const;
template bool DeviceArray::holds<std::int8_t>() const;
template bool DeviceArray::holds<std::uint16_t>() const;

}  // namespace isogram::bindings
