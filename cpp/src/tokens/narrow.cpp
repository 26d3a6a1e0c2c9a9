#include "tokens/narrow.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "simd/kernels.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

constexpr double kLargestByte = 127;

// To the nearest integer, ties to even, for |x| < 2^51; compilers vectorise it.
double to_whole(double x) {
  constexpr double rounder = 0x1.8p52;
  return (x + rounder) - rounder;
}

// To the nearest bfloat16, ties to even; tokens are finite and far from overflow.
double rounded_to_bfloat16(double x) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(x));
  const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) & 0xffff0000U;
  return std::bit_cast<float>(rounded);
}

double norm(const double* x, std::size_t n) {
  return std::sqrt(simd::kernels().float64.dot(x, x, n));
}

// narrowed(x) of every element, as many per word as fit.
template <class Narrow, class Narrowed>
std::vector<std::int32_t> as_words(const double* x, std::size_t n, Narrowed narrowed) {
  constexpr std::size_t per_word = sizeof(std::int32_t) / sizeof(Narrow);
  std::vector<std::int32_t> words(blocks_in(n, per_word));
  std::vector<Narrow> elements(n);
  std::transform(x, x + n, elements.begin(),
                 [&](double element) { return static_cast<Narrow>(narrowed(element)); });
  std::memcpy(words.data(), elements.data(), n * sizeof(Narrow));  // the first in the lowest bits
  return words;
}

// Prefetches the slice that is scored next, a share with every pair: without that, every line from
// memory beyond the core's own caches would be waited for.
template <class T>
class NextSlice {
 public:
  // Slice `s` of tokens `first` to `end`; empty beyond the last slice.
  NextSlice(const SlicedTokens<T>& tokens, std::size_t first, std::size_t end, std::size_t s,
            std::size_t shares) {
    if (s >= tokens.slices()) return;
    next_ = tokens.slice(first, s);
    left_ = (static_cast<std::size_t>(tokens.slice(end, s) - next_) - 1) / kLine + 1;
    share_ = (left_ - 1) / shares + 1;
  }

  void fetch_share() {
    const std::size_t lines = std::min(share_, left_);
    for (std::size_t n = 0; n < lines; ++n, next_ += kLine) __builtin_prefetch(next_, 0, 3);
    left_ -= lines;
  }

 private:
  static constexpr std::size_t kLine = 64 / sizeof(T);

  const T* next_ = nullptr;
  std::size_t left_ = 0;  // lines
  std::size_t share_ = 0;
};

}  // namespace

template <class T>
void SlicedTokens<T>::keep(std::size_t index, const double* token) {
  for (std::size_t s = 0; s < slices(); ++s) {
    const std::size_t first = s * simd::kSliceChannels;
    const std::size_t width = std::min(simd::kSliceChannels, elements_ - first);
    T* kept = data_.data() + place(index, s);
    for (std::size_t k = 0; k < width; ++k) kept[k] = static_cast<T>(token[first + k]);
    std::fill(kept + width, kept + simd::kSliceChannels, T{0});
  }
}

template <class T>
NarrowTokens<T>::NarrowTokens(Precision precision, std::vector<std::size_t> first_token,
                              std::size_t channels, std::size_t axes)
    : precision_(precision),
      first_token_(std::move(first_token)),
      channels_(channels),
      has_axes_(axes > 0),
      seen_(has_axes_ ? axes : channels),
      tokens_(first_token_.back(), channels),
      coordinates_(first_token_.back(), kept_coordinates(precision, axes)),
      lies_along_axes_(first_token_.size() - 1),
      scales_(first_token_.back()),
      sums_(first_token_.back()),
      norms_(first_token_.size() - 1) {}

template <class T>
void NarrowTokens<T>::keep(std::size_t input, std::size_t position, const double* token) {
  tokens_.keep(index(input, position), token);
}

template <class T>
void NarrowTokens<T>::keep_along_axes(std::size_t input, std::size_t position, const double* token,
                                      const double* coordinates) {
  const auto dot = simd::kernels().float64.dot;
  const double left_out =
      detail::left_out_norm(dot(token, token, channels_), dot(coordinates, coordinates, seen_));
  norms_[input].left_out = std::hypot(norms_[input].left_out, left_out);
  coordinates_.keep(index(input, position), coordinates);
}

template <class T>
void NarrowTokens<T>::finish(std::size_t input, double squared_norm) {
  const double left_out = norms_[input].left_out;
  constexpr double rounding = std::numeric_limits<T>::epsilon() / 2;
  lies_along_axes_[input] = has_axes_ && left_out * left_out <= rounding * squared_norm;
}

