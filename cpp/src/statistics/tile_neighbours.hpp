// The nearest neighbours of the rows of one coarse tile by cosine.
#pragma once

#include <cstddef>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "statistics/neighbours.hpp"
#include "tiles/gram_facts.hpp"
#include "tiles/tile.hpp"
#include "tiles/window.hpp"

namespace isogram {

// Of one coarse tile of a graph: the nearest of its rows among its columns and, where it stands for
// its mirror image too, of its columns among its rows. Columns are those of the whole graph.
template <class T>
struct TileNeighbours {
  Neighbours<T> rows;
  Neighbours<T> cols;
};

// Where a coarse tile lies: views of its rows and of its columns alone, and the numbers of the
// first of each in the graph. No columns: the rows themselves, on the diagonal.
struct TileInputs {
  const InputView& rows;
  const InputView* cols = nullptr;
  std::size_t first_row = 0;
  std::size_t first_col = 0;
};

// The cosines of a tile, packed for it alone; `facts` are those of the cosines of the whole graph.
template <class T>
GramTiles<T> graph_tiles(const TileInputs& tile, const GramFacts& facts,
                         const Execution& execution);

// The nearest k others, or as many as there are, of every row of a tile, of equal cosines those of
// smaller column. `tiles` has its cosines.
//
// Fine tiles of T find the candidates. Where their rounding could change which are nearest (a
// channel much larger than the others makes all cosines nearly 1), the cosines decide that float64
// gives, and near 1 their differences from it: so the neighbours do not depend on T.
// Cost: a multiply-add of T per entry and feature; where T is float and cannot tell the neighbours
// of many rows apart, the same in float64 besides; for each row that float64 tiles cannot tell
// apart either, its entries in float64, twice where cosines are near ±1, and a packed copy of the
// other side in float64.
template <class T>
TileNeighbours<T> nearest_in_tile(const TileInputs& tile, const TileWindow<T>& tiles, std::size_t k,
                                  const GramFacts& facts, const Execution& execution);

}  // namespace isogram
