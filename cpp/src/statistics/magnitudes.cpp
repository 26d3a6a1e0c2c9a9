// Stage magnitudes: bounds on the rounding of linear and polynomial layers, from the magnitudes of
// the terms of their entries.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "simd/kernels.hpp"
#include "statistics/rounding.hpp"
#include "statistics/spaces.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// Whether the rounding of a layer may be far below the bound from the norms of its rows.
bool may_be_told_by_magnitudes(Kernel kernel, Estimator estimator, const LayerFacts& layer) {
  return uses_products(kernel) && estimator == Estimator::debiased && !layer.has_equal_rows;
}

// |x − origin| · 2^−exponent as doubles, for rows of a layer: the magnitudes of the factors of an
// entry's terms.
class Magnitudes {
 public:
  Magnitudes(const InputView& x, const GramFacts& shifted, const Execution& execution)
      : values_(Buffer<double>::unset(product(x.rows, x.cols))), rows_(x.rows), cols_(x.cols) {
    const RowReader reader(x);
    parallel_for(execution, x.rows, [&](std::size_t i, Worker&) {
      double* row = &values_[i * cols_];
      reader.read(i, row);
      subtract_scaled(row, cols_, shifted.origin.data(), shifted.exponent);
      std::transform(row, row + cols_, row, [](double value) { return std::abs(value); });
    });
  }

  InputView view() const {
    return {
        values_.data(), ElementType::float64, rows_, cols_, static_cast<std::ptrdiff_t>(cols_), 1};
  }

 private:
  Buffer<double> values_;
  std::size_t rows_;
  std::size_t cols_;
};

// Σ K ∘ K of a coarse tile, without the diagonal.
double sum_of_squares(const GramTiles<double>& tiles, bool is_diagonal,
                      const Execution& execution) {
  const Grid grid = is_diagonal ? Grid::upper(tiles_in(tiles.rows()))
                                : Grid::full(tiles_in(tiles.rows()), tiles_in(tiles.cols()));
  std::vector<double> squares(grid.cells());
  walk_tiles(grid, execution, new_tile<double>, [&](Cell cell, Buffer<double>& values, Worker&) {
    double& sum = squares[grid.index(cell)];
    const bool is_mirrored = !is_diagonal || cell.row != cell.col;
    tiles.compute(cell, values.data());
    const std::size_t cols = tile_span(cell.col, tiles.cols()).size();
    for (std::size_t i = 0; i < tile_span(cell.row, tiles.rows()).size(); ++i) {
      double* row = &values[i * kTileEdge];
      if (!is_mirrored) row[i] = 0;
      sum += simd::kernels().float64.dot(row, row, cols);
    }
    if (is_mirrored) sum *= 2;
  });
  return std::accumulate(squares.begin(), squares.end(), 0.0);
}

}  // namespace

// Rows of huge norm in features of their own have inner products with the others that are exactly
// 0. The rounding of an entry is relative to the magnitudes of its terms, which may be far below
// the product of the norms.
LayerFacts survey_magnitudes(const Layer& layer, Estimator estimator, const Execution& execution) {
  const InputView& x = layer.features;
  LayerFacts facts = facts_of(x, execution);
  if (!may_be_told_by_magnitudes(layer.kernel.kernel, estimator, facts)) {
    facts.is_left_out = true;
    return facts;
  }
  facts.shifted.origin.assign(x.cols, 0.0);
  if (layer.kernel.kernel == Kernel::linear) {
    facts.shifted = survey_gram<double>(x, nullptr, layer.kernel, Columns::hollow, execution);
  }
  const Survey extent = survey(x, &facts.shifted.origin, execution);
  KernelOptions options = layer.kernel;
  options.gamma = std::abs(options.gamma);
  options.coef0 = std::abs(options.coef0);
  const int exponent = facts.shifted.exponent;
  facts.gram = facts_of_products<double>(x, options, std::ldexp(extent.largest, -exponent),
                                         std::ldexp(extent.smallest_row, -exponent));
  return facts;
}

MomentsPart sums_of_magnitudes(const MomentsPlan& plan, std::span<const InputView> rows,
                               std::span<const InputView> cols, const Execution& execution) {
  MomentsPart part;
  part.products.assign(plan.layers.size(), 0.0);
  for (std::size_t layer = 0; layer < plan.layers.size(); ++layer) {
    const LayerFacts& facts = plan.layers[layer];
    if (facts.is_left_out) continue;
    const Magnitudes of_rows(rows[layer], facts.shifted, execution);
    if (cols.empty()) {
      const GramTiles<double> tiles(of_rows.view(), facts.gram, execution);
      part.products[layer] = sum_of_squares(tiles, cols.empty(), execution);
    } else {
      const Magnitudes of_cols(cols[layer], facts.shifted, execution);
      const GramTiles<double> tiles(of_rows.view(), of_cols.view(), facts.gram, execution);
      part.products[layer] = sum_of_squares(tiles, cols.empty(), execution);
    }
  }
  return part;
}

std::vector<bool> doubts(const MomentsPlan& plan, const Moments& moments) {
  std::vector<bool> result;
  for (std::size_t layer = 0; layer < plan.layers.size(); ++layer) {
    const LayerFacts& facts = plan.layers[layer];
    const Kernel kernel = facts.gram.axis ? Kernel::cosine : facts.gram.options.kernel;
    const double self = moments.hsic(layer, layer);
    result.push_back(plan.stage == MomentsStage::gram_float64 && std::isfinite(self) &&
                     !(self > moments.rounding[layer]) &&
                     may_be_told_by_magnitudes(kernel, plan.estimator, facts));
  }
  return result;
}

Moments with_rounding(const MomentsPlan& magnitudes, const MomentsPart& sums, Moments moments) {
  for (std::size_t layer = 0; layer < magnitudes.layers.size(); ++layer) {
    if (magnitudes.layers[layer].is_left_out) continue;
    const double products = moments.products[layer * moments.layers + layer];
    double& rounding = moments.rounding[layer];
    rounding =
        std::min(rounding, rounding_in<double>(sums.products[layer], products, magnitudes.samples));
  }
  return moments;
}

}  // namespace isogram
