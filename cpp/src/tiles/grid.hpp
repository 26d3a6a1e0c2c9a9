// Where the tiles of a matrix lie.
#pragma once

#include <algorithm>
#include <cstddef>

namespace isogram {

// Rows and columns of a tile: a multiple of every level's panel, and small enough that the tiles
// of a few layers stay in a core's own cache.
inline constexpr std::size_t kTileEdge = 96;
inline constexpr std::size_t kTileSize = kTileEdge * kTileEdge;

// One side of a tile: rows [begin, end) of the matrix.
struct Span {
  std::size_t begin;
  std::size_t end;
  std::size_t size() const { return end - begin; }
};

inline std::size_t tiles_in(std::size_t n) {
  return (n + kTileEdge - 1) / kTileEdge;
}

inline Span tile_span(std::size_t tile, std::size_t n) {
  return {tile * kTileEdge, std::min(n, (tile + 1) * kTileEdge)};
}

// A cell of a grid of blocks.
struct Cell {
  std::size_t row;
  std::size_t col;
};

// The cells of a grid with blocks on both sides, numbered row by row: all of them, or those on
// and above the diagonal.
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

  // Row r of the triangle begins after rows of rows_, rows_ − 1, … cells.
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

}  // namespace isogram
