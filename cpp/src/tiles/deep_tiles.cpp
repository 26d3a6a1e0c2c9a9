#include "tiles/deep_tiles.hpp"

#include <algorithm>
#include <vector>

#include "tiles/input.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// The depth of a panel, 4 MiB of a thousand inputs: the panels of a few tiles stay in a core's own
// cache, and the multiply-adds of a panel hide that tiles are read and written once for each.
constexpr std::size_t kDeepPanel = 8 * simd::kDepthPanel;

std::size_t deep_panel(const InputView& x) {
  return std::min(kDeepPanel, x.cols);
}

}  // namespace

template <class T>
bool DeepTiles<T>::pays(const InputView& x, const InputView* y) {
  const std::size_t rows = x.rows + (y ? y->rows : 0);
  const Grid grid = block_grid(x.rows, y ? y->rows : x.rows, !y, kTileEdge);
  const std::size_t tiles = product(grid.cells(), kTileSize);
  return tiles + product(rows, deep_panel(x)) <= product(rows, x.cols) / 2;
}

template <class T>
DeepTiles<T>::DeepTiles(const simd::KernelTable<T>& kernels, Block<T> block, const Rows& x,
                        const std::optional<Rows>& y, const Execution& execution)
    : cols_(y ? y->view.rows : x.view.rows),
      edge_(block_edge(x.view.rows, cols_, deep_panel(x.view), execution)),
      grid_(block_grid(x.view.rows, cols_, !y, edge_)),
      blocks_(Buffer<T>::unset(product(grid_.cells(), edge_ * edge_))),
      left_(kernels, x.view) {
  if (y) right_.emplace(kernels, y->view);
  for (std::size_t begin = 0; begin < x.view.cols; begin += kDeepPanel) {
    const Span depth{begin, std::min(x.view.cols, begin + kDeepPanel)};
    left_.pack(x, depth, execution);
    if (right_) right_->pack(*y, depth, execution);
    add_panel(block, begin, execution);
  }
  left_.finish();
  if (right_) right_->finish();
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
void DeepTiles<T>::add_panel(Block<T> block, std::size_t begin, const Execution& execution) {
  const Packed<T>& left = left_.panel;
  const Packed<T>& right = right_ ? right_->panel : left;
  walk_tiles(grid_, execution, [&](Cell cell, Worker&) {
    fill_block(block, left, block_span(cell.row, left.rows(), edge_), right,
               block_span(cell.col, cols_, edge_),
               blocks_.data() + grid_.index(cell) * edge_ * edge_, edge_, {.add = begin > 0});
  });
}

template <class T>
DeepTiles<T>::Operand::Operand(const simd::KernelTable<T>& kernels, const InputView& x)
    : panel(kernels, columns_of(x, {0, deep_panel(x)})), sums(x.rows) {}

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
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += panel.squared_norms()[i];
}

template <class T>
void DeepTiles<T>::Operand::finish() {
  squared_norms = Buffer<T>(tiles_in(sums.size()) * kTileEdge);
  for (std::size_t i = 0; i < sums.size(); ++i) squared_norms[i] = squared_norm_as<T>(sums[i]);
  panel = Packed<T>();
}

template class DeepTiles<float>;
template class DeepTiles<double>;

}  // namespace isogram
