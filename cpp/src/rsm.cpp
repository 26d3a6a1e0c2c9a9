#include "isogram/rsm.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "isogram/arithmetic.hpp"
#include "isogram/detail/tokens.hpp"
#include "isogram/error.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/input.hpp"
#include "tokens/axes.hpp"
#include "tokens/rsm_matcher.hpp"
#include "tokens/rsm_rematch.hpp"
#include "tokens/rsm_sides.hpp"
#include "tokens/rsm_walk.hpp"
#include "tokens/token_inputs.hpp"

namespace isogram {

namespace {

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
void require_outputs(const RsmOptions& options, const RsmOutputs<T>& outputs, std::size_t rows,
                     std::size_t cols) {
  require(options.matching != Matching::bound || !outputs.distance.data,
          "`distance` must have no data for the bound, which matches no tokens");
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
  require_outputs(options, outputs, rows.size(), (cols ? *cols : rows).size());
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

void require_planned(const RsmPlan& plan, std::size_t tokens) {
  require(tokens <= plan.max_tokens, "inputs must not have more tokens than those of the plan");
}

template <class T>
RsmSide<T> packed_for(const simd::Kernels& level, const RsmPlan& plan, const TokenInputs& inputs,
                      std::size_t channels, const Execution& execution) {
  require_inputs(inputs, channels, plan.options);
  require_planned(plan, count_tokens(inputs).most);
  return {level, plan, inputs, execution};
}

// ---- Some pairs ------------------------------------------------------------------------------

using Indices = std::span<const std::int64_t>;

// Bytes of packed tokens that are used one after another: of columns that a core's own cache holds,
// of rows that the outer cache holds beside them, and of columns that are packed at one time.
constexpr std::size_t kColumnBytes = std::size_t{1} << 19;
constexpr std::size_t kRowBytes = std::size_t{1} << 23;
constexpr std::size_t kBandBytes = std::size_t{1} << 23;

// How many packed inputs fit in some memory, at least one.
template <class T>
std::size_t inputs_within(std::size_t bytes, const RsmPlan& plan, std::size_t channels) {
  const RsmOptions& options = plan.options;
  const std::size_t depth = options.axes.data ? options.axes.rows : channels;
  return std::max(std::size_t{1}, bytes / product(plan.max_tokens * sizeof(T), depth));
}

// The inputs that are in pairs; others are not read.
class ListedInputs {
 public:
  ListedInputs(const RsmPlan& plan, const TokenInputs& inputs,
               std::initializer_list<Indices> listed)
      : place_of_(inputs.size(), kUnused) {
    for (const Indices indices : listed) {
      for (const std::int64_t i : indices) place_of_[static_cast<std::size_t>(i)] = 0;
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (place_of_[i] == kUnused) continue;
      require_planned(plan, inputs.tokens(i));
      place_of_[i] = used_.size();
      used_.push_back(i);
      views_.push_back(inputs[i]);
    }
  }

  std::size_t size() const { return used_.size(); }
  std::size_t place_of(std::int64_t input) const {
    return place_of_[static_cast<std::size_t>(input)];
  }

  // Packs the inputs of some places into `side`; this object must outlive it.
  template <class T>
  void pack(const simd::Kernels& level, const RsmPlan& plan, Span places,
            const Execution& execution, std::optional<RsmSide<T>>& side) const {
    const std::span<const InputView> views(views_);
    side.reset();  // before others take its memory
    try {
      side.emplace(level, plan, views.subspan(places.begin, places.size()), execution, true);
    } catch (const NotFiniteToken& error) {
      throw NotFiniteToken(error.name, used_[places.begin + error.input], error.token,
                           error.channel, error.value);
    }
  }

 private:
  static constexpr std::size_t kUnused = std::size_t(-1);

  std::vector<std::size_t> place_of_;
  std::vector<std::size_t> used_;
  std::vector<InputView> views_;  // of the inputs
};

void require_indices(Indices indices, std::size_t inputs) {
  for (const std::int64_t i : indices) {
    if (i >= 0 && static_cast<std::size_t>(i) < inputs) continue;
    throw std::invalid_argument("`pairs` must be of inputs from 0 to " +
                                std::to_string(inputs - 1) + ", got " + std::to_string(i));
  }
}

// The entries of pairs, by their places among listed inputs.
std::vector<Entry> listed_entries(const RsmPairs& pairs, const ListedInputs& rows,
                                  const ListedInputs* cols) {
  std::vector<Entry> entries;
  entries.reserve(pairs.rows.size());
  for (std::size_t k = 0; k < pairs.rows.size(); ++k) {
    const std::size_t i = rows.place_of(pairs.rows[k]);
    const std::size_t j = (cols ? *cols : rows).place_of(pairs.cols[k]);
    const bool is_turned = !cols && j < i;
    entries.push_back({is_turned ? j : i, is_turned ? i : j, {k, 0}});
  }
  return entries;
}

// Puts entries in the order of bands of columns, and within a band of blocks that share caches.
template <class T>
void sort_in_blocks(std::vector<Entry>& entries, std::size_t band, const RsmPlan& plan,
                    std::size_t channels) {
  const std::size_t height = inputs_within<T>(kRowBytes, plan, channels);
  const std::size_t width = inputs_within<T>(kColumnBytes, plan, channels);
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    const auto key = [&](const Entry& e) {
      return std::tuple(e.j / band, e.i / height, e.j / width, e.i, e.j, e.place.row);
    };
    return key(a) < key(b);
  });
}

template <class T>
void require_pairs(const RsmPlan& plan, const TokenInputs& rows, const TokenInputs* cols,
                   const RsmPairs& pairs, const RsmOutputs<T>& outputs) {
  require_options<T>(plan.options);
  require_inputs(rows, rows.channels(), plan.options);
  if (cols) require_inputs(*cols, rows.channels(), plan.options);
  require(pairs.rows.size() == pairs.cols.size(), "pairs must have as many rows as columns");
  require_indices(pairs.rows, rows.size());
  require_indices(pairs.cols, (cols ? *cols : rows).size());
  require_outputs(plan.options, outputs, pairs.rows.size(), 1);
}

// Rows are packed once; columns, if they are other inputs, band by band.
template <class T>
void compute_pairs(const RsmPlan& plan, const TokenInputs& rows, const TokenInputs* cols,
                   const RsmPairs& pairs, const RsmOutputs<T>& outputs,
                   const Execution& execution) {
  const UsualArithmetic usual;
  require_pairs(plan, rows, cols, pairs, outputs);
  if (pairs.rows.empty()) return;
  const simd::Kernels& level = simd::kernels();
  const ListedInputs of_rows(plan, rows, {pairs.rows, cols ? Indices{} : pairs.cols});
  std::optional<ListedInputs> of_cols;
  if (cols) of_cols.emplace(plan, *cols, std::initializer_list{pairs.cols});
  const std::size_t columns = (of_cols ? *of_cols : of_rows).size();
  const std::size_t band = cols ? inputs_within<T>(kBandBytes, plan, rows.channels()) : columns;
  std::vector<Entry> entries = listed_entries(pairs, of_rows, of_cols ? &*of_cols : nullptr);
  sort_in_blocks<T>(entries, band, plan, rows.channels());
  std::optional<RsmSide<T>> packed_rows;
  std::optional<RsmSide<T>> packed_cols;
  of_rows.pack(level, plan, {0, of_rows.size()}, execution, packed_rows);
  std::size_t done = 0;
  for (std::size_t first = 0; first < columns; first += band) {
    std::size_t end = done;
    for (; end < entries.size() && entries[end].j < first + band; ++end) entries[end].j -= first;
    const std::span<const Entry> of_band(entries.data() + done, end - done);
    const Span places{first, std::min(first + band, columns)};
    if (of_cols) of_cols->pack(level, plan, places, execution, packed_cols);
    const RsmSides<T> sides(*packed_rows, packed_cols ? &*packed_cols : nullptr);
    RsmWalk<T>(plan, sides, outputs, execution).run(of_band, done, entries.size());
    done = end;
  }
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
                           std::size_t cols, bool has_distances, const Execution& execution,
                           bool is_listed) {
  const simd::Kernels& level = simd::kernels();
  const auto& kernels = level.of<T>();
  const TokenLayout layout = layout_for(plan, channels, level, is_listed);
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
  if (is_listed) cols = std::min(cols, inputs_within<T>(kBandBytes, plan, channels));
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
void semantic_rsm_pairs(const RsmPlan& plan, const TokenInputs& inputs, const RsmPairs& pairs,
                        const RsmOutputs<T>& outputs, const Execution& execution) {
  compute_pairs(plan, inputs, nullptr, pairs, outputs, execution);
}

template <class T>
void semantic_rsm_pairs(const RsmPlan& plan, const TokenInputs& inputs, const TokenInputs& others,
                        const RsmPairs& pairs, const RsmOutputs<T>& outputs,
                        const Execution& execution) {
  compute_pairs(plan, inputs, &others, pairs, outputs, execution);
}

template <class T>
void semantic_rsm_tile(const RsmRows<T>& rows, const RsmOutputs<T>& outputs,
                       const Execution& execution) {
  const UsualArithmetic usual;
  const auto& [plan, side] = rows.packed();
  require_outputs(plan.options, outputs, rows.size(), rows.size());
  const RsmSides<T> sides(side, nullptr);
  RsmWalk<T>(plan, sides, outputs, execution).run();
}

template <class T>
void semantic_rsm_tile(const RsmRows<T>& rows, const TokenInputs& cols,
                       const RsmOutputs<T>& outputs, const Execution& execution) {
  const UsualArithmetic usual;
  const auto& [plan, side] = rows.packed();
  require_outputs(plan.options, outputs, rows.size(), cols.size());
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
                                         bool, const Execution&, bool);                         \
  template int semantic_rsm(const TokenInputs&, const RsmOptions&, const RsmOutputs<T>&,        \
                            const Execution&);                                                  \
  template int semantic_rsm(const TokenInputs&, const TokenInputs&, const RsmOptions&,          \
                            const RsmOutputs<T>&, const Execution&);                            \
  template void semantic_rsm_pairs(const RsmPlan&, const TokenInputs&, const RsmPairs&,         \
                                   const RsmOutputs<T>&, const Execution&);                     \
  template void semantic_rsm_pairs(const RsmPlan&, const TokenInputs&, const TokenInputs&,      \
                                   const RsmPairs&, const RsmOutputs<T>&, const Execution&);    \
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
