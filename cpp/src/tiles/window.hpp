// One coarse tile of a Gram matrix, for operations that sum over its fine tiles.
#pragma once

#include <cstddef>

#include "tiles/grid.hpp"
#include "tiles/tile.hpp"

namespace isogram {

// The fine tiles of a coarse tile, numbered from its first row and column. The whole matrix may be
// packed, or only the rows and columns of the coarse tile: entries have the same bits.
template <class T>
class TileWindow {
 public:
  // The window of all packed rows and columns.
  explicit TileWindow(const GramTiles<T>& tiles)
      : tiles_(&tiles), at_{{0, tiles.rows()}, {0, tiles.cols()}} {}

  // A coarse tile of a symmetric matrix that is packed whole. Coarse tiles begin where fine tiles
  // do.
  TileWindow(const GramTiles<T>& whole, const CoarseTile& at) : tiles_(&whole), at_(at) {}

  std::size_t rows() const { return at_.rows.size(); }
  std::size_t cols() const { return at_.cols.size(); }

  // Whether the columns are the rows.
  bool is_diagonal() const { return tiles_->is_symmetric() && !at_.is_mirrored(); }

  // The fine tiles.
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
