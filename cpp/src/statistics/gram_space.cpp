// Sums over the Gram matrices of many layers in one walk over their tiles.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

#include "simd/kernels.hpp"
#include "statistics/spaces.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// A tile of samples is cut into at most this many blocks of rows, and of columns. Each pair of
// blocks sums on its own, and the sums are added in a fixed order: the same bits for any number of
// threads.
constexpr std::size_t kBlocks = 32;

// Rows of a fine tile whose entries are widened and multiplied together: those of a few layers stay
// in the nearest cache.
constexpr std::size_t kChunkRows = std::max<std::size_t>(1, 384 / kTileEdge);
constexpr std::size_t kChunk = kChunkRows * kTileEdge;

constexpr double kEps = std::numeric_limits<double>::epsilon();

// Whether a kernel's matrix is that of the inner products of rows of unit norm.
bool has_unit_rows(Kernel kernel) {
  return kernel == Kernel::cosine || kernel == Kernel::correlation;
}

// Shifted rows leave a linear HSIC as it is, and its digits intact.
Columns columns_for(Kernel kernel, Estimator estimator) {
  if (kernel != Kernel::linear && !has_unit_rows(kernel)) return Columns::as_given;
  return estimator == Estimator::debiased ? Columns::hollow : Columns::shifted;
}

// HSIC does not change when a constant is added to all entries. Kernels whose entries all lie
// close to one value would lose their digits in the sums; a typical entry is subtracted first:
// the middle one of a few rows, which no far row draws away.
template <class T>
double typical_entry(const GramTiles<T>& tiles) {
  Buffer<T> tile(kTileSize);
  tiles.compute({0, 0}, tile.data());
  const std::size_t n = tile_span(0, tiles.rows()).size();
  std::vector<T> entries;
  for (std::size_t i = 0; i < n; ++i) {
    const T* row = tile.data() + i * kTileEdge;
    entries.insert(entries.end(), row + i + 1, row + n);
  }
  const auto middle = entries.begin() + static_cast<std::ptrdiff_t>(entries.size() / 2);
  std::nth_element(entries.begin(), middle, entries.end());
  return *middle;
}

// What is known of a layer but its Gram matrix.
LayerFacts facts_of(const InputView& x) {
  LayerFacts facts;
  facts.features = x.cols;
  facts.has_equal_rows = has_equal_rows(x);
  return facts;
}

// The blocks of a tile of samples; each of `edge` fine tiles on both sides.
class Blocks {
 public:
  explicit Blocks(const SampleTile& tile)
      : rows_(tile.rows.size()),
        cols_(tile.cols.size()),
        edge_(std::max<std::size_t>(1, (tiles_in(std::max(rows_, cols_)) + kBlocks - 1) / kBlocks)),
        grid_(tile.rows.begin == tile.cols.begin ? Grid::upper(count(rows_))
                                                 : Grid::full(count(rows_), count(cols_))) {}

  const Grid& grid() const { return grid_; }
  Span tile_rows(Cell block) const { return tiles(block.row, rows_); }
  Span tile_cols(Cell block) const { return tiles(block.col, cols_); }
  Span rows(Cell block) const { return samples(block.row, rows_); }
  Span cols(Cell block) const { return samples(block.col, cols_); }

 private:
  std::size_t count(std::size_t n) const { return (tiles_in(n) + edge_ - 1) / edge_; }
  Span tiles(std::size_t block, std::size_t n) const {
    return {block * edge_, std::min(tiles_in(n), (block + 1) * edge_)};
  }
  Span samples(std::size_t block, std::size_t n) const {
    return {block * edge_ * kTileEdge, std::min(n, (block + 1) * edge_ * kTileEdge)};
  }

  std::size_t rows_;
  std::size_t cols_;
  std::size_t edge_;
  Grid grid_;
};

template <class T>
std::vector<GramTiles<T>> gram_tiles(const MomentsPlan& plan, std::span<const InputView> rows,
                                     std::span<const InputView> cols, const Execution& execution) {
  std::vector<GramTiles<T>> layers;
  for (std::size_t layer = 0; layer < plan.layers.size(); ++layer) {
    const GramFacts& facts = plan.layers[layer].gram;
    if (cols.empty()) {
      layers.emplace_back(rows[layer], facts, execution);
    } else {
      layers.emplace_back(rows[layer], cols[layer], facts, execution);
    }
  }
  return layers;
}

