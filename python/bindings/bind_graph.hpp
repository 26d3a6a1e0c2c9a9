// Sparse graphs as tuples of arrays.
#pragma once

#include <utility>

#include "arguments.hpp"
#include "isogram/graph.hpp"

namespace isogram::bindings {

// The arrays (indptr, indices, data), without a copy.
template <class T>
py::tuple graph_tuple(Csr<T> graph) {
  const auto nodes = static_cast<py::ssize_t>(graph.indptr.size());
  const auto edges = static_cast<py::ssize_t>(graph.indices.size());
  return py::make_tuple(to_array(std::move(graph.indptr), {nodes}),
                        to_array(std::move(graph.indices), {edges}),
                        to_array(std::move(graph.data), {edges}));
}

}  // namespace isogram::bindings