template <class T>
void NarrowTokens<T>::round(std::size_t input, std::size_t position, double* seen) {
  const double largest = largest_magnitude(seen, seen_);
  if (!has_axes_) {  // the reference is the token as kept
    for (std::size_t c = 0; c < seen_; ++c) seen[c] = static_cast<T>(seen[c]);
  }
  std::vector<double> error(seen, seen + seen_);
  RoundedNorms& norms = norms_[input];
  norms.largest = std::max(norms.largest, norm(seen, seen_));
  if (precision_ == Precision::int8) {
    const auto smallest_byte = static_cast<float>(largest * (1 / kLargestByte));
    // A subnormal scale is rounded so coarsely that bytes could overflow: such a token counts as 0.
    const float scale = smallest_byte < std::numeric_limits<float>::min() ? 0 : smallest_byte;
    const double inverse = scale > 0 ? 1 / static_cast<double>(scale) : 0;
    for (std::size_t c = 0; c < seen_; ++c) seen[c] = to_whole(seen[c] * inverse);
    const double sum = simd::kernels().float64.sum(seen, seen_);
    for (std::size_t c = 0; c < seen_; ++c) seen[c] *= scale;
    scales_[index(input, position)] = scale;
    sums_[index(input, position)] = static_cast<std::int32_t>(sum);
  } else if (precision_ == Precision::bfloat16) {
    for (std::size_t c = 0; c < seen_; ++c) seen[c] = rounded_to_bfloat16(seen[c]);
  } else {
    for (std::size_t c = 0; c < seen_; ++c) seen[c] = static_cast<T>(seen[c]);
  }
  for (std::size_t c = 0; c < seen_; ++c) error[c] -= seen[c];
  const double size = norm(error.data(), seen_);
  norms.errors += size;
  norms.largest_error = std::max(norms.largest_error, size);
  norms.rounded += norm(seen, seen_);
}

template <class T>
std::vector<std::int32_t> NarrowTokens<T>::words(std::size_t input, std::size_t position,
                                                 const double* token, std::size_t per_word) const {
  if (precision_ == Precision::bfloat16) {
    return as_words<std::uint16_t>(token, seen_, [](double x) {
      return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(x)) >> 16);
    });
  }
  const double of_token = scales_[index(input, position)];
  const double inverse = of_token > 0 ? 1 / of_token : 0;
  const auto whole = [&](double x) { return static_cast<std::int16_t>(to_whole(x * inverse)); };
  return per_word == 2 ? as_words<std::int16_t>(token, seen_, whole)
                       : as_words<std::int8_t>(token, seen_, whole);
}

void Rescoring::keep(std::size_t i, std::size_t j, std::size_t rows, Scoring scoring,
                     const Assignment& found) {
  if (is_scored_) pairs_.clear();
  is_scored_ = false;
  std::copy_n(found.columns, rows, columns_.data() + pairs_.size() * tokens_);
  const double total = scoring == Scoring::matching ? found.total : 0;
  pairs_.push_back({i, j, rows, found.total + found.gap, scoring, total});
}

template <class T>
void Rescoring::add(Scoring scoring, const SlicedTokens<T>& a, const SlicedTokens<T>& b,
                    const NarrowTokens<T>& rows, const NarrowTokens<T>& cols) {
  const auto is_scored_here = [&](const Pair& pair) { return pair.scoring == scoring; };
  const auto count =
      static_cast<std::size_t>(std::count_if(pairs_.begin(), pairs_.end(), is_scored_here));
  if (count == 0) return;
  const Pair& first = pairs_.front();
  const Pair& last = pairs_.back();
  const auto matched_products = simd::kernels().of<T>().matched_products;
  for (std::size_t s = 0; s < a.slices(); ++s) {
    NextSlice<T> of_a(a, rows.first_token(first.i), rows.first_token(last.i + 1), s + 1, count);
    NextSlice<T> of_b(b, cols.first_token(first.j), cols.first_token(last.j + 1), s + 1, count);
    for (std::size_t p = 0; p < pairs_.size(); ++p) {
      Pair& pair = pairs_[p];
      if (!is_scored_here(pair)) continue;
      of_a.fetch_share();
      of_b.fetch_share();
      pair.total += matched_products(a.slice(rows.first_token(pair.i), s),
                                     b.slice(cols.first_token(pair.j), s), columns(p), pair.rows);
    }
  }
}

template <class T>
const std::vector<Rescoring::Pair>& Rescoring::score(const NarrowTokens<T>& a,
                                                     const NarrowTokens<T>& b) {
  if (is_scored_) pairs_.clear();
  is_scored_ = true;
  add(Scoring::tokens, a.tokens(), b.tokens(), a, b);
  add(Scoring::coordinates, a.coordinates(), b.coordinates(), a, b);
  return pairs_;
}

#define ISOGRAM_INSTANTIATE_NARROW(T)                                                   \
  template class NarrowTokens<T>;                                                       \
  template const std::vector<Rescoring::Pair>& Rescoring::score(const NarrowTokens<T>&, \
                                                                const NarrowTokens<T>&)

ISOGRAM_INSTANTIATE_NARROW(float);
ISOGRAM_INSTANTIATE_NARROW(double);

}  // namespace isogram
