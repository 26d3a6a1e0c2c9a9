// Tiles of Gram matrices: the one thing that every operation walks over.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "buffer.hpp"
#include "isogram/gram.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "packed.hpp"
#include "simd/kernels.hpp"
#include "team.hpp"

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
  Cell cell(std::size_t index) const;
  bool is_upper() const { return upper_; }

 private:
  Grid(std::size_t rows, std::size_t cols, bool upper) : rows_(rows), cols_(cols), upper_(upper) {}
  std::size_t rows_;
  std::size_t cols_;
  bool upper_;
};

// The tiles of one Gram matrix, computed one at a time from packed inputs. A tile is kTileEdge
// rows of kTileEdge entries; entries beyond the matrix are unspecified.
template <class T>
class GramTiles {
 public:
  // Features less their column means: for measures that do not change under translation, and for
  // cosines of centred features.
  enum class Columns { as_given, centered };

  // Of the rows of x with themselves.
  GramTiles(const InputView& x, const KernelOptions& options, Columns columns,
            const Execution& execution);
  // Of the rows of x with those of y.
  GramTiles(const InputView& x, const InputView& y, const KernelOptions& options,
            const Execution& execution);

  std::size_t rows() const { return left_.rows(); }
  std::size_t cols() const { return right().rows(); }

  // Tile (row, col) of the grid of tiles_in(rows()) × tiles_in(cols()).
  void compute(Cell cell, T* tile, const simd::ExpectedRows& expected = {}) const;

  // Whether entries are exponentials of distances: accurate relative to themselves, however small.
  bool is_exponential() const;

  // What a tile is multiplied by to be the matrix the caller asked for: linear Gram matrices of
  // centred features stay in scaled units, in which they cannot overflow. Else 0.
  int exponent() const { return exponent_; }

 private:
  const Packed<T>& right() const { return right_ ? *right_ : left_; }
  void pack(const InputView& x, const InputView* y, Columns columns, const Execution& execution);
  void pack_as(const Transform& transform, const InputView& x, const InputView* y,
               const Execution& execution);
  void pack_distances(const InputView& x, const InputView* y, const Execution& execution);
  void pack_products(const InputView& x, const InputView* y, const Execution& execution);
  void apply_scale(Span rows, Span cols, T* tile) const;
  void apply_distance(Span rows, Span cols, T* tile) const;
  void apply_cosine(Cell cell, Span rows, Span cols, T* tile) const;
  void repair_distances(std::size_t row, Span cols, T* tile_row) const;

  const simd::KernelTable<T>& kernels_;
  KernelOptions options_;
  InputView x_;
  InputView y_;
  Packed<T> left_;
  std::optional<Packed<T>> right_;
  int exponent_ = 0;
  int common_exponent_ = 0;  // of packed features, where every row has the same
};

// The memory that write_tile() will write, where rows are adjacent entries.
class TileDestination {
 public:
  template <class T>
  simd::ExpectedRows of(Span rows, Span cols, bool mirror, MatrixView<T> out);

 private:
  std::array<const void*, 2 * kTileEdge> starts_;
};

// Copies a tile to its place in out; with `mirror` also its transpose to the other triangle.
template <class T>
void write_tile(const T* tile, Span rows, Span cols, bool mirror, MatrixView<T> out);

// Fills out with the tiles of a grid as compute(cell, tile, expected rows) makes them; those of an
// upper grid stand for both triangles.
template <class T, class Compute>
void write_tiles(const Grid& grid, MatrixView<T> out, const Execution& execution, Compute compute) {
  std::vector<Buffer<T>> scratch(team_size(execution, grid.cells()));
  for (Buffer<T>& tile : scratch) tile = Buffer<T>(kTileSize);
  parallel_for(
      execution, grid.cells(),
      [&](std::size_t task, Worker& worker) {
        const Cell cell = grid.cell(task);
        T* tile = scratch[worker.index].data();
        const Span rows = tile_span(cell.row, out.rows);
        const Span cols = tile_span(cell.col, out.cols);
        const bool mirror = grid.is_upper() && cell.row != cell.col;
        TileDestination destination;
        compute(cell, tile, destination.of(rows, cols, mirror, out));
        write_tile(tile, rows, cols, mirror, out);
      },
      scratch.size());
}

}  // namespace isogram
