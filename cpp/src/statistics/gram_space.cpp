// HSIC of many layers in one walk over the tiles of their Gram matrices.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

#include "simd/kernels.hpp"
#include "statistics/hsic.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// The Gram matrices are cut into at most this many blocks of rows. Each pair of blocks sums on its
// own, and the sums are added in a fixed order: the same bits for any number of threads.
constexpr std::size_t kBlocks = 32;

// Rows of a tile whose entries are widened and multiplied together: those of a few layers stay in
// the nearest cache.
constexpr std::size_t kChunkRows = std::max<std::size_t>(1, 384 / kTileEdge);
constexpr std::size_t kChunk = kChunkRows * kTileEdge;

constexpr double kEps = std::numeric_limits<double>::epsilon();

// Whether a kernel's matrix is that of the inner products of rows of unit norm.
bool has_unit_rows(Kernel kernel) {
  return kernel == Kernel::cosine || kernel == Kernel::correlation;
}

template <class T>
class GramSpace {
 public:
  GramSpace(std::span<const Layer* const> layers, const LayerPairs& pairs, Estimator estimator,
            const Execution& execution)
      : kernels_(simd::kernels().of<T>()),
        pairs_(pairs),
        samples_(layers[0]->features.rows),
        estimator_(estimator),
        execution_(execution) {
    const Execution quiet = preparing(execution);
    for (const Layer* layer : layers) {
      // Shifted rows leave a linear HSIC as it is, and its digits intact.
      const Kernel kernel = layer->kernel.kernel;
      const bool is_shifted = kernel == Kernel::linear || has_unit_rows(kernel);
      given_.push_back(layer);
      const Columns shifted = estimator == Estimator::debiased ? Columns::hollow : Columns::shifted;
      layers_.emplace_back(layer->features, layer->kernel, is_shifted ? shifted : Columns::as_given,
                           quiet);
      offsets_.push_back(is_shifted ? T(0) : typical_entry(layers_.back()));
    }
    for (const auto& [k, l] : pairs.list()) {
      product_blocks_.insert({k / simd::kProductRows, l / simd::kProductRows});
    }
  }

  // Nothing if T is too short for a layer: see is_well_known().
  std::optional<PairValues> compute() {
    const auto may_vanish = [](const GramTiles<T>& layer) { return layer.may_vanish(); };
    if (std::is_same_v<T, float> && std::any_of(layers_.begin(), layers_.end(), may_vanish)) {
      return {};
    }
    const std::size_t edge = std::max<std::size_t>(1, (tiles_in(samples_) + kBlocks - 1) / kBlocks);
    const std::size_t blocks = (tiles_in(samples_) + edge - 1) / edge;
    const Grid grid = Grid::upper(blocks);
    std::vector<BlockSums> sums(grid.cells());
    const auto new_scratch = [this] { return Scratch(layers_.size()); };
    walk_tiles(grid, execution_, new_scratch, [&](Cell cell, Scratch& scratch, Worker& worker) {
      sums[grid.index(cell)] = sum_block(cell, edge, scratch, worker);
    });
    return reduce(grid, sums, edge);
  }

 private:
  // Sums over a diagonal as computed.
  struct Diagonal {
    double entries = 0;  // Σ |K_ii|
    double pairs = 0;    // Σ |K_ii| |K_jj| over i ≠ j

    void add(const Diagonal& other) {
      pairs += 2 * entries * other.entries + other.pairs;
      entries += other.entries;
    }
  };

  // The sums over one pair of blocks of rows; cols stays empty on the diagonal.
  struct BlockSums {
    std::vector<double> products;           // per pair of layers
    std::vector<Diagonal> diagonals;        // per layer
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

  // HSIC does not change when a constant is added to all entries. Kernels whose entries all lie
  // close to one value would lose their digits in the sums; a typical entry is subtracted first:
  // the middle one, which no far row draws away.
  T typical_entry(const GramTiles<T>& layer) const {
    Buffer<T> tile(kTileSize);
    layer.compute({0, 0}, tile.data());
    const std::size_t n = tile_span(0, samples_).size();
    std::vector<T> entries;
    for (std::size_t i = 0; i < n; ++i) {
      const T* row = tile.data() + i * kTileEdge;
      entries.insert(entries.end(), row + i + 1, row + n);
    }
    const auto middle = entries.begin() + static_cast<std::ptrdiff_t>(entries.size() / 2);
    std::nth_element(entries.begin(), middle, entries.end());
    return *middle;
  }

  Span block_tiles(std::size_t block, std::size_t edge) const {
    return {block * edge, std::min(tiles_in(samples_), (block + 1) * edge)};
  }

  Span block_rows(std::size_t block, std::size_t edge) const {
    return {block * edge * kTileEdge, std::min(samples_, (block + 1) * edge * kTileEdge)};
  }

