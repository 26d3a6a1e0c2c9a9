#include "isogram/match.hpp"

#include <cstdint>

#include "arguments.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

template <class T>
ProblemBatch<T> problem_batch(const py::array& similarity, bool is_single) {
  const py::ssize_t item = similarity.itemsize();
  for (int axis = 0; axis < 3; ++axis) {
    if (similarity.strides(axis) % item != 0) {
      throw py::type_error("expected strides of whole items");
    }
  }
  return {static_cast<const T*>(similarity.data()),
          static_cast<std::size_t>(similarity.shape(0)),
          static_cast<std::size_t>(similarity.shape(1)),
          static_cast<std::size_t>(similarity.shape(2)),
          similarity.strides(0) / item,
          similarity.strides(1) / item,
          similarity.strides(2) / item,
          is_single};
}

template <class T>
py::tuple match_as(const py::array& similarity, bool is_single, Objective objective,
                   int num_threads, const py::object& progress) {
  const ProblemBatch<T> problems = problem_batch<T>(similarity, is_single);
  py::array_t<std::int32_t> columns({similarity.shape(0), similarity.shape(1)});
  py::array_t<double> totals(similarity.shape(0));
  py::array_t<double> gaps(similarity.shape(0));
  std::int32_t* const columns_out = columns.mutable_data();
  double* const totals_out = totals.mutable_data();
  double* const gaps_out = gaps.mutable_data();
  Call("match", num_threads, progress, problems.count).run([&](const Execution& execution) {
    isogram::match(problems, objective, columns_out, totals_out, gaps_out, execution);
  });
  return py::make_tuple(columns, totals, gaps);
}

py::tuple match(const py::array& similarity, bool is_single, bool maximize, int num_threads,
                const py::object& progress) {
  if (similarity.ndim() != 3) throw py::type_error("expected a 3-D array");
  const Objective objective = maximize ? Objective::maximize : Objective::minimize;
  if (is_float32(similarity)) {
    return match_as<float>(similarity, is_single, objective, num_threads, progress);
  }
  if (!py::isinstance<py::array_t<double>>(similarity)) {
    throw py::type_error("expected an array of float32 or float64");
  }
  return match_as<double>(similarity, is_single, objective, num_threads, progress);
}

}  // namespace

void register_match(py::module_& module) {
  module.def("match", &match, "similarity"_a, "is_single"_a, "maximize"_a, "num_threads"_a,
             "progress"_a);
}

}  // namespace isogram::bindings
