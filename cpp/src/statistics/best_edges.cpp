#include "statistics/best_edges.hpp"

#include "simd/kernels.hpp"
#include "tiles/grid.hpp"
#include "tiles/tile.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// Offers the edges of a fine tile (on the diagonal, those above it) to the nodes at both ends.
// Locks are taken in one order, so that no deadlock can occur: rows before columns, and in one set
// of nodes the smaller strip first, because cell.row ≤ cell.col.
template <class T>
void offer_tile(Cell cell, const T* tile, BestOfTile<T>& best) {
  BestEdges<T>& of_rows = best.rows;
  BestEdges<T>& of_cols = best.cols();
  const Span rows = tile_span(cell.row, of_rows.nodes());
  const Span cols = tile_span(cell.col, of_cols.nodes());
  const bool is_diagonal = !best.other && cell.row == cell.col;
  const std::unique_lock rows_lock = of_rows.lock(cell.row);
  const auto cols_lock = is_diagonal ? std::unique_lock<std::mutex>() : of_cols.lock(cell.col);
  const auto& kernels = simd::kernels().of<T>();
  const T* col_reaches = of_cols.reaches(cols.begin);
  for (std::size_t i = 0; i < rows.size(); ++i, tile += kTileEdge) {
    const T& reach = *of_rows.reaches(rows.begin + i);
    const auto next = [&](std::size_t j) {
      return kernels.first_reaching(tile, reach, col_reaches, j, cols.size());
    };
    for (std::size_t j = next(is_diagonal ? i + 1 : 0); j < cols.size(); j = next(j + 1)) {
      of_rows.offer(rows.begin + i, cols.begin + j, tile[j]);
      of_cols.offer(cols.begin + j, rows.begin + i, tile[j]);
    }
  }
}

// Fine tiles of one column, one below another, that one task computes. Neighbouring strips are
// computed one after another: the best edges of their rows, and the packed rows, stay in a core's
// own cache.
constexpr std::size_t kStripTiles = 16;

}  // namespace

Grid strips_of(std::size_t rows, std::size_t cols) {
  return Grid::full(blocks_in(tiles_in(rows), kStripTiles), tiles_in(cols));
}

template <class T>
BestOfTile<T> best_edges(const TileWindow<T>& tiles, std::size_t k, double tolerance,
                         const Execution& execution) {
  const bool is_diagonal = tiles.is_diagonal();
  const std::size_t rows = tiles.rows();
  const std::size_t cols = tiles.cols();
  BestOfTile<T> best{BestEdges<T>(rows, is_diagonal ? rows - 1 : cols, k, tolerance), {}};
  if (!is_diagonal) best.other.emplace(cols, rows, k, tolerance);
  const auto compute_strip = [&](Cell strip, Buffer<T>& tile, Worker& worker) {
    const std::size_t begin = strip.row * kStripTiles;
    const std::size_t end = is_diagonal ? strip.col + 1 : tiles_in(rows);
    for (std::size_t row = begin; row < std::min(begin + kStripTiles, end); ++row) {
      worker.check();
      tiles.compute({row, strip.col}, tile.data());
      offer_tile({row, strip.col}, tile.data(), best);
    }
  };
  walk_tiles(strips_of(rows, cols), execution, new_tile<T>, compute_strip);
  return best;
}

template BestOfTile<float> best_edges(const TileWindow<float>&, std::size_t, double,
                                      const Execution&);
template BestOfTile<double> best_edges(const TileWindow<double>&, std::size_t, double,
                                       const Execution&);

}  // namespace isogram
