#include "tokens/tokens.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "isogram/arithmetic.hpp"
#include "isogram/detail/tokens.hpp"
#include "threads/team.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"
#include "tokens/token_inputs.hpp"

namespace isogram {

namespace {

// The tokens of one input as doubles, in memory that is used for one input after another.
struct Widened {
  std::size_t tokens;
  std::size_t channels;
  std::span<double> values;
  double largest = 0;  // magnitude; +∞ if an entry is not finite
  double* token(std::size_t s) { return values.data() + s * channels; }
  const double* token(std::size_t s) const { return values.data() + s * channels; }
};

// Entries that are measured while the innermost cache holds them.
constexpr std::size_t kWidenedAtOnce = 2048;

Widened widen(const InputView& view, Buffer<double>& memory) {
  Widened z{view.rows, view.cols, {memory.data(), product(view.rows, view.cols)}};
  const RowReader reader(view);
  const std::size_t at_once = std::max(std::size_t{1}, kWidenedAtOnce / z.channels);
  for (std::size_t first = 0; first < z.tokens; first += at_once) {
    const std::size_t end = std::min(z.tokens, first + at_once);
    for (std::size_t s = first; s < end; ++s) {
      check_worker();
      reader.read(s, z.token(s));
    }
    const double largest = largest_magnitude(z.token(first), (end - first) * z.channels);
    z.largest = std::isfinite(largest) ? std::max(z.largest, largest)
                                       : std::numeric_limits<double>::infinity();
  }
  return z;
}

// Scales to moderate magnitudes by 2^−exponent; returns the exponent, or none if `bad` was told of
// an entry that is not finite.
std::optional<int> normalise(Widened& z, std::size_t input, FirstNotFinite& bad) {
  check_worker();
  if (!std::isfinite(z.largest)) {
    for (std::size_t s = 0; s < z.tokens; ++s) bad.inspect(input, s, z.token(s), z.channels);
    return std::nullopt;
  }
  const int exponent = scaling_exponent_of(z.largest);
  scale_down(z.values.data(), z.values.size(), exponent);
  return exponent;
}

double squared_norm_of(const double* token, std::size_t channels) {
  return simd::kernels().float64.dot(token, token, channels);
}

std::vector<double> squared_norms_of(const Widened& z) {
  std::vector<double> norms(z.tokens);
  for (std::size_t s = 0; s < z.tokens; ++s) norms[s] = squared_norm_of(z.token(s), z.channels);
  return norms;
}

// The sum of squared norms without the largest.
double bulk_norm_of(std::vector<double> norms) {
  *std::max_element(norms.begin(), norms.end()) = 0;
  return std::accumulate(norms.begin(), norms.end(), 0.0);
}

// Tokens by descending norm, equal norms by index.
std::vector<std::size_t> by_norm(const Widened& z) {
  const std::vector<double> norms = squared_norms_of(z);
  std::vector<std::size_t> order(z.tokens);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return norms[a] > norms[b]; });
  return order;
}

// Writes the mean of some tokens less the first of them, summed relative to it, so that the mean of
// equal tokens less the first is exactly 0.
template <class T>
void mean_less_first(const T* tokens, std::size_t count, std::size_t channels, double* out) {
  const std::vector<double> first(tokens, tokens + channels);
  for (std::size_t s = 0; s < count; ++s) {
    check_worker();
    simd::kernels().of<T>().add_differences(tokens + s * channels, first.data(), channels, out);
  }
  for (std::size_t c = 0; c < channels; ++c) out[c] /= static_cast<double>(count);
}

