#include "isogram/graph.hpp"

#include "arguments.hpp"
#include "bind_graph.hpp"
#include "kernel_options.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

void dense_graph(const py::array& x, const std::string& kernel, bool center, const py::array& out,
                 int num_threads) {
  const Kernel edges = kernel_from(kernel);
  const InputView features = input_view(x, "x");
  with_output(out, [&](auto result) {
    Call(num_threads).run([&](const Execution& execution) {
      isogram::dense_graph(features, center, result, edges, execution);
    });
  });
}

template <class T>
py::tuple knn_graph_as(const InputView& x, std::size_t k, Kernel kernel, bool center,
                       bool symmetrize, int num_threads) {
  Csr<T> graph;
  Call(num_threads).run([&](const Execution& execution) {
    graph = isogram::knn_graph<T>(x, k, center, symmetrize, kernel, execution);
  });
  return graph_tuple(std::move(graph));
}

py::tuple knn_graph(const py::array& x, std::size_t k, const std::string& kernel, bool center,
                    bool symmetrize, int num_threads) {
  const Kernel edges = kernel_from(kernel);
  const InputView features = input_view(x, "x");
  return features.type == ElementType::float64
             ? knn_graph_as<double>(features, k, edges, center, symmetrize, num_threads)
             : knn_graph_as<float>(features, k, edges, center, symmetrize, num_threads);
}

}  // namespace

void register_graph(py::module_& module) {
  module.def("dense_graph", &dense_graph, "x"_a, py::kw_only(), "kernel"_a, "center"_a, "out"_a,
             "num_threads"_a);
  module.def("knn_graph", &knn_graph, "x"_a, py::kw_only(), "k"_a, "kernel"_a, "center"_a,
             "symmetrize"_a, "num_threads"_a);
}

}  // namespace isogram::bindings
