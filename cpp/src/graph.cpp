#include "isogram/graph.hpp"

#include <numeric>
#include <stdexcept>
#include <string>

#include "isogram/arithmetic.hpp"
#include "simd/kernels.hpp"
#include "statistics/cosine_graph.hpp"
#include "statistics/nearest.hpp"
#include "statistics/neighbours.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"

namespace isogram {

void require_neighbours(std::size_t k, const InputView& x) {
  require_rows(x, 2);
  if (k >= 1 && k < x.rows) return;
  throw std::invalid_argument("`k` must be at least 1 and less than the " + std::to_string(x.rows) +
                              " rows of `" + x.name + "`, got " + std::to_string(k));
}

void require_cosines(Kernel kernel) {
  require(uses_unit_norm(kernel), "`kernel` must be cosine or correlation");
}

namespace {

template <class T>
Csr<T> directed_graph(const Buffer<Edge<T>>& edges, std::size_t n, std::size_t k) {
  Csr<T> graph;
  graph.indptr.resize(n + 1);
  graph.indices.resize(edges.size());
  graph.data.resize(edges.size());
  for (std::size_t i = 0; i <= n; ++i) graph.indptr[i] = static_cast<std::int64_t>(i * k);
  for (std::size_t e = 0; e < edges.size(); ++e) {
    graph.indices[e] = edges[e].column;
    graph.data[e] = edges[e].weight;
  }
  return graph;
}

template <class T>
Csr<T> transposed(const Csr<T>& graph) {
  const std::size_t n = nodes_of(graph);
  Csr<T> result;
  result.indptr.assign(n + 1, 0);
  result.indices.resize(graph.indices.size());
  result.data.resize(graph.data.size());
  for (const std::int32_t column : graph.indices) ++result.indptr[column + 1];
  std::partial_sum(result.indptr.begin(), result.indptr.end(), result.indptr.begin());
  std::vector<std::int64_t> next(result.indptr.begin(), result.indptr.end() - 1);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::int64_t e = graph.indptr[i]; e < graph.indptr[i + 1]; ++e) {
      const std::int64_t place = next[graph.indices[e]]++;
      result.indices[place] = static_cast<std::int32_t>(i);
      result.data[place] = graph.data[e];
    }
  }
  return result;
}

// (W + Wᵀ)/2. The two weights of a mutual edge are equal, and kept exactly; or they differ by
// rounding, if the neighbours of one end were ranked in float64.
template <class T>
Csr<T> symmetrized(const Csr<T>& graph) {
  const Csr<T> transpose = transposed(graph);
  Csr<T> result;
  result.indptr = {0};
  result.indptr.reserve(graph.indptr.size());
  const auto append = [&](std::int32_t column, T weight) {
    result.indices.push_back(column);
    result.data.push_back(weight);
  };
  for (std::size_t i = 0; i < nodes_of(graph); ++i) {
    merge_row(
        graph, transpose, i, [&](auto e) { append(graph.indices[e], graph.data[e] / 2); },
        [&](auto f) { append(transpose.indices[f], transpose.data[f] / 2); },
        [&](auto e, auto f) { append(graph.indices[e], (graph.data[e] + transpose.data[f]) / 2); });
    result.indptr.push_back(static_cast<std::int64_t>(result.indices.size()));
  }
  return result;
}

}  // namespace

template <class T>
void dense_graph(const InputView& x, bool center, MatrixView<T> out, Kernel kernel,
                 const Execution& execution) {
  const UsualArithmetic usual;
  require_cosines(kernel);
  require_not_empty(x);
  require_shape(out, x.rows, x.rows, "out");
  const GramTiles<T> tiles = cosine_tiles<T>(x, center, execution, kernel);
  write_blocks(tiles, out, execution,
               [&](const GramBlock<T>& block, const simd::ExpectedRows& expected) {
                 tiles.compute(block, expected);
                 if (block.rows.begin != block.cols.begin) return;
                 for (std::size_t i = 0; i < block.rows.size(); ++i) block.row(i)[i] = T(0);
               });
}

template <class T>
Csr<T> graph_of(const Buffer<Edge<T>>& edges, std::size_t n, std::size_t k, bool symmetrize) {
  const Csr<T> directed = directed_graph(edges, n, k);
  return symmetrize ? symmetrized(directed) : directed;
}

template <class T>
Csr<T> knn_graph(const InputView& x, std::size_t k, bool center, bool symmetrize, Kernel kernel,
                 const Execution& execution) {
  const UsualArithmetic usual;
  require_cosines(kernel);
  require_neighbours(k, x);
  return graph_of(nearest<T>(x, k, center, kernel, execution), x.rows, k, symmetrize);
}

template Csr<float> graph_of(const Buffer<Edge<float>>&, std::size_t, std::size_t, bool);
template Csr<double> graph_of(const Buffer<Edge<double>>&, std::size_t, std::size_t, bool);
template void dense_graph(const InputView&, bool, MatrixView<float>, Kernel, const Execution&);
template void dense_graph(const InputView&, bool, MatrixView<double>, Kernel, const Execution&);
template Csr<float> knn_graph(const InputView&, std::size_t, bool, bool, Kernel, const Execution&);
template Csr<double> knn_graph(const InputView&, std::size_t, bool, bool, Kernel, const Execution&);

}  // namespace isogram
