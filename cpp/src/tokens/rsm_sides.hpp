// The inputs of one tile of an RSM, packed: rows with columns, or with themselves.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "isogram/rsm.hpp"
#include "simd/kernels.hpp"
#include "tokens/tokens.hpp"

namespace isogram {

// Affinities of one pair of groups stay within this many rows and columns, so that a core's own
// cache holds them between the Gram block and the matchings.
inline constexpr std::size_t kAffinityEdge = 400;

inline TokenLayout layout_for(const RsmPlan& plan, std::size_t channels,
                              const simd::Kernels& kernels) {
  TokenLayout layout;
  layout.matching = plan.options.matching;
  layout.max_tokens = plan.max_tokens;
  layout.window = std::min(plan.options.window_or_k, plan.max_tokens);
  layout.centered = plan.is_centered;
  layout.precision = plan.options.precision;
  if (layout.precision == Precision::int8 && channels <= simd::kMostBytes) {
    layout.byte_kernels = &simd::byte_kernels_beside(kernels);
  }
  if (layout.precision == Precision::bfloat16) {
    layout.pair_kernels = simd::pair_kernels_beside(kernels);
  }
  layout.group = std::max(std::size_t{1}, kAffinityEdge / plan.max_tokens);
  return layout;
}

template <class T>
class RsmSides {
 public:
  // Without `cols`, rows with themselves. The inputs have to stay where they are.
  RsmSides(const RsmPlan& plan, const TokenInputs& rows, const TokenInputs* cols,
           const Execution& execution)
      : RsmSides(simd::kernels(), plan, rows, cols, execution) {}
  const TokenSets<T>& cols() const { return others_ ? *others_ : rows; }
  bool is_wanted(std::size_t i, std::size_t j) const { return !is_symmetric || i < j; }

  const simd::KernelTable<T>& kernels;
  const TokenLayout layout;
  const TokenInputs& row_inputs;
  const TokenInputs& col_inputs;
  const bool is_symmetric;
  const TokenSets<T> rows;

 private:
  RsmSides(const simd::Kernels& level, const RsmPlan& plan, const TokenInputs& rows,
           const TokenInputs* cols, const Execution& execution)
      : kernels(level.of<T>()),
        layout(layout_for(plan, rows.channels(), level)),
        row_inputs(rows),
        col_inputs(cols ? *cols : rows),
        is_symmetric(!cols),
        rows(kernels, rows, layout, preparing(execution)) {
    if (cols) others_.emplace(kernels, *cols, layout, preparing(execution));
  }

  std::optional<TokenSets<T>> others_;
};

}  // namespace isogram
