#include "isogram/graph.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include "buffer.hpp"
#include "input.hpp"
#include "simd/kernels.hpp"
#include "team.hpp"
#include "tile.hpp"

namespace isogram {

namespace {

template <class T>
GramTiles<T> cosine_tiles(const InputView& x, bool center, const Execution& execution) {
  using Columns = typename GramTiles<T>::Columns;
  return GramTiles<T>(x, {.kernel = Kernel::cosine}, center ? Columns::centered : Columns::as_given,
                      preparing(execution));
}

// The diagonal of the graph, where a tile meets it.
template <class T>
void set_diagonal(Cell cell, T value, T* tile) {
  if (cell.row != cell.col) return;
  for (std::size_t i = 0; i < kTileEdge; ++i) tile[i * kTileEdge + i] = value;
}

void require_rows(const InputView& x, std::size_t least) {
  require_not_empty(x);
  if (x.rows >= least) return;
  throw std::invalid_argument("`" + x.name + "` must have at least " + std::to_string(least) +
                              " rows, got " + std::to_string(x.rows));
}

void require_neighbours(std::size_t k, const InputView& x) {
  require_rows(x, 2);
  if (k >= 1 && k < x.rows) return;
  throw std::invalid_argument("`k` must be at least 1 and less than the " + std::to_string(x.rows) +
                              " rows of `" + x.name + "`, got " + std::to_string(k));
}

// Largest cosines ---------------------------------------------------------------------------------

template <class T>
struct Edge {
  T weight;
  std::int32_t column;
};

// Puts the worst edge of a heap on top: the smallest weight, of equal ones the largest column.
template <class T>
bool is_better(const Edge<T>& a, const Edge<T>& b) {
  return a.weight > b.weight || (a.weight == b.weight && a.column < b.column);
}

// Below every cosine: what a row's edges start from, and what the diagonal is set to.
template <class T>
constexpr T kNoCosine = T(-2);

// Offers a row of a tile to a heap of the best edges. Columns come in ascending order, so one that
// only equals the worst edge loses the tie.
template <class T>
void offer_row(const T* row, Span cols, Edge<T>* heap, std::size_t k) {
  constexpr std::size_t stride = 16;  // entries that one vectorised comparison dismisses
  for (std::size_t begin = 0; begin < cols.size(); begin += stride) {
    const std::size_t end = std::min(begin + stride, cols.size());
    const T worst = heap[0].weight;
    bool any = false;
    for (std::size_t j = begin; j < end; ++j) any |= row[j] > worst;
    if (!any) continue;
    for (std::size_t j = begin; j < end; ++j) {
      if (!(row[j] > heap[0].weight)) continue;
      std::pop_heap(heap, heap + k, is_better<T>);
      heap[k - 1] = {row[j], static_cast<std::int32_t>(cols.begin + j)};
      std::push_heap(heap, heap + k, is_better<T>);
    }
  }
}

// The k best edges of every row, n × k, by ascending column. A task is a strip of rows against
// all columns.
template <class T>
Buffer<Edge<T>> nearest(const GramTiles<T>& tiles, std::size_t k, const Execution& execution) {
  const std::size_t n = tiles.rows();
  const std::size_t strips = tiles_in(n);
  Buffer<Edge<T>> edges(product(n, k));
  std::vector<Buffer<T>> scratch(team_size(execution, strips));
  for (Buffer<T>& tile : scratch) tile = Buffer<T>(kTileSize);
  parallel_for(
      execution, strips,
      [&](std::size_t strip, Worker& worker) {
        const Span rows = tile_span(strip, n);
        T* tile = scratch[worker.index].data();
        std::fill(&edges[rows.begin * k], edges.data() + rows.end * k, Edge<T>{kNoCosine<T>, 0});
        for (std::size_t col = 0; col < tiles_in(n); ++col) {
          worker.check();
          tiles.compute({strip, col}, tile);
          set_diagonal({strip, col}, kNoCosine<T>, tile);
          for (std::size_t i = 0; i < rows.size(); ++i) {
            offer_row(tile + i * kTileEdge, tile_span(col, n), &edges[(rows.begin + i) * k], k);
          }
        }
        for (std::size_t i = rows.begin; i < rows.end; ++i) {
          std::sort(&edges[i * k], edges.data() + (i + 1) * k,
                    [](const Edge<T>& a, const Edge<T>& b) { return a.column < b.column; });
        }
      },
      scratch.size());
  return edges;
}

// Sparse graphs -----------------------------------------------------------------------------------

template <class T>
std::size_t nodes_of(const Csr<T>& graph) {
  return graph.indptr.size() - 1;
}

template <class T>
Csr<T> directed_graph(const Buffer<Edge<T>>& edges, std::size_t n, std::size_t k) {
  Csr<T> graph;
  graph.indptr.resize(n + 1);
  graph.indices.resize(edges.size());
  graph.values.resize(edges.size());
  for (std::size_t i = 0; i <= n; ++i) graph.indptr[i] = static_cast<std::int64_t>(i * k);
  for (std::size_t e = 0; e < edges.size(); ++e) {
    graph.indices[e] = edges[e].column;
    graph.values[e] = edges[e].weight;
  }
  return graph;
}

template <class T>
Csr<T> transposed(const Csr<T>& graph) {
  const std::size_t n = nodes_of(graph);
  Csr<T> result;
  result.indptr.assign(n + 1, 0);
  result.indices.resize(graph.indices.size());
  result.values.resize(graph.values.size());
  for (const std::int32_t column : graph.indices) ++result.indptr[column + 1];
  std::partial_sum(result.indptr.begin(), result.indptr.end(), result.indptr.begin());
  std::vector<std::int64_t> next(result.indptr.begin(), result.indptr.end() - 1);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::int64_t e = graph.indptr[i]; e < graph.indptr[i + 1]; ++e) {
      const std::int64_t place = next[graph.indices[e]]++;
      result.indices[place] = static_cast<std::int32_t>(i);
      result.values[place] = graph.values[e];
    }
  }
  return result;
}

