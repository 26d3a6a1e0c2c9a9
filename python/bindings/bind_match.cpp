#include "isogram/match.hpp"

#include <cstdint>

#include "arguments.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

// One matrix, or a batch of matrices. NumPy leaves the stride of an axis of length 1 undefined.
template <class T>
ProblemBatch<T> problem_batch(const py::array& similarity) {
  const auto axes = static_cast<int>(similarity.ndim());
  const auto extent = [&](int axis) { return static_cast<std::size_t>(similarity.shape(axis)); };
  const auto stride = [&](int axis) -> std::ptrdiff_t {
    if (similarity.shape(axis) <= 1) return 0;
    const py::ssize_t bytes = similarity.strides(axis);
    if (bytes % similarity.itemsize() != 0) throw py::type_error("expected strides of whole items");
    return bytes / similarity.itemsize();
  };
  const bool is_single = axes == 2;
  return {static_cast<const T*>(similarity.data()),
          is_single ? 1 : extent(0),
          extent(axes - 2),
          extent(axes - 1),
          is_single ? 0 : stride(0),
          stride(axes - 2),
          stride(axes - 1),
          is_single};
}

template <class T>
py::tuple match_as(const py::array& similarity, Objective objective, int num_threads,
                   const py::object& progress) {
  const ProblemBatch<T> problems = problem_batch<T>(similarity);
  const auto run = [&](std::int32_t* columns, double* totals, double* gaps) {
    Call(num_threads, progress, problems.count).run([&](const Execution& execution) {
      isogram::match(problems, objective, columns, totals, gaps, execution);
    });
  };
  if (problems.is_single) {
    py::array_t<std::int32_t> columns(similarity.shape(0));
    double total = 0;
    double gap = 0;
    run(columns.mutable_data(), &total, &gap);
    return py::make_tuple(columns, total, gap);
  }
  py::array_t<std::int32_t> columns({similarity.shape(0), similarity.shape(1)});
  py::array_t<double> totals(similarity.shape(0));
  py::array_t<double> gaps(similarity.shape(0));
  run(columns.mutable_data(), totals.mutable_data(), gaps.mutable_data());
  return py::make_tuple(columns, totals, gaps);
}

py::tuple match(const py::array& similarity, bool maximize, int num_threads,
                const py::object& progress) {
  if (similarity.ndim() != 2 && similarity.ndim() != 3) {
    throw py::type_error("expected a 2-D or 3-D array");
  }
  const Objective objective = maximize ? Objective::maximize : Objective::minimize;
  if (is_float32(similarity)) {
    return match_as<float>(similarity, objective, num_threads, progress);
  }
  if (!py::isinstance<py::array_t<double>>(similarity)) {
    throw py::type_error("expected an array of float32 or float64");
  }
  return match_as<double>(similarity, objective, num_threads, progress);
}

}  // namespace

void register_match(py::module_& module) {
  // By position, unlike all others: keywords would take 0.2 µs more, a tenth of a call of 5 × 5.
  module.def("match", &match, "similarity"_a, "maximize"_a, "num_threads"_a, "progress"_a);
}

}  // namespace isogram::bindings
