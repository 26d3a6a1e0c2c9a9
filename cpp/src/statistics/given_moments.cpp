// Moments of Gram matrices that are given in place of features.
#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "simd/kernels.hpp"
#include "statistics/layer_pairs.hpp"
#include "statistics/spaces.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/given_gram.hpp"
#include "tiles/grid.hpp"

namespace isogram {

namespace {

// Rows of a tile that are centred and multiplied together: those of a few matrices stay in the L1
// cache.
constexpr std::size_t kChunkRows = 4;
constexpr std::size_t kChunk = kChunkRows * kTileEdge;

// A matrix whose squares, when it is centred, are at most so much of its own is constant: 64
// roundings of entries make them.
constexpr double kRounding =
    0x1p12 * std::numeric_limits<double>::epsilon() * std::numeric_limits<double>::epsilon();

// Σ K ∘ L of centred matrices, for all pairs.
class CenteredProducts {
 public:
  CenteredProducts(const std::vector<GivenGram>& grams, const LayerPairs& pairs, bool is_hollow)
      : grams_(grams), pairs_(pairs.list()), is_hollow_(is_hollow) {}

  // Strips of tiles have sums of their own, which are added in their order: the same bits for any
  // number of threads.
  std::vector<double> sum(const Execution& execution) const {
    const std::size_t strips = tiles_in(grams_[0].samples());
    std::vector<double> sums(product(strips, pairs_.size()));
    PerWorker chunks(execution, strips,
                     [&] { return Buffer<double>(product(grams_.size(), kChunk)); });
    parallel_for(execution, strips, chunks,
                 [&](std::size_t row, Buffer<double>& own, Worker& worker) {
                   for (std::size_t col = row; col < strips; ++col) {
                     worker.check();
                     add_tile({row, col}, own, &sums[row * pairs_.size()]);
                   }
                 });
    for (std::size_t row = 1; row < strips; ++row) {
      for (std::size_t p = 0; p < pairs_.size(); ++p) sums[p] += sums[row * pairs_.size() + p];
    }
    sums.resize(pairs_.size());
    return sums;
  }

 private:
  // Adds a tile of all matrices, and its mirror image.
  void add_tile(Cell cell, Buffer<double>& chunks, double* sums) const {
    const std::size_t n = grams_[0].samples();
    const Span rows = tile_span(cell.row, n);
    const Span cols = tile_span(cell.col, n);
    const bool is_diagonal = cell.row == cell.col;
    for (std::size_t begin = rows.begin; begin < rows.end; begin += kChunkRows) {
      const Span some{begin, std::min(rows.end, begin + kChunkRows)};
      for (std::size_t k = 0; k < grams_.size(); ++k) {
        double* const chunk = &chunks[k * kChunk];
        grams_[k].compute(some, cols, chunk, cols.size());
        if (!is_diagonal || !is_hollow_) continue;
        for (std::size_t i = 0; i < some.size(); ++i) {
          chunk[i * cols.size() + some.begin + i - cols.begin] = 0;
        }
      }
      for (std::size_t p = 0; p < pairs_.size(); ++p) {
        const auto [k, l] = pairs_[p];
        sums[p] += (is_diagonal ? 1 : 2) * simd::kernels().float64.dot(&chunks[k * kChunk],
                                                                       &chunks[l * kChunk],
                                                                       some.size() * cols.size());
      }
    }
  }

  const std::vector<GivenGram>& grams_;
  const std::vector<Cell>& pairs_;
  const bool is_hollow_;
};

}  // namespace

Moments moments_of_grams(std::span<const InputView> x, std::span<const InputView> y,
                         Estimator estimator, const Execution& execution) {
  std::vector<InputView> layers(x.begin(), x.end());
  layers.insert(layers.end(), y.begin(), y.end());
  const bool is_hollow = estimator == Estimator::debiased;
  require_same_rows(layers, is_hollow ? 4 : 2,
                    [](const InputView& k) -> const InputView& { return k; });
  std::vector<GivenGram> grams;
  for (const InputView& k : layers) {
    grams.push_back(GivenGram::centered(k, is_hollow, preparing(execution)));
  }
  const LayerPairs pairs(x.size(), y.empty() ? x.size() : y.size(), y.empty());
  const std::vector<double> products = CenteredProducts(grams, pairs, is_hollow).sum(execution);
  Moments moments(layers[0].rows, layers.size(), estimator);
  for (std::size_t p = 0; p < products.size(); ++p) {
    moments.set_pair(pairs.list()[p].row, pairs.list()[p].col, products[p], 0);
  }
  const double n = static_cast<double>(moments.samples);
  const double divisor = is_hollow ? n * (n - 3) : (n - 1) * (n - 1);
  for (std::size_t k = 0; k < grams.size(); ++k) {
    const double as_given = products[k] + grams[k].squares_taken_off();
    moments.rounding[k] = kRounding * as_given / divisor;
    moments.exponents[k] = grams[k].exponent();
  }
  return moments;
}

}  // namespace isogram
