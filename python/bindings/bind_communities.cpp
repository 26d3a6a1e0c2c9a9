#include "isogram/communities.hpp"

#include <cstdint>

#include "arguments.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

using Labels = py::array_t<std::int64_t, py::array::c_style>;

std::span<const std::int64_t> span_of(const Labels& labels) {
  return {labels.data(), static_cast<std::size_t>(labels.size())};
}

double modularity(const py::array& x, const Labels& labels, std::size_t k, double resolution,
                  int num_threads) {
  const InputView features = input_view(x, "x");
  const std::span<const std::int64_t> classes = span_of(labels);
  double result = 0;
  Call(num_threads).run([&](const Execution& execution) {
    result = isogram::modularity(features, classes, k, execution, resolution);
  });
  return result;
}

py::tuple motifs(const py::array& x, const Labels& labels, std::size_t k, int num_threads) {
  const InputView features = input_view(x, "x");
  const std::span<const std::int64_t> classes = span_of(labels);
  std::array<std::int64_t, 3> counts{};
  Call(num_threads).run([&](const Execution& execution) {
    counts = isogram::motifs(features, classes, k, execution);
  });
  return py::make_tuple(counts[0], counts[1], counts[2]);
}

// Calls body(graph) with the graph of the caller's arrays.
template <class Body>
void with_graph(const py::array& indptr, const py::array& indices, const py::array& data,
                Body body) {
  const auto of = [&](auto type) {
    using T = decltype(type);
    body(Csr<T>{vector_of<std::int64_t>(indptr), vector_of<std::int32_t>(indices),
                vector_of<T>(data)});
  };
  return is_float32(data) ? of(float()) : of(double());
}

double modularity_of_graph(const py::array& indptr, const py::array& indices, const py::array& data,
                           const Labels& labels, double resolution) {
  double result = 0;
  with_graph(indptr, indices, data, [&](const auto& graph) {
    result = isogram::modularity(graph, span_of(labels), resolution);
  });
  return result;
}

py::tuple motifs_of_graph(const py::array& indptr, const py::array& indices, const py::array& data,
                          const Labels& labels, int num_threads) {
  const std::span<const std::int64_t> classes = span_of(labels);
  std::array<std::int64_t, 3> counts{};
  with_graph(indptr, indices, data, [&](const auto& graph) {
    Call(num_threads).run([&](const Execution& execution) {
      counts = isogram::motifs(graph, classes, execution);
    });
  });
  return py::make_tuple(counts[0], counts[1], counts[2]);
}

}  // namespace

void register_communities(py::module_& module) {
  module.def("modularity", &modularity, "x"_a, "labels"_a, py::kw_only(), "k"_a, "resolution"_a,
             "num_threads"_a);
  module.def("motifs", &motifs, "x"_a, "labels"_a, py::kw_only(), "k"_a, "num_threads"_a);
  module.def("modularity_of_graph", &modularity_of_graph, "indptr"_a, "indices"_a, "data"_a,
             "labels"_a, py::kw_only(), "resolution"_a);
  module.def("motifs_of_graph", &motifs_of_graph, "indptr"_a, "indices"_a, "data"_a, "labels"_a,
             py::kw_only(), "num_threads"_a);
}

}  // namespace isogram::bindings
