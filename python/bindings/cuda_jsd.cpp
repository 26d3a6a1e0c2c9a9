#include "isogram/cuda/jsd.hpp"

#include "cuda_arguments.hpp"
#include "cuda_module.hpp"

namespace isogram::bindings {

namespace {

void normalise_rows(StreamAddress stream, const py::object& x, const py::object& out) {
  cuda::normalise_rows(stream_at(stream), DeviceArray(x).input(),
                       DeviceArray(out).matrix<double>());
}

void jsd(StreamAddress stream, const py::object& p, const py::object& q, const py::object& tile) {
  with_type_of(tile, [&](auto type) {
    using T = decltype(type);
    cuda::jsd<T>(stream_at(stream), DeviceArray(p).matrix<const double>(),
                 DeviceArray(q).matrix<const double>(), DeviceArray(tile).matrix<T>());
  });
}

}  // namespace

void register_cuda_jsd(py::module_& module) {
  module.def("normalise_rows", &normalise_rows, "stream"_a, "x"_a, "out"_a);
  module.def("jsd", &jsd, "stream"_a, "p"_a, "q"_a, "tile"_a);
}

}  // namespace isogram::bindings
