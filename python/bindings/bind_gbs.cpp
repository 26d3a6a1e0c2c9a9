#include "isogram/gbs.hpp"

#include <pybind11/stl.h>

#include <cstdint>

#include "arguments.hpp"
#include "bind_graph.hpp"
#include "facts.hpp"
#include "kernel_options.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

py::tuple table_tuple(GbsTable table, std::size_t x_layers, std::size_t y_layers) {
  const auto rows = static_cast<py::ssize_t>(x_layers);
  const auto cols = static_cast<py::ssize_t>(y_layers);
  return py::make_tuple(to_array(std::move(table.gbs), {rows, cols}), table.isolated_x,
                        table.isolated_y);
}

py::tuple gbs_table(const py::list& x_layers, const std::optional<py::list>& y_layers,
                    const std::vector<std::string>& names_x,
                    const std::vector<std::string>& names_y, std::size_t k, bool center,
                    int num_threads, const py::object& progress) {
  const std::vector<InputView> x = input_views(x_layers, names_x);
  const std::vector<InputView> y = y_layers ? input_views(*y_layers, names_y) : x;
  const std::size_t pairs = pairs_of(x.size(), y_layers ? y.size() : 0);
  GbsTable table;
  Call(num_threads, progress, pairs).run([&](const Execution& execution) {
    table = y_layers ? isogram::gbs_table(x, y, k, center, execution)
                     : isogram::gbs_table(x, k, center, execution);
  });
  return table_tuple(std::move(table), x.size(), y.size());
}

py::tuple gbs_table_of_grams(const py::list& x_layers, const std::optional<py::list>& y_layers,
                             const std::vector<std::string>& names_x,
                             const std::vector<std::string>& names_y, std::size_t k, bool center,
                             int num_threads, const py::object& progress) {
  const std::vector<InputView> x = input_views(x_layers, names_x);
  std::vector<InputView> y;
  if (y_layers) y = input_views(*y_layers, names_y);
  GbsTable table;
  Call(num_threads, progress, pairs_of(x.size(), y.size())).run([&](const Execution& execution) {
    table = isogram::gbs_table_of_grams(x, y, k, center, execution);
  });
  return table_tuple(std::move(table), x.size(), y.empty() ? x.size() : y.size());
}

py::dict plan_dict(const GbsPlan& plan) {
  py::list layers;
  for (const GramFacts& facts : plan.layers) layers.append(to_dict(facts));
  return py::dict("samples"_a = plan.samples, "x_layers"_a = plan.x_layers,
                  "y_layers"_a = plan.y_layers, "is_symmetric"_a = plan.is_symmetric,
                  "k"_a = plan.k, "is_float64"_a = plan.is_float64, "edge"_a = plan.edge,
                  "features"_a = plan.features, "layers"_a = layers);
}

GbsPlan gbs_plan_from(const py::dict& dict) {
  const auto size = [&](const char* name) { return py::cast<std::size_t>(dict[name]); };
  GbsPlan plan;
  plan.samples = size("samples");
  plan.x_layers = size("x_layers");
  plan.y_layers = size("y_layers");
  plan.is_symmetric = py::cast<bool>(dict["is_symmetric"]);
  plan.k = size("k");
  plan.is_float64 = py::cast<bool>(dict["is_float64"]);
  plan.edge = size("edge");
  plan.features = py::cast<std::vector<std::size_t>>(dict["features"]);
  for (const py::handle layer : dict["layers"]) {
    plan.layers.push_back(gram_facts_from(py::cast<py::dict>(layer)));
  }
  return plan;
}

py::list neighbours_list(std::vector<NearestSamples> layers, std::size_t k) {
  py::list result;
  for (NearestSamples& near : layers) {
    const std::vector<py::ssize_t> shape{static_cast<py::ssize_t>(near.indices.size() / k),
                                         static_cast<py::ssize_t>(k)};
    result.append(py::make_tuple(to_array(std::move(near.indices), shape),
                                 to_array(std::move(near.cosines), shape),
                                 to_array(std::move(near.closeness), shape)));
  }
  return result;
}

std::vector<NearestSamples> nearest_from(const py::handle& layers) {
  std::vector<NearestSamples> result;
  for (const py::handle layer : py::cast<py::list>(layers)) {
    const auto near = py::cast<py::tuple>(layer);
    result.push_back(
        {vector_of<std::int32_t>(near[0]), vector_of<double>(near[1]), vector_of<double>(near[2])});
  }
  return result;
}

// For full graphs the products of rows and of columns, pairs × samples; for k-NN graphs neighbours.
py::dict part_dict(GbsPart part, const GbsPlan& plan) {
  if (plan.k > 0) {
    return py::dict("of_rows"_a = neighbours_list(std::move(part.of_rows), plan.k),
                    "of_cols"_a = neighbours_list(std::move(part.of_cols), plan.k));
  }
  return py::dict("row_products"_a = to_doubles(part.row_products),
                  "col_products"_a = to_doubles(part.col_products));
}

