#include "statistics/correlation.hpp"

#include <utility>
#include <vector>

#include "ranks/triangle.hpp"
#include "simd/kernels.hpp"
#include "tiles/grid.hpp"

namespace isogram {

namespace {

// Entries per partial sum.
constexpr std::size_t kSumBlock = 4096;

// Summed in blocks, so that rounding does not grow with the whole length.
template <class OfBlock>
double sum_of_blocks(Span span, OfBlock of_block) {
  double total = 0;
  for (std::size_t begin = span.begin; begin < span.end; begin += kSumBlock) {
    total += of_block(begin, std::min(kSumBlock, span.end - begin));
  }
  return total;
}

double dot(const Buffer<double>& a, const Buffer<double>& b, const Execution& execution) {
  const auto& kernels = simd::kernels().float64;
  return sum_of_chunks<double>(a.size(), execution, [&](Span span) {
    return sum_of_blocks(span, [&](std::size_t begin, std::size_t n) {
      return kernels.dot(a.data() + begin, b.data() + begin, n);
    });
  });
}

bool is_constant(const Buffer<double>& values, const Execution& execution) {
  return !any_of(values, execution, [&](double x) { return x != values[0]; });
}

void scale_to_one(Buffer<double>& values, const Execution& execution) {
  std::vector<double> largest(blocks_in(values.size(), kSortChunk));
  for_each_chunk(values.size(), execution, [&](std::size_t chunk, Span span) {
    largest[chunk] = largest_magnitude(values.data() + span.begin, span.size());
  });
  const Scaling scaling(0.0, *std::max_element(largest.begin(), largest.end()));
  for_each_chunk(values.size(), execution, [&](std::size_t, Span span) {
    scaling.apply(values.data() + span.begin, span.size());
  });
}

void subtract_mean(Buffer<double>& values, const Execution& execution) {
  const double mean = sum(values, execution) / static_cast<double>(values.size());
  for_each_chunk(values.size(), execution, [&](std::size_t, Span span) {
    for (std::size_t i = span.begin; i < span.end; ++i) values[i] -= mean;
  });
}

void standardise(Buffer<double>& values, const Execution& execution) {
  scale_to_one(values, execution);
  subtract_mean(values, execution);
  subtract_mean(values, execution);  // the rounding error of a mean far from 0
}

}  // namespace

double sum(const Buffer<double>& values, const Execution& execution) {
  const auto& kernels = simd::kernels().float64;
  return sum_of_chunks<double>(values.size(), execution, [&](Span span) {
    return sum_of_blocks(span, [&](std::size_t begin, std::size_t n) {
      return kernels.sum(values.data() + begin, n);
    });
  });
}

double cosine(Buffer<double> a, Buffer<double> b, const Execution& execution) {
  scale_to_one(a, execution);
  scale_to_one(b, execution);
  const double aa = dot(a, a, execution);
  const double bb = dot(b, b, execution);
  return aa == 0 || bb == 0 ? kUndefined : cosine_of(dot(a, b, execution), aa, bb);
}

double pearson(Buffer<double> a, Buffer<double> b, const Execution& execution) {
  if (is_constant(a, execution) || is_constant(b, execution)) return kUndefined;
  standardise(a, execution);
  standardise(b, execution);
  return cosine(std::move(a), std::move(b), execution);
}

}  // namespace isogram
