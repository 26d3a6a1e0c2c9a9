#include "isogram/gbs.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "isogram/arithmetic.hpp"
#include "isogram/error.hpp"
#include "isogram/graph.hpp"
#include "statistics/best_edges.hpp"
#include "statistics/cosine_graph.hpp"
#include "statistics/layer_pairs.hpp"
#include "statistics/nearest.hpp"
#include "statistics/neighbours.hpp"
#include "statistics/row_products.hpp"
#include "statistics/tile_neighbours.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/given_gram.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// The graphs of a call: layers, or Gram matrices; pairs of them, and k > 0 for k-NN graphs.
struct Request {
  const std::vector<InputView>& layers;
  const LayerPairs& pairs;
  std::size_t k;
  bool center;
  bool are_grams;
};

// All cosines of a layer.
template <class T>
GramTiles<T> cosines_of(const InputView& layer, const Request& request,
                        const Execution& execution) {
  if constexpr (std::is_same_v<T, double>) {
    if (request.are_grams) {
      return GramTiles<T>(GivenGram::cosines(layer, request.center, preparing(execution)));
    }
  }
  return cosine_tiles<T>(layer, request.center, execution);
}

template <class T>
RowProducts products_of_full_graphs(const Request& request, const Execution& execution) {
  std::vector<GramTiles<T>> graphs;
  for (const InputView& layer : request.layers) {
    graphs.push_back(cosines_of<T>(layer, request, execution));
  }
  const std::size_t n = graphs[0].rows();
  RowProducts all(n);
  const auto add_tile = [&](const CoarseTile& tile, const Execution& own) {
    std::vector<TileWindow<T>> windows;
    for (const GramTiles<T>& graph : graphs) windows.emplace_back(graph, tile);
    all.merge(row_products<T>(windows, request.pairs, own), tile);
  };
  walk_coarse_tiles(
      coarse_tiles(n), execution, [](const CoarseTile& tile) { return tile.grid().cells(); },
      add_tile);
  return all;
}

// The symmetrised k-NN graph of a layer.
template <class T>
Csr<T> nearest_graph(const InputView& layer, const Request& request, const Execution& execution) {
  if (!request.are_grams) {
    return knn_graph<T>(layer, request.k, request.center, true, Kernel::cosine, execution);
  }
  const GramTiles<T> cosines = cosines_of<T>(layer, request, execution);
  BestOfTile<T> best = best_edges(TileWindow<T>(cosines), request.k, 0.0, execution);
  Neighbours<T> nearest(cosines.rows(), request.k);
  for (std::size_t i = 0; i < nearest.rows(); ++i) {
    std::copy_n(best.rows.of(i).begin(), request.k, nearest.of(i).begin());
  }
  return graph_of(edges_of(std::move(nearest)), cosines.rows(), request.k, true);
}

// The products of symmetrised k-NN graphs. Nearly all work is in the graphs: progress counts
// layers.
template <class T>
RowProducts products_of_nearest_graphs(const Request& request, const Execution& execution) {
  const Execution quiet = preparing(execution);
  std::vector<Csr<T>> graphs;
  graphs.reserve(request.layers.size());
  for (const InputView& layer : request.layers) {
    graphs.push_back(nearest_graph<T>(layer, request, quiet));
    report(execution, graphs.size(), request.layers.size());
  }
  return row_products<T>(graphs, request.pairs, quiet);
}

// The number of zero rows, for layers [first_layer, end).
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

void require_graphs(const std::vector<InputView>& layers, std::size_t k) {
  require_same_rows(layers, 2, [](const InputView& x) -> const InputView& { return x; });
  if (k > 0) require_neighbours(k, layers[0]);
}

// The layers of x, and behind them those of y, which may be empty.
std::vector<InputView> layers_of(std::span<const InputView> x, std::span<const InputView> y,
                                 std::size_t k) {
  require_layers(x, "layers");
  std::vector<InputView> layers(x.begin(), x.end());
  layers.insert(layers.end(), y.begin(), y.end());
  require_graphs(layers, k);
  return layers;
}