// Calls in_a(e), in_b(f) or in_both(e, f) for the columns of row i, in ascending order; e and f are
// places in a and b.
template <class T, class InA, class InB, class InBoth>
void merge_row(const Csr<T>& a, const Csr<T>& b, std::size_t i, InA in_a, InB in_b,
               InBoth in_both) {
  std::int64_t e = a.indptr[i];
  std::int64_t f = b.indptr[i];
  while (e < a.indptr[i + 1] || f < b.indptr[i + 1]) {
    if (f == b.indptr[i + 1] || (e < a.indptr[i + 1] && a.indices[e] < b.indices[f])) {
      in_a(e++);
    } else if (e == a.indptr[i + 1] || b.indices[f] < a.indices[e]) {
      in_b(f++);
    } else {
      in_both(e++, f++);
    }
  }
}

// (W + Wᵀ)/2. The two weights of a mutual edge are the same number, so it keeps it exactly.
template <class T>
Csr<T> symmetrized(const Csr<T>& graph) {
  const Csr<T> transpose = transposed(graph);
  Csr<T> result;
  result.indptr = {0};
  result.indptr.reserve(graph.indptr.size());
  const auto append = [&](std::int32_t column, T weight) {
    result.indices.push_back(column);
    result.values.push_back(weight);
  };
  for (std::size_t i = 0; i < nodes_of(graph); ++i) {
    merge_row(
        graph, transpose, i, [&](auto e) { append(graph.indices[e], graph.values[e] / 2); },
        [&](auto f) { append(transpose.indices[f], transpose.values[f] / 2); },
        [&](auto e, auto f) {
          append(graph.indices[e], (graph.values[e] + transpose.values[f]) / 2);
        });
    result.indptr.push_back(static_cast<std::int64_t>(result.indices.size()));
  }
  return result;
}

// Similarity of graphs ----------------------------------------------------------------------------

// All pairs of layers, as cells of the L1 × L2 result; for one set, those on and above the
// diagonal. Layers are numbered through: those of y follow those of x.
struct LayerPairs {
  LayerPairs(std::size_t x_layers, std::size_t y_layers)
      : grid(y_layers == 0 ? Grid::upper(x_layers) : Grid::full(x_layers, y_layers)),
        layers(x_layers + y_layers),
        second_offset(y_layers == 0 ? 0 : x_layers) {
    cells.reserve(grid.cells());
    for (std::size_t p = 0; p < grid.cells(); ++p) cells.push_back(grid.cell(p));
  }
  std::size_t size() const { return cells.size(); }
  std::size_t first(std::size_t p) const { return cells[p].row; }
  std::size_t second(std::size_t p) const { return second_offset + cells[p].col; }

  Grid grid;
  std::vector<Cell> cells;
  std::size_t layers;
  std::size_t second_offset;
};

// Row dot products of one strip of rows: of every pair of layers, and of every layer with itself.
class StripProducts {
 public:
  StripProducts() = default;
  explicit StripProducts(const LayerPairs& pairs)
      : pairs_(&pairs), cross_(pairs.size() * kTileEdge), self_(pairs.layers * kTileEdge) {}

