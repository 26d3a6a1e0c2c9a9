#include "statistics/middle.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "threads/team.hpp"
#include "tiles/grid.hpp"

namespace isogram {

namespace {

// The size of a sample of values whose order statistics bracket the median almost surely: within
// four standard deviations of its rank in the sample.
constexpr std::size_t kSample = 4096;
constexpr std::size_t kDeviation = 32;  // √kSample / 2
constexpr std::size_t kFew = 4 * kSample;
constexpr std::size_t kChunk = std::size_t{1} << 18;

template <class T>
Bracket<T> bracket_of_median(const T* values, std::size_t n) {
  std::vector<T> sample(kSample);
  for (std::size_t i = 0; i < kSample; ++i) sample[i] = values[n / kSample * i];
  std::sort(sample.begin(), sample.end());
  return {sample[kSample / 2 - 4 * kDeviation], sample[kSample / 2 + 4 * kDeviation]};
}

// The values below and inside the bracket.
template <class T>
struct Parted {
  std::size_t below = 0;
  std::size_t inside = 0;
  std::vector<T> insiders;  // empty if all are equal
};

template <class T>
Parted<T> parted(const T* values, std::size_t n, Bracket<T> bracket, const Execution& execution) {
  std::vector<Parted<T>> parts(blocks_in(n, kChunk));
  parallel_for(execution, parts.size(), [&](std::size_t chunk, Worker&) {
    Parted<T> part;
    for (std::size_t i = chunk * kChunk; i < std::min(n, (chunk + 1) * kChunk); ++i) {
      const T value = values[i];
      const bool is_below = value < bracket.low;
      part.below += is_below;
      if (is_below | (value > bracket.high)) continue;  // | decides once: each is a coin's toss
      ++part.inside;
      if (bracket.low < bracket.high) part.insiders.push_back(value);
    }
    parts[chunk] = std::move(part);
  });
  Parted<T> whole;
  for (const Parted<T>& part : parts) {
    whole.below += part.below;
    whole.inside += part.inside;
    whole.insiders.insert(whole.insiders.end(), part.insiders.begin(), part.insiders.end());
  }
  return whole;
}

}  // namespace

template <class T>
bool has_nan(const T* values, std::size_t n, const Execution& execution) {
  std::vector<char> found(blocks_in(n, kChunk));
  parallel_for(execution, found.size(), [&](std::size_t chunk, Worker&) {
    bool is_nan = false;
    for (std::size_t i = chunk * kChunk; i < std::min(n, (chunk + 1) * kChunk); ++i) {
      is_nan |= std::isnan(values[i]);
    }
    found[chunk] = is_nan;
  });
  return std::find(found.begin(), found.end(), 1) != found.end();
}

template <class T>
Middle<T> at_ranks(std::vector<T> values, std::size_t lower, std::size_t upper) {
  const auto last = values.begin() + static_cast<std::ptrdiff_t>(upper);
  std::nth_element(values.begin(), last, values.end());
  return {lower == upper ? *last : *std::max_element(values.begin(), last), *last};
}

template <class T>
Middle<T> middle_of(const T* values, std::size_t n, const Execution& execution) {
  const std::size_t lower = (n - 1) / 2;
  const std::size_t upper = n / 2;
  if (n > kFew) {
    const Bracket<T> bracket = bracket_of_median(values, n);
    Parted<T> found = parted(values, n, bracket, execution);
    if (found.below <= lower && upper < found.below + found.inside) {
      if (found.insiders.empty()) return {bracket.low, bracket.low};
      return at_ranks(std::move(found.insiders), lower - found.below, upper - found.below);
    }
  }
  return at_ranks(std::vector<T>(values, values + n), lower, upper);
}

template <class T>
double root_mean_square(Middle<T> middle) {
  const double low = middle.lower;
  const double high = middle.upper;
  return low == high ? low : std::hypot(low, high) / std::sqrt(2.0);
}

template Middle<float> middle_of(const float*, std::size_t, const Execution&);
template Middle<float> at_ranks(std::vector<float>, std::size_t, std::size_t);
template double root_mean_square(Middle<float>);
template bool has_nan(const float*, std::size_t, const Execution&);
template Middle<double> middle_of(const double*, std::size_t, const Execution&);
template Middle<double> at_ranks(std::vector<double>, std::size_t, std::size_t);
template double root_mean_square(Middle<double>);
template bool has_nan(const double*, std::size_t, const Execution&);

}  // namespace isogram
