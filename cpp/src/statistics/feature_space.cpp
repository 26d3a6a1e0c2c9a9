// Moments of linear layers from their cross products: Σ K ∘ L = ‖XcᵀYc‖², in tiles of D × D
// matrices.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "simd/kernels.hpp"
#include "statistics/spaces.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// A segment has at most kSegment samples; sums over different segments are added in float64. A
// matrix of few tiles is cut into about kTasks tasks, each with some of the segments.
constexpr std::size_t kSegment = 1024;
constexpr std::size_t kTasks = 32;

// Rows of a tile's sums are padded with zeros to a multiple of kRound, the terms that dot() adds in
// one round at the widest level: squares are added in the same order as in a whole tile.
constexpr std::size_t kRound = 32;
static_assert(kTileEdge % kRound == 0);

std::size_t stride_of(std::size_t cols) {
  return padded(cols, kRound);
}

Grid grid_of(const MomentsPlan& plan, std::size_t k, std::size_t l) {
  const std::size_t rows = tiles_in(plan.layers[k].features);
  return k == l ? Grid::upper(rows) : Grid::full(rows, tiles_in(plan.layers[l].features));
}

// Xᵀ less an origin, in scaled units: the features of one layer as rows of panels (see
// simd/kernels.hpp), one segment of samples after another.
template <class T>
struct ShiftedFeatures {
  std::size_t count;
  std::size_t panels;
  Buffer<T> values;
};

