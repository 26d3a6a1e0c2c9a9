// One coarse tile of a Gram matrix, as the operations see it that sum over fine tiles.
#pragma once

#include <cstddef>

#include "tiles/grid.hpp"
#include "tiles/tile.hpp"

namespace isogram {

// Fine tiles of a coarse one, numbered from its first row and column: of a matrix that is packed
// whole, or of the part alone that was packed for it. Entries have the same bits.
template <class T>
class TileWindow {
 public:
  // All of what is packed.
  explicit TileWindow(const GramTiles<T>& tiles)
      : tiles_(&tiles), at_{{0, tiles.rows()}, {0, tiles.cols()}} {}

  // Part of the matrix of rows with themselves; coarse tiles begin where fine ones do.
  TileWindow(const GramTiles<T>& whole, const CoarseTile& at) : tiles_(&whole), at_(at) {}

  std::size_t rows() const { return at_.rows.size(); }
  std::size_t cols() const { return at_.cols.size(); }

  // Whether the columns are the rows.
  bool is_diagonal() const { return tiles_->is_symmetric() && !at_.is_mirrored(); }

  // Its fine tiles.
  Grid grid() const {
    return is_diagonal() ? Grid::upper(tiles_in(rows()))
                         : Grid::full(tiles_in(rows()), tiles_in(cols()));
  }

  void compute(Cell cell, T* tile) const {
    tiles_->compute({cell.row + at_.rows.begin / kTileEdge, cell.col + at_.cols.begin / kTileEdge},
                    tile);
  }

  bool is_zero_row(std::size_t i) const { return tiles_->is_zero(at_.rows.begin + i); }
  bool is_zero_col(std::size_t j) const { return tiles_->is_zero_col(at_.cols.begin + j); }

 private:
  const GramTiles<T>* tiles_;
  CoarseTile at_;
};

}  // namespace isogram
