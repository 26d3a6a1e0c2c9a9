// Modularity and motifs: whether the classes of a graph's nodes are communities in it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "isogram/graph.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// Newman's modularity Q = Σ_c [L_c/m − γ (k_c/2m)²] of a weighted graph with the labels as
// communities (Lu et al. 2022, arXiv:2111.12485): L_c is the weight of edges inside class c, k_c
// the weighted degree of its nodes, m the weight of all edges, γ the resolution (Reichardt &
// Bornholdt 2006), at least 0: larger values favour smaller communities. NaN if m = 0. `graph` must
// be symmetric, as knn_graph(…, symmetrize = true) makes it; labels has one label per node. Types:
// T → float64 sums, T = float or double. Cost: one pass over the edges, and n log n for the labels.
// Memory: two indices per node. Throws std::invalid_argument: a graph whose arrays do not fit
// together, another number of labels than of nodes, a resolution that is negative or not finite.
template <class T>
double modularity(const Csr<T>& graph, std::span<const std::int64_t> labels,
                  double resolution = 1.0);

// modularity() of the symmetrised k-NN graph of x, whose edges may be negative. Types: double if x
// is float64, else float. Cost and memory: as of knn_graph(). Throws std::invalid_argument as
// knn_graph() does, for another number of labels than of rows, and for such a resolution.
double modularity(const InputView& x, std::span<const std::int64_t> labels, std::size_t k,
                  const Execution& execution = {}, double resolution = 1.0);

// The numbers of triangles whose nodes are of one, two and three classes. Edges count as 1 whatever
// their weight; `graph` must be symmetric as above; its diagonal is ignored. The same counts for
// any number of threads.
// Cost: O(edges^1.5). Memory: half of the edges. Throws std::invalid_argument as modularity() does.
template <class T>
std::array<std::int64_t, 3> motifs(const Csr<T>& graph, std::span<const std::int64_t> labels,
                                   const Execution& execution = {});

// motifs() of the undirected k-NN graph of x: i and j are joined where either is among the k
// nearest of the other. Types, cost, memory and errors: as of knn_graph(), motifs() and
// modularity().
std::array<std::int64_t, 3> motifs(const InputView& x, std::span<const std::int64_t> labels,
                                   std::size_t k, const Execution& execution = {});

}  // namespace isogram