// Subtracts the mean token and writes it to `mean`; returns the squared norms of what is left.
std::vector<double> subtract_mean_token(Widened& z, double* mean) {
  const auto& kernels = simd::kernels().float64;
  const std::vector<double> first(z.token(0), z.token(0) + z.channels);
  mean_less_first(z.token(0), z.tokens, z.channels, mean);
  std::vector<double> norms(z.tokens);
  for (std::size_t s = 0; s < z.tokens; ++s) {
    check_worker();
    kernels.subtract_shifts(z.token(s), z.token(s), z.channels, 0, first.data());
    kernels.subtract_shifts(z.token(s), z.token(s), z.channels, 0, mean);
    norms[s] = squared_norm_of(z.token(s), z.channels);
  }
  for (std::size_t c = 0; c < z.channels; ++c) mean[c] += first[c];
  return norms;
}

// The index of the median.
std::size_t median_of(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(order.size() / 2);
  std::nth_element(order.begin(), middle, order.end(), [&](std::size_t a, std::size_t b) {
    return values[a] != values[b] ? values[a] < values[b] : a < b;
  });
  return *middle;
}

std::vector<double> squared_distances_from(const Widened& z, std::size_t reference) {
  const auto& kernels = simd::kernels().float64;
  std::vector<double> difference(z.channels);
  std::vector<double> distances(z.tokens);
  for (std::size_t s = 0; s < z.tokens; ++s) {
    kernels.subtract_shifts(z.token(s), difference.data(), z.channels, 0, z.token(reference));
    distances[s] = squared_norm_of(difference.data(), z.channels);
  }
  return distances;
}

// For tokens less their mean, of some squared norms: a typical token, if a few tokens of huge norm
// pull the mean away from it and most others (isogram/detail/tokens.hpp); else none.
std::optional<std::size_t> token_far_from_mean(const Widened& z, const std::vector<double>& norms) {
  const std::size_t typical = median_of(norms);
  const double largest = *std::max_element(norms.begin(), norms.end());
  if (largest <= detail::kHugeNorm * norms[typical]) return std::nullopt;
  const std::vector<double> distances = squared_distances_from(z, typical);
  if (distances[median_of(distances)] >= detail::kNearNorm * norms[typical]) return std::nullopt;
  return typical;
}

// Subtracts the mean of the tokens near `typical` from all tokens, and writes `mean`, the mean of
// all tokens, less that mean to `left`.
void subtract_mean_of_others(Widened& z, std::size_t typical, const double* mean, double* left) {
  const auto& kernels = simd::kernels().float64;
  const std::vector<double> distances = squared_distances_from(z, typical);
  const double farthest = detail::kFarNorm * distances[median_of(distances)];
  const std::vector<double> origin(z.token(typical), z.token(typical) + z.channels);
  std::vector<double> of_others(z.channels);
  std::size_t others = 0;
  for (std::size_t s = 0; s < z.tokens; ++s) {
    kernels.subtract_shifts(z.token(s), z.token(s), z.channels, 0, origin.data());
    if (distances[s] > farthest) continue;
    kernels.add_row(z.token(s), z.channels, of_others.data());
    ++others;
  }
  for (std::size_t c = 0; c < z.channels; ++c) {
    of_others[c] /= static_cast<double>(others);
    left[c] = mean[c] - (origin[c] + of_others[c]);
  }
  for (std::size_t s = 0; s < z.tokens; ++s) {
    kernels.subtract_shifts(z.token(s), z.token(s), z.channels, 0, of_others.data());
  }
}

// The exponent of the norm of an input whose squared norm is in units of 2^(2 exponent); none if it
// is 0.
std::optional<int> exponent_of_norm(double squared_norm, int exponent) {
  if (squared_norm == 0) return std::nullopt;
  return exponent_of(std::sqrt(squared_norm)) + exponent;
}

// The panels that a folded row fills, for a RowPacker.
template <class T>
struct FoldedPanel {
  std::size_t panel;
  decltype(simd::KernelTable<T>::transpose) transpose;
};

// A tail has at most a panel's rows divided by this.
constexpr std::size_t kPanelsOfTail = 12;

bool needs_order(Matching matching) {
  return matching == Matching::window || matching == Matching::topk;
}

}  // namespace

