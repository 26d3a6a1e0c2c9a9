#include "isogram/moments.hpp"

#include <pybind11/stl.h>

#include "arguments.hpp"
#include "bind_cka.hpp"
#include "facts.hpp"
#include "kernel_options.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

py::dict to_dict(const LayerFacts& layer) {
  return py::dict("gram"_a = bindings::to_dict(layer.gram),
                  "shifted"_a = bindings::to_dict(layer.shifted), "sum"_a = to_doubles(layer.sum),
                  "offset"_a = layer.offset, "features"_a = layer.features,
                  "has_equal_rows"_a = layer.has_equal_rows, "is_left_out"_a = layer.is_left_out);
}

LayerFacts layer_facts_from(const py::dict& dict) {
  LayerFacts layer;
  layer.gram = gram_facts_from(dict["gram"]);
  layer.shifted = gram_facts_from(dict["shifted"]);
  layer.sum = doubles_from(dict["sum"]);
  layer.offset = py::cast<double>(dict["offset"]);
  layer.features = py::cast<std::size_t>(dict["features"]);
  layer.has_equal_rows = py::cast<bool>(dict["has_equal_rows"]);
  layer.is_left_out = py::cast<bool>(dict["is_left_out"]);
  return layer;
}

py::dict to_dict(const MomentsPlan& plan) {
  py::list layers;
  for (const LayerFacts& layer : plan.layers) layers.append(to_dict(layer));
  const bool is_debiased = plan.estimator == Estimator::debiased;
  return py::dict("stage"_a = static_cast<int>(plan.stage), "debiased"_a = is_debiased,
                  "samples"_a = plan.samples, "x_layers"_a = plan.x_layers,
                  "y_layers"_a = plan.y_layers, "is_symmetric"_a = plan.is_symmetric,
                  "edge"_a = plan.edge, "layers"_a = layers);
}

MomentsPlan plan_from(const py::dict& dict) {
  const auto size = [&](const char* name) { return py::cast<std::size_t>(dict[name]); };
  MomentsPlan plan;
  plan.stage = static_cast<MomentsStage>(py::cast<int>(dict["stage"]));
  plan.estimator = py::cast<bool>(dict["debiased"]) ? Estimator::debiased : Estimator::biased;
  plan.samples = size("samples");
  plan.x_layers = size("x_layers");
  plan.y_layers = size("y_layers");
  plan.is_symmetric = py::cast<bool>(dict["is_symmetric"]);
  plan.edge = size("edge");
  for (const py::handle layer : dict["layers"]) {
    plan.layers.push_back(layer_facts_from(py::cast<py::dict>(layer)));
  }
  return plan;
}

py::dict to_dict(const MomentsPart& part) {
  py::list cross;
  for (const std::vector<double>& matrix : part.cross) cross.append(to_doubles(matrix));
  return py::dict(
      "products"_a = to_doubles(part.products), "row_sums"_a = to_doubles(part.row_sums),
      "col_sums"_a = to_doubles(part.col_sums), "diagonal"_a = to_doubles(part.diagonal),
      "off_diagonal"_a = to_doubles(part.off_diagonal), "cross"_a = cross);
}

MomentsPart part_from(const py::dict& dict) {
  MomentsPart part;
  part.products = doubles_from(dict["products"]);
  part.row_sums = doubles_from(dict["row_sums"]);
  part.col_sums = doubles_from(dict["col_sums"]);
  part.diagonal = doubles_from(dict["diagonal"]);
  part.off_diagonal = doubles_from(dict["off_diagonal"]);
  for (const py::handle matrix : dict["cross"]) part.cross.push_back(doubles_from(matrix));
  return part;
}

py::dict to_dict(const Moments& moments) {
  const auto count = static_cast<py::ssize_t>(moments.layers);
  const auto samples = static_cast<py::ssize_t>(moments.samples);
  return py::dict(
      "samples"_a = moments.samples, "debiased"_a = moments.estimator == Estimator::debiased,
      "products"_a = to_array(moments.products, {count, count}),
      "row_products"_a = to_array(moments.row_products, {count, count}),
      "totals"_a = to_doubles(moments.totals),
      "row_sums"_a = to_array(moments.row_sums, {count, samples}),
      "offsets"_a = to_doubles(moments.offsets), "rounding"_a = to_doubles(moments.rounding),
      "exponents"_a = to_array(moments.exponents, {count}));
}

Moments moments_from(const py::dict& dict) {
  const std::vector<double> totals = doubles_from(dict["totals"]);
  const bool is_debiased = py::cast<bool>(dict["debiased"]);
  Moments moments(py::cast<std::size_t>(dict["samples"]), totals.size(),
                  is_debiased ? Estimator::debiased : Estimator::biased);
  moments.products = doubles_from(dict["products"]);
  moments.row_products = doubles_from(dict["row_products"]);
  moments.totals = totals;
  moments.row_sums = doubles_from(dict["row_sums"]);
  moments.offsets = doubles_from(dict["offsets"]);
  moments.rounding = doubles_from(dict["rounding"]);
  moments.exponents = py::cast<std::vector<int>>(dict["exponents"]);
  return moments;
}