GbsPart gbs_part_from(const py::dict& dict, const GbsPlan& plan) {
  if (plan.k > 0) return {{}, {}, nearest_from(dict["of_rows"]), nearest_from(dict["of_cols"])};
  return {doubles_from(dict["row_products"]), doubles_from(dict["col_products"]), {}, {}};
}

py::tuple plan_gbs(const py::list& x_layers, const std::optional<py::list>& y_layers,
                   const std::vector<std::string>& names_x, const std::vector<std::string>& names_y,
                   std::size_t k, const std::string& kernel, bool center, std::size_t edge,
                   int num_threads) {
  const Kernel edges = kernel_from(kernel);
  const std::vector<InputView> x = survey_views(x_layers, names_x);
  std::vector<InputView> y;
  if (y_layers) y = survey_views(*y_layers, names_y);
  GbsPlan plan;
  Call(num_threads).run([&](const Execution& execution) {
    plan = isogram::plan_gbs(x, y, k, center, edge, edges, execution);
  });
  return py::make_tuple(plan_dict(plan), to_tuples(tiles_of(plan)));
}

py::dict gbs_of_tile(const py::dict& plan, const TileTuple& tile, const py::list& rows,
                     const std::optional<py::list>& cols, const std::vector<std::string>& names,
                     int num_threads, const py::object& progress, std::size_t pairs) {
  const GbsPlan known = gbs_plan_from(plan);
  const std::vector<InputView> of_rows = input_views(rows, names);
  std::vector<InputView> of_cols;
  if (cols) of_cols = input_views(*cols, names);
  GbsPart part;
  Call(num_threads, progress, pairs).run([&](const Execution& execution) {
    part = isogram::gbs_of_tile(known, tile_from(tile), of_rows, of_cols, execution);
  });
  return part_dict(std::move(part), known);
}

std::vector<GbsPart> gbs_parts_from(const py::list& parts, const GbsPlan& plan) {
  std::vector<GbsPart> values;
  for (const py::handle part : parts) {
    values.push_back(gbs_part_from(py::cast<py::dict>(part), plan));
  }
  return values;
}

py::tuple gbs_of_parts(const py::dict& plan, const py::list& parts) {
  const GbsPlan known = gbs_plan_from(plan);
  const std::vector<GbsPart> values = gbs_parts_from(parts, known);
  GbsTable table;
  Call(0).run(
      [&](const Execution& execution) { table = isogram::gbs_of_parts(known, values, execution); });
  return table_tuple(std::move(table), known.x_layers, known.y_layers);
}

template <class T>
py::tuple knn_graph_of(const GbsPlan& plan, const std::vector<GbsPart>& parts, bool symmetrize) {
  Csr<T> graph;
  Call(0).run([&](const Execution& execution) {
    graph = isogram::knn_graph_of_parts<T>(plan, 0, parts, symmetrize, execution);
  });
  return graph_tuple(std::move(graph));
}

// The k-NN graph of a plan of one layer.
py::tuple knn_graph_of_parts(const py::dict& plan, const py::list& parts, bool symmetrize) {
  const GbsPlan known = gbs_plan_from(plan);
  const std::vector<GbsPart> values = gbs_parts_from(parts, known);
  return known.is_float64 ? knn_graph_of<double>(known, values, symmetrize)
                          : knn_graph_of<float>(known, values, symmetrize);
}

}  // namespace

void register_gbs(py::module_& module) {
  module.def("gbs_table", &gbs_table, "x_layers"_a, "y_layers"_a, "names_x"_a, "names_y"_a, "k"_a,
             "center"_a, "num_threads"_a, "progress"_a);
  module.def("gbs_table_of_grams", &gbs_table_of_grams, "x_layers"_a, "y_layers"_a, py::kw_only(),
             "names_x"_a, "names_y"_a, "k"_a, "center"_a, "num_threads"_a, "progress"_a);
  module.def("plan_gbs", &plan_gbs, "x_layers"_a, "y_layers"_a, py::kw_only(), "names_x"_a,
             "names_y"_a, "k"_a, "kernel"_a, "center"_a, "edge"_a, "num_threads"_a);
  module.def("gbs_of_tile", &gbs_of_tile, "plan"_a, "tile"_a, "rows"_a, "cols"_a, py::kw_only(),
             "names"_a, "num_threads"_a, "progress"_a, "pairs"_a);
  module.def("gbs_of_parts", &gbs_of_parts, "plan"_a, "parts"_a);
  module.def("knn_graph_of_parts", &knn_graph_of_parts, "plan"_a, "parts"_a, py::kw_only(),
             "symmetrize"_a);
}

}  // namespace isogram::bindings