template <class T>
TokenSets<T>::TokenSets(const simd::KernelTable<T>& kernels, const TokenInputs& inputs,
                        const TokenLayout& layout, const Execution& execution)
    : inputs_(inputs),
      layout_(layout),
      panel_(kernels.panel),
      channels_(inputs.channels()),
      depth_(layout.matching == Matching::none ? product(layout.max_tokens, channels_)
                                               : layout.seen(channels_)),
      exponents_(inputs.size()),
      squared_norms_(inputs.size()),
      bulk_norms_(inputs.size()),
      means_(product(inputs.size(), channels_)) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool is_first = i % layout.group == 0;
    row_in_group_.push_back(is_first ? 0 : row_after(i - 1));
    tokens_.push_back(inputs.tokens(i));
  }
  if (layout.centered && layout.matching != Matching::none) {
    means_left_ = Buffer<double>(product(inputs.size(), channels_));
    has_mean_left_ = Buffer<char>(inputs.size());
  }
  if (needs_order(layout.matching)) {
    order_ = Buffer<std::size_t>(product(inputs.size(), layout.max_tokens));
  }
  place();
  prepare_narrow();
  if (is_folded()) {
    data_ = Buffer<T>::kept(product(inputs.size(), Fold<T>(depth_).elements()));
  } else if (layout.matching != Matching::none && !has_words()) {
    take_panels(execution);
  }
  FirstNotFinite bad(inputs.size());
  std::optional<Axes> axes;
  if (layout.axes.data) axes.emplace(layout.axes, execution);
  const std::size_t entries = inputs.size() * layout.max_tokens * channels_;
  PerWorker packers(execution, std::min(inputs.size(), threads_for(entries)),
                    [&] { return packers_for(kernels, axes); });
  const auto pack_input = [&](std::size_t input, Packers& own, Worker& worker) {
    worker.check();
    if (layout_.matching == Matching::none) {
      if (measure(input, inputs[input], own, bad) && is_folded()) pack_folded(input, own);
    } else {
      pack(input, inputs[input], own, bad);
    }
    own.rows.flush();
    if (own.words) own.words->flush();
  };
  parallel_for(execution, inputs.size(), packers, pack_input);
  bad.throw_if_token_found(inputs.name());
}

template <class T>
typename TokenSets<T>::Packers TokenSets<T>::packers_for(const simd::KernelTable<T>& kernels,
                                                         const std::optional<Axes>& axes) const {
  if (is_folded()) {
    const Fold<T> fold(depth_);
    return {Buffer<double>::unset(product(layout_.max_tokens, channels_)),
            Buffer<T>::unset(fold.elements()),
            RowPacker<T>(FoldedPanel<T>{fold.stride(), kernels.transpose}, fold.depth),
            std::nullopt, std::nullopt};
  }
  const bool is_packed = layout_.matching != Matching::none;
  Packers own{Buffer<double>::unset(product(layout_.max_tokens, channels_)),
              {},
              RowPacker<T>(kernels, is_packed ? depth_ : 1),
              std::nullopt,
              std::nullopt};
  if (axes) own.coordinates.emplace(*axes, layout_.max_tokens);
  if (layout_.byte_kernels) own.words.emplace(*layout_.byte_kernels, word_depth());
  if (layout_.pair_kernels) own.words.emplace(*layout_.pair_kernels, word_depth());
  return own;
}

template <class T>
void TokenSets<T>::take_panels(const Execution& execution) {
  const std::size_t of_panel = panel_ * depth_;
  const std::size_t beyond = layout_.has_tails() ? panel_ : 0;  // a micro-kernel may read there
  const std::size_t elements = product(panels_, of_panel) + beyond;
  if (!layout_.is_listed || layout_.matching == Matching::window) {
    data_ = Buffer<T>(elements);
    return;
  }
  data_ = Buffer<T>::kept(elements);  // lists are packed band by band
  const std::vector<std::size_t> used = used_rows();
  parallel_for(execution, panels_, [&](std::size_t p, Worker& worker) {
    worker.check();
    T* panel = data_.data() + p * of_panel;
    for (std::size_t k = 0; k < of_panel; k += panel_) {
      std::fill(panel + k + used[p], panel + k + panel_, T(0));
    }
  });
  std::fill_n(data_.end() - beyond, beyond, T(0));
}

