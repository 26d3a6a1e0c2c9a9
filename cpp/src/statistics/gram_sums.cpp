// Sums over the Gram matrices of many layers in one walk over their tiles.
#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "simd/kernels.hpp"
#include "statistics/spaces.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"
#include "tiles/tile.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// A coarse tile is cut into at most kBlocks × kBlocks blocks. Each block has sums of its own, which
// are added in a fixed order: the same bits for any number of threads.
constexpr std::size_t kBlocks = 32;

// A chunk: rows of a fine tile that are widened and multiplied together. The chunks of a few layers
// stay in the L1 cache.
constexpr std::size_t kChunkRows = std::max<std::size_t>(1, 384 / kTileEdge);
constexpr std::size_t kChunk = kChunkRows * kTileEdge;

// The blocks of a coarse tile, each of edge_ × edge_ fine tiles.
class Blocks {
 public:
  explicit Blocks(const SampleTile& tile)
      : rows_(tile.rows.size()),
        cols_(tile.cols.size()),
        edge_(std::max<std::size_t>(1, blocks_in(tiles_in(std::max(rows_, cols_)), kBlocks))),
        grid_(tile.rows.begin == tile.cols.begin ? Grid::upper(count(rows_))
                                                 : Grid::full(count(rows_), count(cols_))) {}

  const Grid& grid() const { return grid_; }
  Span tile_rows(Cell block) const { return tiles(block.row, rows_); }
  Span tile_cols(Cell block) const { return tiles(block.col, cols_); }
  Span rows(Cell block) const { return samples(block.row, rows_); }
  Span cols(Cell block) const { return samples(block.col, cols_); }

 private:
  std::size_t count(std::size_t n) const { return blocks_in(tiles_in(n), edge_); }
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

// The sums over one coarse tile.
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
  // The sums over one block; cols is empty on the diagonal.
  struct BlockSums {
    std::vector<double> products;           // per pair of layers
    std::vector<double> diagonal;           // per layer
    std::vector<double> off_diagonal;       // per layer
    std::vector<std::vector<double>> rows;  // per layer, the row sums of the block
    std::vector<std::vector<double>> cols;  // per layer, the column sums of the block
  };

  // Working memory of one thread; layers are padded to whole multiples of kProductRows.
  struct Scratch {
    explicit Scratch(std::size_t layers)
        : tiles(Buffer<T>::unset(product(layers, kTileSize))),
          stride(padded(layers, simd::kProductRows)),
          chunks(product(stride, kChunk)),
          products(product(stride, stride)) {}
    T* tile(std::size_t layer) { return tiles.data() + layer * kTileSize; }

    Buffer<T> tiles;
    std::size_t stride = 0;   // of products; the number of chunks
    Buffer<double> chunks;    // the chunk of every layer's tile
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
        // In a block on the diagonal the mirror image belongs to the same rows.
        auto& mirrored = sums.cols.empty() ? sums.rows : sums.cols;
        double* col_sums = mirrored[layer].data() + (cols.begin - first_col);
        add_chunk(is_diagonal, chunk, cols.size(), layer, scratch, row_sums, col_sums);
      }
      multiply_chunks(chunk.size() * kTileEdge, scratch);
    }
    const double weight = is_diagonal ? 1 : 2;
    for (std::size_t p = 0; p < pairs_.list().size(); ++p) {
      const auto [k, l] = pairs_.list()[p];
      sums.products[p] += weight * scratch.products[k * scratch.stride + l];
    }
  }

  // Widens a chunk of one layer's tile, less the layer's offset, and adds it to the row and column
  // sums.
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
    const std::size_t rows = layers_.size() <= 2 ? 2 : edge;  // two layers are the usual number
    for (const auto& [k, l] : product_blocks_) {
      simd::kernels().float64.row_products(
          scratch.chunks.data() + k * edge * kChunk, rows,
          scratch.chunks.data() + l * edge * kChunk, rows, kChunk, length,
          &scratch.products[(k * scratch.stride + l) * edge], scratch.stride, {});
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
  std::set<std::pair<std::size_t, std::size_t>> product_blocks_;  // those with a wanted pair
};

}  // namespace

std::size_t blocks_of(const SampleTile& tile) {
  return Blocks(tile).grid().cells();
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

template MomentsPart sums_in_gram_space(const MomentsPlan&, std::vector<GramTiles<float>>,
                                        const Execution&);
template MomentsPart sums_in_gram_space(const MomentsPlan&, std::vector<GramTiles<double>>,
                                        const Execution&);
template MomentsPart sums_in_gram_space<float>(const MomentsPlan&, const SampleTile&,
                                               std::span<const InputView>,
                                               std::span<const InputView>, const Execution&);
template MomentsPart sums_in_gram_space<double>(const MomentsPlan&, const SampleTile&,
                                                std::span<const InputView>,
                                                std::span<const InputView>, const Execution&);

}  // namespace isogram
