#include "isogram/jsd.hpp"

#include "arguments.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

void jsd(const py::array& p, const OptionalArray& q, const py::array& out, int num_threads,
         const py::object& progress) {
  const InputView rows = input_view(p, "probabilities");
  const InputView cols = q ? input_view(*q, "other") : InputView();
  const std::size_t pairs = q ? rows.rows * cols.rows : rows.rows * (rows.rows - 1) / 2;
  with_output(out, [&](auto result) {
    Call(num_threads, progress, pairs).run([&](const Execution& execution) {
      if (q) {
        isogram::jsd(rows, cols, result, execution);
      } else {
        isogram::jsd(rows, result, execution);
      }
    });
  });
}

void require_distributions(const py::object& x, const std::string& name, int num_threads) {
  const InputView rows = survey_view(x, name);
  Call(num_threads).run([&](const Execution& execution) {
    isogram::require_distributions(rows, execution);
  });
}

}  // namespace

void register_jsd(py::module_& module) {
  module.def("jsd", &jsd, "p"_a, "q"_a, py::kw_only(), "out"_a, "num_threads"_a, "progress"_a);
  module.def("require_distributions", &require_distributions, "x"_a, py::kw_only(), "name"_a,
             "num_threads"_a);
}

}  // namespace isogram::bindings