// The sums over one tile of samples.
template <class T>
class TileSums {
 public:
  TileSums(const MomentsPlan& plan, const SampleTile& tile, std::vector<GramTiles<T>> layers,
           const Execution& execution)
      : kernels_(simd::kernels().of<T>()),
        pairs_(pairs_of(plan)),
        is_hollow_(plan.estimator == Estimator::debiased),
        execution_(execution),
        blocks_(tile),
        rows_(tile.rows.size()),
        cols_(tile.cols.size()),
        is_diagonal_(tile.rows.begin == tile.cols.begin),
        layers_(std::move(layers)) {
    for (const LayerFacts& layer : plan.layers) offsets_.push_back(static_cast<T>(layer.offset));
    for (const auto& [k, l] : pairs_.list()) {
      product_blocks_.insert({k / simd::kProductRows, l / simd::kProductRows});
    }
  }

  MomentsPart compute() const {
    const Grid& grid = blocks_.grid();
    std::vector<BlockSums> sums(grid.cells());
    const auto new_scratch = [this] { return Scratch(layers_.size()); };
    walk_tiles(grid, execution_, new_scratch, [&](Cell cell, Scratch& scratch, Worker& worker) {
      sums[grid.index(cell)] = sum_block(cell, scratch, worker);
    });
    return added(sums);
  }

 private:
  // The sums over one pair of blocks of rows; cols stays empty on the diagonal.
  struct BlockSums {
    std::vector<double> products;           // per pair of layers
    std::vector<double> diagonal;           // per layer
    std::vector<double> off_diagonal;       // per layer
    std::vector<std::vector<double>> rows;  // per layer, row sums of the block's rows
    std::vector<std::vector<double>> cols;  // and column sums, the mirrored block's row sums
  };

  // Working memory of one thread; the layers are padded to whole blocks of products.
  struct Scratch {
    explicit Scratch(std::size_t layers)
        : tiles(product(layers, kTileSize)),
          padded((layers + simd::kProductRows - 1) / simd::kProductRows * simd::kProductRows),
          chunks(product(padded, kChunk)),
          products(product(padded, padded)) {}
    T* tile(std::size_t layer) { return tiles.data() + layer * kTileSize; }

    Buffer<T> tiles;
    std::size_t padded = 0;
    Buffer<double> chunks;    // the same rows of every layer's tile
    Buffer<double> products;  // Σ K ∘ L over the tile, for all pairs of layers
  };

  bool is_on_diagonal(Cell cell) const { return is_diagonal_ && cell.row == cell.col; }

  BlockSums sum_block(Cell block, Scratch& scratch, Worker& worker) const {
    const Span rows = blocks_.rows(block);
    const Span cols = blocks_.cols(block);
    BlockSums sums;
    sums.products.assign(pairs_.list().size(), 0.0);
    sums.diagonal.assign(layers_.size(), 0.0);
    sums.off_diagonal.assign(layers_.size(), 0.0);
    sums.rows.assign(layers_.size(), std::vector<double>(rows.size(), 0.0));
    if (!is_on_diagonal(block)) {
      sums.cols.assign(layers_.size(), std::vector<double>(cols.size(), 0.0));
    }
    const Span tile_rows = blocks_.tile_rows(block);
    const Span tile_cols = blocks_.tile_cols(block);
    for (std::size_t r = tile_rows.begin; r < tile_rows.end; ++r) {
      const std::size_t first = is_on_diagonal(block) ? r : tile_cols.begin;
      for (std::size_t c = first; c < tile_cols.end; ++c) {
        worker.check();
        add_tile({r, c}, rows.begin, cols.begin, scratch, sums);
      }
    }
    return sums;
  }

