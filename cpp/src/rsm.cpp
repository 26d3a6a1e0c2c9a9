#include "isogram/rsm.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "assignment/assignment.hpp"
#include "isogram/arithmetic.hpp"
#include "isogram/detail/tokens.hpp"
#include "isogram/error.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"
#include "tiles/walk.hpp"
#include "tokens/axes.hpp"
#include "tokens/rsm_entries.hpp"
#include "tokens/rsm_matcher.hpp"
#include "tokens/rsm_products.hpp"
#include "tokens/rsm_rematch.hpp"
#include "tokens/rsm_sides.hpp"
#include "tokens/rsm_unmatched.hpp"
#include "tokens/token_inputs.hpp"

namespace isogram {

namespace {

// The entries of a thread's affinities: of a block without matching, of a window, or of two groups.
template <class T>
std::size_t affinity_entries_for(const TokenLayout& layout, std::size_t panel, std::size_t rows,
                                 std::size_t cols) {
  std::size_t edge = padded(layout.group * layout.max_tokens, panel);
  if (layout.matching == Matching::window) edge = padded(layout.window, panel);
  if (layout.matching == Matching::none) edge = UnmatchedBlocks<T>::edge(rows, cols);
  return product(edge, edge);
}

// ---- The walk over all pairs of a tile -------------------------------------------------------

template <class T>
class RsmWalk {
 public:
  RsmWalk(const RsmPlan& plan, const RsmSides<T>& sides, const RsmOutputs<T>& outputs,
          const Execution& execution)
      : options_(plan.options),
        sides_(sides),
        layout_(sides.layout),
        rows_(sides.rows),
        cols_(sides.cols),
        execution_(execution),
        products_(sides.kernels, sides.layout),
        entries_(plan, sides, outputs) {
    if (is_unmatched()) unmatched_.emplace(sides, entries_, execution);
  }

  void run() {
    const auto blocks = [&](const TokenSets<T>& sets) {
      return unmatched_ ? unmatched_->blocks(sets.inputs()) : sets.groups();
    };
    const Grid grid =
        sides_.is_symmetric ? Grid::upper(blocks(rows_)) : Grid::full(blocks(rows_), blocks(cols_));
    const auto new_matcher = [this] { return Matcher<T>(options_, layout_, affinity_entries()); };
    walk_tiles(grid, execution_, new_matcher, [&](Cell cell, Matcher<T>& matcher, Worker& worker) {
      if (unmatched_) return unmatched_->add(cell, matcher, worker);
      if (options_.matching == Matching::window) return add_windows(cell, matcher, worker);
      if (is_in_strips()) return add_in_strips(cell.row, cell.col, matcher, worker);
      add_groups(cell, matcher, worker);
    });
  }

 private:
  bool is_unmatched() const { return options_.matching == Matching::none; }

  std::size_t stride_for(std::size_t cols) const { return padded(cols, sides_.kernels.panel); }

  std::size_t affinity_entries() const {
    return affinity_entries_for<T>(layout_, sides_.kernels.panel, rows_.inputs(), cols_.inputs());
  }

  // Whether each input is a group, and the affinities of a pair would leave the cache.
  bool is_in_strips() const {
    return options_.matching == Matching::exact && layout_.group == 1 && !layout_.is_narrow();
  }

  void add_in_strips(std::size_t i, std::size_t j, Matcher<T>& matcher, Worker& worker) const {
    if (sides_.is_symmetric && i == j) return entries_.write_diagonal(i);
    const auto a = rows_.group_rows(i);
    const auto b = cols_.group_rows(j);
    const auto strip = [&](std::size_t first, std::size_t count) {
      const std::size_t stride = stride_for(b.count);
      products_.of({a.data + first * rows_.depth(), count}, b, rows_.depth(),
                   matcher.affinities.data(), stride, worker);
      return MatrixView<const T>(matcher.affinities.data(), count, b.count,
                                 static_cast<std::ptrdiff_t>(stride), 1);
    };
    const AffinityStrips<T> affinity{a.count, b.count, kTileEdge, strip};
    const Assignment found = matcher.solve(affinity, worker);
    entries_.write_matched(i, j, {found.total, found.columns}, matcher, worker);
  }