// Some samples of every layer, packed.
template <class T>
class PackedSamples {
 public:
  // Writes the row sums of the Gram matrices to `sums`, for the samples from `begin` on. For the
  // debiased estimator it also writes the diagonal, and the row sums leave it out.
  PackedSamples(const MomentsPlan& plan, std::span<const InputView> rows, std::size_t begin,
                const Execution& execution, MomentsPart& sums)
      : kernels_(simd::kernels().of<T>()),
        is_debiased_(plan.estimator == Estimator::debiased),
        samples_(rows[0].rows),
        segments_(blocks_in(samples_, kSegment)) {
    const std::size_t stride = sums.row_sums.size() / rows.size();
    features_.reserve(rows.size());
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const std::size_t place = k * stride + begin;
      pack(rows[k], plan.layers[k], &sums.diagonal[place], &sums.row_sums[place], execution);
    }
  }

  std::size_t segments() const { return segments_; }

  // A tile of XcᵀYc, summed over some segments of samples; `tile` is working memory.
  Buffer<double> cross_tile(std::size_t k, std::size_t l, Cell cell, Span segments, T* tile,
                            Worker& worker) const {
    const ShiftedFeatures<T>& x = features_[k];
    const ShiftedFeatures<T>& y = features_[l];
    const Span rows = tile_span(cell.row, x.count);
    const Span cols = tile_span(cell.col, y.count);
    const std::size_t row_panel = rows.begin / kernels_.panel;
    const std::size_t col_panel = cols.begin / kernels_.panel;
    const bool is_diagonal = k == l && cell.row == cell.col;
    const std::size_t stride = stride_of(cols.size());
    Buffer<double> sums(rows.size() * stride);
    for (std::size_t segment = segments.begin; segment < segments.end; ++segment) {
      worker.check();
      const Span samples = part_span(samples_, segment, segments_);
      kernels_.inner_products(segment_panel(x, row_panel, samples), rows.size(),
                              segment_panel(y, col_panel, samples), cols.size(), samples.size(),
                              tile, kTileEdge, {.is_upper = is_diagonal, .has_room = true});
      if (is_diagonal) mirror_upper(kernels_, rows.size(), tile, kTileEdge);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        kernels_.add_row(tile + i * kTileEdge, cols.size(), &sums[i * stride]);
      }
    }
    return sums;
  }

 private:
  void pack(const InputView& x, const LayerFacts& facts, double* diagonal, double* row_sums,
            const Execution& execution) {
    const std::size_t panel = kernels_.panel;
    const std::size_t panels = blocks_in(x.cols, panel);
    ShiftedFeatures<T>& features =
        features_.emplace_back(x.cols, panels, Buffer<T>::kept(product(panels * panel, samples_)));
    const Buffer<T> sum = as_panels(facts.sum);
    const std::vector<double>& origin = facts.gram.origin;
    const int exponent = facts.gram.exponent;
    const RowReader reader(x);
    parallel_for(execution, segments_, [&](std::size_t segment, Worker& worker) {
      std::vector<double> row;  // unless it is in memory as it is needed
      const Span samples = part_span(samples_, segment, segments_);
      T* const first_panel = segment_panel(features, 0, samples);
      for (std::size_t i = samples.begin; i < samples.end; ++i) {
        worker.check(x.cols);
        // Rows that only have to be shifted are shifted into their places.
        const T* stored = exponent == 0 ? stored_row<T>(x, i) : nullptr;
        if (!stored) {
          row.resize(x.cols);
          reader.read(i, row.data());
          subtract_scaled(row.data(), row.size(), origin.data(), exponent);
        }
        for (std::size_t p = 0; p < panels; ++p) {
          T* target = first_panel + (p * samples.size() + i - samples.begin) * panel;
          const Span span{p * panel, std::min(x.cols, (p + 1) * panel)};
          if (stored) {
            kernels_.subtract_shifts(stored + span.begin, target, span.size(), 0,
                                     &origin[span.begin]);
          } else {
            std::transform(&row[span.begin], row.data() + span.end, target,
                           [](double value) { return static_cast<T>(value); });
          }
          std::fill(target + span.size(), target + panel, T(0));
          if (is_debiased_) diagonal[i] += kernels_.dot(target, target, span.size());
          // The row sum of sample i is the inner product of its row with the sum of all rows.
          if (sum.size() > 0) row_sums[i] += kernels_.dot(target, &sum[span.begin], span.size());
        }
        row_sums[i] -= diagonal[i];
      }
    });
  }

  // Panel p of the segment with these samples.
  template <class Features>
  auto segment_panel(Features& features, std::size_t p, Span samples) const {
    const std::size_t rows_before = features.panels * samples.begin + p * samples.size();
    return features.values.data() + rows_before * kernels_.panel;
  }

  // A row as T, with zeros up to whole panels.
  Buffer<T> as_panels(const std::vector<double>& row) const {
    Buffer<T> rounded(padded(row.size(), kernels_.panel));
    std::transform(row.begin(), row.end(), rounded.begin(),
                   [](double value) { return static_cast<T>(value); });
    return rounded;
  }

  const simd::KernelTable<T>& kernels_;
  const bool is_debiased_;
  const std::size_t samples_;
  const std::size_t segments_;
  std::vector<ShiftedFeatures<T>> features_;
};

// The sum of some tiles, whose memory it frees.
Buffer<double> added(Buffer<double>* tiles, std::size_t count) {
  Buffer<double> sum = std::move(tiles[0]);
  for (std::size_t t = 1; t < count; ++t) {
    const Buffer<double> tile = std::move(tiles[t]);
    simd::kernels().float64.add_row(tile.data(), tile.size(), sum.data());
  }
  return sum;
}

// Working memory for the tiles of all pairs of layers.
template <class T>
PerWorker<Buffer<T>> tiles_of_workers(const MomentsPlan& plan, const LayerPairs& pairs,
                                      std::span<const PackedSamples<T>> ranges,
                                      const Execution& execution) {
  std::size_t cells = 0;
  for (const auto& [k, l] : pairs.list()) cells = std::max(cells, grid_of(plan, k, l).cells());
  std::size_t segments = 0;
  for (const PackedSamples<T>& range : ranges) segments += range.segments();
  return PerWorker<Buffer<T>>(execution, cells * segments, new_tile<T>);
}