  BlockSums sum_block(Cell block, std::size_t edge, Scratch& scratch, Worker& worker) const {
    const Span rows = block_rows(block.row, edge);
    const Span cols = block_rows(block.col, edge);
    BlockSums sums;
    sums.products.assign(pairs_.list().size(), 0.0);
    sums.diagonals.assign(layers_.size(), {});
    sums.rows.assign(layers_.size(), std::vector<double>(rows.size(), 0.0));
    if (block.row != block.col) {
      sums.cols.assign(layers_.size(), std::vector<double>(cols.size(), 0.0));
    }
    const Span tile_rows = block_tiles(block.row, edge);
    const Span tile_cols = block_tiles(block.col, edge);
    for (std::size_t r = tile_rows.begin; r < tile_rows.end; ++r) {
      const std::size_t first = block.row == block.col ? r : tile_cols.begin;
      for (std::size_t c = first; c < tile_cols.end; ++c) {
        worker.check();
        add_tile({r, c}, rows.begin, cols.begin, scratch, sums);
      }
    }
    return sums;
  }

  // Adds tile `cell` of all layers, and its mirror image, to the sums of its block.
  void add_tile(Cell cell, std::size_t first_row, std::size_t first_col, Scratch& scratch,
                BlockSums& sums) const {
    const Span rows = tile_span(cell.row, samples_);
    const Span cols = tile_span(cell.col, samples_);
    const bool is_diagonal = cell.row == cell.col;
    for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
      const T* tile = scratch.tile(layer);
      layers_[layer].compute(cell, scratch.tile(layer));
      for (std::size_t i = 0; is_diagonal && i < rows.size(); ++i) {
        sums.diagonals[layer].add({std::abs(static_cast<double>(tile[i * kTileEdge + i]))});
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
      if (is_diagonal && estimator_ == Estimator::debiased) row[i] = 0;
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

  std::optional<PairValues> reduce(const Grid& grid, const std::vector<BlockSums>& sums,
                                   std::size_t edge) const {
    std::vector<double> products(pairs_.list().size());
    std::vector<Diagonal> diagonals(layers_.size());
    std::vector<std::vector<double>> row_sums(layers_.size(), std::vector<double>(samples_));
    for (std::size_t task = 0; task < sums.size(); ++task) {
      const Cell block = grid.cell(task);
      for (std::size_t p = 0; p < products.size(); ++p) products[p] += sums[task].products[p];
      for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
        diagonals[layer].add(sums[task].diagonals[layer]);
        add_at(sums[task].rows[layer], block_rows(block.row, edge).begin, row_sums[layer]);
        if (sums[task].cols.empty()) continue;
        add_at(sums[task].cols[layer], block_rows(block.col, edge).begin, row_sums[layer]);
      }
    }
    PairValues values;
    for (std::size_t p = 0; p < products.size(); ++p) {
      const auto [k, l] = pairs_.list()[p];
      values.hsic.push_back(value_of(products[p], row_sums[k], row_sums[l]));
      if (k != l) continue;
      const double rounding = rounding_of(k, products[p], diagonals[k]);
      if (!is_well_known(k, values.hsic[p], rounding)) return {};
      if (!std::isfinite(values.hsic[p]) || values.hsic[p] > rounding) continue;
      if (!(values.hsic[p] > least_rounding_of(k, products[p]))) values.hsic[p] = 0;
    }
    for (const GramTiles<T>& layer : layers_) values.exponents.push_back(layer.exponent());
    return values;
  }

  static void add_at(const std::vector<double>& part, std::size_t begin,
                     std::vector<double>& whole) {
    for (std::size_t i = 0; i < part.size(); ++i) whole[begin + i] += part[i];
  }

  double value_of(double products, const std::vector<double>& k,
                  const std::vector<double>& l) const {
    const auto& kernels = simd::kernels().float64;
    return hsic_of({products, kernels.dot(k.data(), l.data(), samples_),
                    kernels.sum(k.data(), samples_), kernels.sum(l.data(), samples_)},
                   samples_, estimator_);
  }

  // The most that rounding leaves of the self-HSIC of a layer whose centred matrix vanishes: of its
  // entries, in T, and of their sums, in float64. Those of entries are relative to the entries
  // before the offset came off for exponentials, to √(K_ii K_jj) for inner products: squared and
  // summed over what counts.
  double rounding_of(std::size_t layer, double products, const Diagonal& diagonal) const {
    const double n = static_cast<double>(samples_);
    const double offsets = n * offsets_[layer];
    const bool is_hollow = estimator_ == Estimator::debiased;
    double squares = is_hollow ? diagonal.pairs : diagonal.entries * diagonal.entries;
    if (layers_[layer].is_exponential()) squares = products + offsets * offsets;
    return rounding_in(squares, products);
  }

  // The same by magnitude of the terms that entries are summed from, where that may be far less:
  // rows of huge norm in features of their own have products with the others that are 0 exactly.
  // Takes the time of the Gram matrix again, and features as doubles: only for what seems constant.
  double least_rounding_of(std::size_t layer, double products) const {
    const InputView& x = given_[layer]->features;
    KernelOptions options = given_[layer]->kernel;
    const bool is_linear = options.kernel == Kernel::linear;
    const bool has_products = is_linear || options.kernel == Kernel::polynomial;
    if (!has_products || estimator_ == Estimator::biased || has_equal_rows(x)) return INFINITY;
    options.gamma = std::abs(options.gamma);
    options.coef0 = std::abs(options.coef0);
    const Execution quiet = preparing(execution_);
    const std::vector<double> origin =
        is_linear ? survey_bulk(x, quiet).mean_row : std::vector<double>(x.cols);
    const RowReader reader(x);
    Buffer<double> magnitudes = Buffer<double>::unset(product(x.rows, x.cols));
    parallel_for(quiet, x.rows, [&](std::size_t i, Worker&) {
      double* row = &magnitudes[i * x.cols];
      reader.read(i, row);
      subtract_scaled(row, x.cols, origin.data(), layers_[layer].exponent() / 2);
      std::transform(row, row + x.cols, row, [](double value) { return std::abs(value); });
    });
    const auto stride = static_cast<std::ptrdiff_t>(x.cols);
    const InputView view(magnitudes.data(), ElementType::float64, x.rows, x.cols, stride, 1);
    const GramTiles<double> tiles(view, options, Columns::as_given, quiet);
    const Grid grid = Grid::upper(tiles_in(samples_));
    std::vector<double> squares(grid.cells());
    parallel_for(quiet, grid.cells(), [&](std::size_t task, Worker&) {
      const Cell cell = grid.cell(task);
      Buffer<double> tile(kTileSize);
      tiles.compute(cell, tile.data());
      const std::size_t cols = tile_span(cell.col, samples_).size();
      for (std::size_t i = 0; i < tile_span(cell.row, samples_).size(); ++i) {
        double* row = &tile[i * kTileEdge];
        if (cell.row == cell.col) row[i] = 0;
        squares[task] += simd::kernels().float64.dot(row, row, cols);
      }
      if (cell.row != cell.col) squares[task] *= 2;
    });
    const double total = std::accumulate(squares.begin(), squares.end(), 0.0);
    return rounding_in(total, products);
  }

  // Of entries whose errors are relative to something whose squares have this sum. Of squares below
  // the normal numbers, digits are gone.
  double rounding_in(double squares, double products) const {
    constexpr double eps = std::numeric_limits<T>::epsilon();
    const double n = static_cast<double>(samples_);
    const double of_numbers = (eps * eps * squares + kEps * products) / (n * n);
    return 64 * (of_numbers + std::numeric_limits<double>::min());
  }

  // Whether T tells a self-HSIC from what rounding leaves, and CKA to 1e-6: rounding errors of the
  // terms of an entry average out, and so do those of the entries. More than float64 is not to be
  // had; and equal rows need no digits.
  bool is_well_known(std::size_t layer, double self, double rounding) const {
    const double n = static_cast<double>(samples_);
    const InputView& x = given_[layer]->features;
    const double terms = layers_[layer].is_exponential() ? 1 : static_cast<double>(x.cols);
    const double margin = std::max(4096.0, 6e9 / (terms * n * n));
    if (std::is_same_v<T, double> || !(self <= margin * rounding)) return true;
    return has_equal_rows(x);
  }

  const simd::KernelTable<T>& kernels_;
  const LayerPairs& pairs_;
  const std::size_t samples_;
  const Estimator estimator_;
  const Execution& execution_;
  std::vector<const Layer*> given_;
  std::vector<GramTiles<T>> layers_;
  std::vector<T> offsets_;
  std::set<std::pair<std::size_t, std::size_t>> product_blocks_;  // that contain a wanted pair
};

}  // namespace

template <class T>
std::optional<PairValues> hsic_in_gram_space(std::span<const Layer* const> layers,
                                             const LayerPairs& pairs, Estimator estimator,
                                             const Execution& execution) {
  return GramSpace<T>(layers, pairs, estimator, execution).compute();
}

template std::optional<PairValues> hsic_in_gram_space<float>(std::span<const Layer* const>,
                                                             const LayerPairs&, Estimator,
                                                             const Execution&);
template std::optional<PairValues> hsic_in_gram_space<double>(std::span<const Layer* const>,
                                                              const LayerPairs&, Estimator,
                                                              const Execution&);

}  // namespace isogram
