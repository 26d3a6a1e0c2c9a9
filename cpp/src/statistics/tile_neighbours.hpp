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

// The nearest neighbours in one coarse tile of a graph: of its rows among its columns and, if it
// also stands for its mirror image, of its columns among its rows. Neighbours are numbered as in
// the whole graph.
template <class T>
struct TileNeighbours {
  Neighbours<T> rows;
  Neighbours<T> cols;
};

// The inputs of a coarse tile: views of its rows and of its columns, and the numbers of the first
// row and column in the graph. `cols` is null on the diagonal, where the columns are the rows.
struct TileInputs {
  const InputView& rows;
  const InputView* cols = nullptr;
  std::size_t first_row = 0;
  std::size_t first_col = 0;
};

// The cosines of a coarse tile, packed for it alone; `facts` are from all rows of the graph.
template <class T>
GramTiles<T> graph_tiles(const TileInputs& tile, const GramFacts& facts,
                         const Execution& execution);

// The k nearest others of every row of a coarse tile (fewer if the tile has fewer); of equal
// cosines the smaller column. `tiles` holds the cosines of the tile.
//
// Fine tiles in T find the candidates. Where their rounding could change the nearest (a channel
// much larger than the others makes all cosines nearly 1), closeness decides: float64 cosines and,
// near ±1, differences or sums of rows. So the neighbours do not depend on T.
// Cost: one multiply-add in T per entry and feature. If T is float and leaves many rows open, the
// same in float64; for each row that float64 tiles leave open, its entries again in float64, twice
// for cosines near ±1, and a packed float64 copy of the other side.
template <class T>
TileNeighbours<T> nearest_in_tile(const TileInputs& tile, const TileWindow<T>& tiles, std::size_t k,
                                  const GramFacts& facts, const Execution& execution);

}  // namespace isogram
