// HSIC of linear layers from their cross products: ‖XcᵀYc‖², from the tiles of D × D matrices.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "simd/kernels.hpp"
#include "statistics/hsic.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// A segment has at most kSegment samples; products of different segments are added in float64. A
// matrix of few tiles is cut into kTasks tasks, each of which takes some of the segments.
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

}  // namespace

template <class T>
std::optional<PairValues> hsic_in_feature_space(std::span<const Layer* const> layers,
                                                const LayerPairs& pairs, Estimator estimator,
                                                const Execution& execution) {
  return FeatureSpace<T>(layers, pairs, estimator, execution).compute();
}

template std::optional<PairValues> hsic_in_feature_space<float>(std::span<const Layer* const>,
                                                                const LayerPairs&, Estimator,
                                                                const Execution&);
template std::optional<PairValues> hsic_in_feature_space<double>(std::span<const Layer* const>,
                                                                 const LayerPairs&, Estimator,
                                                                 const Execution&);

}  // namespace isogram