// For a list of pairs: how many rows of each panel have tokens.
template <class T>
std::vector<std::size_t> TokenSets<T>::used_rows() const {
  std::vector<std::size_t> used(panels_, panel_);
  for (std::size_t input = 0; input < inputs(); ++input) {
    const std::size_t first_panel = first_panel_[input / layout_.group];
    const auto end_at = [&](std::size_t row) {
      used[first_panel + (row - 1) / panel_] = (row - 1) % panel_ + 1;
    };
    const std::size_t in_tail = tokens_in_tail(input);
    end_at(row_in_group_[input] + tokens_[input] - in_tail);
    if (in_tail > 0) end_at(tail_in_group_[input] + in_tail);
  }
  return used;
}

template <class T>
void TokenSets<T>::prepare_narrow() {
  if (!layout_.is_narrow()) return;
  std::vector<std::size_t> first_token{0};
  for (const std::size_t count : tokens_) first_token.push_back(first_token.back() + count);
  narrow_.emplace(layout_.precision, std::move(first_token), channels_, layout_.axes.rows);
  if (!has_words()) return;
  words_ = Buffer<std::int32_t>(product(product(panels_, panel_), word_depth()));
}

template <class T>
std::optional<int> TokenSets<T>::largest_norm() const {
  std::optional<int> largest;
  for (std::size_t i = 0; i < inputs(); ++i) {
    largest = larger(largest, exponent_of_norm(squared_norms_[i], exponents_[i]));
  }
  return largest;
}

template <class T>
std::size_t TokenSets<T>::bytes_for(const simd::KernelTable<T>& kernels, const TokenLayout& layout,
                                    std::size_t inputs, std::size_t channels) {
  const auto panels = [&](std::size_t rows) { return padded(rows, kernels.panel); };
  const std::size_t vectors = 8 * channels * (layout.centered ? 2 : 1);  // means
  const std::size_t fixed = inputs * (vectors + 64);
  if (layout.matching == Matching::none) {
    if (layout.is_listed) {
      const std::size_t of_means = layout.centered ? 8 * Fold<double>(channels).elements() : 0;
      const std::size_t of_row = Fold<T>(product(layout.max_tokens, channels)).elements();
      return fixed + product(inputs, of_means + sizeof(T) * of_row);
    }
    const std::size_t of_means = layout.centered ? 8 * channels * panels(inputs) : 0;
    return fixed + of_means +
           sizeof(T) * product(product(panels(inputs), layout.max_tokens), channels);
  }
  const std::size_t groups = blocks_in(inputs, layout.group);
  std::size_t rows = groups * (layout.is_listed ? layout.group * panels(layout.max_tokens)
                                                : panels(layout.group * layout.max_tokens));
  if (layout.matching == Matching::window) {
    rows = inputs * blocks_in(layout.max_tokens, layout.window) * panels(layout.window);
  }
  const std::size_t tokens = inputs * layout.max_tokens;
  const std::size_t order = needs_order(layout.matching) ? 8 * tokens : 0;
  const std::size_t seen = layout.seen(channels);
  const bool has_words = layout.byte_kernels || layout.pair_kernels;
  const std::size_t packed = product(rows, has_words ? 2 * seen + 4 : sizeof(T) * seen) +
                             (layout.has_tails() ? sizeof(T) * kernels.panel : 0);
  const std::size_t of_axes = layout.axes.data ? 8 * product(panels(seen), channels) : 0;
  const std::size_t kept =
      layout.is_narrow()
          ? NarrowTokens<T>::bytes_for(layout.precision, tokens, channels, layout.axes.rows)
          : 0;
  return fixed + order + packed + of_axes + kept;
}

