#include "isogram/cuda/center.hpp"

#include "cuda_arguments.hpp"
#include "cuda_module.hpp"

namespace isogram::bindings {

namespace {

void center(StreamAddress stream, const py::object& k, bool debiased, const py::object& out,
            const py::object& scratch) {
  with_type_of(out, [&](auto type) {
    cuda::center(stream_at(stream), DeviceArray(k).input(), debiased,
                 DeviceArray(out).matrix<decltype(type)>(), DeviceArray(scratch).items<double>());
  });
}

}  // namespace

void register_cuda_center(py::module_& module) {
  module.def("center_scratch", &cuda::center_scratch, "n"_a);
  module.def("center", &center, "stream"_a, "k"_a, py::kw_only(), "debiased"_a, "out"_a,
             "scratch"_a);
}

}  // namespace isogram::bindings