// Calls visit(index of the cell, tile) for the tiles of XcᵀYc over all samples of some ranges, in
// any order. A tile adds the segments of each range first, then the ranges.
template <class T, class Visit>
void for_cross_tiles(std::span<const PackedSamples<T>> ranges, const Grid& grid, std::size_t k,
                     std::size_t l, PerWorker<Buffer<T>>& scratch, const Execution& execution,
                     Visit visit) {
  struct Piece {
    const PackedSamples<T>& range;
    Span segments;
  };
  const auto compute = [&](std::size_t index, const Piece& piece, T* tile, Worker& worker) {
    return piece.range.cross_tile(k, l, grid.cell(index), piece.segments, tile, worker);
  };
  const auto parts_of = [&](const PackedSamples<T>& range) {
    return std::min(range.segments(), blocks_in(kTasks, grid.cells()));
  };
  if (std::ranges::all_of(ranges, [](std::size_t parts) { return parts == 1; }, parts_of)) {
    const auto add_ranges = [&](std::size_t index, Buffer<T>& tile, Worker& worker) {
      const auto of_range = [&](const PackedSamples<T>& range) {
        return compute(index, {range, {0, range.segments()}}, tile.data(), worker);
      };
      Buffer<double> sum = of_range(ranges[0]);
      for (const PackedSamples<T>& range : ranges.subspan(1)) {
        const Buffer<double> next = of_range(range);
        simd::kernels().float64.add_row(next.data(), next.size(), sum.data());
      }
      visit(index, sum);
    };
    parallel_for(execution, grid.cells(), scratch, add_ranges);
    return;
  }
  std::vector<Piece> pieces;
  for (const PackedSamples<T>& range : ranges) {
    const std::size_t parts = parts_of(range);
    for (std::size_t p = 0; p < parts; ++p) {
      pieces.push_back({range, part_span(range.segments(), p, parts)});
    }
  }
  const auto sum_over_ranges = [&](Buffer<double>* tiles) {
    std::vector<Buffer<double>> sums;
    for (const PackedSamples<T>& range : ranges) {
      sums.push_back(added(tiles, parts_of(range)));
      tiles += parts_of(range);
    }
    return added(sums.data(), sums.size());
  };
  std::vector<Buffer<double>> tiles(grid.cells() * pieces.size());
  parallel_for(execution, tiles.size(), scratch,
               [&](std::size_t task, Buffer<T>& tile, Worker& worker) {
                 const std::size_t index = task / pieces.size();
                 tiles[task] = compute(index, pieces[task % pieces.size()], tile.data(), worker);
               });
  for (std::size_t index = 0; index < grid.cells(); ++index) {
    visit(index, sum_over_ranges(&tiles[index * pieces.size()]));
  }
}

// In the symmetric XcᵀXc a tile above the diagonal counts twice.
double weight_of(Cell cell, std::size_t k, std::size_t l) {
  return k == l && cell.row != cell.col ? 2 : 1;
}

double squares_of(const Buffer<double>& tile) {
  return simd::kernels().float64.dot(tile.data(), tile.data(), tile.size());
}

// ‖XcᵀYc‖².
template <class T>
double squared_cross_norm(const MomentsPlan& plan, std::span<const PackedSamples<T>> ranges,
                          std::size_t k, std::size_t l, PerWorker<Buffer<T>>& scratch,
                          const Execution& execution) {
  const Grid grid = grid_of(plan, k, l);
  std::vector<double> squares(grid.cells());
  for_cross_tiles(ranges, grid, k, l, scratch, execution,
                  [&](std::size_t index, const Buffer<double>& tile) {
                    squares[index] = weight_of(grid.cell(index), k, l) * squares_of(tile);
                  });
  return std::accumulate(squares.begin(), squares.end(), 0.0);
}

// ‖XcᵀYc‖² from the whole matrix, tile by tile.
double squared_cross_norm(const MomentsPlan& plan, const std::vector<double>& cross, std::size_t k,
                          std::size_t l) {
  const Grid grid = grid_of(plan, k, l);
  const std::size_t width = plan.layers[l].features;
  double sum = 0;
  for (std::size_t index = 0; index < grid.cells(); ++index) {
    const Cell cell = grid.cell(index);
    const Span rows = tile_span(cell.row, plan.layers[k].features);
    const Span cols = tile_span(cell.col, width);
    const std::size_t stride = stride_of(cols.size());
    Buffer<double> tile(rows.size() * stride);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(&cross[(rows.begin + i) * width + cols.begin], cols.size(), &tile[i * stride]);
    }
    sum += weight_of(cell, k, l) * squares_of(tile);
  }
  return sum;
}

