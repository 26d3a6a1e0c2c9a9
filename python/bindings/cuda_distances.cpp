#include "isogram/cuda/distances.hpp"

#include "cuda_arguments.hpp"
#include "cuda_module.hpp"

namespace isogram::bindings {

namespace {

void distances(StreamAddress stream, const py::object& x, const py::object& pairs,
               const py::object& out) {
  const DeviceArray distances(out);
  cuda::distances(stream_at(stream), DeviceArray(x).input(),
                  optional_items<const std::int64_t>(pairs), distances.extent(0),
                  distances.items<double>());
}

}  // namespace

void register_cuda_distances(py::module_& module) {
  module.def("distances", &distances, "stream"_a, "x"_a, "pairs"_a, "out"_a);
}

}  // namespace isogram::bindings
