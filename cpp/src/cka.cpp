#include "isogram/cka.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "buffer.hpp"
#include "input.hpp"
#include "isogram/arithmetic.hpp"
#include "simd/kernels.hpp"
#include "tile.hpp"
#include "walk.hpp"

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

// All that HSIC needs of two Gram matrices K and L, diagonals zeroed if debiased.
struct Moments {
  double products;  // Σ K ∘ L
  double row_sums;  // (K1) · (L1)
  double total_k;   // 1ᵀK1
  double total_l;
};

double hsic_of(const Moments& m, std::size_t samples, Estimator estimator) {
  const double n = static_cast<double>(samples);
  if (estimator == Estimator::biased) {
    return (m.products - 2 / n * m.row_sums + m.total_k * m.total_l / (n * n)) /
           ((n - 1) * (n - 1));
  }
  return (m.products + m.total_k * m.total_l / ((n - 1) * (n - 2)) - 2 / (n - 2) * m.row_sums) /
         (n * (n - 3));
}

// The layers of both sides in one list, and which pairs of them are wanted: every layer with
// itself, and every one of x with every one of y.
class LayerPairs {
 public:
  LayerPairs(std::size_t x, std::size_t y, bool is_symmetric)
      : x_(x), y_offset_(is_symmetric ? 0 : x), layers_(y_offset_ + y) {
    for (std::size_t layer = 0; layer < layers_; ++layer) pairs_.push_back({layer, layer});
    for (std::size_t i = 0; i < x; ++i) {
      for (std::size_t j = is_symmetric ? i + 1 : x; j < layers_; ++j) pairs_.push_back({i, j});
    }
  }
  std::size_t layers() const { return layers_; }
  const std::vector<Cell>& list() const { return pairs_; }

  // Where pair (i of x, j of y) stands in list().
  std::size_t find(std::size_t i, std::size_t j) const {
    const Cell wanted{std::min(i, y_offset_ + j), std::max(i, y_offset_ + j)};
    if (wanted.row == wanted.col) return wanted.row;
    const bool is_symmetric = y_offset_ == 0;
    if (!is_symmetric) return layers_ + wanted.row * (layers_ - x_) + (wanted.col - x_);
    return layers_ + wanted.row * (2 * layers_ - wanted.row - 1) / 2 + wanted.col - wanted.row - 1;
  }

 private:
  std::size_t x_;
  std::size_t y_offset_;
  std::size_t layers_;
  std::vector<Cell> pairs_;
};

// HSIC of every wanted pair, in units of 2^(exponent of one + exponent of the other).
struct PairValues {
  std::vector<double> hsic;    // as LayerPairs::list()
  std::vector<int> exponents;  // per layer
};

// ---- Gram space: one walk over the tiles of all layers' Gram matrices ------------------------

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
    using Columns = typename GramTiles<T>::Columns;
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
    const GramTiles<double> tiles(view, options, GramTiles<double>::Columns::as_given, quiet);
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

// ---- Feature space: ‖XcᵀYc‖² from the tiles of D × D matrices, for the linear kernel ---------

// Samples are cut into segments of at most so many, whose products are added in float64; and a
// matrix of few tiles into as many tasks, each with some of the segments.
constexpr std::size_t kSegment = 1024;
constexpr std::size_t kTasks = 32;

// Part `index` of n things in `parts`.
Span part_of(std::size_t n, std::size_t index, std::size_t parts) {
  return {n * index / parts, n * (index + 1) / parts};
}

// Xᵀ less an origin, in scaled units: per segment of samples, the features as rows of panels (see
// simd/kernels.hpp).
template <class T>
struct ShiftedFeatures {
  std::size_t count;
  int exponent;
  Buffer<T> panels;
  // Of the Gram matrix that they make, for the debiased estimator its diagonal, and row sums
  // without it.
  std::vector<double> diagonal;
  std::vector<double> row_sums;
};

