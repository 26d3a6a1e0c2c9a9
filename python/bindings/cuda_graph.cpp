#include "isogram/cuda/graph.hpp"

#include <pybind11/stl.h>

#include "cuda_arguments.hpp"
#include "cuda_module.hpp"

namespace isogram::bindings {

namespace {

template <class T>
cuda::Neighbours<T> neighbours(const py::object& weights, const py::object& indices) {
  const DeviceArray best(weights);
  return {best.items<T>(), DeviceArray(indices).items<std::int32_t>(), best.extent(1)};
}

void merge_nearest(StreamAddress stream, const py::object& tile, const Place& place,
                   const py::object& weights, const py::object& indices) {
  with_type_of(tile, [&](auto type) {
    using T = decltype(type);
    cuda::merge_nearest<T>(stream_at(stream), DeviceArray(tile).matrix<const T>(), place_of(place),
                           neighbours<T>(weights, indices));
  });
}

void merge_nearest_columns(StreamAddress stream, const py::object& tile, const Place& place,
                           const py::object& weights, const py::object& indices) {
  with_type_of(tile, [&](auto type) {
    using T = decltype(type);
    cuda::merge_nearest_columns<T>(stream_at(stream), DeviceArray(tile).matrix<const T>(),
                                   place_of(place), neighbours<T>(weights, indices));
  });
}

void rank_nearest(StreamAddress stream, const py::object& units, double tolerance,
                  const py::object& weights, const py::object& indices, const py::object& ranks,
                  const py::object& ranked) {
  with_type_of(weights, [&](auto type) {
    using T = decltype(type);
    cuda::rank_nearest<T>(stream_at(stream), DeviceArray(units).matrix<const double>(), tolerance,
                          neighbours<T>(weights, indices), neighbours<double>(ranks, ranked));
  });
}

}  // namespace

void register_cuda_graph(py::module_& module) {
  module.def("merge_nearest", &merge_nearest, "stream"_a, "tile"_a, py::kw_only(), "place"_a,
             "weights"_a, "indices"_a);
  module.def("merge_nearest_columns", &merge_nearest_columns, "stream"_a, "tile"_a, py::kw_only(),
             "place"_a, "weights"_a, "indices"_a);
  module.def("rank_nearest", &rank_nearest, "stream"_a, "units"_a, py::kw_only(), "tolerance"_a,
             "weights"_a, "indices"_a, "ranks"_a, "ranked"_a);
}

}  // namespace isogram::bindings
