#include "isogram/rsm.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "assignment/assignment.hpp"
#include "isogram/arithmetic.hpp"
#include "isogram/detail/matched_sum.hpp"
#include "isogram/detail/rounding.hpp"
#include "isogram/detail/tokens.hpp"
#include "simd/kernels.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"
#include "tiles/walk.hpp"
#include "tokens/rsm_matcher.hpp"
#include "tokens/rsm_products.hpp"
#include "tokens/rsm_rematch.hpp"
#include "tokens/tokens.hpp"

namespace isogram {

namespace {

using detail::InputNorms;

// Affinities of one pair of groups stay within this many rows and columns, so that a core's own
// cache holds them between the Gram block and the matchings.
constexpr std::size_t kAffinityEdge = 400;

// Without a matching: the depth beyond which a wide block could not be stopped soon.
constexpr std::size_t kDeep = std::size_t{1} << 16;

// Where no norm is beyond 2^±safe, distances are written as they are.
template <class T>
constexpr int kSafeDistance = sizeof(T) == sizeof(float) ? 120 : 1000;

// ---- What is matched with what ---------------------------------------------------------------

// The fewest tokens of an input, and the most.
std::pair<std::size_t, std::size_t> range_of_tokens(std::span<const InputView> inputs) {
  const auto [fewest, most] =
      std::minmax_element(inputs.begin(), inputs.end(),
                          [](const InputView& a, const InputView& b) { return a.rows < b.rows; });
  return {fewest->rows, most->rows};
}

TokenLayout layout_for(std::span<const InputView> inputs, std::span<const InputView> others,
                       const RsmOptions& options, std::size_t panel) {
  const Matching matching = options.matching;
  TokenLayout layout;
  layout.matching = matching;
  const auto [fewest, most] = range_of_tokens(inputs);
  const auto [fewest_of_others, most_of_others] = range_of_tokens(others);
  layout.max_tokens = std::max(most, most_of_others);
  layout.window = std::min(options.window_or_k, layout.max_tokens);
  layout.centered =
      detail::may_be_centered(matching, std::min(fewest, fewest_of_others), layout.max_tokens);
  layout.precision = options.precision;
  if (options.precision == Precision::int8 && inputs[0].cols <= simd::kMostBytes) {
    layout.byte_kernels = simd::byte_kernels_for(panel);
  }
  if (options.precision == Precision::bfloat16) layout.pair_kernels = simd::pair_kernels_for(panel);
  layout.group = std::max(std::size_t{1}, kAffinityEdge / layout.max_tokens);
  return layout;
}

// ---- The walk over all pairs -----------------------------------------------------------------

template <class T>
class RsmWalk {
 public:
  RsmWalk(std::span<const InputView> inputs, std::span<const InputView> others, bool is_symmetric,
          const RsmOptions& options, const RsmOutputs<T>& outputs, const Execution& execution)
      : kernels_(simd::kernels().of<T>()),
        row_inputs_(inputs),
        col_inputs_(others),
        options_(options),
        outputs_(outputs),
        execution_(execution),
        layout_(layout_for(inputs, others, options, kernels_.panel)),
        products_(kernels_, layout_),
        rows_(kernels_, inputs, layout_, preparing(execution)),
        is_symmetric_(is_symmetric) {
    if (!is_symmetric) others_.emplace(kernels_, others, layout_, preparing(execution));
    distance_exponent_ = unit_of_distances();
    if (options.matching != Matching::none || !layout_.centered) return;
    row_means_ = packed_means(rows_);
    if (!is_symmetric) col_means_ = packed_means(*others_);
  }

  void run() {
    const bool as_gram = options_.matching == Matching::none;
    const auto blocks = [&](const TokenSets<T>& sets) {
      return as_gram ? (sets.inputs() + block_edge() - 1) / block_edge() : sets.groups();
    };
    const std::size_t row_blocks = blocks(rows_);
    const std::size_t col_blocks = blocks(cols());
    const Grid grid = is_symmetric_ ? Grid::upper(row_blocks) : Grid::full(row_blocks, col_blocks);
    const auto new_matcher = [this] { return Matcher<T>(options_, layout_, affinity_entries()); };
    walk_tiles(grid, execution_, new_matcher, [&](Cell cell, Matcher<T>& matcher, Worker& worker) {
      switch (options_.matching) {
        case Matching::none:
          return add_block(cell, matcher, worker);
        case Matching::window:
          return add_windows(cell, matcher, worker);
        default:
          if (is_in_strips()) return add_in_strips(cell.row, cell.col, matcher, worker);
          return add_groups(cell, matcher, worker);
      }
    });
  }