// With an empty y the layers of x are compared with each other.
GbsTable table_of(std::span<const InputView> x, std::span<const InputView> y, std::size_t k,
                  bool center, bool are_grams, const Execution& execution) {
  const UsualArithmetic usual;
  const std::vector<InputView> layers = layers_of(x, y, k);
  const std::size_t cols = y.empty() ? x.size() : y.size();
  const LayerPairs pairs(x.size(), cols, y.empty());
  const Grid table = y.empty() ? Grid::upper(cols) : Grid::full(x.size(), cols);
  const Request request{layers, pairs, k, center, are_grams};
  const auto products = [&](auto type) {
    using T = decltype(type);
    return k == 0 ? products_of_full_graphs<T>(request, execution)
                  : products_of_nearest_graphs<T>(request, execution);
  };
  const bool is_wide = are_grams || std::any_of(layers.begin(), layers.end(), is_float64);
  return reduce(is_wide ? products(double()) : products(float()), pairs, table,
                preparing(execution));
}

// ---- Parts of tiles, as values ---------------------------------------------------------------

LayerPairs pairs_of(const GbsPlan& plan) {
  return LayerPairs(plan.x_layers, plan.y_layers, plan.is_symmetric);
}

void require_tile(const GbsPlan& plan, std::size_t rows, std::span<const InputView> layers) {
  bool is_right = layers.size() == plan.layers.size();
  for (std::size_t layer = 0; is_right && layer < layers.size(); ++layer) {
    is_right = layers[layer].rows == rows && layers[layer].cols == plan.features[layer];
  }
  require(is_right, "the tile must have its rows and its columns of every layer of the plan");
}

template <class T>
NearestSamples to_samples(const Neighbours<T>& neighbours) {
  NearestSamples samples;
  for (const Edge<T>& edge : neighbours.edges) {
    samples.indices.push_back(edge.column);
    samples.cosines.push_back(static_cast<double>(edge.weight));
  }
  samples.closeness.assign(neighbours.closeness.begin(), neighbours.closeness.end());
  return samples;
}

template <class T>
Neighbours<T> from_samples(const NearestSamples& samples, std::size_t k, std::size_t n) {
  Neighbours<T> neighbours(samples.indices.size() / k, k);
  require(samples.cosines.size() == samples.indices.size() &&
              samples.closeness.size() == samples.indices.size(),
          "`parts` must have a cosine and a closeness of every neighbour");
  neighbours.closeness = Buffer<double>::unset(samples.closeness.size());
  const auto end = static_cast<std::int64_t>(n);
  for (std::size_t e = 0; e < samples.indices.size(); ++e) {
    require(samples.indices[e] >= -1 && samples.indices[e] < end && !std::isnan(samples.cosines[e]),
            "`parts` must have indices of samples and their cosines, or -1 where there are fewer");
    neighbours.edges[e] = {static_cast<T>(samples.cosines[e]), samples.indices[e]};
    neighbours.closeness[e] = samples.closeness[e];
  }
  return neighbours;
}

template <class T>
GbsPart part_of(const GbsPlan& plan, std::span<const TileInputs> inputs,
                const Execution& execution) {
  const Execution quiet = preparing(execution);
  GbsPart part;
  std::vector<GramTiles<T>> graphs;
  std::vector<TileWindow<T>> windows;
  graphs.reserve(inputs.size());
  for (std::size_t layer = 0; layer < inputs.size(); ++layer) {
    const TileInputs& tile = inputs[layer];
    const GramFacts& facts = plan.layers[layer];
    graphs.push_back(graph_tiles<T>(tile, facts, quiet));
    windows.emplace_back(graphs.back());
    if (plan.k == 0) continue;
    TileNeighbours<T> found = nearest_in_tile(tile, windows.back(), plan.k, facts, quiet);
    const InputView& cols = tile.cols ? *tile.cols : tile.rows;
    set_closeness(tile.rows, cols, tile.first_col, facts, quiet, found.rows);
    part.of_rows.push_back(to_samples(found.rows));
    if (tile.cols) {
      set_closeness(cols, tile.rows, tile.first_row, facts, quiet, found.cols);
      part.of_cols.push_back(to_samples(found.cols));
    }
    report(execution, layer + 1, inputs.size());
    graphs.clear();
    windows.clear();
  }
  if (plan.k > 0) return part;
  const TileProducts products = row_products<T>(windows, pairs_of(plan), execution);
  part.row_products = products.rows.values();
  part.col_products = products.cols.values();
  return part;
}

