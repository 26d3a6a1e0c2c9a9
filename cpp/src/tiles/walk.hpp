// The walk over tiles: every operation is one.
#pragma once

#include <cstddef>
#include <vector>

#include "threads/team.hpp"
#include "tiles/grid.hpp"

namespace isogram {

inline constexpr std::size_t kLargestBlockEdge = 2 * kTileEdge;

// The edge of blocks for a matrix of products over `depth`; no bit depends on it. Two tiles: panels
// are loaded from the outer caches half as often. One tile where threads would be left without
// work, or where a block would take too long for an interrupt.
inline std::size_t block_edge(std::size_t rows, std::size_t cols, std::size_t depth,
                              const Execution& execution) {
  constexpr std::size_t large = kLargestBlockEdge;
  constexpr std::size_t deep = std::size_t{1} << 14;
  constexpr std::size_t blocks_per_thread = 8;
  const std::size_t blocks = blocks_in(rows, large) * blocks_in(cols, large);
  const std::size_t threads = team_size(execution, blocks);
  const bool is_shared_well = threads == 1 || blocks >= blocks_per_thread * threads;
  return is_shared_well && depth <= deep ? large : kTileEdge;
}

// Calls body(cell, worker) once for every cell of a grid, on the threads of `execution`, in any
// order. A body whose results are added keeps one result per cell, and adds them after the walk in
// the order of grid.index(cell).
template <class Body>
void walk_tiles(const Grid& grid, const Execution& execution, Body body) {
  parallel_for(execution, grid.cells(),
               [&](std::size_t index, Worker& worker) { body(grid.cell(index), worker); });
}

// walk_tiles() with working memory: calls body(cell, state, worker). make() makes the state of a
// thread when the thread gets its first cell.
template <class Make, class Body>
void walk_tiles(const Grid& grid, const Execution& execution, Make make, Body body) {
  PerWorker states(execution, grid.cells(), make);
  parallel_for(execution, grid.cells(), states,
               [&](std::size_t index, auto& state, Worker& worker) {
                 body(grid.cell(index), state, worker);
               });
}

// Calls body(tile, execution) for coarse tiles, one after another. The execution joins the progress
// of all tiles, each of pieces(tile) pieces of work.
template <class Tile, class Pieces, class Body>
void walk_coarse_tiles(const std::vector<Tile>& tiles, const Execution& execution, Pieces pieces,
                       Body body) {
  if (tiles.size() == 1) return body(tiles[0], execution);
  std::size_t total = 0;
  for (const Tile& tile : tiles) total += pieces(tile);
  std::size_t done = 0;
  for (const Tile& tile : tiles) {
    body(tile, within(execution, done, total));
    done += pieces(tile);
  }
}

}  // namespace isogram