  void add_groups(Cell cell, Matcher<T>& matcher, Worker& worker) const {
    const Span inputs = rows_.group(cell.row);
    const Span others = cols_.group(cell.col);
    if (sides_.is_symmetric && cell.row == cell.col && inputs.size() == 1) {
      return entries_.write_diagonal(inputs.begin);
    }
    T* affinities = matcher.affinities.data();
    const auto a = rows_.group_rows(cell.row);
    const auto b = cols_.group_rows(cell.col);
    const auto stride = static_cast<std::ptrdiff_t>(stride_for(b.count));
    if (rows_.has_words()) {
      products_.of_words(rows_, cell.row, cols_, cell.col, matcher, stride_for(b.count), worker);
    } else {
      products_.of(a, b, rows_.depth(), affinities, stride_for(b.count), worker);
    }
    std::vector<Cell> pairs;
    for (std::size_t i = inputs.begin; i < inputs.end; ++i) {
      for (std::size_t j = others.begin; j < others.end; ++j) {
        if (sides_.is_symmetric && i == j) entries_.write_diagonal(i);
        if (sides_.is_wanted(i, j)) pairs.push_back({i, j});
      }
    }
    const auto affinity = [&](std::size_t k) {
      const auto [i, j] = pairs[k];
      const T* first = affinities + rows_.row_in_group(i) * stride + cols_.row_in_group(j);
      return MatrixView<const T>(first, rows_.tokens(i), cols_.tokens(j), stride, 1);
    };
    if (!layout_.is_narrow()) {
      return matcher.match_each(pairs.size(), affinity, worker, [&](std::size_t k, Match match) {
        entries_.write_matched(pairs[k].row, pairs[k].col, match, matcher, worker);
      });
    }
    const auto keep = [&](std::size_t k, const Assignment& found) {
      matcher.rescoring.keep(pairs[k].row, pairs[k].col, rows_.tokens(pairs[k].row), found);
    };
    matcher.solve_each(pairs.size(), affinity, worker, keep);
    const auto& scored = matcher.rescoring.score(rows_.narrow(), cols_.narrow());
    for (std::size_t p = 0; p < scored.size(); ++p) {
      entries_.write_rescored(scored[p], matcher.rescoring.columns(p), matcher, worker);
    }
  }

  void add_windows(Cell cell, Matcher<T>& matcher, Worker& worker) const {
    const Span inputs = rows_.group(cell.row);
    const Span others = cols_.group(cell.col);
    for (std::size_t i = inputs.begin; i < inputs.end; ++i) {
      for (std::size_t j = others.begin; j < others.end; ++j) {
        if (sides_.is_symmetric && i == j) entries_.write_diagonal(i);
        if (!sides_.is_wanted(i, j)) continue;
        entries_.write_matched(i, j, match_windows(i, j, matcher, worker), matcher, worker);
      }
    }
  }

  Match match_windows(std::size_t i, std::size_t j, Matcher<T>& matcher, Worker& worker) const {
    double total = 0;
    const std::size_t shared = std::min(rows_.tokens(i), cols_.tokens(j));
    std::fill(matcher.columns.begin(), matcher.columns.end(), -1);
    for (std::size_t first = 0; first < shared; first += layout_.window) {
      const std::size_t window = first / layout_.window;
      const auto a = rows_.window_rows(i, window);
      const auto b = cols_.window_rows(j, window);
      const auto stride = static_cast<std::ptrdiff_t>(stride_for(b.count));
      products_.of(a, b, rows_.depth(), matcher.affinities.data(), stride, worker);
      const MatrixView<const T> affinity(matcher.affinities.data(), a.count, b.count, stride, 1);
      const Match found = matcher.match(affinity, worker);
      total += found.total;
      put_columns(found.columns, a.count, b.count, first, matcher.columns.data());
    }
    return {total, matcher.columns.data()};
  }

