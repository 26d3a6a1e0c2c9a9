#include "isogram/communities.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "isogram/arithmetic.hpp"
#include "isogram/error.hpp"
#include "statistics/cosine_graph.hpp"
#include "threads/team.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

void require_labels(std::span<const std::int64_t> labels, std::size_t n, const std::string& each) {
  if (labels.size() == n) return;
  throw std::invalid_argument("`labels` must have " + std::to_string(n) +
                              " entries, one for each " + each + ", got " +
                              std::to_string(labels.size()));
}

void require_labels(const InputView& x, std::span<const std::int64_t> labels) {
  require_labels(labels, x.rows, "row of `" + x.name + "`");
}

void require_resolution(double resolution) {
  if (std::isfinite(resolution) && resolution >= 0) return;
  throw std::invalid_argument("`resolution` must be a finite number of at least 0, got " +
                              std::to_string(resolution));
}

// Throws std::invalid_argument unless the arrays fit together as those of knn_graph() do: nothing
// may be read beyond their ends.
template <class T>
void require_graph(const Csr<T>& graph) {
  const std::vector<std::int64_t>& begins = graph.indptr;
  const auto edges = static_cast<std::int64_t>(graph.indices.size());
  require(begins.size() > 1 && begins.front() == 0 && begins.back() == edges &&
              std::is_sorted(begins.begin(), begins.end()) &&
              graph.data.size() == graph.indices.size(),
          "`graph` must have nodes, an `indptr` that ascends from 0 to the number of `indices`, "
          "and as much `data`");
  const auto n = static_cast<std::int64_t>(nodes_of(graph));
  for (std::size_t i = 0; i < nodes_of(graph); ++i) {
    for (std::int64_t e = begins[i]; e < begins[i + 1]; ++e) {
      const std::int32_t j = graph.indices[e];
      if (j >= 0 && j < n && (e == begins[i] || graph.indices[e - 1] < j)) continue;
      throw std::invalid_argument("`graph` must have columns that ascend within 0 to " +
                                  std::to_string(n - 1) + " in every row, got " +
                                  std::to_string(j) + " in row " + std::to_string(i));
    }
  }
}

// Labels as class numbers from 0 on.
std::vector<std::size_t> classes_of(std::span<const std::int64_t> labels) {
  std::vector<std::int64_t> names(labels.begin(), labels.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<std::size_t> classes;
  classes.reserve(labels.size());
  for (const std::int64_t label : labels) {
    classes.push_back(static_cast<std::size_t>(std::lower_bound(names.begin(), names.end(), label) -
                                               names.begin()));
  }
  return classes;
}

// Every edge once, directed from its end of lower degree: no node keeps more than √(2 edges) edges,
// and every triangle has exactly one corner from which two edges leave.
template <class T>
Csr<T> oriented(const Csr<T>& graph) {
  const auto rank = [&](std::int64_t node) {
    return std::pair(graph.indptr[node + 1] - graph.indptr[node], node);
  };
  Csr<T> result;
  result.indptr = {0};
  for (std::size_t i = 0; i < nodes_of(graph); ++i) {
    for (std::int64_t e = graph.indptr[i]; e < graph.indptr[i + 1]; ++e) {
      const std::int32_t j = graph.indices[e];
      if (rank(static_cast<std::int64_t>(i)) < rank(j)) result.indices.push_back(j);
    }
    result.indptr.push_back(static_cast<std::int64_t>(result.indices.size()));
  }
  return result;
}

std::size_t distinct(std::size_t a, std::size_t b, std::size_t c) {
  if (a == b && b == c) return 1;
  return a != b && b != c && a != c ? 3 : 2;
}

using Counts = std::array<std::int64_t, 3>;

template <class T>
Counts triangles_from(const Csr<T>& arcs, std::size_t i, const std::vector<std::size_t>& classes) {
  Counts counts{};
  for (std::int64_t e = arcs.indptr[i]; e < arcs.indptr[i + 1]; ++e) {
    const std::int32_t j = arcs.indices[e];
    std::int64_t a = arcs.indptr[i];
    std::int64_t b = arcs.indptr[j];
    while (a < arcs.indptr[i + 1] && b < arcs.indptr[j + 1]) {
      const std::int32_t left = arcs.indices[a];
      const std::int32_t right = arcs.indices[b];
      if (left == right) ++counts[distinct(classes[i], classes[j], classes[left]) - 1];
      a += left <= right ? 1 : 0;
      b += right <= left ? 1 : 0;
    }
  }
  return counts;
}

}  // namespace

