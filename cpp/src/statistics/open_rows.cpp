#include "statistics/open_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

#include "isogram/error.hpp"
#include "statistics/closeness.hpp"
#include "tiles/grid.hpp"
#include "tiles/tile.hpp"

namespace isogram {

OpenRows::OpenRows(const InputView& x, const GramFacts& facts, std::span<const std::size_t> rows,
                   std::size_t k, bool is_diagonal)
    : name_(x.name),
      rows_(rows),
      k_(k),
      is_diagonal_(is_diagonal),
      depth_(x.cols),
      own_(product(padded(rows_.size(), kernels_.panel), depth_)),
      heaps_(rows.size() * k, {-std::numeric_limits<double>::infinity(), 0}) {
  const UnitRowReader reader(x, facts);
  RowPacker<double> packer(kernels_, depth_);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    double* place = &own_[r / kernels_.panel * kernels_.panel * depth_ + r % kernels_.panel];
    reader.read(rows[r], packer.place_for(place));
  }
  packer.flush();
}

template <class Visit>
void OpenRows::for_each(Span cols, Visit visit) const {
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    for (std::size_t j = 0; j < cols.size(); ++j) visit(r, j, cosines_[r * kTileEdge + j]);
  }
}

void OpenRows::offer(const Packed<double>& all, Span cols) {
  const double* others = all.rows_from(cols.begin);
  multiply(kernels_.inner_products, own_, others, cols, cosines_);
  bool has_near = false;
  bool has_opposite = false;
  bool is_finite = true;
  for_each(cols, [&](std::size_t r, std::size_t, double cosine) {
    is_finite &= !std::isnan(cosine);
    has_near |= cosine >= 0.5 && edges(r)[0].weight < kClosest;
    has_opposite |= cosine <= -0.5 && edges(r)[0].weight < 0;
  });
  if (!is_finite) throw InputChanged(name_.c_str());
  if (has_near) multiply(kernels_.squared_differences, own_, others, cols, differences_);
  if (has_opposite) {
    if (negated_.size() == 0) negate();
    multiply(kernels_.squared_differences, negated_, others, cols, sums_);
  }
  for_each(cols, [&](std::size_t r, std::size_t j, double cosine) {
    if (is_diagonal_ && rows_[r] == cols.begin + j) return;
    if (cosine >= 0.5 ? !has_near : cosine <= -0.5 && !has_opposite) return;
    const Buffer<double>& squares = cosine > 0 ? differences_ : sums_;
    const double value =
        std::abs(cosine) < 0.5 ? cosine : closeness(cosine, squares[r * kTileEdge + j]);
    const Edge<double> edge{value, static_cast<std::int32_t>(cols.begin + j)};
    Edge<double>* heap = edges(r);
    if (is_better(edge, heap[0])) replace_worst(heap, k_, edge);
  });
}

void OpenRows::multiply(Block<double> block, const Buffer<double>& own, const double* others,
                        Span cols, Buffer<double>& tile) const {
  if (tile.size() == 0) tile = new_tile<double>();
  block(own.data(), rows_.size(), others, cols.size(), depth_, tile.data(), kTileEdge,
        {.has_room = true});
}

void OpenRows::negate() {
  negated_ = Buffer<double>::unset(own_.size());
  std::transform(own_.begin(), own_.end(), negated_.begin(), std::negate<>());
}

}  // namespace isogram
