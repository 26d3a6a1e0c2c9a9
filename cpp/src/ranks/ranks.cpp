#include "ranks/ranks.hpp"

#include <utility>

#include "ranks/merge_sort.hpp"
#include "ranks/ties.hpp"

namespace isogram {

namespace {

struct Ranked {
  double value;
  std::size_t place;
};

}  // namespace

Buffer<double> ranks_of(Entries entries, const Execution& execution) {
  Buffer<double>& values = entries.values;
  const std::size_t n = values.size();
  Buffer<Ranked> order = Buffer<Ranked>::unset(n);
  for_each_chunk(n, execution, [&](std::size_t, Span span) {
    for (std::size_t i = span.begin; i < span.end; ++i) order[i] = {values[i], i};
  });
  merge_sort(order, [](const Ranked& a, const Ranked& b) { return a.value < b.value; }, execution);
  const SortedTies ties([&](std::size_t i) { return order[i].value; }, n, entries.eps,
                        entries.scale);
  for_each_tie(ties, n, execution, [&](std::size_t, Span tie) {
    const double rank = (static_cast<double>(tie.begin) + static_cast<double>(tie.end) + 1) / 2;
    for (std::size_t i = tie.begin; i < tie.end; ++i) values[order[i].place] = rank;
  });
  return std::move(values);
}

}  // namespace isogram
