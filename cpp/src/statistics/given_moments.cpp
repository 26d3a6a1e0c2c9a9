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

// Entries of a row that are centred and multiplied together: those of a few matrices stay in the L1
// cache.
constexpr std::size_t kChunk = 4 * kTileEdge;

// A matrix is constant if centring leaves at most this share of its squares: 64 roundings of
// entries make it.
constexpr double kRounding =
    0x1p12 * std::numeric_limits<double>::epsilon() * std::numeric_limits<double>::epsilon();

// Σ K ∘ L of centred matrices, for all pairs.
class CenteredProducts {
 public:
  CenteredProducts(const std::vector<GivenGram>& grams, const LayerPairs& pairs, bool is_hollow)
      : grams_(grams), pairs_(pairs.list()), is_hollow_(is_hollow) {}

  // Strips of rows have sums of their own, which are added in their order: the same bits for any
  // number of threads.
  std::vector<double> sum(const Execution& execution) const {
    const std::size_t n = grams_[0].samples();
    const std::size_t strips = tiles_in(n);
    std::vector<double> sums(product(strips, pairs_.size()));
    PerWorker chunks(execution, strips,
                     [&] { return Buffer<double>::unset(product(grams_.size(), kChunk)); });
    parallel_for(execution, strips, chunks,
                 [&](std::size_t strip, Buffer<double>& own, Worker& worker) {
                   const Span rows = tile_span(strip, n);
                   for (std::size_t i = rows.begin; i < rows.end; ++i) {
                     worker.check();
                     add_row(i, own, &sums[strip * pairs_.size()]);
                   }
                 });
    for (std::size_t strip = 1; strip < strips; ++strip) {
      for (std::size_t p = 0; p < pairs_.size(); ++p) sums[p] += sums[strip * pairs_.size() + p];
    }
    sums.resize(pairs_.size());
    return sums;
  }

 private:
  // Adds a row from the diagonal on, and its mirror image: in long pieces, which memory serves
  // sooner than tiles.
  void add_row(std::size_t i, Buffer<double>& chunks, double* sums) const {
    const std::size_t n = grams_[0].samples();
    if (!is_hollow_) add_products(i, {i, i + 1}, 1, chunks, sums);
    for (std::size_t begin = i + 1; begin < n; begin += kChunk) {
      add_products(i, {begin, std::min(n, begin + kChunk)}, 2, chunks, sums);
    }
  }

  void add_products(std::size_t i, Span cols, double weight, Buffer<double>& chunks,
                    double* sums) const {
    for (std::size_t k = 0; k < grams_.size(); ++k) {
      grams_[k].compute({i, i + 1}, cols, &chunks[k * kChunk], kChunk);
    }
    const auto& kernels = simd::kernels().float64;
    for (std::size_t p = 0; p < pairs_.size(); ++p) {
      const auto [k, l] = pairs_[p];
      sums[p] += weight * kernels.dot(&chunks[k * kChunk], &chunks[l * kChunk], cols.size());
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