  // Of the unit of distances.
  int distance_exponent() const { return distance_exponent_; }

 private:
  const TokenSets<T>& cols() const { return others_ ? *others_ : rows_; }

  // No distance is more than twice the largest norm.
  int unit_of_distances() const {
    double largest = 0;
    int exponent = 0;
    for (const TokenSets<T>* sets : {&rows_, &cols()}) {
      for (std::size_t i = 0; i < sets->inputs(); ++i) {
        const double norm = std::sqrt(sets->squared_norm(i));
        if (norm == 0) continue;
        const int of_input = exponent_of(norm) + sets->exponent(i);
        exponent = largest == 0 ? of_input : std::max(exponent, of_input);
        largest = norm;
      }
    }
    return exponent - std::clamp(exponent, -kSafeDistance<T>, kSafeDistance<T>);
  }

  std::size_t padded(std::size_t rows) const {
    return (rows + kernels_.panel - 1) / kernels_.panel * kernels_.panel;
  }

  std::size_t affinity_entries() const {
    if (options_.matching == Matching::none) return block_edge() * block_edge();
    const std::size_t edge =
        padded(options_.matching == Matching::window ? layout_.window
                                                     : layout_.group * layout_.max_tokens);
    return product(edge, edge);
  }

  bool is_wanted(std::size_t i, std::size_t j) const { return !is_symmetric_ || i < j; }

  // Inputs of so many tokens that each is a group, and affinities of a pair would leave the cache.
  bool is_in_strips() const {
    return options_.matching == Matching::exact && layout_.group == 1 &&
           options_.precision == Precision::float32;
  }

  void add_in_strips(std::size_t i, std::size_t j, Matcher<T>& matcher, Worker& worker) const {
    if (is_symmetric_ && i == j) return write_diagonal(i);
    const auto a = rows_.group_rows(i);
    const auto b = cols().group_rows(j);
    const auto strip = [&](std::size_t first, std::size_t count) {
      const std::size_t stride = padded(b.count);
      products_.of({a.data + first * rows_.depth(), count}, b, rows_.depth(),
                   matcher.affinities.data(), stride, worker);
      return MatrixView<const T>(matcher.affinities.data(), count, b.count,
                                 static_cast<std::ptrdiff_t>(stride), 1);
    };
    const AffinityStrips<T> affinity{a.count, b.count, kTileEdge, strip};
    const Assignment found = matcher.solve(affinity, worker);
    write_matched(i, j, {found.total, found.columns}, matcher, worker);
  }

  void add_groups(Cell cell, Matcher<T>& matcher, Worker& worker) const {
    const Span inputs = rows_.group(cell.row);
    const Span others = cols().group(cell.col);
    if (is_symmetric_ && cell.row == cell.col && inputs.size() == 1) {
      return write_diagonal(inputs.begin);
    }
    T* affinities = matcher.affinities.data();
    const auto a = rows_.group_rows(cell.row);
    const auto b = cols().group_rows(cell.col);
    const auto stride = static_cast<std::ptrdiff_t>(padded(b.count));
    if (rows_.has_words()) {
      products_.of_words(rows_, cell.row, cols(), cell.col, matcher, padded(b.count), worker);
    } else {
      products_.of(a, b, rows_.depth(), affinities, padded(b.count), worker);
    }
    std::vector<Cell> pairs;
    for (std::size_t i = inputs.begin; i < inputs.end; ++i) {
      for (std::size_t j = others.begin; j < others.end; ++j) {
        if (is_symmetric_ && i == j) write_diagonal(i);
        if (is_wanted(i, j)) pairs.push_back({i, j});
      }
    }
    const auto affinity = [&](std::size_t k) {
      const auto [i, j] = pairs[k];
      const T* first = affinities + rows_.row_in_group(i) * stride + cols().row_in_group(j);
      return MatrixView<const T>(first, rows_.tokens(i), cols().tokens(j), stride, 1);
    };
    if (options_.precision == Precision::float32) {
      return matcher.match_each(pairs.size(), affinity, worker, [&](std::size_t k, Match match) {
        write_matched(pairs[k].row, pairs[k].col, match, matcher, worker);
      });
    }
    const auto keep = [&](std::size_t k, const Assignment& found) {
      matcher.rescoring.keep(pairs[k].row, pairs[k].col, rows_.tokens(pairs[k].row), found);
    };
    matcher.solve_each(pairs.size(), affinity, worker, keep);
    const auto& scored = matcher.rescoring.score(rows_.narrow(), cols().narrow());
    for (std::size_t p = 0; p < scored.size(); ++p) {
      write_rescored(scored[p], matcher.rescoring.columns(p), matcher, worker);
    }
  }