RowProducts merged_products(const GbsPlan& plan, std::span<const CoarseTile> tiles,
                            std::span<const GbsPart> parts) {
  const std::size_t pairs = pairs_of(plan).list().size();
  RowProducts all(plan.samples);
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    const bool is_whole =
        parts[t].row_products.size() == pairs * tiles[t].rows.size() &&
        parts[t].col_products.size() == (tiles[t].is_mirrored() ? pairs * tiles[t].cols.size() : 0);
    require(is_whole, "`parts` must have a product for every row and column of its tile");
    all.merge({RowProducts(parts[t].row_products, tiles[t].rows.size()),
               RowProducts(parts[t].col_products, tiles[t].cols.size())},
              tiles[t]);
  }
  return all;
}

// The k-NN graph of one layer from the neighbours in all parts.
template <class T>
Csr<T> graph_of_layer(const GbsPlan& plan, std::size_t layer, std::span<const CoarseTile> tiles,
                      std::span<const GbsPart> parts, bool symmetrize, const Execution& execution) {
  Neighbours<T> all(plan.samples, plan.k);
  const auto merge = [&](const std::vector<NearestSamples>& part, Span rows) {
    require(layer < part.size() && part[layer].indices.size() == rows.size() * plan.k,
            "`parts` must have k neighbours of every row and column of its tile");
    merge_neighbours(from_samples<T>(part[layer], plan.k, plan.samples), rows, nullptr,
                     plan.features[layer], plan.layers[layer], execution, all);
  };
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    merge(parts[t].of_rows, tiles[t].rows);
    if (tiles[t].is_mirrored()) merge(parts[t].of_cols, tiles[t].cols);
  }
  return graph_of(edges_of(std::move(all)), plan.samples, plan.k, symmetrize);
}

template <class T>
RowProducts products_of_neighbours(const GbsPlan& plan, std::span<const CoarseTile> tiles,
                                   std::span<const GbsPart> parts, const Execution& execution) {
  std::vector<Csr<T>> graphs;
  for (std::size_t layer = 0; layer < plan.layers.size(); ++layer) {
    graphs.push_back(graph_of_layer<T>(plan, layer, tiles, parts, true, execution));
  }
  return row_products<T>(graphs, pairs_of(plan), execution);
}

std::vector<CoarseTile> tiles_of_parts(const GbsPlan& plan, std::span<const GbsPart> parts) {
  std::vector<CoarseTile> tiles = coarse_tiles(plan.samples, plan.edge);
  require(parts.size() == tiles.size(), "`parts` must have one for every tile of the plan");
  return tiles;
}

}  // namespace

GbsTable gbs_table(std::span<const InputView> x, std::size_t k, bool center,
                   const Execution& execution) {
  return table_of(x, {}, k, center, false, execution);
}

GbsTable gbs_table(std::span<const InputView> x, std::span<const InputView> y, std::size_t k,
                   bool center, const Execution& execution) {
  require_layers(y, "other");
  return table_of(x, y, k, center, false, execution);
}

GbsTable gbs_table_of_grams(std::span<const InputView> x, std::span<const InputView> y,
                            std::size_t k, bool center, const Execution& execution) {
  return table_of(x, y, k, center, true, execution);
}