  const RsmOptions& options_;
  const RsmSides<T>& sides_;
  const TokenLayout& layout_;
  const TokenSets<T>& rows_;
  const TokenSets<T>& cols_;
  const Execution& execution_;
  const AffinityProducts<T> products_;
  const RsmEntries<T> entries_;
  std::optional<UnmatchedBlocks<T>> unmatched_;
};

// ---- Checks ----------------------------------------------------------------------------------

template <class T>
void require_options(const RsmOptions& options) {
  const bool is_needed = options.matching == Matching::window || options.matching == Matching::topk;
  require(!is_needed || options.window_or_k > 0,
          "`window_or_k` must be at least 1 for the window and topk matchings");
  if (options.axes.data) {
    require(options.matching == Matching::exact, "`axes` are of the exact matching alone");
    require_axes(options.axes);
  }
  if (options.precision == Precision::float32) return;
  require(options.matching == Matching::exact,
          "`precision` must be float32 unless the matching is exact");
  require(sizeof(T) == sizeof(float), "`precision` must be float32 for float64 tokens");
}

void require_inputs(const TokenInputs& inputs, std::size_t channels, const RsmOptions& options) {
  require_tokens(inputs, channels);
  require(!options.axes.data || options.axes.cols == channels,
          "`axes` must have as many columns as inputs have channels");
}

template <class T>
void require_outputs(const RsmOutputs<T>& outputs, std::size_t rows, std::size_t cols) {
  const auto check = [&](const MatrixView<T>& out, const char* name) {
    if (out.data) require_shape(out, rows, cols, name);
  };
  check(outputs.linear, "linear");
  check(outputs.cosine, "cosine");
  check(outputs.distance, "distance");
  check(outputs.loss, "loss");
}

// ---- Survey, plan, compute -------------------------------------------------------------------

// If all norms are within 2^±kSafeDistance, distances are written unscaled.
template <class T>
constexpr int kSafeDistance = sizeof(T) == sizeof(float) ? 120 : 1000;

// No distance is more than twice the largest norm.
template <class T>
int distance_exponent_for(std::optional<int> largest_norm) {
  const int exponent = largest_norm.value_or(0);
  return exponent - std::clamp(exponent, -kSafeDistance<T>, kSafeDistance<T>);
}

// A whole RSM: tokens are read once, for the survey and the only tile together.
template <class T>
int compute(const TokenInputs& rows, const TokenInputs* cols, const RsmOptions& options,
            const RsmOutputs<T>& outputs, const Execution& execution) {
  const UsualArithmetic usual;
  require_inputs(rows, rows.channels(), options);
  if (cols) require_inputs(*cols, rows.channels(), options);
  require_outputs(outputs, rows.size(), (cols ? *cols : rows).size());
  const TokenFacts facts = count_tokens(rows);
  RsmPlan plan = plan_rsm<T>(options, cols ? merged(facts, count_tokens(*cols)) : facts);
  const simd::Kernels& level = simd::kernels();
  const RsmSide<T> of_rows(level, plan, rows, execution);
  std::optional<RsmSide<T>> of_cols;
  if (cols) of_cols.emplace(level, plan, *cols, execution);
  const RsmSides<T> sides(of_rows, of_cols ? &*of_cols : nullptr);
  plan.distance_exponent =
      distance_exponent_for<T>(larger(sides.rows.largest_norm(), sides.cols.largest_norm()));
  RsmWalk<T>(plan, sides, outputs, execution).run();
  return plan.distance_exponent;
}

template <class T>
RsmSide<T> packed_for(const simd::Kernels& level, const RsmPlan& plan, const TokenInputs& inputs,
                      std::size_t channels, const Execution& execution) {
  require_inputs(inputs, channels, plan.options);
  require(count_tokens(inputs).most <= plan.max_tokens,
          "inputs must not have more tokens than those of the plan");
  return {level, plan, inputs, execution};
}

}  // namespace

template <class T>
struct RsmRows<T>::Packed {
  Packed(const RsmPlan& plan, const TokenInputs& inputs, const Execution& execution)
      : plan(plan),
        side(packed_for<T>(simd::kernels(), plan, inputs, inputs.channels(), execution)) {}

