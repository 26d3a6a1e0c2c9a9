#include "isogram/cuda/compare.hpp"

#include "cuda_arguments.hpp"
#include "cuda_module.hpp"

#include <string>

namespace isogram::bindings {

namespace {

void upper_triangle(StreamAddress stream, const py::object& k, const py::object& out) {
  cuda::upper_triangle(stream_at(stream), DeviceArray(k).input(), DeviceArray(out).items<double>());
}

void find_not_finite(StreamAddress stream, const py::object& x, const py::object& first,
                     const std::string& part) {
  const cuda::Part counted = part == "all"            ? cuda::Part::all
                             : part == "off_diagonal" ? cuda::Part::off_diagonal
                                                      : cuda::Part::above_diagonal;
  cuda::find_not_finite(stream_at(stream), DeviceArray(x).input(),
                        DeviceArray(first).items<unsigned long long>(), counted);
}

void count_inversions(StreamAddress stream, const py::object& values, const py::object& scratch,
                      const py::object& count) {
  const DeviceArray sequence(values);
  cuda::count_inversions(stream_at(stream), sequence.items<double>(),
                         DeviceArray(scratch).items<double>(), sequence.extent(0),
                         DeviceArray(count).items<unsigned long long>());
}

}  // namespace

void register_cuda_compare(py::module_& module) {
  module.def("upper_triangle", &upper_triangle, "stream"_a, "k"_a, "out"_a);
  module.def("find_not_finite", &find_not_finite, "stream"_a, "x"_a, "first"_a, py::kw_only(),
             "part"_a = "all");
  module.def("count_inversions", &count_inversions, "stream"_a, "values"_a, "scratch"_a, "count"_a);
}

}  // namespace isogram::bindings
