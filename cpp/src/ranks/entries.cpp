#include "ranks/entries.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "isogram/compare.hpp"
#include "ranks/merge_sort.hpp"
#include "threads/team.hpp"
#include "tiles/grid.hpp"

namespace isogram {

namespace {

// value(entry) reduced over all entries of a sample, for every sample.
template <class Value, class Reduce>
std::vector<double> of_samples(const Buffer<double>& triangle, std::size_t n,
                               const Execution& execution, Value value, Reduce reduce) {
  const std::size_t threads = std::min(row_tasks(n), threads_for(n * n));
  std::vector<std::vector<double>> columns(team_size(execution, threads));
  for (auto& own : columns) own.assign(n, 0.0);
  std::vector<double> reduced(n);
  parallel_for(
      execution, row_tasks(n),
      [&](std::size_t task, Worker& worker) {
        double* column = columns[worker.index].data();
        for (std::size_t i = task * kRowsPerTask; i < std::min(n, (task + 1) * kRowsPerTask); ++i) {
          const double* row = triangle.data() + row_begin(i, n);
          double own = 0;
          for (std::size_t j = i + 1; j < n; ++j) {
            const double x = value(row[j - i - 1]);
            own = reduce(own, x);
            column[j] = reduce(column[j], x);
          }
          reduced[i] = own;
        }
      },
      columns.size());
  for (const auto& own : columns) {
    std::transform(own.begin(), own.end(), reduced.begin(), reduced.begin(), reduce);
  }
  return reduced;
}

// The largest magnitude among the entries of each sample.
std::vector<double> reaches_of(const Buffer<double>& triangle, std::size_t n,
                               const Execution& execution) {
  return of_samples(
      triangle, n, execution, [](double x) { return std::abs(x); },
      [](double a, double b) { return std::max(a, b); });
}

double upper_median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Whether the entries of the scale do not all belong to a quarter (1 / kTieRule.few) of the
// samples, which dwarf the others. The sum of the largest degrees is an upper bound on the entries
// of that quarter.
bool are_of_many_samples(const Buffer<double>& triangle, std::size_t n, double scale,
                         const Execution& execution) {
  std::vector<double> degrees = of_samples(
      triangle, n, execution,
      [&](double x) { return std::abs(x) * kTieRule.same_scale >= scale ? 1.0 : 0.0; },
      std::plus<>());
  std::sort(degrees.begin(), degrees.end(), std::greater<>());
  const auto few = degrees.begin() + static_cast<std::ptrdiff_t>(n / kTieRule.few);
  const double entries = std::accumulate(degrees.begin(), degrees.end(), 0.0) / 2;
  return std::accumulate(degrees.begin(), few, 0.0) < entries;
}

// The values that are not missing, in ascending order.
Buffer<double> sorted(const Buffer<double>& values, bool has_missing, const Execution& execution) {
  const auto is_value = [](double x) { return !std::isnan(x); };
  const std::size_t count =
      has_missing ? static_cast<std::size_t>(std::count_if(values.begin(), values.end(), is_value))
                  : values.size();
  Buffer<double> copy = Buffer<double>::unset(count);
  if (has_missing) {
    std::copy_if(values.begin(), values.end(), copy.begin(), is_value);
  } else {
    for_each_chunk(count, execution, [&](std::size_t, Span span) {
      std::copy(values.begin() + span.begin, values.begin() + span.end, copy.begin() + span.begin);
    });
  }
  merge_sort(copy, std::less<>(), execution);
  return copy;
}

// Whether at least half of the entries that are not 0 up to rounding share their value with others,
// and rounding separates some of the equal ones.
bool are_levels(const Entries& entries, double scale, bool has_missing,
                const Execution& execution) {
  struct Counts {
    std::size_t shared = 0;
    std::size_t single = 0;
    std::size_t rounded = 0;
  };
  const Buffer<double> values = sorted(entries.values, has_missing, execution);
  const SortedTies ties([&](std::size_t i) { return values[i]; }, values.size(), entries.eps,
                        scale);
  std::vector<Counts> parts(blocks_in(values.size(), kSortChunk));
  for_each_tie(ties, values.size(), execution, [&](std::size_t chunk, Span tie) {
    const double first = values[tie.begin];
    const double last = values[tie.end - 1];
    if (std::abs(first) <= kTieRule.zero * entries.eps * scale) return;
    (tie.size() > 1 ? parts[chunk].shared : parts[chunk].single) += tie.size();
    if (first != last) ++parts[chunk].rounded;
  });
  Counts all;
  for (const Counts& part : parts) {
    all.shared += part.shared;
    all.single += part.single;
    all.rounded += part.rounded;
  }
  return all.shared >= all.single && all.rounded > 0;
}

// The largest |entry| that may stand for 0, for every sample: relative to the scale or, if a
// sample's nonzero entries are all smaller, to the largest of them. An entry takes the smaller
// bound of its two samples.
std::vector<double> zeros_of(std::vector<double> reaches, double eps, double scale) {
  const double zero = kTieRule.zero * eps;
  for (double& x : reaches) x = zero * (x <= zero * scale ? scale : std::min(x, scale));
  return reaches;
}

// Calls visit(row, entry, largest |entry| that may stand for 0) for all entries.
template <class Visit>
void for_each_zero(Entries& entries, const std::vector<double>& zeros, const Execution& execution,
                   Visit visit) {
  const std::size_t n = zeros.size();
  for_each_row(n - 1, execution, [&](std::size_t i, Worker&) {
    double* row = entries.values.data() + row_begin(i, n);
    for (std::size_t j = i + 1; j < n; ++j) {
      visit(i, row[j - i - 1], std::min(zeros[i], zeros[j]));
    }
  });
}

// Whether some entries may stand for 0, and all others are well above them.
bool has_zeros(Entries& entries, const std::vector<double>& zeros, const Execution& execution) {
  constexpr double isolation = kTieRule.isolation / kTieRule.spread;
  std::vector<std::array<bool, 2>> found(zeros.size());  // of each row
  for_each_zero(entries, zeros, execution, [&](std::size_t i, double x, double zero) {
    const double size = std::abs(x);
    if (size > isolation * zero) return;
    found[i][0] |= size > 0 && size <= zero;
    found[i][1] |= size > zero;
  });
  const auto any = [&](std::size_t which) {
    return std::any_of(found.begin(), found.end(), [which](const auto& row) { return row[which]; });
  };
  return any(0) && !any(1);
}

// Entries of both signs are sums, whose rounding is relative to the terms of the sums. Matrices of
// cosines and of few levels show the scale of these terms; then entries that may be rounding of 0
// become 0. Missing entries are NaN, which no comparison counts.
void settle_sums(Entries& entries, std::size_t n, bool has_missing, const Execution& execution) {
  if (!any_of(entries.values, execution, [](double x) { return x < 0; })) return;
  const std::vector<double> reaches = reaches_of(entries.values, n, execution);
  const double largest = *std::max_element(reaches.begin(), reaches.end());
  const bool are_cosines = std::abs(largest - 1) <= kTieRule.spread * entries.eps;
  const double scale = are_cosines ? 1 : upper_median(reaches);
  const std::vector<double> zeros = zeros_of(reaches, entries.eps, scale);
  const bool zeros_are_left = has_zeros(entries, zeros, execution);
  if (!are_cosines && !zeros_are_left) return;
  if (!are_of_many_samples(entries.values, n, scale, execution)) return;
  if (!are_cosines && !are_levels(entries, scale, has_missing, execution)) return;
  entries.scale = scale;
  if (!zeros_are_left) return;
  for_each_zero(entries, zeros, execution,
                [](std::size_t, double& x, double zero) { x = std::abs(x) <= zero ? 0.0 : x; });
}

}  // namespace

Entries entries_of(const InputView& x, const Execution& execution, bool* has_missing) {
  Entries entries{triangle_of(x, execution, has_missing), eps_of(x.type)};
  const bool may_miss = has_missing != nullptr && *has_missing;
  if (entries.eps > 0) settle_sums(entries, x.rows, may_miss, execution);
  return entries;
}

}  // namespace isogram