  void clear() {
    std::fill(cross_.begin(), cross_.end(), 0.0);
    std::fill(self_.begin(), self_.end(), 0.0);
  }
  double& cross(std::size_t pair, std::size_t row) { return cross_[pair * kTileEdge + row]; }
  double& self(std::size_t layer, std::size_t row) { return self_[layer * kTileEdge + row]; }

  // sums[p] = Σ over the strip's rows of the cosines of pair p; a zero row counts 0.
  void sum_cosines(std::size_t rows, double* sums) {
    for (std::size_t p = 0; p < pairs_->size(); ++p) {
      for (std::size_t i = 0; i < rows; ++i) {
        const double norms = self(pairs_->first(p), i) * self(pairs_->second(p), i);
        if (norms > 0) sums[p] += cross(p, i) / std::sqrt(norms);
      }
    }
  }

 private:
  const LayerPairs* pairs_ = nullptr;
  Buffer<double> cross_;
  Buffer<double> self_;
};

// Σ of the strips' sums over n, in the order of the strips; a missing half is mirrored.
std::vector<double> table_of(const LayerPairs& pairs, const Buffer<double>& sums, std::size_t n,
                             std::size_t cols) {
  const bool is_mirrored = pairs.second_offset == 0;
  std::vector<double> table(product(is_mirrored ? pairs.layers : pairs.second_offset, cols));
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    double total = 0;
    for (std::size_t s = 0; s < tiles_in(n); ++s) total += sums[s * pairs.size() + p];
    const Cell cell = pairs.cells[p];
    table[cell.row * cols + cell.col] = total / static_cast<double>(n);
    if (is_mirrored) table[cell.col * cols + cell.row] = table[cell.row * cols + cell.col];
  }
  return table;
}

// Full graphs, one tile of each layer at a time.
template <class T>
class FullGraphs {
 public:
  FullGraphs(const std::vector<InputView>& layers, bool center, const Execution& execution) {
    tiles_.reserve(layers.size());
    for (const InputView& x : layers) tiles_.push_back(cosine_tiles<T>(x, center, execution));
  }
  std::size_t nodes() const { return tiles_[0].rows(); }

  class Scratch {
   public:
    Scratch() = default;
    explicit Scratch(std::size_t layers) : tiles_(product(layers, kTileSize)) {}
    T* tile(std::size_t layer) { return tiles_.data() + layer * kTileSize; }
    const T* row(std::size_t layer, std::size_t i) { return tile(layer) + i * kTileEdge; }

   private:
    Buffer<T> tiles_;
  };

  void add_products(std::size_t strip, const LayerPairs& pairs, Scratch& scratch,
                    StripProducts& products, Worker& worker) const {
    const std::size_t rows = tile_span(strip, nodes()).size();
    for (std::size_t col = 0; col < tiles_in(nodes()); ++col) {
      for (std::size_t layer = 0; layer < tiles_.size(); ++layer) {
        worker.check();
        tiles_[layer].compute({strip, col}, scratch.tile(layer));
        set_diagonal({strip, col}, T(0), scratch.tile(layer));
      }
      add_tile_products(rows, tile_span(col, nodes()).size(), pairs, scratch, products);
    }
  }

 private:
  void add_tile_products(std::size_t rows, std::size_t cols, const LayerPairs& pairs,
                         Scratch& scratch, StripProducts& products) const {
    const auto& kernels = simd::kernels().of<T>();
    for (std::size_t layer = 0; layer < tiles_.size(); ++layer) {
      for (std::size_t i = 0; i < rows; ++i) {
        const T* row = scratch.row(layer, i);
        products.self(layer, i) += kernels.dot(row, row, cols);
      }
    }
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      for (std::size_t i = 0; i < rows; ++i) {
        products.cross(p, i) +=
            kernels.dot(scratch.row(pairs.first(p), i), scratch.row(pairs.second(p), i), cols);
      }
    }
  }

  std::vector<GramTiles<T>> tiles_;
};

// Symmetrised k-NN graphs.
template <class T>
class NearestGraphs {
 public:
  NearestGraphs(const std::vector<InputView>& layers, std::size_t k, bool center,
                const Execution& execution) {
    graphs_.reserve(layers.size());
    for (const InputView& x : layers) {
      graphs_.push_back(knn_graph<T>(x, k, center, true, preparing(execution)));
      report(execution, graphs_.size(), layers.size());
    }
  }
  std::size_t nodes() const { return nodes_of(graphs_[0]); }

