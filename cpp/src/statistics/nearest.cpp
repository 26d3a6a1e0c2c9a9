#include "statistics/nearest.hpp"

#include <utility>

#include "statistics/best_edges.hpp"
#include "statistics/cosine_graph.hpp"
#include "statistics/tile_neighbours.hpp"
#include "threads/team.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"
#include "tiles/walk.hpp"

namespace isogram {

template <class T>
Buffer<Edge<T>> nearest(const InputView& x, std::size_t k, bool center, Kernel kernel,
                        const Execution& execution, std::size_t edge) {
  const Execution quiet = preparing(execution);
  const GramFacts facts = survey_cosines<T>(x, center, kernel, quiet);
  const GramTiles<T> whole(x, facts, quiet);
  Neighbours<T> all;
  const auto merge_tile = [&](const CoarseTile& at, const Execution& own) {
    const InputView rows = rows_of(x, at.rows);
    const InputView cols = rows_of(x, at.cols);
    const TileInputs tile{rows, at.is_mirrored() ? &cols : nullptr, at.rows.begin, at.cols.begin};
    TileNeighbours<T> found = nearest_in_tile(tile, TileWindow(whole, at), k, facts, own);
    if (at.rows.size() == x.rows) {
      all = std::move(found.rows);
      return;
    }
    if (all.rows() == 0) all = Neighbours<T>(x.rows, k);
    merge_neighbours(found.rows, at.rows, &x, x.cols, facts, quiet, all);
    if (!tile.cols) return;
    merge_neighbours(found.cols, at.cols, &x, x.cols, facts, quiet, all);
  };
  const auto strips = [](const CoarseTile& at) {
    return strips_of(at.rows.size(), at.cols.size()).cells();
  };
  walk_coarse_tiles(coarse_tiles(x.rows, edge), execution, strips, merge_tile);
  return edges_of(std::move(all));
}

template Buffer<Edge<float>> nearest(const InputView&, std::size_t, bool, Kernel, const Execution&,
                                     std::size_t);

template Buffer<Edge<double>> nearest(const InputView&, std::size_t, bool, Kernel, const Execution&,
                                      std::size_t);

}  // namespace isogram