// The whole matrix XcᵀYc.
template <class T>
std::vector<double> cross_matrix(const MomentsPlan& plan, std::span<const PackedSamples<T>> samples,
                                 std::size_t k, std::size_t l, PerWorker<Buffer<T>>& scratch,
                                 const Execution& execution) {
  const Grid grid = grid_of(plan, k, l);
  const std::size_t height = plan.layers[k].features;
  const std::size_t width = plan.layers[l].features;
  std::vector<double> cross = zeros_of(height, width);
  for_cross_tiles(samples, grid, k, l, scratch, execution,
                  [&](std::size_t index, const Buffer<double>& tile) {
                    const Cell cell = grid.cell(index);
                    const Span rows = tile_span(cell.row, height);
                    const Span cols = tile_span(cell.col, width);
                    for (std::size_t i = 0; i < rows.size(); ++i) {
                      for (std::size_t j = 0; j < cols.size(); ++j) {
                        const double value = tile[i * stride_of(cols.size()) + j];
                        cross[(rows.begin + i) * width + cols.begin + j] = value;
                        if (k != l || cell.row == cell.col) continue;
                        cross[(cols.begin + j) * width + rows.begin + i] = value;
                      }
                    }
                  });
  return cross;
}

// Sets the moments of a pair of layers from `squares` = ‖XcᵀYc‖².
//
// The debiased estimator subtracts the squared diagonal of the Gram matrix from ‖XcᵀXc‖². Returns
// false if that has cost 3 bits: where nearly all of the sum lies on the diagonal (orthogonal
// samples, or one that dwarfs the others).
bool set_pair(const MomentsPlan& plan, const std::vector<double>& diagonal, std::size_t k,
              std::size_t l, double squares, Moments& moments) {
  double of_diagonals = 0;
  double of_row_sums = 0;
  for (std::size_t i = 0; i < plan.samples; ++i) {
    const std::size_t at_k = k * plan.samples + i;
    const std::size_t at_l = l * plan.samples + i;
    of_diagonals += diagonal[at_k] * diagonal[at_l];
    of_row_sums += moments.row_sums[at_k] * moments.row_sums[at_l];
  }
  moments.set_pair(k, l, squares - of_diagonals, of_row_sums);
  if (k != l || plan.estimator == Estimator::biased) return true;
  const double n = static_cast<double>(plan.samples);
  return !(n * (n - 3) * moments.hsic(k, k) < of_diagonals / 8);
}

// Moments without those of pairs.
Moments moments_with(const MomentsPlan& plan, std::vector<double> row_sums) {
  Moments moments(plan.samples, plan.layers.size(), plan.estimator);
  for (std::size_t layer = 0; layer < plan.layers.size(); ++layer) {
    const auto own = row_sums.begin() + static_cast<std::ptrdiff_t>(layer * plan.samples);
    const auto end = own + static_cast<std::ptrdiff_t>(plan.samples);
    moments.totals[layer] = std::accumulate(own, end, 0.0);
    moments.exponents[layer] = 2 * plan.layers[layer].gram.exponent;
  }
  moments.row_sums = std::move(row_sums);
  return moments;
}

// The sum of all shifted rows, scaled. Empty where it is too small to change row sums, as where the
// origin is the mean.
template <class T>
std::vector<double> sum_of_rows(const Survey& survey, int exponent, std::size_t samples) {
  std::vector<double> sum = survey.residual;
  scale_down(sum.data(), sum.size(), exponent);
  const double n = static_cast<double>(samples);
  const double squares = n * n * simd::kernels().float64.dot(sum.data(), sum.data(), sum.size());
  const double least = std::numeric_limits<T>::epsilon() * std::ldexp(survey.largest, -exponent);
  if (squares <= least * least) return {};
  for (double& value : sum) value *= n;
  return sum;
}

}  // namespace