  struct Scratch {
    Scratch() = default;
    explicit Scratch(std::size_t) {}
  };

  void add_products(std::size_t strip, const LayerPairs& pairs, Scratch&, StripProducts& products,
                    Worker& worker) const {
    const Span rows = tile_span(strip, nodes());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      worker.check();
      for (std::size_t layer = 0; layer < graphs_.size(); ++layer) {
        products.self(layer, i) = dot(graphs_[layer], graphs_[layer], rows.begin + i);
      }
      for (std::size_t p = 0; p < pairs.size(); ++p) {
        products.cross(p, i) =
            dot(graphs_[pairs.first(p)], graphs_[pairs.second(p)], rows.begin + i);
      }
    }
  }

 private:
  static double dot(const Csr<T>& a, const Csr<T>& b, std::size_t i) {
    double sum = 0;
    const auto skip = [](auto) {};
    merge_row(a, b, i, skip, skip,
              [&](auto e, auto f) { sum += static_cast<double>(a.values[e]) * b.values[f]; });
    return sum;
  }

  std::vector<Csr<T>> graphs_;
};

// One walk over strips of rows, whatever kind of graph gives their dot products.
template <class Graphs>
std::vector<double> compare_graphs(const Graphs& graphs, const LayerPairs& pairs, std::size_t cols,
                                   const Execution& execution) {
  using Scratch = typename Graphs::Scratch;
  const std::size_t n = graphs.nodes();
  const std::size_t strips = tiles_in(n);
  Buffer<double> sums(product(strips, pairs.size()));
  std::vector<std::pair<Scratch, StripProducts>> workers(team_size(execution, strips));
  for (auto& own : workers) own = {Scratch(pairs.layers), StripProducts(pairs)};
  parallel_for(
      execution, strips,
      [&](std::size_t strip, Worker& worker) {
        auto& [scratch, products] = workers[worker.index];
        products.clear();
        graphs.add_products(strip, pairs, scratch, products, worker);
        products.sum_cosines(tile_span(strip, n).size(), sums.data() + strip * pairs.size());
      },
      workers.size());
  return table_of(pairs, sums, n, cols);
}

void require_same_rows(const std::vector<InputView>& layers) {
  const InputView& first = layers[0];
  require_rows(first, 2);
  for (const InputView& layer : layers) {
    require_not_empty(layer);
    if (layer.rows == first.rows) continue;
    throw std::invalid_argument("`" + layer.name + "` must have " + std::to_string(first.rows) +
                                " rows like `" + first.name + "`, got " +
                                std::to_string(layer.rows));
  }
}

template <class T>
std::vector<double> table(const std::vector<InputView>& layers, const LayerPairs& pairs,
                          std::size_t cols, std::size_t k, bool center,
                          const Execution& execution) {
  if (k == 0) {
    const FullGraphs<T> graphs(layers, center, execution);
    return compare_graphs(graphs, pairs, cols, execution);
  }
  // All the work is in the graphs: reported by layers.
  const NearestGraphs<T> graphs(layers, k, center, execution);
  return compare_graphs(graphs, pairs, cols, preparing(execution));
}

bool is_float64(const InputView& x) {
  return x.type == ElementType::float64;
}

std::vector<double> table(const std::vector<InputView>& layers, const LayerPairs& pairs,
                          std::size_t cols, std::size_t k, bool center,
                          const Execution& execution) {
  require_same_rows(layers);
  if (k > 0) require_neighbours(k, layers[0]);
  const bool is_wide = std::any_of(layers.begin(), layers.end(), is_float64);
  return is_wide ? table<double>(layers, pairs, cols, k, center, execution)
                 : table<float>(layers, pairs, cols, k, center, execution);
}

// Classes -----------------------------------------------------------------------------------------

void require_labels(const InputView& x, std::span<const std::int64_t> labels) {
  if (labels.size() == x.rows) return;
  throw std::invalid_argument("`labels` must have " + std::to_string(x.rows) +
                              " entries, one for each row of `" + x.name + "`, got " +
                              std::to_string(labels.size()));
}

// Labels as numbers from 0 on.
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

