#include "isogram/graph.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include "buffer.hpp"
#include "input.hpp"
#include "isogram/arithmetic.hpp"
#include "nearest.hpp"
#include "simd/kernels.hpp"
#include "team.hpp"
#include "tile.hpp"

namespace isogram {

namespace {

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

// ---- Sparse graphs ---------------------------------------------------------------------------

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

// (W + Wᵀ)/2. The two weights of a mutual edge are the same number, so it keeps it exactly; or the
// same but for rounding, where one end's neighbours were ranked in float64.
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

// ---- Similarity of graphs --------------------------------------------------------------------

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
  std::size_t x_layers() const { return second_offset == 0 ? layers : second_offset; }
  std::size_t second(std::size_t p) const { return second_offset + cells[p].col; }

  Grid grid;
  std::vector<Cell> cells;
  std::size_t layers;
  std::size_t second_offset;
};

// Dot products of the rows of two graphs, for every row: of every pair of layers, and of every
// layer with itself.
class RowProducts {
 public:
  RowProducts(const LayerPairs& pairs, std::size_t rows)
      : rows_(rows), cross_(product(pairs.size(), rows)), self_(product(pairs.layers, rows)) {}

  double* cross(std::size_t pair) { return cross_.data() + pair * rows_; }
  double* self(std::size_t layer) { return self_.data() + layer * rows_; }

  void add(const RowProducts& other) {
    const auto& kernels = simd::kernels().float64;
    kernels.add_row(other.cross_.data(), cross_.size(), cross_.data());
    kernels.add_row(other.self_.data(), self_.size(), self_.data());
  }

 private:
  std::size_t rows_;
  Buffer<double> cross_;
  Buffer<double> self_;
};

// Full graphs, one tile of each layer at a time.
template <class T>
class FullGraphs {
 public:
  FullGraphs(const std::vector<InputView>& layers, bool center, const Execution& execution)
      : execution_(execution) {
    tiles_.reserve(layers.size());
    for (const InputView& x : layers) tiles_.push_back(cosine_tiles<T>(x, center, execution));
  }

  // A round-robin schedule: in round r, strip i of rows meets strip r − i. So no strip is in two
  // tiles of a round, and every sum is added up in one order. Two rounds go on at a time, with sums
  // of their own, to keep the threads busy.
  RowProducts row_products(const LayerPairs& pairs) const {
    const std::size_t n = tiles_[0].rows();
    const std::size_t strips = tiles_in(n);
    std::array<RowProducts, 2> products{RowProducts(pairs, n), RowProducts(pairs, n)};
    PerWorker tiles(execution_, strips,
                    [&] { return Buffer<T>(product(pairs.layers, kTileSize)); });
    const std::size_t total = Grid::upper(strips).cells();
    std::size_t done = 0;
    for (std::size_t round = 0; round < strips; round += products.size()) {
      std::array<std::vector<Cell>, 2> cells{cells_of(round, strips), cells_of(round + 1, strips)};
      const std::size_t tasks = cells[0].size() + cells[1].size();
      parallel_for(within(execution_, done, total), tasks, tiles,
                   [&](std::size_t task, Buffer<T>& own, Worker& worker) {
                     const bool is_second = task >= cells[0].size();
                     const Cell cell =
                         is_second ? cells[1][task - cells[0].size()] : cells[0][task];
                     add_tile(cell, pairs, own.data(), products[is_second], worker);
                   });
      done += tasks;
    }
    products[0].add(products[1]);
    return std::move(products[0]);
  }

 private:
  // The tiles on and above the diagonal that belong to a round; none after the last.
  static std::vector<Cell> cells_of(std::size_t round, std::size_t strips) {
    std::vector<Cell> cells;
    for (std::size_t i = 0; round < strips && i < strips; ++i) {
      const std::size_t j = (round + strips - i) % strips;
      if (i <= j) cells.push_back({i, j});
    }
    return cells;
  }

