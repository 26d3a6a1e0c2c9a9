#include "isogram/gbs.hpp"

#include <pybind11/stl.h>

#include "arguments.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

py::tuple gbs_table(const py::list& x_layers, const std::optional<py::list>& y_layers,
                    const std::vector<std::string>& names_x,
                    const std::vector<std::string>& names_y, std::size_t k, bool center,
                    int num_threads, const py::object& progress) {
  const std::vector<InputView> x = input_views(x_layers, names_x);
  const std::vector<InputView> y = y_layers ? input_views(*y_layers, names_y) : x;
  const std::size_t pairs = y_layers ? x.size() * y.size() : x.size() * (x.size() + 1) / 2;
  GbsTable table;
  Call(num_threads, progress, pairs).run([&](const Execution& execution) {
    table = y_layers ? isogram::gbs_table(x, y, k, center, execution)
                     : isogram::gbs_table(x, k, center, execution);
  });
  const auto rows = static_cast<py::ssize_t>(x.size());
  const auto cols = static_cast<py::ssize_t>(y.size());
  return py::make_tuple(to_array(std::move(table.gbs), {rows, cols}), table.isolated_x,
                        table.isolated_y);
}

}  // namespace

void register_gbs(py::module_& module) {
  module.def("gbs_table", &gbs_table, "x_layers"_a, "y_layers"_a, py::kw_only(), "names_x"_a,
             "names_y"_a, "k"_a, "center"_a, "num_threads"_a, "progress"_a);
}

}  // namespace isogram::bindings
