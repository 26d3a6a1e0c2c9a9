// Moments in Gram space: the facts of layers, and moments from sums over tiles.
#include <algorithm>
#include <type_traits>
#include <vector>

#include "simd/kernels.hpp"
#include "statistics/rounding.hpp"
#include "statistics/spaces.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"

namespace isogram {

namespace {

// Linear HSIC, also of unit rows, does not change when rows are shifted, and keeps its digits.
Columns columns_for(Kernel kernel, Estimator estimator) {
  if (kernel != Kernel::linear && !uses_unit_norm(kernel)) return Columns::as_given;
  return estimator == Estimator::debiased ? Columns::hollow : Columns::shifted;
}

// HSIC does not change when a constant is added to all entries. Entries that all lie close to one
// value would lose their digits in sums, so a typical entry is subtracted first: the median entry
// of a few rows, which no far row draws away.
template <class T>
double typical_entry(const GramTiles<T>& tiles) {
  Buffer<T> tile = new_tile<T>();
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

// An upper bound on the computed self-HSIC of a layer whose centred matrix is 0: from the rounding
// of entries, in T, and of sums, in float64. The error of an entry is relative to the entry before
// the offset is subtracted for exponentials, and to √(K_ii K_jj) for inner products; these are
// squared and summed over the entries that count.
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

// Whether the self-HSIC in T is well above its rounding, so that CKA is accurate to 1e-6. Rounding
// errors of the terms of an entry average out, and so do those of entries. Always true for float64,
// the last resort, and for equal rows.
template <class T>
bool is_well_known(const MomentsPlan& plan, const LayerFacts& layer, double self, double rounding) {
  if (std::is_same_v<T, double>) return true;
  const double n = static_cast<double>(plan.samples);
  const bool is_exponential = uses_distance(layer.gram.options.kernel);
  const double terms = is_exponential ? 1 : static_cast<double>(layer.features);
  const double margin = std::max(4096.0, 6e9 / (terms * n * n));
  return !(self <= margin * rounding) || layer.has_equal_rows;
}

}  // namespace

template <class T>
LayerFacts survey_in_gram_space(const Layer& layer, Estimator estimator,
                                const Execution& execution) {
  const InputView& x = layer.features;
  const Columns columns = columns_for(layer.kernel.kernel, estimator);
  LayerFacts facts = facts_of(x, execution);
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
  packed.facts = facts_of(x, execution);
  packed.facts.gram = packed.tiles.release_facts();
  if (columns == Columns::as_given) packed.facts.offset = typical_entry(packed.tiles);
  return packed;
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

template PackedLayer<float> survey_and_pack(const Layer&, Estimator, const Execution&);
template PackedLayer<double> survey_and_pack(const Layer&, Estimator, const Execution&);
template LayerFacts survey_in_gram_space<float>(const Layer&, Estimator, const Execution&);
template LayerFacts survey_in_gram_space<double>(const Layer&, Estimator, const Execution&);
template std::optional<Moments> moments_in_gram_space<float>(const MomentsPlan&,
                                                             const MomentsPart&);
template std::optional<Moments> moments_in_gram_space<double>(const MomentsPlan&,
                                                              const MomentsPart&);

}  // namespace isogram
