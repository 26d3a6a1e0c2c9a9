#include "isogram/graph.hpp"

#include <pybind11/stl.h>

#include <cstdint>

#include "arguments.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

using Labels = py::array_t<std::int64_t, py::array::c_style>;

void dense_graph(const py::array& x, bool center, const py::array& out, int num_threads) {
  const InputView features = input_view(x, "x");
  with_output(out, [&](auto result) {
    Call("graph", num_threads).run([&](const Execution& execution) {
      isogram::dense_graph(features, center, result, execution);
    });
  });
}

template <class T>
py::tuple knn_graph_as(const InputView& x, std::size_t k, bool center, bool symmetrize,
                       int num_threads) {
  Csr<T> graph;
  Call("graph", num_threads).run([&](const Execution& execution) {
    graph = isogram::knn_graph<T>(x, k, center, symmetrize, execution);
  });
  const auto nodes = static_cast<py::ssize_t>(graph.indptr.size());
  const auto edges = static_cast<py::ssize_t>(graph.indices.size());
  return py::make_tuple(to_array(std::move(graph.indptr), {nodes}),
                        to_array(std::move(graph.indices), {edges}),
                        to_array(std::move(graph.values), {edges}));
}

py::tuple knn_graph(const py::array& x, std::size_t k, bool center, bool symmetrize,
                    int num_threads) {
  const InputView features = input_view(x, "x");
  return features.type == ElementType::float64
             ? knn_graph_as<double>(features, k, center, symmetrize, num_threads)
             : knn_graph_as<float>(features, k, center, symmetrize, num_threads);
}

py::tuple gbs_table(const std::string& function, const py::list& x_layers,
                    const std::optional<py::list>& y_layers,
                    const std::vector<std::string>& names_x,
                    const std::vector<std::string>& names_y, std::size_t k, bool center,
                    int num_threads, const py::object& progress) {
  const std::vector<InputView> x = input_views(x_layers, names_x);
  const std::vector<InputView> y = y_layers ? input_views(*y_layers, names_y) : x;
  const std::size_t pairs = y_layers ? x.size() * y.size() : x.size() * (x.size() + 1) / 2;
  GbsTable table;
  Call(function, num_threads, progress, pairs).run([&](const Execution& execution) {
    table = y_layers ? isogram::gbs_table(x, y, k, center, execution)
                     : isogram::gbs_table(x, k, center, execution);
  });
  const auto rows = static_cast<py::ssize_t>(x.size());
  const auto cols = static_cast<py::ssize_t>(y.size());
  return py::make_tuple(to_array(std::move(table.gbs), {rows, cols}), table.isolated_x,
                        table.isolated_y);
}

std::span<const std::int64_t> span_of(const Labels& labels) {
  return {labels.data(), static_cast<std::size_t>(labels.size())};
}

double modularity(const py::array& x, const Labels& labels, std::size_t k, int num_threads) {
  const InputView features = input_view(x, "x");
  const std::span<const std::int64_t> classes = span_of(labels);
  double result = 0;
  Call("modularity", num_threads).run([&](const Execution& execution) {
    result = isogram::modularity(features, classes, k, execution);
  });
  return result;
}

py::tuple motifs(const py::array& x, const Labels& labels, std::size_t k, int num_threads) {
  const InputView features = input_view(x, "x");
  const std::span<const std::int64_t> classes = span_of(labels);
  std::array<std::int64_t, 3> counts{};
  Call("motifs", num_threads).run([&](const Execution& execution) {
    counts = isogram::motifs(features, classes, k, execution);
  });
  return py::make_tuple(counts[0], counts[1], counts[2]);
}

}  // namespace

void register_graph(py::module_& module) {
  module.def("dense_graph", &dense_graph, "x"_a, "center"_a, "out"_a, "num_threads"_a);
  module.def("knn_graph", &knn_graph, "x"_a, "k"_a, "center"_a, "symmetrize"_a, "num_threads"_a);
  module.def("gbs_table", &gbs_table, "function"_a, "x_layers"_a, "y_layers"_a, py::kw_only(),
             "names_x"_a, "names_y"_a, "k"_a, "center"_a, "num_threads"_a, "progress"_a);
  module.def("modularity", &modularity, "x"_a, "labels"_a, "k"_a, "num_threads"_a);
  module.def("motifs", &motifs, "x"_a, "labels"_a, "k"_a, "num_threads"_a);
}

}  // namespace isogram::bindings