template <class T>
std::size_t TokenSets<T>::packing_bytes_for(const simd::KernelTable<T>& kernels,
                                            const TokenLayout& layout, std::size_t channels) {
  const std::size_t length = product(layout.max_tokens, channels);
  if (layout.matching == Matching::none && layout.is_listed) {
    return (8 + 2 * sizeof(T)) * Fold<T>(length).elements() + 24 * layout.max_tokens;
  }
  const std::size_t depth = layout.matching == Matching::none ? length : channels;
  const std::size_t of_coordinates =
      layout.axes.data ? Axes::Coordinates::bytes_for(layout.axes.rows, channels, layout.max_tokens)
                       : 0;
  return 8 * length + sizeof(T) * product(kernels.panel, depth) + of_coordinates +
         24 * layout.max_tokens;
}

// Gives every piece its first panel. Without a matching there are no pieces.
template <class T>
void TokenSets<T>::place() {
  if (layout_.matching == Matching::none) return;
  if (layout_.matching == Matching::window) {
    for (std::size_t input = 0; input < inputs(); ++input) {
      first_panel_.push_back(panels_);
      panels_ += windows(input) * panels_for(layout_.window);
    }
  } else {
    for (std::size_t g = 0; g < groups(); ++g) {
      first_panel_.push_back(panels_);
      const std::size_t last = group(g).end - 1;
      panels_ += panels_for(layout_.is_listed ? place_tails(group(g))
                                              : row_in_group(last) + tokens_[last]);
    }
  }
}

// Gives the tails of a group their rows, each within one panel; returns the row after the last.
template <class T>
std::size_t TokenSets<T>::place_tails(Span inputs) {
  std::size_t row = row_after(inputs.end - 1);
  for (std::size_t input = inputs.begin; input < inputs.end; ++input) {
    const std::size_t count = tokens_in_tail(input);
    if (row % panel_ + count > panel_) row = padded(row, panel_);
    tail_in_group_.push_back(row);
    row += count;
  }
  return row;
}

template <class T>
void TokenSets<T>::pack(std::size_t input, const InputView& view, Packers& packers,
                        FirstNotFinite& bad) {
  Widened z = widen(view, packers.widened);
  const std::optional<int> exponent = normalise(z, input, bad);
  if (!exponent) return;
  exponents_[input] = *exponent;
  squared_norms_[input] = squared_norm_of(z.values.data(), z.values.size());
  if (needs_order(layout_.matching)) {
    const std::vector<std::size_t> order = by_norm(z);
    std::copy(order.begin(), order.end(), order_.data() + input * layout_.max_tokens);
  }
  double* mean = means_.data() + input * channels_;
  std::vector<double> norms = layout_.centered ? subtract_mean_token(z, mean) : squared_norms_of(z);
  if (has_mean_left_.size() > 0) {
    const std::optional<std::size_t> typical = token_far_from_mean(z, norms);
    has_mean_left_[input] = typical.has_value();
    if (typical) {
      z = widen(view, packers.widened);  // with the digits that the mean cost
      scale_down(z.values.data(), z.values.size(), exponents_[input]);
      subtract_mean_of_others(z, *typical, mean, means_left_.data() + input * channels_);
      norms = squared_norms_of(z);
    }
  }
  bulk_norms_[input] = bulk_norm_of(std::move(norms));
  if (packers.coordinates) packers.coordinates->find(z.values.data(), z.tokens);
  for (std::size_t position = 0; position < z.tokens; ++position) {
    const std::size_t s = token_at(input, position);
    double* token = z.token(s);
    if (narrow_) narrow_->keep(input, position, token);
    if (packers.coordinates) {
      narrow_->keep_along_axes(input, position, token, packers.coordinates->of(s));
      token = packers.coordinates->of(s);
    }
    if (narrow_) narrow_->round(input, position, token);
    pack_token(input, position, token, packers);
  }
  if (narrow_) narrow_->finish(input, squared_norms_[input]);
}