template <class T>
class FeatureSpace {
 public:
  FeatureSpace(std::span<const Layer* const> layers, const LayerPairs& pairs, Estimator estimator,
               const Execution& execution)
      : kernels_(simd::kernels().of<T>()),
        pairs_(pairs),
        samples_(layers[0]->features.rows),
        segments_((samples_ + kSegment - 1) / kSegment),
        estimator_(estimator),
        quiet_(preparing(execution)),
        execution_(execution) {
    for (const Layer* layer : layers) pack(layer->features);
  }

  // Nothing if the Gram matrices have to be looked at after all: see has_cancelled().
  std::optional<PairValues> compute() {
    PairValues values;
    const std::size_t total = pairs_.list().size();
    for (const auto& [k, l] : pairs_.list()) {
      values.hsic.push_back(value_of(k, l, within_pair(values.hsic.size(), total)));
      if (k == l && has_cancelled(k, values.hsic.back())) return {};
    }
    report(execution_, total, total);
    for (const auto& layer : features_) values.exponents.push_back(2 * layer.exponent);
    return values;
  }

 private:
  void pack(const InputView& x) {
    const std::size_t panel = kernels_.panel;
    ShiftedFeatures<T>& features = features_.emplace_back();
    features.count = x.cols;
    // Memory first: before anybody spends time on looking at x.
    features.panels = Buffer<T>::unset(product(panels_of(x.cols) * panel, samples_));
    features.diagonal.resize(samples_);
    features.row_sums.resize(samples_);
    const Survey survey = survey_bulk(x, quiet_);
    features.exponent = scaling_exponent_of(survey.largest);
    const Buffer<T> sum = sum_of_rows(survey, features.exponent);
    const RowReader reader(x);
    parallel_for(quiet_, segments_, [&](std::size_t segment, Worker& worker) {
      std::vector<double> row(x.cols);
      const Span samples = part_of(samples_, segment, segments_);
      for (std::size_t i = samples.begin; i < samples.end; ++i) {
        worker.check();
        // What has only to be shifted goes to its place at once.
        const T* stored = features.exponent == 0 ? stored_row<T>(x, i) : nullptr;
        if (!stored) {
          reader.read(i, row.data());
          subtract_scaled(row.data(), row.size(), survey.mean_row.data(), features.exponent);
        }
        for (std::size_t p = 0; p < panels_of(x.cols); ++p) {
          T* target = segment_panel(features, p, samples) + (i - samples.begin) * panel;
          const Span span{p * panel, std::min(x.cols, (p + 1) * panel)};
          if (stored) {
            kernels_.subtract_shifts(stored + span.begin, target, span.size(), 0,
                                     &survey.mean_row[span.begin]);
          } else {
            std::transform(&row[span.begin], row.data() + span.end, target,
                           [](double value) { return static_cast<T>(value); });
          }
          std::fill(target + span.size(), target + panel, T(0));
          if (estimator_ == Estimator::debiased) {
            features.diagonal[i] += kernels_.dot(target, target, span.size());
          }
          // Row sums of a Gram matrix are its rows' products with their sum.
          if (sum.size() > 0) {
            features.row_sums[i] += kernels_.dot(target, &sum[span.begin], span.size());
          }
        }
        features.row_sums[i] -= features.diagonal[i];
      }
    });
  }

  std::size_t panels_of(std::size_t features) const {
    return (features + kernels_.panel - 1) / kernels_.panel;
  }

  // Panel p of the segment with these samples.
  template <class Features>
  auto segment_panel(Features& features, std::size_t p, Span samples) const {
    const std::size_t rows_before = panels_of(features.count) * samples.begin + p * samples.size();
    return features.panels.data() + rows_before * kernels_.panel;
  }

