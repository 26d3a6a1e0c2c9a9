#include "facts.hpp"

#include <string>

#include "arguments.hpp"
#include "kernel_options.hpp"

namespace isogram::bindings {

namespace {

py::object to_tuple(const std::optional<UnitAxis>& axis) {
  if (!axis) return py::none();
  return py::make_tuple(axis->center, to_doubles(axis->axis), to_doubles(axis->centred),
                        axis->squares, axis->lambda);
}

std::optional<UnitAxis> axis_from(const py::object& object) {
  if (object.is_none()) return {};
  const auto fields = py::cast<py::tuple>(object);
  return UnitAxis{.center = py::cast<bool>(fields[0]),
                  .axis = doubles_from(fields[1]),
                  .centred = doubles_from(fields[2]),
                  .squares = py::cast<double>(fields[3]),
                  .lambda = py::cast<double>(fields[4])};
}

}  // namespace

SampleTile tile_from(const TileTuple& tile) {
  const auto [row_begin, row_end, col_begin, col_end] = tile;
  return {{row_begin, row_end}, {col_begin, col_end}};
}

std::vector<TileTuple> to_tuples(const std::vector<SampleTile>& tiles) {
  std::vector<TileTuple> tuples;
  for (const auto& [rows, cols] : tiles) {
    tuples.emplace_back(rows.begin, rows.end, cols.begin, cols.end);
  }
  return tuples;
}

py::object to_doubles(const std::vector<double>& values) {
  return to_array(values, {static_cast<py::ssize_t>(values.size())});
}

std::vector<double> doubles_from(const py::handle& array) {
  return vector_of<double>(array);
}

py::dict to_dict(const GramFacts& facts) {
  const KernelOptions& options = facts.options;
  return py::dict("kernel"_a = kernel_name(options.kernel), "bandwidth"_a = options.bandwidth,
                  "gamma"_a = options.gamma, "degree"_a = options.degree, "coef0"_a = options.coef0,
                  "origin"_a = to_doubles(facts.origin), "rest"_a = to_doubles(facts.rest),
                  "axis"_a = to_tuple(facts.axis), "center_rows"_a = facts.center_rows,
                  "unit_norm"_a = facts.unit_norm, "exponent"_a = facts.exponent,
                  "exponent_per_row"_a = facts.exponent_per_row, "is_deep"_a = facts.is_deep,
                  "has_few_rows"_a = facts.has_few_rows, "stays_scaled"_a = facts.stays_scaled,
                  "may_vanish"_a = facts.may_vanish, "may_overflow"_a = facts.may_overflow());
}

GramFacts gram_facts_from(const py::dict& dict) {
  const auto number = [&](const char* name) { return py::cast<double>(dict[name]); };
  const auto integer = [&](const char* name) { return py::cast<int>(dict[name]); };
  const auto flag = [&](const char* name) { return py::cast<bool>(dict[name]); };
  GramFacts facts;
  facts.options = kernel_options(py::cast<std::string>(dict["kernel"]), number("bandwidth"),
                                 number("gamma"), integer("degree"), number("coef0"));
  facts.origin = doubles_from(dict["origin"]);
  facts.rest = doubles_from(dict["rest"]);
  facts.axis = axis_from(dict["axis"]);
  facts.center_rows = flag("center_rows");
  facts.unit_norm = flag("unit_norm");
  facts.exponent = integer("exponent");
  facts.exponent_per_row = flag("exponent_per_row");
  facts.is_deep = flag("is_deep");
  facts.has_few_rows = flag("has_few_rows");
  facts.stays_scaled = flag("stays_scaled");
  facts.may_vanish = flag("may_vanish");
  return facts;
}

}  // namespace isogram::bindings