// The plans of all stages that may be needed, in order.
py::list plan_moments(const py::list& x_layers, const std::optional<py::list>& y_layers,
                      const std::vector<std::string>& names_x,
                      const std::vector<std::string>& names_y, const std::string& kernel,
                      const std::vector<double>& bandwidth_x,
                      const std::vector<double>& bandwidth_y, double gamma, int degree,
                      double coef0, bool debiased, std::size_t edge, int num_threads) {
  const KernelOptions options = kernel_options(kernel, 1.0, gamma, degree, coef0);
  const Estimator estimator = debiased ? Estimator::debiased : Estimator::biased;
  const std::vector<Layer> x = layers_from(x_layers, names_x, options, bandwidth_x);
  std::vector<Layer> y;
  if (y_layers) y = layers_from(*y_layers, names_y, options, bandwidth_y);
  std::vector<MomentsPlan> plans;
  Call(num_threads).run([&](const Execution& execution) {
    for (const MomentsStage stage : moments_stages(x, y, estimator)) {
      MomentsPlan plan = isogram::plan_moments(x, y, estimator, stage, edge, execution);
      if (!is_useless(plan)) plans.push_back(std::move(plan));
    }
  });
  py::list result;
  for (const MomentsPlan& plan : plans) result.append(to_dict(plan));
  return result;
}

std::vector<TileTuple> moments_tiles(const py::dict& plan) {
  return to_tuples(tiles_of(plan_from(plan)));
}

py::dict moments_of_tile(const py::dict& plan, const TileTuple& tile, const py::list& rows,
                         const std::optional<py::list>& cols, const std::vector<std::string>& names,
                         int num_threads, const py::object& progress, std::size_t pairs) {
  const MomentsPlan known = plan_from(plan);
  const std::vector<InputView> of_rows = input_views(rows, names);
  std::vector<InputView> of_cols;
  if (cols) of_cols = input_views(*cols, names);
  MomentsPart part;
  Call(num_threads, progress, pairs).run([&](const Execution& execution) {
    part = isogram::moments_of_tile(known, tile_from(tile), of_rows, of_cols, execution);
  });
  return to_dict(part);
}

MomentsPart sums_of(const MomentsPlan& plan, const std::vector<TileTuple>& tiles,
                    const py::list& parts) {
  MomentsPart sums = no_moments(plan);
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    merge(plan, tile_from(tiles[t]), part_from(py::cast<py::dict>(parts[t])), sums);
  }
  return sums;
}

// Moments, and the doubts() about layers that stage magnitudes settles; None if the next stage is
// needed.
py::object reduce_moments(const py::dict& plan, const std::vector<TileTuple>& tiles,
                          const py::list& parts) {
  const MomentsPlan known = plan_from(plan);
  const std::optional<Moments> moments = moments_of(known, sums_of(known, tiles, parts));
  if (!moments) return py::none();
  return py::make_tuple(to_dict(*moments), doubts(known, *moments));
}

py::dict reduce_magnitudes(const py::dict& plan, const std::vector<TileTuple>& tiles,
                           const py::list& parts, const py::dict& moments) {
  const MomentsPlan known = plan_from(plan);
  return to_dict(with_rounding(known, sums_of(known, tiles, parts), moments_from(moments)));
}

py::tuple hsic_table_of_moments(const py::dict& moments, std::size_t x_layers,
                                std::size_t y_layers) {
  return to_tuple(isogram::hsic_table(moments_from(moments), x_layers, y_layers));
}

}  // namespace

void register_moments(py::module_& module) {
  module.def("plan_moments", &plan_moments, "x_layers"_a, "y_layers"_a, py::kw_only(), "names_x"_a,
             "names_y"_a, "kernel"_a, "bandwidth_x"_a, "bandwidth_y"_a, "gamma"_a, "degree"_a,
             "coef0"_a, "debiased"_a, "edge"_a, "num_threads"_a);
  module.def("moments_tiles", &moments_tiles, "plan"_a);
  module.def("moments_of_tile", &moments_of_tile, "plan"_a, "tile"_a, "rows"_a, "cols"_a,
             py::kw_only(), "names"_a, "num_threads"_a, "progress"_a, "pairs"_a);
  module.def("reduce_moments", &reduce_moments, "plan"_a, "tiles"_a, "parts"_a);
  module.def("reduce_magnitudes", &reduce_magnitudes, "plan"_a, "tiles"_a, "parts"_a, "moments"_a);
  module.def("hsic_table_of_moments", &hsic_table_of_moments, "moments"_a, py::kw_only(),
             "x_layers"_a, "y_layers"_a);
}

}  // namespace isogram::bindings
