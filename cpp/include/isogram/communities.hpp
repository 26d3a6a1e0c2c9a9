// How far the classes of its nodes are communities of a graph.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "isogram/graph.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// Newman's modularity Q = Σ_c [L_c/m − (k_c/2m)²] of a weighted graph, with the labels as
// communities (Lu et al. 2022, arXiv:2111.12485): L_c is the weight of edges inside class c, k_c
// the weighted degree of its nodes, m the weight of all edges. NaN if m = 0. `graph` is symmetric,
// as knn_graph(…, symmetrize = true) makes it. Sums in float64. Cost: the edges, and n log n for
// the labels. Throws std::invalid_argument: a graph whose arrays do not fit together, or not one
// label per node.
template <class T>
double modularity(const Csr<T>& graph, std::span<const std::int64_t> labels);

// The same of the symmetrised k-NN cosine graph of x. Edges may be negative, see knn_graph().
// Throws as knn_graph, and unless there is one label per row.
double modularity(const InputView& x, std::span<const std::int64_t> labels, std::size_t k,
                  const Execution& execution = {});

// Triangles of a graph by how many classes they touch: one, two, three. Edges count whatever their
// weight; `graph` is symmetric as above, and entries on its diagonal are no edges. Cost
// O(edges^1.5). Bit-identical for any number of threads. Throws as modularity.
template <class T>
std::array<std::int64_t, 3> motifs(const Csr<T>& graph, std::span<const std::int64_t> labels,
                                   const Execution& execution = {});

// The same of the undirected k-NN cosine graph of x: an edge where either end chose the other.
// Throws as modularity.
std::array<std::int64_t, 3> motifs(const InputView& x, std::span<const std::int64_t> labels,
                                   std::size_t k, const Execution& execution = {});

}  // namespace isogram
