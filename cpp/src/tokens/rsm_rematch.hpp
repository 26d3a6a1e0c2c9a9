// Distances of pairs whose affinities are too coarse for near tokens: by differences of matched
// tokens, after another matching in float64 if needed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "isogram/rsm.hpp"
#include "isogram/tokens.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"
#include "tokens/rsm_matcher.hpp"
#include "tokens/tokens.hpp"

namespace isogram {

// The working memory of another matching in float64: the tokens of a pair, and their affinities.
class Rematcher {
 public:
  Rematcher(const RsmOptions& options, const TokenLayout& layout, std::size_t channels)
      : left(product(layout.max_tokens, channels)),
        right(product(layout.max_tokens, channels)),
        columns(layout.max_tokens),
        window(window_of(options, layout)),
        matcher(options, layout, product(window, window)) {}

  static std::size_t bytes_for(const RsmOptions& options, const TokenLayout& layout,
                               std::size_t channels) {
    const std::size_t window = window_of(options, layout);
    return 16 * product(layout.max_tokens, channels) +
           Matcher<double>::bytes_for(options, layout, product(window, window));
  }

  Buffer<double> left;
  Buffer<double> right;
  Buffer<std::int32_t> columns;
  std::size_t window;
  int exponent = 0;  // distances are divided by 2^exponent
  Matcher<double> matcher;

 private:
  static std::size_t window_of(const RsmOptions& options, const TokenLayout& layout) {
    return options.matching == Matching::window ? layout.window : layout.max_tokens;
  }
};

// Squares of numbers between 2^−kSafeExponent and 2^kSafeExponent neither overflow nor vanish.
inline constexpr int kSafeExponent = 256;

// The exponent of the power of two by which a distance is divided before it is squared.
inline int squaring_exponent_of(const Scaled& distance) {
  const int exponent = std::ilogb(distance.value) + distance.exponent;
  return std::abs(exponent) <= kSafeExponent ? 0 : exponent;
}

// ‖a − b‖² · 2^−2e, or `largest` where that is less.
inline double squared_distance(const double* a, const double* b, std::size_t channels, int exponent,
                               double largest) {
  constexpr std::size_t kPart = 32;  // channels between two comparisons with `largest`
  double difference[kPart];
  double sum = 0;
  for (std::size_t c = 0; c < channels && sum < largest; c += kPart) {
    const std::size_t count = std::min(kPart, channels - c);
    std::copy_n(a + c, count, difference);
    subtract_scaled(difference, count, b + c, exponent);
    sum += simd::kernels().float64.dot(difference, difference, count);
  }
  return std::min(sum, largest);
}

// Copies the columns of a window of rows × cols tokens from number `first` on to the columns of
// whole inputs.
inline void put_columns(const std::int32_t* of_window, std::size_t rows, std::size_t cols,
                        std::size_t first, std::int32_t* columns) {
  for (std::size_t row = 0; row < rows; ++row) {
    const std::int32_t column = of_window[row];
    const bool is_matched = column >= 0 && static_cast<std::size_t>(column) < cols;
    columns[first + row] = is_matched ? static_cast<std::int32_t>(first) + column : -1;
  }
}

// Distances of pairs (i of rows, j of cols) from the tokens of the inputs.
template <class T>
class NearDistances {
 public:
  NearDistances(const RsmOptions& options, const TokenLayout& layout, const TokenSets<T>& rows,
                const TokenSets<T>& cols, const TokenInputs& row_inputs,
                const TokenInputs& col_inputs)
      : options_(options),
        layout_(layout),
        rows_(rows),
        cols_(cols),
        row_inputs_(row_inputs),
        col_inputs_(col_inputs) {}

  // Whether the matching minimises the distance of inputs, or of their windows.
  bool is_shortest() const {
    return options_.matching == Matching::exact || options_.matching == Matching::window;
  }

  // Matches a pair again in float64. Exact and window matchings use squared differences, which keep
  // the digits of near tokens however far others are. No token pair of an optimal matching is
  // farther apart than the known `distance`: larger squares are replaced by twice its square, which
  // no optimal matching takes, and which rounds the others less. This is repeated if the distance
  // found is far below the known one. Greedy choices use inner products.
  Scaled matched_again(std::size_t i, std::size_t j, Scaled distance, int unit_of_products,
                       Matcher<T>& matcher, Worker& worker) const {
    constexpr double far = 16;
    if (!matcher.rematcher) {
      matcher.rematcher = std::make_unique<Rematcher>(options_, layout_, rows_.channels());
    }
    Rematcher& again = *matcher.rematcher;
    const int unit = is_shortest() ? 0 : unit_of_products;
    read_tokens(rows_, i, row_inputs_[i], unit, again.left);
    read_tokens(cols_, j, col_inputs_[j], unit, again.right);
    for (;;) {
      again.exponent = squaring_exponent_of(distance);
      const double longest = std::ldexp(distance.value, distance.exponent - again.exponent);
      match_again(rows_.tokens(i), cols_.tokens(j), 2 * longest * longest, again, worker);
      distance = by_differences(i, j, again.columns.data());
      const double found = std::ldexp(distance.value, distance.exponent - again.exponent);
      if (!is_shortest() || found == 0 || found * far > longest) return distance;
    }
  }

