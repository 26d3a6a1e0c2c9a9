#include "isogram/features.hpp"

#include "arguments.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

// Returns which features are constant.
py::array_t<bool> standardized_features(const py::array& x, const py::array& out, int num_threads) {
  const InputView input = input_view(x, "x");
  py::array_t<bool> are_constant(static_cast<py::ssize_t>(input.cols));
  with_output(out, [&]<class T>(MatrixView<T> rows) {
    Call(num_threads).run([&, constant = are_constant.mutable_data()](const Execution& execution) {
      isogram::standardized_features(input, rows, constant, execution);
    });
  });
  return are_constant;
}

}  // namespace

void register_features(py::module_& module) {
  module.def("standardized_features", &standardized_features, "x"_a, py::kw_only(), "out"_a,
             "num_threads"_a);
}

}  // namespace isogram::bindings
