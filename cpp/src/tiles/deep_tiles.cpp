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

// Panels of more rows come from the outer cache in any case: they are deeper, so that tiles are
// read and written less often, and more of a row is read at once.
constexpr std::size_t kManyRows = 1000;
constexpr std::size_t kPanelOfManyRows = 4 * kDeepPanel;

std::size_t deep_panel(std::size_t rows, std::size_t depth) {
  return std::min(rows > kManyRows ? kPanelOfManyRows : kDeepPanel, depth);
}

// The panel of `length` columns after another, of n columns; empty after the last.
Span panel_after(Span depth, std::size_t length, std::size_t n) {
  return {depth.end, std::min(n, depth.end + length)};
}

// The values of some columns, or none.
std::vector<double> segment(const std::vector<double>* values, Span columns) {
  if (!values) return {};
  return {values->data() + columns.begin, values->data() + columns.end};
}

template <class T>
Buffer<T> squared_norms_of(const std::vector<double>& squares) {
  Buffer<T> norms(tiles_in(squares.size()) * kTileEdge);
  for (std::size_t i = 0; i < squares.size(); ++i) norms[i] = squared_norm_as<T>(squares[i]);
  return norms;
}

}  // namespace

template <class T>
bool DeepTiles<T>::pays(std::size_t rows, std::optional<std::size_t> others, std::size_t depth) {
  const std::size_t all = rows + others.value_or(0);
  const Grid grid = block_grid(rows, others.value_or(rows), !others, kTileEdge);
  const std::size_t tiles = product(grid.cells(), kTileSize);
  const std::size_t panels = std::max(2 * kDeepPanel, deep_panel(rows, depth));
  return tiles + product(all, std::min(panels, depth)) <= product(all, depth) / 2;
}

template <class T>
DeepTiles<T>::DeepTiles(const simd::KernelTable<T>& kernels, Block<T> block, const Rows& x,
                        const std::optional<Rows>& y, const Execution& execution)
    : DeepTiles(kernels, block, side_of(x, execution),
                y ? std::optional(side_of(*y, execution)) : std::nullopt, x.view.cols, execution) {}

template <class T>
DeepTiles<T>::DeepTiles(const simd::KernelTable<T>& kernels, Block<T> block, const Side& x,
                        const std::optional<Side>& y, std::size_t depth, const Execution& execution)
    : edge_(block_edge(x.rows, y ? y->rows : x.rows, deep_panel(x.rows, depth), execution)),
      grid_(block_grid(x.rows, y ? y->rows : x.rows, !y, edge_)),
      blocks_(Buffer<T>::kept(product(grid_.cells(), edge_ * edge_))) {
  const std::size_t length = deep_panel(x.rows, depth);
  Operand left(kernels, x, length);
  std::optional<Operand> right;
  if (y) right.emplace(kernels, *y, length);
  for (Span panel = panel_after({0, 0}, length, depth); panel.size() > 0;) {
    left.pack(panel);
    if (right) right->pack(panel);
    const Span next = panel_after(panel, length, depth);
    add_panel(block, left, right ? *right : left, panel, next, execution);
    panel = next;
  }
  left_norms_ = squared_norms_of<T>(left.squares);
  if (right) right_norms_ = squared_norms_of<T>(right->squares);
}

template <class T>
DeepTiles<T>::DeepTiles(const FewRows<T>& products)
    : edge_(kTileEdge),
      grid_(block_grid(products.left().squares.size(), products.right().squares.size(),
                       products.is_symmetric(), kTileEdge)),
      blocks_(Buffer<T>::unset(product(grid_.cells(), kTileSize))) {
  const std::vector<double>& of_left = products.left().squares;
  const std::vector<double>& of_right = products.right().squares;
  for (std::size_t k = 0; k < grid_.cells(); ++k) {
    const Cell cell = grid_.cell(k);
    const Span rows = tile_span(cell.row, of_left.size());
    const Span cols = tile_span(cell.col, of_right.size());
    T* block = blocks_.data() + k * kTileSize;
    for (std::size_t i = rows.begin; i < rows.end; ++i, block += kTileEdge) {
      for (std::size_t j = cols.begin; j < cols.end; ++j) {
        block[j - cols.begin] = static_cast<T>(products.product(i, j));
      }
    }
  }
  left_norms_ = squared_norms_of<T>(of_left);
  right_norms_ = squared_norms_of<T>(of_right);
}

template <class T>
void DeepTiles<T>::copy(Span rows, Span cols, T* out, std::size_t stride) const {
  const T* from = entry(rows.begin, cols.begin);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(from + i * edge_, cols.size(), out + i * stride);
  }
}

template <class T>
void DeepTiles<T>::add_panel(Block<T> block, const Operand& left, const Operand& right, Span depth,
                             Span next, const Execution& execution) {
  walk_tiles(grid_, execution, [&](Cell cell, Worker&) {
    const Span rows = block_span(cell.row, left.side.rows, edge_);
    const Span cols = block_span(cell.col, right.side.rows, edge_);
    // The first block of its rows, or of its columns, fetches their next panel.
    std::vector<const void*> starts;
    if (cell.col == (grid_.is_upper() ? cell.row : 0)) left.add_starts(rows, next, starts);
    if (!grid_.is_upper() && cell.row == 0) right.add_starts(cols, next, starts);
    fill_block(block, left.panel, rows, right.panel, cols,
               blocks_.data() + grid_.index(cell) * edge_ * edge_, edge_,
               {.add = depth.begin > 0,
                .has_room = true,
                .expected = {starts.data(), starts.size(), next.size() * sizeof(T)}});
  });
}

// The entries of a view, transformed or measured.
template <class T>
typename DeepTiles<T>::Side DeepTiles<T>::side_of(const Rows& rows, const Execution& execution) {
  const auto pack = [&](Span depth, Packed<T>& panel) {
    const InputView part = columns_of(rows.view, depth);
    if (rows.row_largest) return panel.fill_measuring(part, rows.row_largest, execution);
    Transform of_part = rows.transform;
    of_part.first_column += depth.begin;
    const std::vector<double> origin = segment(of_part.origin, depth);
    const std::vector<double> rest = segment(of_part.rest, depth);
    if (of_part.origin) of_part.origin = &origin;
    if (of_part.rest) of_part.rest = &rest;
    panel.fill(part, of_part, Finite::known, execution);
  };
  const auto address = [&](std::size_t row, std::size_t column) {
    return stored_entry<T>(rows.view, row, column);
  };
  return {rows.view.rows, pack, address};
}

template <class T>
DeepTiles<T>::Operand::Operand(const simd::KernelTable<T>& kernels, const Side& side,
                               std::size_t depth)
    : side(side), panel(kernels, side.rows, depth, Packed<T>::Memory::kept), squares(side.rows) {}

template <class T>
void DeepTiles<T>::Operand::add_starts(Span rows, Span depth,
                                       std::vector<const void*>& starts) const {
  if (depth.size() == 0) return;
  for (std::size_t i = rows.begin; i < rows.end; ++i) {
    if (const void* start = side.address(i, depth.begin)) starts.push_back(start);
  }
}

template <class T>
void DeepTiles<T>::Operand::pack(Span depth) {
  side.pack(depth, panel);
  for (std::size_t i = 0; i < squares.size(); ++i) squares[i] += panel.squared_norms()[i];
}

template class DeepTiles<float>;
template class DeepTiles<double>;

}  // namespace isogram