  // Adds fine tile `cell` of all layers, and its mirror image, to the sums of its block.
  void add_tile(Cell cell, std::size_t first_row, std::size_t first_col, Scratch& scratch,
                BlockSums& sums) const {
    const Span rows = tile_span(cell.row, rows_);
    const Span cols = tile_span(cell.col, cols_);
    const bool is_diagonal = is_on_diagonal(cell);
    for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
      const T* tile = scratch.tile(layer);
      layers_[layer].compute(cell, scratch.tile(layer));
      for (std::size_t i = 0; is_diagonal && i < rows.size(); ++i) {
        add_diagonal({std::abs(static_cast<double>(tile[i * kTileEdge + i]))}, sums.diagonal[layer],
                     sums.off_diagonal[layer]);
      }
    }
    std::fill(scratch.products.begin(), scratch.products.end(), 0.0);
    for (std::size_t begin = 0; begin < rows.size(); begin += kChunkRows) {
      const Span chunk{begin, std::min(rows.size(), begin + kChunkRows)};
      for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
        double* row_sums = sums.rows[layer].data() + (rows.begin - first_row);
        // On the diagonal block the mirror image falls among the same rows.
        auto& mirrored = sums.cols.empty() ? sums.rows : sums.cols;
        double* col_sums = mirrored[layer].data() + (cols.begin - first_col);
        add_chunk(is_diagonal, chunk, cols.size(), layer, scratch, row_sums, col_sums);
      }
      multiply_chunks(chunk.size() * kTileEdge, scratch);
    }
    const double weight = is_diagonal ? 1 : 2;
    for (std::size_t p = 0; p < pairs_.list().size(); ++p) {
      const auto [k, l] = pairs_.list()[p];
      sums.products[p] += weight * scratch.products[k * scratch.padded + l];
    }
  }

  // Widens rows of one layer's tile, less its offset, and adds them to the row and column sums.
  void add_chunk(bool is_diagonal, Span chunk, std::size_t cols, std::size_t layer,
                 Scratch& scratch, double* row_sums, double* col_sums) const {
    const auto& wide = simd::kernels().float64;
    double* row = scratch.chunks.data() + layer * kChunk;
    for (std::size_t i = chunk.begin; i < chunk.end; ++i, row += kTileEdge) {
      kernels_.widen(scratch.tile(layer) + i * kTileEdge, cols, offsets_[layer], row);
      std::fill(row + cols, row + kTileEdge, 0.0);
      if (is_diagonal && is_hollow_) row[i] = 0;
      row_sums[i] += is_diagonal ? wide.sum(row, cols) : wide.add_row(row, cols, col_sums).sum;
    }
  }

  void multiply_chunks(std::size_t length, Scratch& scratch) const {
    constexpr std::size_t edge = simd::kProductRows;
    for (const auto& [k, l] : product_blocks_) {
      simd::kernels().row_products(
          scratch.chunks.data() + k * edge * kChunk, scratch.chunks.data() + l * edge * kChunk,
          kChunk, length, &scratch.products[(k * scratch.padded + l) * edge], scratch.padded);
    }
  }

  MomentsPart added(const std::vector<BlockSums>& sums) const {
    const std::size_t count = layers_.size();
    MomentsPart part;
    part.products.assign(pairs_.list().size(), 0.0);
    part.diagonal.assign(count, 0.0);
    part.off_diagonal.assign(count, 0.0);
    part.row_sums = zeros_of(count, rows_);
    if (!is_diagonal_) part.col_sums = zeros_of(count, cols_);
    for (std::size_t task = 0; task < sums.size(); ++task) {
      const Cell block = blocks_.grid().cell(task);
      const BlockSums& own = sums[task];
      for (std::size_t p = 0; p < part.products.size(); ++p) part.products[p] += own.products[p];
      for (std::size_t layer = 0; layer < count; ++layer) {
        add_diagonal({own.diagonal[layer], own.off_diagonal[layer]}, part.diagonal[layer],
                     part.off_diagonal[layer]);
        double* row_sums = &part.row_sums[layer * rows_];
        add_to(own.rows[layer], row_sums + blocks_.rows(block).begin);
        if (own.cols.empty()) continue;
        double* col_sums = is_diagonal_ ? row_sums : &part.col_sums[layer * cols_];
        add_to(own.cols[layer], col_sums + blocks_.cols(block).begin);
      }
    }
    return part;
  }

  static void add_to(const std::vector<double>& values, double* sums) {
    for (std::size_t i = 0; i < values.size(); ++i) sums[i] += values[i];
  }

  const simd::KernelTable<T>& kernels_;
  const LayerPairs pairs_;
  const bool is_hollow_;
  const Execution& execution_;
  const Blocks blocks_;
  const std::size_t rows_;
  const std::size_t cols_;
  const bool is_diagonal_;
  std::vector<GramTiles<T>> layers_;
  std::vector<T> offsets_;
  std::set<std::pair<std::size_t, std::size_t>> product_blocks_;  // that contain a wanted pair
};

