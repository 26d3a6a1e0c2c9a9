#include "isogram/gbs.hpp"

#include <algorithm>
#include <utility>

#include "isogram/arithmetic.hpp"
#include "isogram/error.hpp"
#include "isogram/graph.hpp"
#include "statistics/cosine_graph.hpp"
#include "statistics/layer_pairs.hpp"
#include "statistics/row_products.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// What is to be computed: which pairs of which layers' graphs, k-NN graphs for k > 0.
struct Request {
  const std::vector<InputView>& layers;
  const LayerPairs& pairs;
  std::size_t k;
  bool center;

  std::size_t samples() const { return layers[0].rows; }
};

template <class T>
std::vector<GramFacts> survey(const Request& request, const Execution& execution) {
  std::vector<GramFacts> facts;
  for (const InputView& x : request.layers) {
    facts.push_back(survey_cosines<T>(x, request.center, execution));
  }
  return facts;
}

// The full graphs of all layers, packed whole.
template <class T>
std::vector<GramTiles<T>> pack(const Request& request, std::span<const GramFacts> facts,
                               const Execution& execution) {
  std::vector<GramTiles<T>> graphs;
  graphs.reserve(facts.size());
  for (std::size_t layer = 0; layer < facts.size(); ++layer) {
    graphs.emplace_back(request.layers[layer], facts[layer], execution);
  }
  return graphs;
}

template <class T>
RowProducts products_of_full_graphs(const Request& request, const Execution& execution) {
  const Execution quiet = preparing(execution);
  const std::vector<GramTiles<T>> graphs = pack<T>(request, survey<T>(request, quiet), quiet);
  const std::size_t n = request.samples();
  RowProducts all(n);
  walk_coarse_tiles(coarse_tiles(n), execution, [&](const CoarseTile& tile, const Execution& own) {
    std::vector<TileWindow<T>> windows;
    for (const GramTiles<T>& graph : graphs) windows.emplace_back(graph, tile);
    all.merge(row_products<T>(windows, request.pairs, own), tile);
  });
  return all;
}

// Symmetrised k-NN graphs. All the work is in them: reported by layers.
template <class T>
RowProducts products_of_nearest_graphs(const Request& request, const Execution& execution) {
  const Execution quiet = preparing(execution);
  std::vector<Csr<T>> graphs;
  graphs.reserve(request.layers.size());
  for (const InputView& x : request.layers) {
    graphs.push_back(knn_graph<T>(x, request.k, request.center, true, quiet));
    report(execution, graphs.size(), request.layers.size());
  }
  return row_products<T>(graphs, request.pairs, quiet);
}

// Of each of some layers the rows that are zero.
std::vector<std::size_t> isolated_nodes(const RowProducts& products, std::size_t first_layer,
                                        std::size_t end) {
  std::vector<std::size_t> counts;
  for (std::size_t layer = first_layer; layer < end; ++layer) {
    const double* squares = products.of(layer);
    counts.push_back(static_cast<std::size_t>(std::count(squares, squares + products.rows(), 0.0)));
  }
  return counts;
}

GbsTable reduce(const RowProducts& products, const LayerPairs& pairs, const Grid& table,
                const Execution& execution) {
  const std::size_t cols = pairs.layers() - pairs.of_y(0);
  GbsTable result;
  result.gbs.resize(product(pairs.x_layers(), cols));
  walk_tiles(table, execution, [&](Cell cell, Worker&) {
    const double mean =
        mean_cosine(products.of(pairs.find(cell.row, cell.col)), products.of(cell.row),
                    products.of(pairs.of_y(cell.col)), products.rows());
    result.gbs[cell.row * cols + cell.col] = mean;
    if (table.is_upper()) result.gbs[cell.col * cols + cell.row] = mean;
  });
  result.isolated_x = isolated_nodes(products, 0, pairs.x_layers());
  result.isolated_y = isolated_nodes(products, pairs.of_y(0), pairs.layers());
  return result;
}

GbsTable table_of(const std::vector<InputView>& layers, const LayerPairs& pairs, const Grid& table,
                  std::size_t k, bool center, const Execution& execution) {
  require_same_rows(layers, 2, [](const InputView& x) -> const InputView& { return x; });
  if (k > 0) require_neighbours(k, layers[0]);
  const Request request{layers, pairs, k, center};
  const auto products = [&](auto type) {
    using T = decltype(type);
    return k == 0 ? products_of_full_graphs<T>(request, execution)
                  : products_of_nearest_graphs<T>(request, execution);
  };
  const bool is_wide = std::any_of(layers.begin(), layers.end(), is_float64);
  return reduce(is_wide ? products(double()) : products(float()), pairs, table,
                preparing(execution));
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