// Packs all tokens of an input as the rows of a folded one.
template <class T>
void TokenSets<T>::pack_folded(std::size_t input, Packers& packers) {
  const Fold<T> fold(depth_);
  T* row = packers.row.data();
  write_entries(input, {0, depth_}, packers.widened.data(), row);
  std::fill(row + depth_, row + fold.elements(), T(0));
  T* folded = data_.data() + input * fold.elements();
  for (std::size_t p = 0; p < fold.stride(); ++p) {
    std::copy_n(row + p * fold.depth, fold.depth, packers.rows.place_for(folded + p));
  }
}

// Packs a token as the matching will compare it.
template <class T>
void TokenSets<T>::pack_token(std::size_t input, std::size_t position, double* token,
                              Packers& packers) {
  if (has_words()) {
    packers.words->add(narrow_->words(input, position, token, layout_.per_word()).data(),
                       words_.data() + place_of(input, position, word_depth()));
  } else {
    packers.rows.add(token, data_.data() + place_of(input, position, depth_));
  }
}

// The place of a token's first element in panels of rows of `depth` elements.
template <class T>
std::size_t TokenSets<T>::place_of(std::size_t input, std::size_t position,
                                   std::size_t depth) const {
  if (layout_.matching == Matching::window) {
    return row_at(first_panel_[input] + position / layout_.window * panels_for(layout_.window),
                  position % layout_.window, depth);
  }
  const std::size_t first_panel = first_panel_[input / layout_.group];
  const std::size_t in_body = tokens_[input] - tokens_in_tail(input);
  if (position >= in_body) {
    return row_at(first_panel, tail_in_group_[input] + position - in_body, depth);
  }
  return row_at(first_panel, row_in_group(input) + position, depth);
}

template <class T>
std::size_t TokenSets<T>::row_at(std::size_t first_panel, std::size_t row,
                                 std::size_t depth) const {
  return (first_panel + row / panel_) * panel_ * depth + row % panel_;
}

// The row in its group of an input that follows one.
template <class T>
std::size_t TokenSets<T>::row_after(std::size_t input) const {
  const std::size_t end = row_in_group_[input] + tokens_[input] - tokens_in_tail(input);
  return layout_.is_listed ? padded(end, panel_) : end;
}

template <class T>
std::size_t TokenSets<T>::tokens_in_tail(std::size_t input) const {
  if (!layout_.has_tails() || tokens_[input] < panel_) return 0;
  const std::size_t rest = tokens_[input] % panel_;
  return rest <= panel_ / kPanelsOfTail ? rest : 0;
}

template <class T>
typename TokenSets<T>::Rows TokenSets<T>::rows(Span inputs) const {
  const std::size_t last = inputs.end - 1;
  const std::size_t first_row = row_in_group_[inputs.begin];
  return {data_.data() + place_of(inputs.begin, 0, depth_),
          row_in_group_[last] + tokens_[last] - first_row};
}

template <class T>
typename TokenSets<T>::Rows TokenSets<T>::body(std::size_t input) const {
  return {data_.data() + place_of(input, 0, depth_), tokens_[input] - tokens_in_tail(input)};
}

template <class T>
typename TokenSets<T>::Tail TokenSets<T>::tail(std::size_t input) const {
  const std::size_t row = tail_in_group_[input];
  const std::size_t panel = first_panel_[input / layout_.group] + row / panel_;
  return {data_.data() + panel * panel_ * depth_, row % panel_, tokens_in_tail(input)};
}

template <class T>
typename TokenSets<T>::Rows TokenSets<T>::window_rows(std::size_t input, std::size_t window) const {
  const std::size_t panel = first_panel_[input] + window * panels_for(layout_.window);
  const std::size_t left = tokens_[input] - window * layout_.window;
  return {data_.data() + panel * panel_ * depth_, std::min(layout_.window, left)};
}

