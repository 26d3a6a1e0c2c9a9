#include "isogram/gbs.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "isogram/arithmetic.hpp"
#include "isogram/error.hpp"
#include "isogram/graph.hpp"
#include "simd/kernels.hpp"
#include "statistics/cosine_graph.hpp"
#include "statistics/layer_pairs.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// Dot products of the rows of two graphs, for every row of every pair of layers.
class RowProducts {
 public:
  RowProducts(const LayerPairs& pairs, std::size_t rows)
      : rows_(rows), products_(product(pairs.list().size(), rows)) {}

  double* of(std::size_t pair) { return products_.data() + pair * rows_; }

  void add(const RowProducts& other) {
    simd::kernels().float64.add_row(other.products_.data(), products_.size(), products_.data());
  }

 private:
  std::size_t rows_;
  Buffer<double> products_;
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
                    [&] { return Buffer<T>(product(pairs.layers(), kTileSize)); });
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
    for (std::size_t p = 0; p < pairs.list().size(); ++p) {
      const auto [first, second] = pairs.list()[p];
      add_products(cell, scratch + first * kTileSize, scratch + second * kTileSize, products.of(p));
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
        for (std::size_t p = 0; p < pairs.list().size(); ++p) {
          const auto [first, second] = pairs.list()[p];
          products.of(p)[i] = dot(graphs_[first], graphs_[second], i);
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
              [&](auto e, auto f) { sum += static_cast<double>(a.data[e]) * b.data[f]; });
    return sum;
  }

  const Execution execution_;
  std::vector<Csr<T>> graphs_;
};

// The mean over all rows of the cosines of every pair, where a zero row counts 0.
std::vector<double> similarities(RowProducts& products, const LayerPairs& pairs, const Grid& table,
                                 std::size_t cols, std::size_t n, const Execution& execution) {
  std::vector<double> means(product(pairs.x_layers(), cols));
  walk_tiles(table, execution, [&](Cell cell, Worker&) {
    const double* ab = products.of(pairs.find(cell.row, cell.col));
    const double* aa = products.of(cell.row);
    const double* bb = products.of(pairs.of_y(cell.col));
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double norms = aa[i] * bb[i];
      if (norms > 0) sum += std::clamp(ab[i] / std::sqrt(norms), -1.0, 1.0);
    }
    const double mean = sum / static_cast<double>(n);
    means[cell.row * cols + cell.col] = mean;
    if (table.is_upper()) means[cell.col * cols + cell.row] = mean;
  });
  return means;
}

// Of each of some layers the rows that are zero.
std::vector<std::size_t> isolated_nodes(RowProducts& products, std::size_t first_layer,
                                        std::size_t end, std::size_t n) {
  std::vector<std::size_t> counts;
  for (std::size_t layer = first_layer; layer < end; ++layer) {
    const double* squares = products.of(layer);
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
GbsTable table_of(const std::vector<InputView>& layers, const LayerPairs& pairs, const Grid& table,
                  std::size_t k, bool center, const Execution& execution) {
  RowProducts products = k == 0
                             ? FullGraphs<T>(layers, center, execution).row_products(pairs)
                             : NearestGraphs<T>(layers, k, center, execution).row_products(pairs);
  const std::size_t n = layers[0].rows;
  const std::size_t cols = layers.size() - pairs.of_y(0);
  return {similarities(products, pairs, table, cols, n, preparing(execution)),
          isolated_nodes(products, 0, pairs.x_layers(), n),
          isolated_nodes(products, pairs.of_y(0), layers.size(), n)};
}

GbsTable table_of(const std::vector<InputView>& layers, const LayerPairs& pairs, const Grid& table,
                  std::size_t k, bool center, const Execution& execution) {
  require_same_rows(layers);
  if (k > 0) require_neighbours(k, layers[0]);
  const bool is_wide = std::any_of(layers.begin(), layers.end(), is_float64);
  return is_wide ? table_of<double>(layers, pairs, table, k, center, execution)
                 : table_of<float>(layers, pairs, table, k, center, execution);
}

}  // namespace

GbsTable gbs_table(std::span<const InputView> x, std::size_t k, bool center,
                   const Execution& execution) {
  const UsualArithmetic usual;
  require(!x.empty(), "`layers` must have at least one layer, got none");
  return table_of({x.begin(), x.end()}, LayerPairs(x.size(), x.size(), true), Grid::upper(x.size()),
                  k, center, execution);
}

GbsTable gbs_table(std::span<const InputView> x, std::span<const InputView> y, std::size_t k,
                   bool center, const Execution& execution) {
  const UsualArithmetic usual;
  require(!x.empty(), "`layers` must have at least one layer, got none");
  require(!y.empty(), "`other` must have at least one layer, got none");
  std::vector<InputView> layers(x.begin(), x.end());
  layers.insert(layers.end(), y.begin(), y.end());
  return table_of(layers, LayerPairs(x.size(), y.size(), false), Grid::full(x.size(), y.size()), k,
                  center, execution);
}

}  // namespace isogram
