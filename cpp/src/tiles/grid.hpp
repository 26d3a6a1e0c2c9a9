// The places of the tiles of a matrix.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "isogram/span.hpp"

namespace isogram {

// Rows and columns of a tile: a multiple of every level's panel, and small enough that the tiles
// of a few layers stay in a core's own cache.
inline constexpr std::size_t kTileEdge = 96;
inline constexpr std::size_t kTileSize = kTileEdge * kTileEdge;

// The number of blocks of any edge that cover n rows.
inline std::size_t blocks_in(std::size_t n, std::size_t edge) {
  return (n + edge - 1) / edge;
}

// n rounded up to a multiple of `multiple`.
inline std::size_t padded(std::size_t n, std::size_t multiple) {
  return blocks_in(n, multiple) * multiple;
}

inline Span block_span(std::size_t block, std::size_t n, std::size_t edge) {
  return {block * edge, std::min(n, (block + 1) * edge)};
}

// Part `index` of n rows that are cut into `parts` of nearly equal size.
inline Span part_span(std::size_t n, std::size_t index, std::size_t parts) {
  return {n * index / parts, n * (index + 1) / parts};
}

inline std::size_t tiles_in(std::size_t n) {
  return blocks_in(n, kTileEdge);
}

inline Span tile_span(std::size_t tile, std::size_t n) {
  return block_span(tile, n, kTileEdge);
}

// Rows and columns of a coarse tile. A coarse tile is computed from its own rows and columns alone,
// on any machine; its part is added to the others in the order of the tiles. Sums over fine tiles
// start at 0 in each coarse tile, so that this edge decides bits of more than kCoarseEdge inputs.
inline constexpr std::size_t kCoarseEdge = 64 * kTileEdge;

// A cell of a grid of blocks.
struct Cell {
  std::size_t row;
  std::size_t col;
};

// A grid of rows × cols cells, or of the cells on and above the diagonal, numbered row by row.
class Grid {
 public:
  static Grid full(std::size_t rows, std::size_t cols) { return Grid(rows, cols, false); }
  static Grid upper(std::size_t n) { return Grid(n, n, true); }

  std::size_t cells() const { return upper_ ? rows_ * (rows_ + 1) / 2 : rows_ * cols_; }
  bool is_upper() const { return upper_; }

  Cell cell(std::size_t index) const {
    if (!upper_) return {index / cols_, index % cols_};
    std::size_t row = 0;
    for (std::size_t length = rows_; index >= length; --length, ++row) index -= length;
    return {row, row + index};
  }

  // Rows of the triangle have rows_, rows_ − 1, … cells.
  std::size_t index(Cell cell) const {
    if (!upper_) return cell.row * cols_ + cell.col;
    return cell.row * (2 * rows_ - cell.row + 1) / 2 + cell.col - cell.row;
  }

 private:
  Grid(std::size_t rows, std::size_t cols, bool upper) : rows_(rows), cols_(cols), upper_(upper) {}
  std::size_t rows_;
  std::size_t cols_;
  bool upper_;
};

// The grid of the blocks of a rows × cols matrix.
inline Grid block_grid(std::size_t rows, std::size_t cols, bool is_upper, std::size_t edge) {
  return is_upper ? Grid::upper(blocks_in(rows, edge))
                  : Grid::full(blocks_in(rows, edge), blocks_in(cols, edge));
}

// A coarse tile on or above the diagonal of a symmetric matrix.
struct CoarseTile {
  Span rows;
  Span cols;

  // Whether it also stands for its mirror image below the diagonal.
  bool is_mirrored() const { return rows.begin != cols.begin; }

  // Its fine tiles.
  Grid grid() const {
    return is_mirrored() ? Grid::full(tiles_in(rows.size()), tiles_in(cols.size()))
                         : Grid::upper(tiles_in(rows.size()));
  }
};

// The coarse tiles of an n × n matrix, row by row.
inline std::vector<CoarseTile> coarse_tiles(std::size_t n, std::size_t edge = kCoarseEdge) {
  std::vector<CoarseTile> tiles;
  for (std::size_t i = 0; i < n; i += edge) {
    for (std::size_t j = i; j < n; j += edge) {
      tiles.push_back({{i, std::min(n, i + edge)}, {j, std::min(n, j + edge)}});
    }
  }
  return tiles;
}

}  // namespace isogram
