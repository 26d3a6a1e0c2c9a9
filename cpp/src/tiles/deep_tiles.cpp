#include "tiles/deep_tiles.hpp"

#include <algorithm>
#include <vector>

#include "tiles/input.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// The depth of a panel, 2 MiB of a thousand inputs: the panels of a few hundred inputs stay in a
// core's own cache, and the multiply-adds of a panel hide that tiles are read and written once for
// each.
constexpr std::size_t kDeepPanel = 4 * simd::kDepthPanel;

std::size_t deep_panel(const InputView& x) {
  return std::min(kDeepPanel, x.cols);
}

// The panel of n columns after another; empty after the last.
Span panel_after(Span depth, std::size_t n) {
  return {depth.end, std::min(n, depth.end + kDeepPanel)};
}

template <class T>
Buffer<T> squared_norms_of(const std::vector<double>& squares) {
  Buffer<T> norms(tiles_in(squares.size()) * kTileEdge);
  for (std::size_t i = 0; i < squares.size(); ++i) norms[i] = squared_norm_as<T>(squares[i]);
  return norms;
}

}  // namespace

template <class T>
bool DeepTiles<T>::pays(const InputView& x, const InputView* y) {
  const std::size_t rows = x.rows + (y ? y->rows : 0);
  const Grid grid = block_grid(x.rows, y ? y->rows : x.rows, !y, kTileEdge);
  const std::size_t tiles = product(grid.cells(), kTileSize);
  return tiles + product(rows, std::min(2 * kDeepPanel, x.cols)) <= product(rows, x.cols) / 2;
}

template <class T>
DeepTiles<T>::DeepTiles(const simd::KernelTable<T>& kernels, Block<T> block, const Rows& x,
                        const std::optional<Rows>& y, const Execution& execution)
    : edge_(block_edge(x.view.rows, y ? y->view.rows : x.view.rows, deep_panel(x.view), execution)),
      grid_(block_grid(x.view.rows, y ? y->view.rows : x.view.rows, !y, edge_)),
      blocks_(Buffer<T>::unset(product(grid_.cells(), edge_ * edge_))) {
  Operand left(kernels, x.view);
  std::optional<Operand> right;
  if (y) right.emplace(kernels, y->view);
  for (Span depth = panel_after({0, 0}, x.view.cols); depth.size() > 0;
       depth = panel_after(depth, x.view.cols)) {
    left.pack(x, depth, execution);
    if (right) right->pack(*y, depth, execution);
    add_panel(block, left, right ? *right : left, depth, execution);
  }
  left_norms_ = squared_norms_of<T>(left.squares);
  if (right) right_norms_ = squared_norms_of<T>(right->squares);
}

template <class T>
DeepTiles<T>::DeepTiles(const FewRows<T>& products)
    : edge_(kTileEdge), grid_(Grid::upper(1)), blocks_(Buffer<T>::unset(kTileSize)) {
  const std::vector<double>& of_left = products.left().squares;
  const std::vector<double>& of_right = products.right().squares;
  for (std::size_t i = 0; i < of_left.size(); ++i) {
    for (std::size_t j = 0; j < of_right.size(); ++j) {
      blocks_[i * kTileEdge + j] = static_cast<T>(products.product(i, j));
    }
  }
  left_norms_ = squared_norms_of<T>(of_left);
  right_norms_ = squared_norms_of<T>(of_right);
}

template <class T>
void DeepTiles<T>::copy(Span rows, Span cols, T* out, std::size_t stride) const {
  const Cell cell{rows.begin / edge_, cols.begin / edge_};
  const T* from = blocks_.data() + grid_.index(cell) * edge_ * edge_ + rows.begin % edge_ * edge_ +
                  cols.begin % edge_;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(from + i * edge_, cols.size(), out + i * stride);
  }
}

template <class T>
void DeepTiles<T>::add_panel(Block<T> block, const Operand& left, const Operand& right, Span depth,
                             const Execution& execution) {
  const std::size_t bytes = panel_after(depth, left.view.cols).size() * sizeof(T);
  walk_tiles(grid_, execution, [&](Cell cell, Worker&) {
    const Span rows = block_span(cell.row, left.view.rows, edge_);
    const Span cols = block_span(cell.col, right.view.rows, edge_);
    // The first block of its rows, or of its columns, fetches their next panel.
    std::vector<const void*> starts;
    if (cell.col == (grid_.is_upper() ? cell.row : 0)) left.add_starts(rows, depth.end, starts);
    if (!grid_.is_upper() && cell.row == 0) right.add_starts(cols, depth.end, starts);
    fill_block(block, left.panel, rows, right.panel, cols,
               blocks_.data() + grid_.index(cell) * edge_ * edge_, edge_,
               {.add = depth.begin > 0,
                .has_room = true,
                .expected = {starts.data(), starts.size(), bytes}});
  });
}

template <class T>
DeepTiles<T>::Operand::Operand(const simd::KernelTable<T>& kernels, const InputView& x)
    : view(x), panel(kernels, columns_of(x, {0, deep_panel(x)})), squares(x.rows) {}

template <class T>
void DeepTiles<T>::Operand::add_starts(Span rows, std::size_t column,
                                       std::vector<const void*>& starts) const {
  if (column == view.cols || !stored_row<T>(view, 0)) return;
  for (std::size_t i = rows.begin; i < rows.end; ++i) {
    starts.push_back(stored_row<T>(view, i) + column);
  }
}

template <class T>
void DeepTiles<T>::Operand::pack(const Rows& rows, Span depth, const Execution& execution) {
  Transform of_part = rows.transform;
  of_part.first_column += depth.begin;
  std::vector<double> segment;
  if (of_part.origin) {
    const double* origin = of_part.origin->data();
    segment.assign(origin + depth.begin, origin + depth.end);
    of_part.origin = &segment;
  }
  const InputView part = columns_of(rows.view, depth);
  if (rows.row_largest) {
    panel.fill_measuring(part, rows.row_largest, execution);
  } else {
    panel.fill(part, of_part, Finite::known, execution);
  }
  for (std::size_t i = 0; i < squares.size(); ++i) squares[i] += panel.squared_norms()[i];
}

template class DeepTiles<float>;
template class DeepTiles<double>;

}  // namespace isogram
