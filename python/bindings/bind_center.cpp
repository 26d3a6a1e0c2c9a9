#include "isogram/center.hpp"

#include <pybind11/stl.h>

#include "arguments.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

// k and out have one type: the Python layer widens a 16-bit k into out first, and centres in place.
void center(const py::array& k, bool debiased, const py::array& out, int num_threads) {
  const Estimator estimator = debiased ? Estimator::debiased : Estimator::biased;
  with_output(out, [&]<class T>(MatrixView<T> result) {
    const InputView input = input_view(k, "k");
    if (is_float32(k) != is_float32(out)) throw py::type_error("expected `k` of `out`'s type");
    const MatrixView<const T> matrix(static_cast<const T*>(input.data), input.rows, input.cols,
                                     input.row_stride, input.col_stride);
    Call(num_threads).run([&](const Execution& execution) {
      isogram::center(matrix, estimator, result, execution);
    });
  });
}

}  // namespace

void register_center(py::module_& module) {
  module.def("center", &center, "k"_a, py::kw_only(), "debiased"_a, "out"_a, "num_threads"_a);
}

}  // namespace isogram::bindings