  // √(Σ ‖x − y‖² over matched tokens + Σ ‖x‖² over tokens left over), from the inputs before
  // scaling and centring.
  Scaled by_differences(std::size_t i, std::size_t j, const std::int32_t* columns) const {
    const RowReader left(row_inputs_[i]);
    const RowReader right(col_inputs_[j]);
    const auto& kernels = simd::kernels().float64;
    std::vector<double> a(rows_.channels());
    std::vector<double> b(rows_.channels());
    std::vector<char> is_taken(cols_.tokens(j));
    Norm norm;
    for (std::size_t s = 0; s < rows_.tokens(i); ++s) {
      check_worker();
      left.read(rows_.token_at(i, s), a.data());
      const auto t = columns ? static_cast<std::size_t>(columns[s]) : s;
      if (t < is_taken.size()) {
        is_taken[t] = true;
        right.read(cols_.token_at(j, t), b.data());
        kernels.subtract_shifts(a.data(), a.data(), a.size(), 0, b.data());
      }
      norm.add(a.data(), a.size());
    }
    for (std::size_t t = 0; t < is_taken.size(); ++t) {
      if (is_taken[t]) continue;
      check_worker();
      right.read(cols_.token_at(j, t), b.data());
      norm.add(b.data(), b.size());
    }
    return norm.result();
  }

 private:
  // Reads tokens in float64, by position, divided by 2^unit, and zeros after them.
  void read_tokens(const TokenSets<T>& sets, std::size_t input, const InputView& view, int unit,
                   Buffer<double>& out) const {
    const RowReader reader(view);
    const std::size_t entries = sets.tokens(input) * sets.channels();
    for (std::size_t s = 0; s < sets.tokens(input); ++s) {
      reader.read(sets.token_at(input, s), out.data() + s * sets.channels());
    }
    scale_down(out.data(), entries, unit);
    std::fill(out.begin() + entries, out.end(), 0.0);
  }

  // A token left over adds its squared norm to the distance, as if it were matched with 0: so the
  // smaller input is padded with zeros.
  void match_again(std::size_t rows, std::size_t cols, double largest, Rematcher& again,
                   Worker& worker) const {
    std::fill(again.columns.begin(), again.columns.end(), -1);
    for (std::size_t first = 0; first < std::min(rows, cols); first += again.window) {
      const std::size_t height = std::min(again.window, rows - first);
      const std::size_t width = std::min(again.window, cols - first);
      const std::size_t largest_side = std::max(height, width);
      const std::size_t a_tokens = is_shortest() ? largest_side : height;
      const std::size_t b_tokens = is_shortest() ? largest_side : width;
      double* affinities = again.matcher.affinities.data();
      for (std::size_t s = 0; s < a_tokens; ++s) {
        worker.check();
        write_affinities_again(first + s, {first, first + b_tokens}, largest, again,
                               affinities + s * b_tokens);
      }
      const MatrixView<const double> affinity(affinities, a_tokens, b_tokens);
      const Match found = again.matcher.match(affinity, worker);
      put_columns(found.columns, height, width, first, again.columns.data());
    }
  }

  void write_affinities_again(std::size_t row, Span columns, double largest, Rematcher& again,
                              double* out) const {
    const std::size_t channels = rows_.channels();
    const double* a = again.left.data() + row * channels;
    for (std::size_t t = columns.begin; t < columns.end; ++t) {
      const double* b = again.right.data() + t * channels;
      out[t - columns.begin] = is_shortest()
                                   ? -squared_distance(a, b, channels, again.exponent, largest)
                                   : simd::kernels().float64.dot(a, b, channels);
    }
  }

  const RsmOptions& options_;
  const TokenLayout& layout_;
  const TokenSets<T>& rows_;
  const TokenSets<T>& cols_;
  const TokenInputs& row_inputs_;
  const TokenInputs& col_inputs_;
};

}  // namespace isogram
