#include "isogram/cuda/gbs.hpp"

#include <pybind11/stl.h>

#include "cuda_arguments.hpp"
#include "cuda_module.hpp"

namespace isogram::bindings {

namespace {

void add_row_products(StreamAddress stream, const py::object& x, const py::object& y,
                      const Place& place, bool mirrored, const py::object& table) {
  const DeviceArray out(table);
  with_type_of(x, [&](auto type) {
    using T = decltype(type);
    cuda::add_row_products<T>(stream_at(stream), DeviceArray(x).tiles<const T>(),
                              DeviceArray(y).tiles<const T>(), place_of(place), mirrored,
                              out.items<double>(), out.extent(2));
  });
}

template <class T>
cuda::Csr<const T> csr(const py::object& indptr, const py::object& indices,
                       const py::object& data) {
  const DeviceArray starts(indptr);
  return {starts.items<const std::int64_t>(), DeviceArray(indices).items<const std::int32_t>(),
          DeviceArray(data).items<const T>(), starts.extent(0) - 1};
}

void nearest_products(StreamAddress stream, const py::object& x_indptr, const py::object& x_indices,
                      const py::object& x_data, const py::object& y_indptr,
                      const py::object& y_indices, const py::object& y_data,
                      const py::object& out) {
  with_type_of(x_data, [&](auto type) {
    using T = decltype(type);
    cuda::nearest_products<T>(stream_at(stream), csr<T>(x_indptr, x_indices, x_data),
                              csr<T>(y_indptr, y_indices, y_data),
                              DeviceArray(out).items<double>());
  });
}

}  // namespace

void register_cuda_gbs(py::module_& module) {
  module.def("add_row_products", &add_row_products, "stream"_a, "x"_a, "y"_a, py::kw_only(),
             "place"_a, "mirrored"_a, "table"_a);
  module.def("nearest_products", &nearest_products, "stream"_a, "x_indptr"_a, "x_indices"_a,
             "x_data"_a, "y_indptr"_a, "y_indices"_a, "y_data"_a, "out"_a);
}

}  // namespace isogram::bindings