template <class T>
double modularity_of(const Csr<T>& graph, const std::vector<std::size_t>& classes) {
  const std::size_t count = *std::max_element(classes.begin(), classes.end()) + 1;
  std::vector<double> degrees(count);  // k_c
  std::vector<double> inside(count);   // 2 L_c
  for (std::size_t i = 0; i < nodes_of(graph); ++i) {
    for (std::int64_t e = graph.indptr[i]; e < graph.indptr[i + 1]; ++e) {
      degrees[classes[i]] += graph.values[e];
      if (classes[graph.indices[e]] == classes[i]) inside[classes[i]] += graph.values[e];
    }
  }
  const double total = std::accumulate(degrees.begin(), degrees.end(), 0.0);  // 2 m
  if (total == 0) return std::numeric_limits<double>::quiet_NaN();
  double q = 0;
  for (std::size_t c = 0; c < count; ++c) {
    q += inside[c] / total - (degrees[c] / total) * (degrees[c] / total);
  }
  return q;
}

// Every edge once, from its end of lower degree: no node keeps more than √(2 edges) of them, and
// every triangle has exactly one corner from which two edges leave.
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

template <class T>
Counts motifs_of(const Csr<T>& graph, const std::vector<std::size_t>& classes,
                 const Execution& execution) {
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

}  // namespace

template <class T>
void dense_graph(const InputView& x, bool center, MatrixView<T> out, const Execution& execution) {
  require_not_empty(x);
  require_shape(out, x.rows, x.rows, "out");
  const GramTiles<T> tiles = cosine_tiles<T>(x, center, execution);
  const Grid grid = Grid::upper(tiles_in(x.rows));
  std::vector<Buffer<T>> scratch(team_size(execution, grid.cells()));
  for (Buffer<T>& tile : scratch) tile = Buffer<T>(kTileSize);
  parallel_for(
      execution, grid.cells(),
      [&](std::size_t task, Worker& worker) {
        const Cell cell = grid.cell(task);
        T* tile = scratch[worker.index].data();
        tiles.compute(cell, tile);
        set_diagonal(cell, T(0), tile);
        write_tile(tile, tile_span(cell.row, x.rows), tile_span(cell.col, x.rows),
                   cell.row != cell.col, out);
      },
      scratch.size());
}

template <class T>
Csr<T> knn_graph(const InputView& x, std::size_t k, bool center, bool symmetrize,
                 const Execution& execution) {
  require_neighbours(k, x);
  const GramTiles<T> tiles = cosine_tiles<T>(x, center, execution);
  const Csr<T> directed = directed_graph(nearest(tiles, k, execution), x.rows, k);
  return symmetrize ? symmetrized(directed) : directed;
}

std::vector<double> gbs_table(std::span<const InputView> x, std::size_t k, bool center,
                              const Execution& execution) {
  require(!x.empty(), "`layers` must have at least one layer, got none");
  return table({x.begin(), x.end()}, LayerPairs(x.size(), 0), x.size(), k, center, execution);
}

std::vector<double> gbs_table(std::span<const InputView> x, std::span<const InputView> y,
                              std::size_t k, bool center, const Execution& execution) {
  require(!x.empty(), "`layers` must have at least one layer, got none");
  require(!y.empty(), "`other` must have at least one layer, got none");
  std::vector<InputView> layers(x.begin(), x.end());
  layers.insert(layers.end(), y.begin(), y.end());
  return table(layers, LayerPairs(x.size(), y.size()), y.size(), k, center, execution);
}

double modularity(const InputView& x, std::span<const std::int64_t> labels, std::size_t k,
                  const Execution& execution) {
  require_neighbours(k, x);
  require_labels(x, labels);
  const std::vector<std::size_t> classes = classes_of(labels);
  if (is_float64(x)) return modularity_of(knn_graph<double>(x, k, false, true, execution), classes);
  return modularity_of(knn_graph<float>(x, k, false, true, execution), classes);
}

std::array<std::int64_t, 3> motifs(const InputView& x, std::span<const std::int64_t> labels,
                                   std::size_t k, const Execution& execution) {
  require_neighbours(k, x);
  require_labels(x, labels);
  const std::vector<std::size_t> classes = classes_of(labels);
  if (is_float64(x)) {
    return motifs_of(knn_graph<double>(x, k, false, true, execution), classes, execution);
  }
  return motifs_of(knn_graph<float>(x, k, false, true, execution), classes, execution);
}

template void dense_graph(const InputView&, bool, MatrixView<float>, const Execution&);
template void dense_graph(const InputView&, bool, MatrixView<double>, const Execution&);
template Csr<float> knn_graph(const InputView&, std::size_t, bool, bool, const Execution&);
template Csr<double> knn_graph(const InputView&, std::size_t, bool, bool, const Execution&);

}  // namespace isogram