  void write_rescored(const Rescoring::Pair& pair, const std::int32_t* columns, Matcher<T>& matcher,
                      Worker& worker) const {
    write_matched(pair.i, pair.j, {pair.total, columns}, matcher, worker);
    if (!outputs_.loss.data) return;
    const double ulps = detail::ulps_of_panels(static_cast<double>(rows_.channels()));
    const double bound =
        pair.dual_bound +
        detail::rounding_bound(rows_.narrow().norms(pair.i), cols().narrow().norms(pair.j), ulps);
    store(outputs_.loss, pair.i, pair.j,
          detail::loss_entry(bound, pair.total, norms_of(rows_, pair.i), norms_of(cols(), pair.j)));
  }

  void add_windows(Cell cell, Matcher<T>& matcher, Worker& worker) const {
    const Span inputs = rows_.group(cell.row);
    const Span others = cols().group(cell.col);
    for (std::size_t i = inputs.begin; i < inputs.end; ++i) {
      for (std::size_t j = others.begin; j < others.end; ++j) {
        if (is_symmetric_ && i == j) write_diagonal(i);
        if (!is_wanted(i, j)) continue;
        write_matched(i, j, match_windows(i, j, matcher, worker), matcher, worker);
      }
    }
  }

  Match match_windows(std::size_t i, std::size_t j, Matcher<T>& matcher, Worker& worker) const {
    double total = 0;
    const std::size_t shared = std::min(rows_.tokens(i), cols().tokens(j));
    std::fill(matcher.columns.begin(), matcher.columns.end(), -1);
    for (std::size_t first = 0; first < shared; first += layout_.window) {
      const std::size_t window = first / layout_.window;
      const auto a = rows_.window_rows(i, window);
      const auto b = cols().window_rows(j, window);
      const auto stride = static_cast<std::ptrdiff_t>(padded(b.count));
      products_.of(a, b, rows_.depth(), matcher.affinities.data(), stride, worker);
      const MatrixView<const T> affinity(matcher.affinities.data(), a.count, b.count, stride, 1);
      const Match found = matcher.match(affinity, worker);
      total += found.total;
      put_columns(found.columns, a.count, b.count, first, matcher.columns.data());
    }
    return {total, matcher.columns.data()};
  }

  // Inputs on a side of a block without matching. Rows are deep, and most of them come from far:
  // a wide block fetches them less often, and leaves fewer for other threads.
  std::size_t block_edge() const {
    const std::size_t tiles = std::max(tiles_in(rows_.inputs()), tiles_in(cols().inputs()));
    return std::clamp(tiles / 8, std::size_t{1}, kWidestBlock) * kTileEdge;
  }

  Span block_span(std::size_t block, std::size_t inputs) const {
    const std::size_t edge = block_edge();
    return {block * edge, std::min(inputs, (block + 1) * edge)};
  }

  void add_block(Cell cell, Matcher<T>& matcher, Worker& worker) const {
    const Span inputs = block_span(cell.row, rows_.inputs());
    const Span others = block_span(cell.col, cols().inputs());
    const auto a = rows_.whole_inputs(inputs);
    const auto b = cols().whole_inputs(others);
    const bool is_diagonal = is_symmetric_ && cell.row == cell.col;
    const std::size_t depth = rows_.depth();
    const std::size_t stride = block_edge();
    const std::size_t rows_at_once = is_diagonal || depth > kDeep ? kTileEdge : stride;
    T* block = matcher.affinities.data();
    for (std::size_t p = 0; p < a.count; p += rows_at_once) {
      worker.check();
      const std::size_t q = is_diagonal ? p : 0;
      kernels_.inner_products(a.data + p * depth, std::min(rows_at_once, a.count - p),
                              b.data + q * depth, b.count - q, depth, block + p * stride + q,
                              stride, false, {});
    }
    for (std::size_t p = 0; p < a.count; p += kTileEdge) {
      const Span rows{inputs.begin + p, std::min(inputs.begin + p + kTileEdge, inputs.end)};
      write_rows_of_block(rows, others, block + p * stride, matcher, worker);
    }
  }

