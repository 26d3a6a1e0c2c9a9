// Distances of pairs whose affinities have lost the digits that tell near tokens apart: by the
// differences of matched tokens, and after another matching in float64.
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

// Memory for pairs whose affinities in T have lost the digits that tell near tokens apart: their
// tokens as they came, and affinities in float64.
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
  int exponent = 0;  // distances are matched over 2^this
  Matcher<double> matcher;

 private:
  static std::size_t window_of(const RsmOptions& options, const TokenLayout& layout) {
    return options.matching == Matching::window ? layout.window : layout.max_tokens;
  }
};

// Up to this one, powers of two have squares that neither overflow nor vanish.
inline constexpr int kSafeExponent = 256;

// One by which a distance is divided before it is squared.
inline int squaring_exponent_of(const Scaled& distance) {
  const int exponent = std::ilogb(distance.value) + distance.exponent;
  return std::abs(exponent) <= kSafeExponent ? 0 : exponent;
}

// ‖a − b‖² · 2^−2e, or `largest` where that is less.
inline double squared_distance(const double* a, const double* b, std::size_t channels, int exponent,
                               double largest) {
  constexpr std::size_t kPart = 32;  // channels; after each of these, the rest may be left out
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

// Puts the columns of a window, whose first token is `first` and which has so many rows and
// columns, among those of whole inputs.
inline void put_columns(const std::int32_t* of_window, std::size_t rows, std::size_t cols,
                        std::size_t first, std::int32_t* columns) {
  for (std::size_t row = 0; row < rows; ++row) {
    const std::int32_t column = of_window[row];
    const bool is_matched = column >= 0 && static_cast<std::size_t>(column) < cols;
    columns[first + row] = is_matched ? static_cast<std::int32_t>(first) + column : -1;
  }
}

// Distances of pairs (i of rows, j of cols) from their tokens as they came.
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

  // Whether the matching makes distances as small as can be, of inputs or of their windows.
  bool is_shortest() const {
    return options_.matching == Matching::exact || options_.matching == Matching::window;
  }

  // Matches a pair in float64: of the shortest distances by the squares of differences, which have
  // the digits of near tokens however far off others are. No pair of a best matching is beyond the
  // distance that is known. Twice its square stands for all that are: it is worse than any best
  // matching, and rounds the others less than they would; once more where the distance was far
  // above the one found. Greedy choices are by inner products.
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

  // Σ ‖x − y‖² over matched tokens and Σ ‖x‖² over those left over, from the inputs as they came.
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
  // Tokens in float64, by position, over 2^unit; and zeros after them.
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

  // A token that is left over adds its squared norm to the distance, as if its partner were 0: so
  // the smaller set is filled up with zeros.
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