// Of entries whose errors are relative to something whose squares have this sum, what rounding
// leaves of HSIC at most. Of squares below the normal numbers, digits are gone.
template <class T>
double rounding_in(double squares, double products, std::size_t samples) {
  constexpr double eps = std::numeric_limits<T>::epsilon();
  const double n = static_cast<double>(samples);
  const double of_numbers = (eps * eps * squares + kEps * products) / (n * n);
  return 64 * (of_numbers + std::numeric_limits<double>::min());
}

// The most that rounding leaves of the self-HSIC of a layer whose centred matrix vanishes: of its
// entries, in T, and of their sums, in float64. Those of entries are relative to the entries
// before the offset came off for exponentials, to √(K_ii K_jj) for inner products: squared and
// summed over what counts.
template <class T>
double rounding_of(const MomentsPlan& plan, std::size_t layer, const MomentsPart& sums) {
  const LayerFacts& facts = plan.layers[layer];
  const double products = sums.products[layer];  // of a layer with itself
  const double entries = sums.diagonal[layer];
  const bool is_hollow = plan.estimator == Estimator::debiased;
  double squares = is_hollow ? sums.off_diagonal[layer] : entries * entries;
  if (uses_distance(facts.gram.options.kernel)) {
    const double offsets = static_cast<double>(plan.samples) * facts.offset;
    squares = products + offsets * offsets;
  }
  return rounding_in<T>(squares, products, plan.samples);
}

// Whether T tells a self-HSIC from what rounding leaves, and CKA to 1e-6: rounding errors of the
// terms of an entry average out, and so do those of the entries. More than float64 is not to be
// had; and equal rows need no digits.
template <class T>
bool is_well_known(const MomentsPlan& plan, const LayerFacts& layer, double self, double rounding) {
  if (std::is_same_v<T, double>) return true;
  const double n = static_cast<double>(plan.samples);
  const bool is_exponential = uses_distance(layer.gram.options.kernel);
  const double terms = is_exponential ? 1 : static_cast<double>(layer.features);
  const double margin = std::max(4096.0, 6e9 / (terms * n * n));
  return !(self <= margin * rounding) || layer.has_equal_rows;
}

// Whether rounding of a layer may be far less than norms of its rows tell.
bool may_be_told_by_magnitudes(Kernel kernel, Estimator estimator, const LayerFacts& layer) {
  const bool has_products = kernel == Kernel::linear || kernel == Kernel::polynomial;
  return has_products && estimator == Estimator::debiased && !layer.has_equal_rows;
}

// |x − origin| · 2^−exponent as doubles, of rows of a layer: the magnitudes of the factors that
// entries are summed from.
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

// Σ K ∘ K of a tile of samples, without the diagonal.
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

std::vector<double> zeros_of(std::size_t layers, std::size_t count) {
  const std::size_t entries = product(layers, count);
  try {
    return std::vector<double>(entries);
  } catch (const std::exception&) {  // bad_alloc, or a length beyond any
    throw OutOfMemory(bytes_of<double>(entries));
  }
}

std::size_t blocks_of(const SampleTile& tile) {
  return Blocks(tile).grid().cells();
}

template <class T>
LayerFacts survey_in_gram_space(const Layer& layer, Estimator estimator,
                                const Execution& execution) {
  const InputView& x = layer.features;
  const Columns columns = columns_for(layer.kernel.kernel, estimator);
  LayerFacts facts = facts_of(x);
  facts.gram = survey_gram<T>(x, nullptr, layer.kernel, columns, execution);
  if (columns == Columns::as_given) {
    const InputView few = rows_of(x, tile_span(0, x.rows));
    facts.offset = typical_entry(GramTiles<T>(few, facts.gram, execution));
  }
  return facts;
}