  void write_rows_of_block(Span inputs, Span others, const T* sums, Matcher<T>& matcher,
                           Worker& worker) const {
    const std::size_t stride = block_edge();
    double* mean_products = matcher.mean_products.data();
    if (layout_.centered) {
      const Packed<double>& col_means = others_ ? col_means_ : row_means_;
      simd::kernels().float64.inner_products(row_means_.rows_from(inputs.begin), inputs.size(),
                                             col_means.rows_from(others.begin), others.size(),
                                             rows_.channels(), mean_products, stride, false, {});
    }
    for (std::size_t i = inputs.begin; i < inputs.end; ++i) {
      const std::size_t row = (i - inputs.begin) * stride;
      for (std::size_t j = others.begin; j < others.end; ++j) {
        const std::size_t entry = row + j - others.begin;
        if (is_symmetric_ && i == j) write_diagonal(i);
        if (!is_wanted(i, j)) continue;
        const double sum = sums[entry];
        write(i, j, {layout_.centered ? restored(sum, mean_products[entry]) : sum, nullptr},
              matcher, worker);
      }
    }
  }

  Packed<double> packed_means(const TokenSets<T>& sets) const {
    const InputView means(MatrixView(sets.mean(0), sets.inputs(), sets.channels()), "means");
    Packed<double> packed(simd::kernels().float64, means);
    packed.fill(means, {}, Finite::known, preparing(execution_));
    return packed;
  }

  // A sum over matched tokens as it was before these lost their means.
  double restored(double total, double product_of_means) const {
    return total + static_cast<double>(layout_.max_tokens) * product_of_means;
  }

  // The identity is the optimal matching of an input with itself.
  void write_diagonal(std::size_t i) const {
    const double squared_norm = rows_.squared_norm(i);
    if (outputs_.linear.data) {
      outputs_.linear(i, i) = static_cast<T>(std::ldexp(squared_norm, 2 * rows_.exponent(i)));
    }
    if (outputs_.cosine.data) outputs_.cosine(i, i) = squared_norm > 0 ? T(1) : T(0);
    if (outputs_.distance.data) outputs_.distance(i, i) = T(0);
    if (outputs_.loss.data) outputs_.loss(i, i) = T(0);
  }

  // Turns a matched sum of packed tokens into the entries of pair (i, j).
  void write_matched(std::size_t i, std::size_t j, const Match& match, Matcher<T>& matcher,
                     Worker& worker) const {
    if (!layout_.centered) return write(i, j, match, matcher, worker);
    write(i, j, {restored(match.total, product_of_means(i, j)), match.columns}, matcher, worker);
  }

  // Σ over matched tokens ⟨x, y⟩ is that of tokens less any ones of their inputs, but for so many
  // times ⟨mean_i, mean_j⟩ − ⟨mean_i left, mean_j left⟩.
  double product_of_means(std::size_t i, std::size_t j) const {
    const auto dot = simd::kernels().float64.dot;
    const double product = dot(rows_.mean(i), cols().mean(j), rows_.channels());
    const double* of_row = rows_.mean_left(i);
    const double* of_col = cols().mean_left(j);
    return of_row && of_col ? product - dot(of_row, of_col, rows_.channels()) : product;
  }

  // The same of the sum of the tokens as they came, in scaled units.
  void write(std::size_t i, std::size_t j, const Match& match, Matcher<T>& matcher,
             Worker& worker) const {
    const InputNorms a = norms_of(rows_, i);
    const InputNorms b = norms_of(cols(), j);
    if (outputs_.linear.data) {
      store(outputs_.linear, i, j, detail::linear_entry(match.total, a, b));
    }
    if (outputs_.cosine.data) {
      store(outputs_.cosine, i, j, detail::cosine_entry(match.total, a, b));
    }
    if (outputs_.distance.data) {
      const Scaled distance = distance_of(i, j, match, matcher, worker);
      store(outputs_.distance, i, j,
            std::ldexp(distance.value, distance.exponent - distance_exponent_));
    }
  }

  static InputNorms norms_of(const TokenSets<T>& sets, std::size_t input) {
    return {sets.squared_norm(input), sets.exponent(input)};
  }

  int unit_of(std::size_t i, std::size_t j) const {
    return detail::unit_of(norms_of(rows_, i), norms_of(cols(), j));
  }

  NearDistances<T> near_distances() const {
    return {options_, layout_, rows_, cols(), row_inputs_, col_inputs_};
  }

  Scaled distance_of(std::size_t i, std::size_t j, const Match& match, Matcher<T>& matcher,
                     Worker& worker) const {
    const detail::SquaredDistance squared =
        detail::squared_distance(match.total, norms_of(rows_, i), norms_of(cols(), j));
    if (!detail::has_cancelled<T>(squared)) return {std::sqrt(squared.value), unit_of(i, j)};
    const NearDistances<T> near = near_distances();
    const Scaled distance = near.by_differences(i, j, match.columns);
    if (!match.columns || !may_be_mismatched(i, j, distance)) return distance;
    return near.matched_again(i, j, distance, unit_of(i, j), matcher, worker);
  }

