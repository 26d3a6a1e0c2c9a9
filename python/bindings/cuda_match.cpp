#include "isogram/cuda/match.hpp"

#include "cuda_arguments.hpp"
#include "cuda_module.hpp"

namespace isogram::bindings {

namespace {

void match(StreamAddress stream, const py::object& problems, bool maximize,
           const py::object& columns, const py::object& totals, const py::object& gaps,
           const py::object& not_finite, const py::object& scratch, const py::object& is_proven,
           const py::object& down_rows, const py::object& across_cols, bool above_diagonal) {
  cuda::ProblemGrid grid = DeviceArray(problems).problems();
  grid.down_rows = optional_items<std::int32_t>(down_rows);
  grid.across_cols = optional_items<std::int32_t>(across_cols);
  grid.above_diagonal = above_diagonal;
  const cuda::Matchings matchings{
      optional_items<std::int32_t>(columns), DeviceArray(totals).items<double>(),
      DeviceArray(gaps).items<double>(), optional_items<std::uint8_t>(is_proven)};
  cuda::match(stream_at(stream), grid, maximize ? Objective::maximize : Objective::minimize,
              matchings, DeviceArray(not_finite).items<unsigned long long>(),
              DeviceArray(scratch).items<unsigned char>());
}

}  // namespace

void register_cuda_match(py::module_& module) {
  module.def("most_matched", [] { return cuda::kMaxMatched; });
  module.def("match_scratch", &cuda::match_scratch, py::kw_only(), "problems"_a, "rows"_a,
             "cols"_a);
  module.def("match", &match, "stream"_a, "problems"_a, py::kw_only(), "maximize"_a, "columns"_a,
             "totals"_a, "gaps"_a, "not_finite"_a, "scratch"_a, "is_proven"_a = py::none(),
             "down_rows"_a = py::none(), "across_cols"_a = py::none(), "above_diagonal"_a = false);
}

}  // namespace isogram::bindings