template <class T>
LayerFacts survey_in_feature_space(const Layer& layer, const Execution& execution) {
  Survey survey = survey_bulk(layer.features, execution);
  LayerFacts facts;
  facts.features = layer.features.cols;
  facts.gram.exponent = scaling_exponent_of(survey.largest);
  facts.sum = sum_of_rows<T>(survey, facts.gram.exponent, layer.features.rows);
  facts.gram.origin = std::move(survey.mean_row);
  return facts;
}

template <class T>
MomentsPart sums_in_feature_space(const MomentsPlan& plan, std::span<const InputView> rows,
                                  const Execution& execution) {
  MomentsPart part;
  part.diagonal = zeros_of(rows.size(), rows[0].rows);
  part.row_sums = zeros_of(rows.size(), rows[0].rows);
  const PackedSamples<T> samples(plan, rows, 0, preparing(execution), part);
  const std::span<const PackedSamples<T>> ranges(&samples, 1);
  const LayerPairs pairs = pairs_of(plan);
  PerWorker<Buffer<T>> scratch = tiles_of_workers(plan, pairs, ranges, execution);
  for (const auto& [k, l] : pairs.list()) {
    const Execution own = within(execution, part.cross.size(), pairs.list().size(), 0);
    part.cross.push_back(cross_matrix(plan, ranges, k, l, scratch, own));
  }
  return part;
}

std::optional<Moments> moments_in_feature_space(const MomentsPlan& plan, const MomentsPart& sums) {
  Moments moments = moments_with(plan, sums.row_sums);
  const LayerPairs pairs = pairs_of(plan);
  for (std::size_t p = 0; p < pairs.list().size(); ++p) {
    const auto [k, l] = pairs.list()[p];
    const double squares = squared_cross_norm(plan, sums.cross[p], k, l);
    if (!set_pair(plan, sums.diagonal, k, l, squares, moments)) return {};
  }
  return moments;
}

template <class T>
std::optional<Moments> moments_in_feature_space(const MomentsPlan& plan,
                                                std::span<const InputView> layers,
                                                const Execution& execution) {
  MomentsPart sums = no_moments(plan);
  std::vector<PackedSamples<T>> ranges;
  for (const SampleTile& tile : tiles_of(plan)) {
    std::vector<InputView> rows;
    rows.reserve(layers.size());
    for (const InputView& layer : layers) rows.push_back(rows_of(layer, tile.rows));
    ranges.emplace_back(plan, rows, tile.rows.begin, preparing(execution), sums);
  }
  Moments moments = moments_with(plan, std::move(sums.row_sums));
  const LayerPairs pairs = pairs_of(plan);
  const std::size_t total = pairs.list().size();
  PerWorker<Buffer<T>> scratch = tiles_of_workers<T>(plan, pairs, ranges, execution);
  for (std::size_t p = 0; p < total; ++p) {
    const auto [k, l] = pairs.list()[p];
    // Pairs of a layer with itself come first. They report no progress: if one has cancelled, the
    // next stage starts again.
    const Execution own =
        p < plan.layers.size() ? preparing(execution) : within(execution, p, total, 0);
    const double squares = squared_cross_norm<T>(plan, ranges, k, l, scratch, own);
    if (!set_pair(plan, sums.diagonal, k, l, squares, moments)) return {};
  }
  report(execution, total, total);
  return moments;
}

template LayerFacts survey_in_feature_space<float>(const Layer&, const Execution&);
template LayerFacts survey_in_feature_space<double>(const Layer&, const Execution&);
template MomentsPart sums_in_feature_space<float>(const MomentsPlan&, std::span<const InputView>,
                                                  const Execution&);
template MomentsPart sums_in_feature_space<double>(const MomentsPlan&, std::span<const InputView>,
                                                   const Execution&);
template std::optional<Moments> moments_in_feature_space<float>(const MomentsPlan&,
                                                                std::span<const InputView>,
                                                                const Execution&);
template std::optional<Moments> moments_in_feature_space<double>(const MomentsPlan&,
                                                                 std::span<const InputView>,
                                                                 const Execution&);

}  // namespace isogram