  // Adds a tile, and its mirror image, to the products of its rows.
  void add_tile(Cell cell, const LayerPairs& pairs, T* scratch, RowProducts& products,
                Worker& worker) const {
    for (std::size_t layer = 0; layer < tiles_.size(); ++layer) {
      worker.check();
      tiles_[layer].compute(cell, scratch + layer * kTileSize);
      set_diagonal(cell, T(0), scratch + layer * kTileSize);
    }
    for (std::size_t layer = 0; layer < tiles_.size(); ++layer) {
      add_products(cell, scratch + layer * kTileSize, scratch + layer * kTileSize,
                   products.self(layer));
    }
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      add_products(cell, scratch + pairs.first(p) * kTileSize,
                   scratch + pairs.second(p) * kTileSize, products.cross(p));
    }
  }

  void add_products(Cell cell, const T* a, const T* b, double* of_rows) const {
    const auto& kernels = simd::kernels().of<T>();
    const Span rows = tile_span(cell.row, tiles_[0].rows());
    const Span cols = tile_span(cell.col, tiles_[0].rows());
    if (cell.row != cell.col) {
      kernels.add_products(a, b, kTileEdge, rows.size(), cols.size(), of_rows + rows.begin,
                           of_rows + cols.begin);
      return;
    }
    for (std::size_t i = rows.begin; i < rows.end; ++i, a += kTileEdge, b += kTileEdge) {
      of_rows[i] += kernels.dot(a, b, cols.size());
    }
  }

  const Execution& execution_;
  std::vector<GramTiles<T>> tiles_;
};

// Symmetrised k-NN graphs. All the work is in them: reported by layers.
template <class T>
class NearestGraphs {
 public:
  NearestGraphs(const std::vector<InputView>& layers, std::size_t k, bool center,
                const Execution& execution)
      : execution_(preparing(execution)) {
    graphs_.reserve(layers.size());
    for (const InputView& x : layers) {
      graphs_.push_back(knn_graph<T>(x, k, center, true, preparing(execution)));
      report(execution, graphs_.size(), layers.size());
    }
  }

  RowProducts row_products(const LayerPairs& pairs) const {
    const std::size_t n = nodes_of(graphs_[0]);
    RowProducts products(pairs, n);
    parallel_for(execution_, tiles_in(n), [&](std::size_t strip, Worker& worker) {
      const Span rows = tile_span(strip, n);
      for (std::size_t i = rows.begin; i < rows.end; ++i) {
        worker.check();
        for (std::size_t layer = 0; layer < graphs_.size(); ++layer) {
          products.self(layer)[i] = dot(graphs_[layer], graphs_[layer], i);
        }
        for (std::size_t p = 0; p < pairs.size(); ++p) {
          products.cross(p)[i] = dot(graphs_[pairs.first(p)], graphs_[pairs.second(p)], i);
        }
      }
    });
    return products;
  }

 private:
  static double dot(const Csr<T>& a, const Csr<T>& b, std::size_t i) {
    double sum = 0;
    const auto skip = [](auto) {};
    merge_row(a, b, i, skip, skip,
              [&](auto e, auto f) { sum += static_cast<double>(a.values[e]) * b.values[f]; });
    return sum;
  }

  const Execution execution_;
  std::vector<Csr<T>> graphs_;
};

// The mean over all rows of the cosines of every pair, where a zero row counts 0; a missing half
// of the table is mirrored.
std::vector<double> similarities(RowProducts& products, const LayerPairs& pairs, std::size_t n,
                                 std::size_t cols, const Execution& execution) {
  const bool is_mirrored = pairs.second_offset == 0;
  std::vector<double> table(product(pairs.x_layers(), cols));
  parallel_for(execution, pairs.size(), [&](std::size_t p, Worker&) {
    const double* ab = products.cross(p);
    const double* aa = products.self(pairs.first(p));
    const double* bb = products.self(pairs.second(p));
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double norms = aa[i] * bb[i];
      if (norms > 0) sum += std::clamp(ab[i] / std::sqrt(norms), -1.0, 1.0);
    }
    const Cell cell = pairs.cells[p];
    table[cell.row * cols + cell.col] = sum / static_cast<double>(n);
    if (is_mirrored) table[cell.col * cols + cell.row] = table[cell.row * cols + cell.col];
  });
  return table;
}