  // The sum of the packed rows, by panels, but for the rounding of T. It is 0 where the origin is
  // their mean, and empty where it is so little that row sums do not show it.
  Buffer<T> sum_of_rows(const Survey& survey, int exponent) const {
    const std::size_t count = survey.residual.size();
    std::vector<double> sum = survey.residual;
    scale_down(sum.data(), count, exponent);
    const double n = static_cast<double>(samples_);
    const double squares = n * n * simd::kernels().float64.dot(sum.data(), sum.data(), count);
    const double least = std::numeric_limits<T>::epsilon() * std::ldexp(survey.largest, -exponent);
    if (squares <= least * least) return {};
    Buffer<T> rounded(panels_of(count) * kernels_.panel);
    for (std::size_t j = 0; j < count; ++j) rounded[j] = static_cast<T>(n * sum[j]);
    return rounded;
  }

  // For loops within a pair: they report the pairs done before. All layers with themselves come
  // first, and are progress only once they have all passed has_cancelled().
  Execution within_pair(std::size_t done, std::size_t total) const {
    return done < pairs_.layers() ? preparing(execution_) : within(execution_, done, total, 0);
  }

  double value_of(std::size_t k, std::size_t l, const Execution& execution) const {
    const auto& x = features_[k];
    const auto& y = features_[l];
    return hsic_of({squared_cross_norm(k, l, execution) - inner(x.diagonal, y.diagonal),
                    inner(x.row_sums, y.row_sums), total(x.row_sums), total(y.row_sums)},
                   samples_, estimator_);
  }

  // The debiased estimator takes the Gram matrix's diagonal off ‖XcᵀXc‖² again. Where nearly all
  // lies on the diagonal (orthogonal samples, one that dwarfs the others), that costs 3 bits.
  bool has_cancelled(std::size_t layer, double self) const {
    if (estimator_ == Estimator::biased) return false;
    const double n = static_cast<double>(samples_);
    const auto& diagonal = features_[layer].diagonal;
    return n * (n - 3) * self < inner(diagonal, diagonal) / 8;
  }

  static double inner(const std::vector<double>& a, const std::vector<double>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  }
  static double total(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
  }

  // ‖XcᵀYc‖², tile by tile; of the symmetric XcᵀXc the upper triangle stands for both.
  double squared_cross_norm(std::size_t k, std::size_t l, const Execution& execution) const {
    const ShiftedFeatures<T>& x = features_[k];
    const ShiftedFeatures<T>& y = features_[l];
    const Grid grid =
        k == l ? Grid::upper(tiles_in(x.count)) : Grid::full(tiles_in(x.count), tiles_in(y.count));
    const std::size_t parts = std::min(segments_, (kTasks + grid.cells() - 1) / grid.cells());
    std::vector<Buffer<double>> sums(grid.cells() * parts);
    std::vector<double> squares(grid.cells());
    const auto add_squares = [&](std::size_t index) {
      const Cell cell = grid.cell(index);
      const double weight = k == l && cell.row != cell.col ? 2 : 1;
      squares[index] = weight * squares_of(&sums[index * parts], parts);
    };
    PerWorker tiles(execution, sums.size(), new_tile<T>);
    parallel_for(execution, sums.size(), tiles,
                 [&](std::size_t task, Buffer<T>& tile, Worker& worker) {
                   const std::size_t index = task / parts;
                   const Span segments = part_of(segments_, task % parts, parts);
                   sums[task] = cross_tile(x, y, grid.cell(index), segments, tile.data(), worker);
                   if (parts == 1) add_squares(index);
                 });
    for (std::size_t index = 0; parts > 1 && index < grid.cells(); ++index) add_squares(index);
    return std::accumulate(squares.begin(), squares.end(), 0.0);
  }