template <class T>
const T* TokenSets<T>::address(std::size_t input, std::size_t entry) const {
  const InputView view = inputs_[input];
  const bool is_whole = view.row_stride == static_cast<std::ptrdiff_t>(view.cols) &&
                        entry < product(view.rows, view.cols);
  return is_whole ? stored_entry<T>(view, 0, entry) : nullptr;
}

// Reads an input that will be multiplied as a row. Returns false if `bad` was told of an entry that
// is not finite.
template <class T>
bool TokenSets<T>::measure(std::size_t input, const InputView& view, Packers& packers,
                           FirstNotFinite& bad) {
  const auto set_mean = [&](const auto* tokens) {
    if (!layout_.centered) return;
    double* mean = means_.data() + input * channels_;
    mean_less_first(tokens, view.rows, channels_, mean);
    for (std::size_t c = 0; c < channels_; ++c) mean[c] += tokens[c];
  };
  if (const T* stored = address(input, 0)) {
    const std::size_t entries = product(view.rows, channels_);
    const double largest = largest_magnitude(stored, entries);
    if (std::isfinite(largest) && scaling_exponent_of(largest) == 0) {
      squared_norms_[input] = simd::kernels().of<T>().dot(stored, stored, entries);
      set_mean(stored);
      return true;
    }
  }
  Widened z = widen(view, packers.widened);
  const std::optional<int> exponent = normalise(z, input, bad);
  if (!exponent) return false;
  exponents_[input] = *exponent;
  squared_norms_[input] = squared_norm_of(z.values.data(), z.values.size());
  set_mean(z.token(0));
  return true;
}

template <class T>
void TokenSets<T>::write_entries(std::size_t input, Span entries, double* scratch, T* out) const {
  const RowReader reader(inputs_[input]);
  const InputView& view = reader.view();
  const int exponent = exponents_[input];
  const std::size_t end = std::min(entries.end, product(tokens_[input], channels_));
  std::fill(out + (std::max(entries.begin, end) - entries.begin), out + entries.size(), T(0));
  for (std::size_t k = entries.begin; k < end;) {
    const Span channels{k % channels_, std::min(channels_, k % channels_ + end - k)};
    const std::size_t n = channels.size();
    const double* mean_token = mean(input) + channels.begin;  // 0 unless centered
    if (const T* token = exponent == 0 ? stored_row<T>(view, k / channels_) : nullptr) {
      simd::kernels().of<T>().subtract_shifts(token + channels.begin, out, n, 0, mean_token);
    } else {
      reader.read(k / channels_, channels, scratch);
      scale_down(scratch, n, exponent);
      simd::kernels().float64.subtract_shifts(scratch, scratch, n, 0, mean_token);
      for (std::size_t c = 0; c < n; ++c) out[c] = static_cast<T>(scratch[c]);
    }
    k += n;
    out += n;
  }
}

TokenFacts survey_tokens(const TokenInputs& inputs, const Execution& execution) {
  const UsualArithmetic usual;
  require_tokens(inputs, inputs.channels());
  TokenFacts facts = count_tokens(inputs);
  FirstNotFinite bad(inputs.size());
  std::vector<std::optional<int>> norms(inputs.size());
  const std::size_t entries = product(facts.most, inputs.channels());
  PerWorker widened(execution, std::min(inputs.size(), threads_for(inputs.size() * entries)),
                    [&] { return Buffer<double>::unset(entries); });
  const auto measure = [&](std::size_t input, Buffer<double>& memory, Worker&) {
    Widened z = widen(inputs[input], memory);
    if (const std::optional<int> exponent = normalise(z, input, bad)) {
      norms[input] = exponent_of_norm(squared_norm_of(z.values.data(), z.values.size()), *exponent);
    }
  };
  parallel_for(execution, inputs.size(), widened, measure);
  bad.throw_if_token_found(inputs.name());
  for (const std::optional<int> norm : norms) {
    facts.largest_norm = larger(facts.largest_norm, norm);
  }
  return facts;
}

template class TokenSets<float>;
template class TokenSets<double>;

}  // namespace isogram
