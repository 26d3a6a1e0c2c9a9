#include "isogram/cuda/cka.hpp"

#include <pybind11/stl.h>

#include "cuda_arguments.hpp"
#include "cuda_module.hpp"

namespace isogram::bindings {

namespace {

void clear_diagonal(StreamAddress stream, const py::object& tiles, const Place& place) {
  with_type_of(tiles, [&](auto type) {
    cuda::clear_diagonal(stream_at(stream), DeviceArray(tiles).tiles<decltype(type)>(),
                         place_of(place));
  });
}

void add_row_sums(StreamAddress stream, const py::object& tiles, const Place& place, bool mirrored,
                  const py::object& sums, const py::object& squares) {
  const py::object& given = sums.is_none() ? squares : sums;
  const cuda::RowSums out{optional_items<double>(sums), optional_items<double>(squares),
                          DeviceArray(given).extent(1)};
  with_type_of(tiles, [&](auto type) {
    using T = decltype(type);
    cuda::add_row_sums<T>(stream_at(stream), DeviceArray(tiles).tiles<const T>(), place_of(place),
                          mirrored, out);
  });
}

void add_products(StreamAddress stream, const py::object& x, const py::object& y, double weight,
                  const py::object& table, const py::object& scratch) {
  with_type_of(x, [&](auto type) {
    using T = decltype(type);
    cuda::add_products<T>(stream_at(stream), DeviceArray(x).tiles<const T>(),
                          DeviceArray(y).tiles<const T>(), weight,
                          DeviceArray(table).items<double>(), DeviceArray(scratch).items<double>());
  });
}

}  // namespace

void register_cuda_cka(py::module_& module) {
  module.def("clear_diagonal", &clear_diagonal, "stream"_a, "tiles"_a, py::kw_only(), "place"_a);
  module.def("add_row_sums", &add_row_sums, "stream"_a, "tiles"_a, py::kw_only(), "place"_a,
             "mirrored"_a, "sums"_a, "squares"_a);
  module.def("product_scratch", &cuda::product_scratch, py::kw_only(), "x_layers"_a, "y_layers"_a);
  module.def("add_products", &add_products, "stream"_a, "x"_a, "y"_a, py::kw_only(), "weight"_a,
             "table"_a, "scratch"_a);
}

}  // namespace isogram::bindings
