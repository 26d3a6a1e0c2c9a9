#include "isogram/cka.hpp"

#include <algorithm>
#include <cmath>

#include "isogram/arithmetic.hpp"
#include "statistics/layer_pairs.hpp"
#include "statistics/spaces.hpp"

namespace isogram {

namespace {

// CKA from HSIC. Both estimators are inner products of centred (debiased: U-centred) matrices, so
// that only rounding can leave [−1, 1]. Exactly 1 for a layer with itself.
double alignment_of(double cross, double self_k, double self_l) {
  const double norms = self_k == self_l ? self_k : std::sqrt(self_k) * std::sqrt(self_l);
  return std::clamp(cross / norms, -1.0, 1.0);
}

// HSIC of layers k and l. If the self-HSIC of one may be rounding alone, HSIC(k, l) counts as 0 up
// to the geometric mean of the roundings of both self-HSICs, an upper bound on its own rounding.
double known_hsic(const Moments& moments, std::size_t k, std::size_t l) {
  const double self_k = self_hsic(moments, k);
  if (k == l) return self_k;
  const double value = moments.hsic(k, l);
  if (self_k != 0 && self_hsic(moments, l) != 0) return value;
  const double rounding = std::sqrt(moments.rounding[k]) * std::sqrt(moments.rounding[l]);
  return std::abs(value) <= rounding ? 0 : value;
}

}  // namespace

double self_hsic(const Moments& moments, std::size_t layer) {
  const double self = moments.hsic(layer, layer);
  const bool vanishes = std::isfinite(self) && !(self > moments.rounding[layer]);
  return vanishes ? 0 : self;
}

HsicTable hsic_table(const Moments& moments, std::size_t x_count, std::size_t y_count) {
  HsicTable table;
  const std::size_t y_offset = moments.layers - y_count;
  const auto in_units = [&](double value, std::size_t k, std::size_t l) {
    return std::ldexp(value, moments.exponents[k] + moments.exponents[l]);
  };
  for (std::size_t i = 0; i < x_count; ++i) {
    const double self_i = self_hsic(moments, i);
    table.self_x.push_back(in_units(self_i, i, i));
    for (std::size_t l = y_offset; l < moments.layers; ++l) {
      const double self_l = self_hsic(moments, l);
      const bool is_defined = self_i != 0 && self_l != 0;
      const double value = known_hsic(moments, i, l);
      table.hsic.push_back(in_units(value, i, l));
      table.cka.push_back(is_defined ? alignment_of(value, self_i, self_l) : NAN);
    }
  }
  for (std::size_t l = y_offset; l < moments.layers; ++l) {
    table.self_y.push_back(in_units(self_hsic(moments, l), l, l));
  }
  return table;
}

HsicTable hsic_table(std::span<const Layer> x, Estimator estimator, const Execution& execution) {
  return hsic_table(moments(x, {}, estimator, execution), x.size(), x.size());
}

HsicTable hsic_table(std::span<const Layer> x, std::span<const Layer> y, Estimator estimator,
                     const Execution& execution) {
  require_layers(x, "layers");
  require_layers(y, "other");
  return hsic_table(moments(x, y, estimator, execution), x.size(), y.size());
}

HsicTable hsic_table_of_grams(std::span<const InputView> x, std::span<const InputView> y,
                              Estimator estimator, const Execution& execution) {
  const UsualArithmetic usual;
  require_layers(x, "layers");
  const Moments moments = moments_of_grams(x, y, estimator, execution);
  return hsic_table(moments, x.size(), y.empty() ? x.size() : y.size());
}

}  // namespace isogram
