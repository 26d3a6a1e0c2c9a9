// The packed inputs of one tile of an RSM: rows with columns, or with themselves.
#pragma once

#include <algorithm>
#include <cstddef>

#include "isogram/rsm.hpp"
#include "simd/kernels.hpp"
#include "tiles/grid.hpp"
#include "tokens/tokens.hpp"

namespace isogram {

// The most rows and columns of the affinities of a pair of groups, unless one input has more: a
// core's own cache holds them between the products and the matchings.
inline constexpr std::size_t kAffinityEdge = 400;

// The inputs of an entry, and its place in the outputs.
struct Entry {
  std::size_t i;
  std::size_t j;
  Cell place;

  static Entry of_matrix(std::size_t i, std::size_t j) { return {i, j, {i, j}}; }
};

inline TokenLayout layout_for(const RsmPlan& plan, std::size_t channels,
                              const simd::Kernels& kernels, bool is_listed) {
  TokenLayout layout;
  layout.is_listed = is_listed;
  layout.matching = plan.options.matching;
  layout.max_tokens = plan.max_tokens;
  layout.window = std::min(plan.options.window_or_k, plan.max_tokens);
  layout.centered = plan.is_centered;
  layout.precision = plan.options.precision;
  layout.axes = plan.options.axes;
  if (layout.precision == Precision::int8 && layout.seen(channels) <= simd::kMostBytes) {
    layout.byte_kernels = &simd::byte_kernels_beside(kernels);
  }
  if (layout.precision == Precision::bfloat16) {
    layout.pair_kernels = simd::pair_kernels_beside(kernels);
    // Rounded tokens multiplied as float32 would gain nothing.
    if (!layout.pair_kernels) layout.precision = Precision::float32;
  }
  layout.group = std::max(std::size_t{1}, kAffinityEdge / plan.max_tokens);
  return layout;
}

// The inputs of one side, and packed. The inputs' data must outlive it.
template <class T>
struct RsmSide {
  RsmSide(const simd::Kernels& level, const RsmPlan& plan, const TokenInputs& inputs,
          const Execution& execution, bool is_listed = false)
      : level(level),
        layout(layout_for(plan, inputs.channels(), level, is_listed)),
        inputs(inputs),
        tokens(level.of<T>(), inputs, layout, preparing(execution)) {}

  const simd::Kernels& level;
  const TokenLayout layout;
  const TokenInputs inputs;
  const TokenSets<T> tokens;
};

template <class T>
class RsmSides {
 public:
  // Without `cols`, rows with themselves. Both sides must be of one SIMD level.
  RsmSides(const RsmSide<T>& rows, const RsmSide<T>* cols)
      : kernels(rows.level.template of<T>()),
        layout(rows.layout),
        row_inputs(rows.inputs),
        col_inputs(cols ? cols->inputs : rows.inputs),
        is_symmetric(!cols),
        rows(rows.tokens),
        cols(cols ? cols->tokens : rows.tokens) {}

  bool is_wanted(std::size_t i, std::size_t j) const { return !is_symmetric || i < j; }
  bool is_diagonal(const Entry& entry) const { return is_symmetric && entry.i == entry.j; }

  const simd::KernelTable<T>& kernels;
  const TokenLayout& layout;
  const TokenInputs& row_inputs;
  const TokenInputs& col_inputs;
  const bool is_symmetric;
  const TokenSets<T>& rows;
  const TokenSets<T>& cols;
};

}  // namespace isogram