  // A tile of XcᵀYc over some of the segments of samples.
  Buffer<double> cross_tile(const ShiftedFeatures<T>& x, const ShiftedFeatures<T>& y, Cell cell,
                            Span segments, T* tile, Worker& worker) const {
    const Span rows = tile_span(cell.row, x.count);
    const Span cols = tile_span(cell.col, y.count);
    const std::size_t row_panel = rows.begin / kernels_.panel;
    const std::size_t col_panel = cols.begin / kernels_.panel;
    Buffer<double> sums(kTileSize);
    for (std::size_t segment = segments.begin; segment < segments.end; ++segment) {
      worker.check();
      const Span samples = part_of(samples_, segment, segments_);
      kernels_.inner_products(segment_panel(x, row_panel, samples), rows.size(),
                              segment_panel(y, col_panel, samples), cols.size(), samples.size(),
                              tile, kTileEdge, false, {});
      for (std::size_t i = 0; i < rows.size(); ++i) {
        kernels_.add_row(tile + i * kTileEdge, cols.size(), &sums[i * kTileEdge]);
      }
    }
    return sums;
  }

  // The squares of the sum of some tiles, which are given up.
  static double squares_of(Buffer<double>* tiles, std::size_t count) {
    const auto& kernels = simd::kernels().float64;
    Buffer<double> sum = std::move(tiles[0]);
    for (std::size_t t = 1; t < count; ++t) {
      const Buffer<double> tile = std::move(tiles[t]);
      kernels.add_row(tile.data(), kTileSize, sum.data());
    }
    return kernels.dot(sum.data(), sum.data(), kTileSize);
  }

  const simd::KernelTable<T>& kernels_;
  const LayerPairs& pairs_;
  const std::size_t samples_;
  const std::size_t segments_;
  const Estimator estimator_;
  const Execution quiet_;
  const Execution& execution_;
  std::vector<ShiftedFeatures<T>> features_;
};

// ---- Which of the two, and the table ---------------------------------------------------------

// Whether D × D matrices take fewer multiply-adds than tiles of N × N ones.
bool feature_space_is_cheaper(std::span<const Layer* const> layers, const LayerPairs& pairs) {
  const auto n = static_cast<double>(layers[0]->features.rows);
  double in_features = 0;
  double in_gram = n * n / 2 * static_cast<double>(pairs.list().size());
  for (const Layer* layer : layers) {
    if (layer->kernel.kernel != Kernel::linear) return false;
    in_gram += n * n / 2 * static_cast<double>(layer->features.cols);
  }
  for (const auto& [k, l] : pairs.list()) {
    const double d_k = static_cast<double>(layers[k]->features.cols);
    const double d_l = static_cast<double>(layers[l]->features.cols);
    in_features += n * d_k * d_l / (k == l ? 2 : 1);
  }
  return in_features <= in_gram;
}

// Nothing if T is too short for a layer.
template <class T>
std::optional<PairValues> pair_values(std::span<const Layer* const> layers, const LayerPairs& pairs,
                                      Estimator estimator, const Execution& execution) {
  if (feature_space_is_cheaper(layers, pairs)) {
    auto values = FeatureSpace<T>(layers, pairs, estimator, execution).compute();
    if (values) return values;
  }
  return GramSpace<T>(layers, pairs, estimator, execution).compute();
}

void require_layers(std::span<const Layer* const> layers, Estimator estimator) {
  require(!layers.empty(), "`layers` must not be empty");
  const InputView& first = layers[0]->features;
  for (const Layer* layer : layers) {
    const InputView& features = layer->features;
    require_not_empty(features);
    if (features.rows == first.rows) continue;
    throw std::invalid_argument("`" + features.name + "` must have " + std::to_string(first.rows) +
                                " rows like `" + first.name + "`, got " +
                                std::to_string(features.rows));
  }
  const std::size_t least = estimator == Estimator::biased ? 2 : 4;
  if (first.rows < least) {
    throw std::invalid_argument("`" + first.name + "` must have at least " + std::to_string(least) +
                                " rows, got " + std::to_string(first.rows));
  }
}

// Powers of inner products leave float32's range, and its digits, where the features do not.
bool needs_float64(const Layer* layer) {
  return layer->features.type == ElementType::float64 || layer->kernel.kernel == Kernel::polynomial;
}