  RsmPlan plan;
  RsmSide<T> side;
};

template <class T>
RsmRows<T>::RsmRows(const RsmPlan& plan, const TokenInputs& inputs, const Execution& execution) {
  const UsualArithmetic usual;
  require_options<T>(plan.options);
  packed_ = std::make_shared<const Packed>(plan, inputs, execution);
}

template <class T>
std::size_t RsmRows<T>::size() const {
  return packed_->side.tokens.inputs();
}

template <class T>
RsmPlan plan_rsm(const RsmOptions& options, const TokenFacts& facts) {
  require_options<T>(options);
  return {options, facts.most, detail::may_be_centered(options.matching, facts.fewest, facts.most),
          distance_exponent_for<T>(facts.largest_norm)};
}

template <class T>
std::size_t rsm_tile_bytes(const RsmPlan& plan, std::size_t channels, std::size_t rows,
                           std::size_t cols, bool has_distances, const Execution& execution) {
  const simd::Kernels& level = simd::kernels();
  const auto& kernels = level.of<T>();
  const TokenLayout layout = layout_for(plan, channels, level);
  const std::size_t entries =
      affinity_entries_for<T>(layout, kernels.panel, rows, cols == 0 ? rows : cols);
  std::size_t of_thread = Matcher<T>::bytes_for(plan.options, layout, entries) +
                          TokenSets<T>::packing_bytes_for(kernels, layout, channels);
  if (has_distances) {
    of_thread += 24 * channels + layout.max_tokens;
    if (layout.matching != Matching::none) {
      of_thread += Rematcher::bytes_for(plan.options, layout, channels);
    }
  }
  return TokenSets<T>::bytes_for(kernels, layout, rows, channels) +
         (cols == 0 ? 0 : TokenSets<T>::bytes_for(kernels, layout, cols, channels)) +
         product(team_size(execution, rows * std::max(rows, cols)), of_thread);
}

template <class T>
int semantic_rsm(const TokenInputs& inputs, const RsmOptions& options, const RsmOutputs<T>& outputs,
                 const Execution& execution) {
  return compute(inputs, nullptr, options, outputs, execution);
}

template <class T>
int semantic_rsm(const TokenInputs& inputs, const TokenInputs& others, const RsmOptions& options,
                 const RsmOutputs<T>& outputs, const Execution& execution) {
  return compute(inputs, &others, options, outputs, execution);
}

template <class T>
void semantic_rsm_tile(const RsmRows<T>& rows, const RsmOutputs<T>& outputs,
                       const Execution& execution) {
  const UsualArithmetic usual;
  const auto& [plan, side] = rows.packed();
  require_outputs(outputs, rows.size(), rows.size());
  const RsmSides<T> sides(side, nullptr);
  RsmWalk<T>(plan, sides, outputs, execution).run();
}

template <class T>
void semantic_rsm_tile(const RsmRows<T>& rows, const TokenInputs& cols,
                       const RsmOutputs<T>& outputs, const Execution& execution) {
  const UsualArithmetic usual;
  const auto& [plan, side] = rows.packed();
  require_outputs(outputs, rows.size(), cols.size());
  const RsmSide<T> others =
      packed_for<T>(side.level, plan, cols, side.inputs.channels(), execution);
  const RsmSides<T> sides(side, &others);
  RsmWalk<T>(plan, sides, outputs, execution).run();
}

template <class T>
void semantic_rsm_tile(const RsmPlan& plan, const TokenInputs& rows, const RsmOutputs<T>& outputs,
                       const Execution& execution) {
  semantic_rsm_tile(RsmRows<T>(plan, rows, execution), outputs, execution);
}

template <class T>
void semantic_rsm_tile(const RsmPlan& plan, const TokenInputs& rows, const TokenInputs& cols,
                       const RsmOutputs<T>& outputs, const Execution& execution) {
  semantic_rsm_tile(RsmRows<T>(plan, rows, execution), cols, outputs, execution);
}

#define ISOGRAM_INSTANTIATE_RSM(T)                                                              \
  template RsmPlan plan_rsm<T>(const RsmOptions&, const TokenFacts&);                           \
  template std::size_t rsm_tile_bytes<T>(const RsmPlan&, std::size_t, std::size_t, std::size_t, \
                                         bool, const Execution&);                               \
  template int semantic_rsm(const TokenInputs&, const RsmOptions&, const RsmOutputs<T>&,        \
                            const Execution&);                                                  \
  template int semantic_rsm(const TokenInputs&, const TokenInputs&, const RsmOptions&,          \
                            const RsmOutputs<T>&, const Execution&);                            \
  template class RsmRows<T>;                                                                    \
  template void semantic_rsm_tile(const RsmRows<T>&, const RsmOutputs<T>&, const Execution&);   \
  template void semantic_rsm_tile(const RsmRows<T>&, const TokenInputs&, const RsmOutputs<T>&,  \
                                  const Execution&);                                            \
  template void semantic_rsm_tile(const RsmPlan&, const TokenInputs&, const RsmOutputs<T>&,     \
                                  const Execution&);                                            \
  template void semantic_rsm_tile(const RsmPlan&, const TokenInputs&, const TokenInputs&,       \
                                  const RsmOutputs<T>&, const Execution&)

ISOGRAM_INSTANTIATE_RSM(float);
ISOGRAM_INSTANTIATE_RSM(double);

}  // namespace isogram
