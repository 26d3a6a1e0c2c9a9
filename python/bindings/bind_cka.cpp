#include "bind_cka.hpp"

#include <pybind11/stl.h>

#include "arguments.hpp"
#include "kernel_options.hpp"
#include "module.hpp"

namespace isogram::bindings {

std::vector<Layer> layers_from(const py::list& arrays, const std::vector<std::string>& names,
                               KernelOptions options, const std::vector<double>& bandwidths) {
  if (bandwidths.size() != names.size()) throw py::value_error("expected a bandwidth per layer");
  std::vector<Layer> result;
  result.reserve(names.size());
  for (InputView& features : survey_views(arrays, names)) {
    options.bandwidth = bandwidths[result.size()];
    result.push_back({std::move(features), options});
  }
  return result;
}

py::tuple to_tuple(HsicTable table) {
  const auto rows = static_cast<py::ssize_t>(table.self_x.size());
  const auto cols = static_cast<py::ssize_t>(table.self_y.size());
  return py::make_tuple(
      to_array(std::move(table.hsic), {rows, cols}), to_array(std::move(table.cka), {rows, cols}),
      to_array(std::move(table.self_x), {rows}), to_array(std::move(table.self_y), {cols}));
}

namespace {

py::tuple hsic_table(const py::list& x_layers, const std::optional<py::list>& y_layers,
                     const std::vector<std::string>& names_x,
                     const std::vector<std::string>& names_y, const std::string& kernel,
                     double gamma, int degree, double coef0, const std::vector<double>& bandwidth_x,
                     const std::vector<double>& bandwidth_y, bool debiased, int num_threads,
                     const py::object& progress) {
  const KernelOptions options = kernel_options(kernel, 1.0, gamma, degree, coef0);
  const Estimator estimator = debiased ? Estimator::debiased : Estimator::biased;
  const std::vector<Layer> x = layers_from(x_layers, names_x, options, bandwidth_x);
  const std::vector<Layer> y = y_layers ? layers_from(*y_layers, names_y, options, bandwidth_y) : x;
  const std::size_t pairs = pairs_of(x.size(), y_layers ? y.size() : 0);
  HsicTable table;
  Call(num_threads, progress, pairs).run([&](const Execution& execution) {
    table = y_layers ? isogram::hsic_table(x, y, estimator, execution)
                     : isogram::hsic_table(x, estimator, execution);
  });
  return to_tuple(std::move(table));
}

py::tuple hsic_table_of_grams(const py::list& x_layers, const std::optional<py::list>& y_layers,
                              const std::vector<std::string>& names_x,
                              const std::vector<std::string>& names_y, bool debiased,
                              int num_threads, const py::object& progress) {
  const Estimator estimator = debiased ? Estimator::debiased : Estimator::biased;
  const std::vector<InputView> x = input_views(x_layers, names_x);
  std::vector<InputView> y;
  if (y_layers) y = input_views(*y_layers, names_y);
  HsicTable table;
  Call(num_threads, progress, pairs_of(x.size(), y.size())).run([&](const Execution& execution) {
    table = isogram::hsic_table_of_grams(x, y, estimator, execution);
  });
  return to_tuple(std::move(table));
}

}  // namespace

void register_cka(py::module_& module) {
  module.def("hsic_table", &hsic_table, "x_layers"_a, "y_layers"_a, "names_x"_a, "names_y"_a,
             "kernel"_a, "gamma"_a, "degree"_a, "coef0"_a, "bandwidth_x"_a, "bandwidth_y"_a,
             "debiased"_a, "num_threads"_a, "progress"_a);
  module.def("hsic_table_of_grams", &hsic_table_of_grams, "x_layers"_a, "y_layers"_a, py::kw_only(),
             "names_x"_a, "names_y"_a, "debiased"_a, "num_threads"_a, "progress"_a);
}

}  // namespace isogram::bindings