// Both estimators are inner products of centred matrices (the debiased one of U-centred ones), so
// that only rounding can leave [−1, 1]; of a layer with itself it is 1 exactly.
double alignment_of(double cross, double self_k, double self_l) {
  const double norms = self_k == self_l ? self_k : std::sqrt(self_k) * std::sqrt(self_l);
  return std::clamp(cross / norms, -1.0, 1.0);
}

HsicTable table_of(const PairValues& values, const LayerPairs& pairs, std::size_t x_count,
                   std::size_t y_count, std::size_t y_offset) {
  HsicTable table;
  const auto self = [&](std::size_t layer) { return values.hsic[layer]; };
  const auto in_units = [&](double value, std::size_t k, std::size_t l) {
    return std::ldexp(value, values.exponents[k] + values.exponents[l]);
  };
  for (std::size_t i = 0; i < x_count; ++i) {
    table.self_x.push_back(in_units(self(i), i, i));
    for (std::size_t j = 0; j < y_count; ++j) {
      const std::size_t l = y_offset + j;
      const bool is_defined = self(i) != 0 && self(l) != 0;
      // What vanishes when centred has no inner product but rounding.
      const double value = is_defined ? values.hsic[pairs.find(i, j)] : 0;
      table.hsic.push_back(in_units(value, i, l));
      table.cka.push_back(is_defined ? alignment_of(value, self(i), self(l)) : NAN);
    }
  }
  for (std::size_t j = 0; j < y_count; ++j) {
    table.self_y.push_back(in_units(self(y_offset + j), y_offset + j, y_offset + j));
  }
  return table;
}

// What is computed again, in another space or type, is one progress with what was before: it waits
// where that ended.
class OneProgress {
 public:
  explicit OneProgress(const Execution& execution) : execution_(execution) {}

  // Valid as long as this object.
  Execution execution() {
    Execution result{execution_.num_threads, {}};
    if (execution_.poll) {
      result.poll = [this](std::size_t done, std::size_t total) { return poll(done, total); };
    }
    return result;
  }

 private:
  bool poll(std::size_t done, std::size_t total) {
    if (total_ == 0) total_ = total;
    if (total > 0) {
      const double share = static_cast<double>(done) / static_cast<double>(total);
      done_ = std::max(done_, static_cast<std::size_t>(share * static_cast<double>(total_)));
    }
    return execution_.poll(done_, total_);
  }

  const Execution& execution_;
  std::size_t done_ = 0;
  std::size_t total_ = 0;
};

HsicTable hsic_table(std::span<const Layer> x, std::span<const Layer> y, bool is_symmetric,
                     Estimator estimator, const Execution& caller) {
  const UsualArithmetic usual;
  OneProgress progress(caller);
  const Execution execution = progress.execution();
  std::vector<const Layer*> layers;
  for (const Layer& layer : x) layers.push_back(&layer);
  if (!is_symmetric) {
    for (const Layer& layer : y) layers.push_back(&layer);
  }
  require(!x.empty() && !y.empty(), "`layers` must not be empty");
  require_layers(layers, estimator);
  const LayerPairs pairs(x.size(), y.size(), is_symmetric);
  std::optional<PairValues> values;
  if (std::none_of(layers.begin(), layers.end(), needs_float64)) {
    values = pair_values<float>(layers, pairs, estimator, execution);
  }
  if (!values) values = pair_values<double>(layers, pairs, estimator, execution);
  return table_of(*values, pairs, x.size(), y.size(), is_symmetric ? 0 : x.size());
}

}  // namespace

HsicTable hsic_table(std::span<const Layer> x, Estimator estimator, const Execution& execution) {
  return hsic_table(x, x, true, estimator, execution);
}

HsicTable hsic_table(std::span<const Layer> x, std::span<const Layer> y, Estimator estimator,
                     const Execution& execution) {
  return hsic_table(x, y, false, estimator, execution);
}

}  // namespace isogram