GbsPlan plan_gbs(std::span<const InputView> x, std::span<const InputView> y, std::size_t k,
                 bool center, std::size_t edge, Kernel kernel, const Execution& execution) {
  const UsualArithmetic usual;
  require_cosines(kernel);
  const std::vector<InputView> layers = layers_of(x, y, k);
  GbsPlan plan;
  plan.samples = layers[0].rows;
  plan.x_layers = x.size();
  plan.y_layers = y.empty() ? x.size() : y.size();
  plan.is_symmetric = y.empty();
  plan.k = k;
  plan.is_float64 = std::any_of(layers.begin(), layers.end(), is_float64);
  plan.edge = edge > 0 ? edge : k == 0 ? kCoarseEdge : kNeighbourEdge;
  const Execution quiet = preparing(execution);
  for (const InputView& layer : layers) {
    // A tile could not name the index of an entry that is not finite.
    if (plan.samples > plan.edge && !center) survey(layer, nullptr, quiet);
    plan.features.push_back(layer.cols);
    plan.layers.push_back(plan.is_float64 ? survey_cosines<double>(layer, center, kernel, quiet)
                                          : survey_cosines<float>(layer, center, kernel, quiet));
  }
  return plan;
}

std::vector<SampleTile> tiles_of(const GbsPlan& plan) {
  std::vector<SampleTile> tiles;
  for (const CoarseTile& tile : coarse_tiles(plan.samples, plan.edge)) {
    tiles.push_back({tile.rows, tile.cols});
  }
  return tiles;
}

GbsPart gbs_of_tile(const GbsPlan& plan, const SampleTile& tile, std::span<const InputView> rows,
                    std::span<const InputView> cols, const Execution& execution) {
  const UsualArithmetic usual;
  const bool is_mirrored = tile.rows.begin != tile.cols.begin;
  require_tile(plan, tile.rows.size(), rows);
  if (is_mirrored) require_tile(plan, tile.cols.size(), cols);
  std::vector<TileInputs> inputs;
  for (std::size_t layer = 0; layer < rows.size(); ++layer) {
    inputs.push_back(
        {rows[layer], is_mirrored ? &cols[layer] : nullptr, tile.rows.begin, tile.cols.begin});
  }
  return plan.is_float64 ? part_of<double>(plan, inputs, execution)
                         : part_of<float>(plan, inputs, execution);
}

GbsTable gbs_of_parts(const GbsPlan& plan, std::span<const GbsPart> parts,
                      const Execution& execution) {
  const UsualArithmetic usual;
  const std::vector<CoarseTile> tiles = tiles_of_parts(plan, parts);
  const LayerPairs pairs = pairs_of(plan);
  const Grid table =
      plan.is_symmetric ? Grid::upper(plan.x_layers) : Grid::full(plan.x_layers, plan.y_layers);
  const Execution quiet = preparing(execution);
  const RowProducts products = plan.k == 0 ? merged_products(plan, tiles, parts)
                               : plan.is_float64
                                   ? products_of_neighbours<double>(plan, tiles, parts, quiet)
                                   : products_of_neighbours<float>(plan, tiles, parts, quiet);
  return reduce(products, pairs, table, quiet);
}

template <class T>
Csr<T> knn_graph_of_parts(const GbsPlan& plan, std::size_t layer, std::span<const GbsPart> parts,
                          bool symmetrize, const Execution& execution) {
  const UsualArithmetic usual;
  require(plan.k > 0 && layer < plan.layers.size(), "`plan` must be of k-NN graphs of that layer");
  return graph_of_layer<T>(plan, layer, tiles_of_parts(plan, parts), parts, symmetrize,
                           preparing(execution));
}

template Csr<float> knn_graph_of_parts(const GbsPlan&, std::size_t, std::span<const GbsPart>, bool,
                                       const Execution&);
template Csr<double> knn_graph_of_parts(const GbsPlan&, std::size_t, std::span<const GbsPart>, bool,
                                        const Execution&);

}  // namespace isogram
