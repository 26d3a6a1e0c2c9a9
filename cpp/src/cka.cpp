#include "isogram/cka.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>

#include "isogram/arithmetic.hpp"
#include "isogram/error.hpp"
#include "statistics/hsic.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

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
    auto values = hsic_in_feature_space<T>(layers, pairs, estimator, execution);
    if (values) return values;
  }
  return hsic_in_gram_space<T>(layers, pairs, estimator, execution);
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
