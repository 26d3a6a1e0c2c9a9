// The walk over tiles, which every operation is.
#pragma once

#include <cstddef>
#include <vector>

#include "threads/team.hpp"
#include "tiles/grid.hpp"

namespace isogram {

// Calls body(cell, worker) once for every cell of a grid, on the threads of `execution`. Cells come
// in any order: a body whose results are added up keeps one for each cell, to add them in the order
// of grid.index(cell) after the walk.
template <class Body>
void walk_tiles(const Grid& grid, const Execution& execution, Body body) {
  parallel_for(execution, grid.cells(),
               [&](std::size_t index, Worker& worker) { body(grid.cell(index), worker); });
}

// The same with working memory: body(cell, state, worker). `make` makes the state of a thread, when
// that has its first cell.
template <class Make, class Body>
void walk_tiles(const Grid& grid, const Execution& execution, Make make, Body body) {
  PerWorker states(execution, grid.cells(), make);
  parallel_for(execution, grid.cells(), states,
               [&](std::size_t index, auto& state, Worker& worker) {
                 body(grid.cell(index), state, worker);
               });
}

// Calls body(tile, its execution) for coarse tiles, one after another. The progress that the body
// reports, in pieces(tile) pieces of work, is one with that of the others.
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