template <class T>
PackedLayer<T> survey_and_pack(const Layer& layer, Estimator estimator,
                               const Execution& execution) {
  const InputView& x = layer.features;
  const Columns columns = columns_for(layer.kernel.kernel, estimator);
  PackedLayer<T> packed{{}, GramTiles<T>(x, layer.kernel, columns, execution)};
  packed.facts = facts_of(x);
  packed.facts.gram = packed.tiles.facts();
  if (columns == Columns::as_given) packed.facts.offset = typical_entry(packed.tiles);
  return packed;
}

template <class T>
MomentsPart sums_in_gram_space(const MomentsPlan& plan, const SampleTile& tile,
                               std::span<const InputView> rows, std::span<const InputView> cols,
                               const Execution& execution) {
  auto layers = gram_tiles<T>(plan, rows, cols, preparing(execution));
  return TileSums<T>(plan, tile, std::move(layers), execution).compute();
}

template <class T>
MomentsPart sums_in_gram_space(const MomentsPlan& plan, std::vector<GramTiles<T>> layers,
                               const Execution& execution) {
  const Span all{0, plan.samples};
  return TileSums<T>(plan, {all, all}, std::move(layers), execution).compute();
}

template <class T>
std::optional<Moments> moments_in_gram_space(const MomentsPlan& plan, const MomentsPart& sums) {
  const auto& kernels = simd::kernels().float64;
  const std::size_t n = plan.samples;
  const std::size_t count = plan.layers.size();
  Moments result(n, count, plan.estimator);
  result.row_sums = sums.row_sums;
  for (std::size_t layer = 0; layer < count; ++layer) {
    const LayerFacts& facts = plan.layers[layer];
    result.totals[layer] = kernels.sum(&sums.row_sums[layer * n], n);
    result.offsets[layer] = facts.offset;
    result.rounding[layer] = rounding_of<T>(plan, layer, sums);
    result.exponents[layer] = facts.gram.stays_scaled ? 2 * facts.gram.exponent : 0;
  }
  const LayerPairs pairs = pairs_of(plan);
  for (std::size_t p = 0; p < pairs.list().size(); ++p) {
    const auto [k, l] = pairs.list()[p];
    const double* of_k = &sums.row_sums[k * n];
    const double* of_l = &sums.row_sums[l * n];
    result.set_pair(k, l, sums.products[p], kernels.dot(of_k, of_l, n));
  }
  for (std::size_t layer = 0; layer < count; ++layer) {
    const double self = result.hsic(layer, layer);
    if (!is_well_known<T>(plan, plan.layers[layer], self, result.rounding[layer])) return {};
  }
  return result;
}

// Rows of huge norm in features of their own have products with the others that are 0 exactly: what
// rounding takes of an entry is relative to the magnitudes of the terms that it is summed from,
// which may be far less than the product of the norms.
LayerFacts survey_magnitudes(const Layer& layer, Estimator estimator, const Execution& execution) {
  const InputView& x = layer.features;
  LayerFacts facts;
  facts.features = x.cols;
  facts.has_equal_rows = has_equal_rows(x);
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

template PackedLayer<float> survey_and_pack(const Layer&, Estimator, const Execution&);
template PackedLayer<double> survey_and_pack(const Layer&, Estimator, const Execution&);
template MomentsPart sums_in_gram_space(const MomentsPlan&, std::vector<GramTiles<float>>,
                                        const Execution&);
template MomentsPart sums_in_gram_space(const MomentsPlan&, std::vector<GramTiles<double>>,
                                        const Execution&);
template LayerFacts survey_in_gram_space<float>(const Layer&, Estimator, const Execution&);
template LayerFacts survey_in_gram_space<double>(const Layer&, Estimator, const Execution&);
template MomentsPart sums_in_gram_space<float>(const MomentsPlan&, const SampleTile&,
                                               std::span<const InputView>,
                                               std::span<const InputView>, const Execution&);
template MomentsPart sums_in_gram_space<double>(const MomentsPlan&, const SampleTile&,
                                                std::span<const InputView>,
                                                std::span<const InputView>, const Execution&);
template std::optional<Moments> moments_in_gram_space<float>(const MomentsPlan&,
                                                             const MomentsPart&);
template std::optional<Moments> moments_in_gram_space<double>(const MomentsPlan&,
                                                              const MomentsPart&);

}  // namespace isogram