// Of each of some layers the rows that are zero.
std::vector<std::size_t> isolated_nodes(RowProducts& products, std::size_t first_layer,
                                        std::size_t end, std::size_t n) {
  std::vector<std::size_t> counts;
  for (std::size_t layer = first_layer; layer < end; ++layer) {
    const double* squares = products.self(layer);
    counts.push_back(static_cast<std::size_t>(std::count(squares, squares + n, 0.0)));
  }
  return counts;
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
GbsTable table(const std::vector<InputView>& layers, const LayerPairs& pairs, std::size_t cols,
               std::size_t k, bool center, const Execution& execution) {
  RowProducts products = k == 0
                             ? FullGraphs<T>(layers, center, execution).row_products(pairs)
                             : NearestGraphs<T>(layers, k, center, execution).row_products(pairs);
  const std::size_t n = layers[0].rows;
  return {similarities(products, pairs, n, cols, preparing(execution)),
          isolated_nodes(products, 0, pairs.x_layers(), n),
          isolated_nodes(products, pairs.second_offset, pairs.layers, n)};
}

bool is_float64(const InputView& x) {
  return x.type == ElementType::float64;
}

GbsTable table(const std::vector<InputView>& layers, const LayerPairs& pairs, std::size_t cols,
               std::size_t k, bool center, const Execution& execution) {
  require_same_rows(layers);
  if (k > 0) require_neighbours(k, layers[0]);
  const bool is_wide = std::any_of(layers.begin(), layers.end(), is_float64);
  return is_wide ? table<double>(layers, pairs, cols, k, center, execution)
                 : table<float>(layers, pairs, cols, k, center, execution);
}

// ---- Classes ---------------------------------------------------------------------------------

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
  const UsualArithmetic usual;
  require_not_empty(x);
  require_shape(out, x.rows, x.rows, "out");
  const GramTiles<T> tiles = cosine_tiles<T>(x, center, execution);
  write_tiles(Grid::upper(tiles_in(x.rows)), out, execution,
              [&](Cell cell, T* tile, const simd::ExpectedRows& expected) {
                tiles.compute(cell, tile, expected);
                set_diagonal(cell, T(0), tile);
              });
}

template <class T>
Csr<T> knn_graph(const InputView& x, std::size_t k, bool center, bool symmetrize,
                 const Execution& execution) {
  const UsualArithmetic usual;
  require_neighbours(k, x);
  const Csr<T> directed = directed_graph(nearest<T>(x, k, center, execution), x.rows, k);
  return symmetrize ? symmetrized(directed) : directed;
}

GbsTable gbs_table(std::span<const InputView> x, std::size_t k, bool center,
                   const Execution& execution) {
  const UsualArithmetic usual;
  require(!x.empty(), "`layers` must have at least one layer, got none");
  return table({x.begin(), x.end()}, LayerPairs(x.size(), 0), x.size(), k, center, execution);
}

GbsTable gbs_table(std::span<const InputView> x, std::span<const InputView> y, std::size_t k,
                   bool center, const Execution& execution) {
  const UsualArithmetic usual;
  require(!x.empty(), "`layers` must have at least one layer, got none");
  require(!y.empty(), "`other` must have at least one layer, got none");
  std::vector<InputView> layers(x.begin(), x.end());
  layers.insert(layers.end(), y.begin(), y.end());
  return table(layers, LayerPairs(x.size(), y.size()), y.size(), k, center, execution);
}

double modularity(const InputView& x, std::span<const std::int64_t> labels, std::size_t k,
                  const Execution& execution) {
  const UsualArithmetic usual;
  require_neighbours(k, x);
  require_labels(x, labels);
  const std::vector<std::size_t> classes = classes_of(labels);
  if (is_float64(x)) return modularity_of(knn_graph<double>(x, k, false, true, execution), classes);
  return modularity_of(knn_graph<float>(x, k, false, true, execution), classes);
}

std::array<std::int64_t, 3> motifs(const InputView& x, std::span<const std::int64_t> labels,
                                   std::size_t k, const Execution& execution) {
  const UsualArithmetic usual;
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
