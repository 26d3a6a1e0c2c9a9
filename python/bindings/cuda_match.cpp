#include "isogram/cuda/match.hpp"

#include "cuda_arguments.hpp"
#include "cuda_module.hpp"

namespace isogram::bindings {

namespace {

void match(StreamAddress stream, const py::object& problems, bool maximize,
           const py::object& columns, const py::object& totals, const py::object& gaps,
           const py::object& not_finite, const py::object& scratch) {
  const cuda::Matchings matchings{DeviceArray(columns).items<std::int32_t>(),
                                  DeviceArray(totals).items<double>(),
                                  DeviceArray(gaps).items<double>()};
  cuda::match(stream_at(stream), DeviceArray(problems).problems(),
              maximize ? Objective::maximize : Objective::minimize, matchings,
              DeviceArray(not_finite).items<unsigned long long>(),
              DeviceArray(scratch).items<unsigned char>());
}

}  // namespace

void register_cuda_match(py::module_& module) {
  module.def("most_matched", [] { return cuda::kMaxMatched; });
  module.def("match_scratch", &cuda::match_scratch, "problems"_a, "rows"_a, "cols"_a);
  module.def("match", &match, "stream"_a, "problems"_a, "maximize"_a, "columns"_a, "totals"_a,
             "gaps"_a, "not_finite"_a, "scratch"_a);
}

}  // namespace isogram::bindings