template <class T>
double modularity(const Csr<T>& graph, std::span<const std::int64_t> labels, double resolution) {
  const UsualArithmetic usual;
  require_resolution(resolution);
  require_graph(graph);
  require_labels(labels, nodes_of(graph), "node of `graph`");
  const std::vector<std::size_t> classes = classes_of(labels);
  const std::size_t count = *std::max_element(classes.begin(), classes.end()) + 1;
  std::vector<double> degrees(count);  // k_c
  std::vector<double> inside(count);   // 2 L_c
  for (std::size_t i = 0; i < nodes_of(graph); ++i) {
    for (std::int64_t e = graph.indptr[i]; e < graph.indptr[i + 1]; ++e) {
      degrees[classes[i]] += graph.data[e];
      if (classes[graph.indices[e]] == classes[i]) inside[classes[i]] += graph.data[e];
    }
  }
  const double total = std::accumulate(degrees.begin(), degrees.end(), 0.0);  // 2 m
  if (total == 0) return std::numeric_limits<double>::quiet_NaN();
  double q = 0;
  for (std::size_t c = 0; c < count; ++c) {
    q += inside[c] / total - resolution * ((degrees[c] / total) * (degrees[c] / total));
  }
  return q;
}

double modularity(const InputView& x, std::span<const std::int64_t> labels, std::size_t k,
                  const Execution& execution, double resolution) {
  const UsualArithmetic usual;
  require_neighbours(k, x);
  require_labels(x, labels);
  require_resolution(resolution);
  if (is_float64(x)) {
    return modularity(knn_graph<double>(x, k, false, true, Kernel::cosine, execution), labels,
                      resolution);
  }
  return modularity(knn_graph<float>(x, k, false, true, Kernel::cosine, execution), labels,
                    resolution);
}

template <class T>
std::array<std::int64_t, 3> motifs(const Csr<T>& graph, std::span<const std::int64_t> labels,
                                   const Execution& execution) {
  const UsualArithmetic usual;
  require_graph(graph);
  require_labels(labels, nodes_of(graph), "node of `graph`");
  const std::vector<std::size_t> classes = classes_of(labels);
  const Csr<T> arcs = oriented(graph);
  const std::size_t n = nodes_of(arcs);
  std::vector<Counts> found(tiles_in(n));
  parallel_for(execution, tiles_in(n), [&](std::size_t strip, Worker& worker) {
    for (std::size_t i = tile_span(strip, n).begin; i < tile_span(strip, n).end; ++i) {
      worker.check();
      const Counts counts = triangles_from(arcs, i, classes);
      for (std::size_t c = 0; c < counts.size(); ++c) found[strip][c] += counts[c];
    }
  });
  Counts total{};
  for (const Counts& counts : found) {
    for (std::size_t c = 0; c < total.size(); ++c) total[c] += counts[c];
  }
  return total;
}

std::array<std::int64_t, 3> motifs(const InputView& x, std::span<const std::int64_t> labels,
                                   std::size_t k, const Execution& execution) {
  const UsualArithmetic usual;
  require_neighbours(k, x);
  require_labels(x, labels);
  if (is_float64(x)) {
    return motifs(knn_graph<double>(x, k, false, true, Kernel::cosine, execution), labels,
                  execution);
  }
  return motifs(knn_graph<float>(x, k, false, true, Kernel::cosine, execution), labels, execution);
}

template double modularity(const Csr<float>&, std::span<const std::int64_t>, double);
template double modularity(const Csr<double>&, std::span<const std::int64_t>, double);
template std::array<std::int64_t, 3> motifs(const Csr<float>&, std::span<const std::int64_t>,
                                            const Execution&);
template std::array<std::int64_t, 3> motifs(const Csr<double>&, std::span<const std::int64_t>,
                                            const Execution&);

}  // namespace isogram