  // A narrow precision has its own bound on what it costs.
  bool may_be_mismatched(std::size_t i, std::size_t j, const Scaled& distance) const {
    if (options_.precision != Precision::float32) return false;
    if (!near_distances().is_shortest() && sizeof(T) == sizeof(double)) return false;
    const double in_unit = std::ldexp(distance.value, distance.exponent - unit_of(i, j));
    return distance.value > 0 &&
           detail::may_be_mismatched<T>(in_unit, rows_.bulk_norm(i), norms_of(rows_, i),
                                        cols().bulk_norm(j), norms_of(cols(), j));
  }

  void store(MatrixView<T> out, std::size_t i, std::size_t j, double value) const {
    out(i, j) = static_cast<T>(value);
    if (is_symmetric_) out(j, i) = static_cast<T>(value);
  }

  const simd::KernelTable<T>& kernels_;
  const std::span<const InputView> row_inputs_;
  const std::span<const InputView> col_inputs_;
  const RsmOptions options_;
  const RsmOutputs<T> outputs_;
  const Execution& execution_;
  const TokenLayout layout_;
  const AffinityProducts<T> products_;
  const TokenSets<T> rows_;
  std::optional<TokenSets<T>> others_;
  const bool is_symmetric_;
  int distance_exponent_ = 0;
  Packed<double> row_means_;  // of inputs that are whole rows
  Packed<double> col_means_;
};

// ---- Checks ----------------------------------------------------------------------------------

void require_inputs(std::span<const InputView> inputs, std::size_t channels) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const InputView& input = inputs[i];
    const std::string which = "`" + input.name + "[" + std::to_string(i) + "]`";
    if (input.rows == 0 || input.cols == 0) {
      throw std::invalid_argument(which + " must have at least one token and one channel, got " +
                                  std::to_string(input.rows) + " x " + std::to_string(input.cols));
    }
    if (input.cols != channels) {
      throw std::invalid_argument(which + " must have " + std::to_string(channels) +
                                  " channels like the first input, got " +
                                  std::to_string(input.cols));
    }
  }
}

void require_window_or_k(const RsmOptions& options) {
  const bool is_needed = options.matching == Matching::window || options.matching == Matching::topk;
  require(!is_needed || options.window_or_k > 0,
          "`window_or_k` must be at least 1 for the window and topk matchings");
}

template <class T>
void require_precision(const RsmOptions& options) {
  if (options.precision == Precision::float32) return;
  require(options.matching == Matching::exact,
          "`precision` must be float32 unless the matching is exact");
  require(sizeof(T) == sizeof(float), "`precision` must be float32 for float64 tokens");
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

template <class T>
int run(std::span<const InputView> inputs, std::span<const InputView> others, bool is_symmetric,
        const RsmOptions& options, const RsmOutputs<T>& outputs, const Execution& execution) {
  const UsualArithmetic usual;
  require(!inputs.empty() && !others.empty(), "`tokens` must hold at least one input");
  require_inputs(inputs, inputs[0].cols);
  require_inputs(others, inputs[0].cols);
  require_window_or_k(options);
  require_precision<T>(options);
  require_outputs(outputs, inputs.size(), others.size());
  RsmWalk<T> walk(inputs, others, is_symmetric, options, outputs, execution);
  walk.run();
  return walk.distance_exponent();
}

}  // namespace

template <class T>
int semantic_rsm(std::span<const InputView> inputs, const RsmOptions& options,
                 const RsmOutputs<T>& outputs, const Execution& execution) {
  return run(inputs, inputs, true, options, outputs, execution);
}

template <class T>
int semantic_rsm(std::span<const InputView> inputs, std::span<const InputView> others,
                 const RsmOptions& options, const RsmOutputs<T>& outputs,
                 const Execution& execution) {
  return run(inputs, others, false, options, outputs, execution);
}

template int semantic_rsm(std::span<const InputView>, const RsmOptions&, const RsmOutputs<float>&,
                          const Execution&);
template int semantic_rsm(std::span<const InputView>, const RsmOptions&, const RsmOutputs<double>&,
                          const Execution&);
template int semantic_rsm(std::span<const InputView>, std::span<const InputView>, const RsmOptions&,
                          const RsmOutputs<float>&, const Execution&);
template int semantic_rsm(std::span<const InputView>, std::span<const InputView>, const RsmOptions&,
                          const RsmOutputs<double>&, const Execution&);

}  // namespace isogram
