#include <algorithm>
#include <cstdint>
#include <vector>

#include "ranks/merge_sort.hpp"
#include "ranks/ranks.hpp"
#include "ranks/ties.hpp"
#include "statistics/correlation.hpp"
#include "tiles/grid.hpp"

namespace isogram {

namespace {

struct Point {
  double a;
  double b;
};

std::uint64_t pairs_of(std::size_t n) {
  return static_cast<std::uint64_t>(n) * (n - 1) / 2;
}

// The ties of one side of sorted points.
struct Tied {
  std::uint64_t pairs = 0;
  std::vector<Span> unequal;  // ties whose values differ by rounding
};

// The ties of member `side`, by which the points are sorted and which is from `entries`.
Tied ties_of(const Buffer<Point>& points, double Point::* side, const Entries& entries,
             const Execution& execution) {
  const std::size_t n = points.size();
  std::vector<Tied> parts(blocks_in(n, kSortChunk));
  const SortedTies ties([&](std::size_t i) { return points[i].*side; }, n, entries.eps,
                        entries.scale);
  for_each_tie(ties, n, execution, [&](std::size_t chunk, Span tie) {
    parts[chunk].pairs += pairs_of(tie.size());
    if (points[tie.begin].*side == points[tie.end - 1].*side) return;
    parts[chunk].unequal.push_back(tie);
  });
  Tied all;
  for (const Tied& part : parts) {
    all.pairs += part.pairs;
    all.unequal.insert(all.unequal.end(), part.unequal.begin(), part.unequal.end());
  }
  return all;
}

// Makes `side` equal within each range, and sorts the range by the other side; returns the number
// of exchanges.
std::uint64_t equalise(Buffer<Point>& points, const std::vector<Span>& ranges, double Point::* side,
                       double Point::* other, const Execution& execution) {
  const auto less = [other](const Point& p, const Point& q) { return p.*other < q.*other; };
  std::uint64_t exchanges = 0;
  for (const Span& range : ranges) {
    Buffer<Point> part = Buffer<Point>::unset(range.size());
    for_each_chunk(range.size(), execution, [&](std::size_t, Span span) {
      for (std::size_t i = span.begin; i < span.end; ++i) {
        part[i] = points[range.begin + i];
        part[i].*side = points[range.begin].*side;
      }
    });
    exchanges += merge_sort(part, less, execution);
    for_each_chunk(range.size(), execution, [&](std::size_t, Span span) {
      std::copy(part.begin() + span.begin, part.begin() + span.end,
                points.begin() + range.begin + span.begin);
    });
  }
  return exchanges;
}

// The number of pairs of points that are equal on both sides, for points sorted by b, then by a.
std::uint64_t pairs_tied_twice(const Buffer<Point>& points, const Execution& execution) {
  const auto same = [&](std::size_t i, std::size_t j) {
    return points[i].a == points[j].a && points[i].b == points[j].b;
  };
  return sum_of_chunks<std::uint64_t>(points.size(), execution, [&](Span span) {
    std::uint64_t pairs = 0;
    std::size_t begin = span.begin;
    while (begin > 0 && begin < span.end && same(begin - 1, begin)) ++begin;
    for (std::size_t end = begin; begin < span.end; begin = end) {
      do ++end;
      while (end < points.size() && same(begin, end));
      pairs += pairs_of(end - begin);
    }
    return pairs;
  });
}

// By a, then by b. Without a branch, which would be mispredicted every second time.
bool comes_first(const Point& p, const Point& q) {
  return static_cast<int>(p.a < q.a) | (static_cast<int>(p.a == q.a) & static_cast<int>(p.b < q.b));
}

}  // namespace

double kendall(const Entries& a, const Entries& b, Tau tau, const Execution& execution) {
  const std::size_t n = a.values.size();
  Buffer<Point> points = Buffer<Point>::unset(n);
  for_each_chunk(n, execution, [&](std::size_t, Span span) {
    for (std::size_t i = span.begin; i < span.end; ++i) points[i] = {a.values[i], b.values[i]};
  });
  merge_sort(points, [](const Point& p, const Point& q) { return comes_first(p, q); }, execution);
  const Tied of_a = ties_of(points, &Point::a, a, execution);
  equalise(points, of_a.unequal, &Point::a, &Point::b, execution);
  std::uint64_t discordant =
      merge_sort(points, [](const Point& p, const Point& q) { return p.b < q.b; }, execution);
  const Tied of_b = ties_of(points, &Point::b, b, execution);
  discordant -= equalise(points, of_b.unequal, &Point::b, &Point::a, execution);

  const std::uint64_t pairs = pairs_of(n);
  if (of_a.pairs == pairs || of_b.pairs == pairs) return tau == Tau::a ? 0.0 : kUndefined;
  const std::uint64_t tied_twice = pairs_tied_twice(points, execution);
  const std::uint64_t concordant = pairs - of_a.pairs - of_b.pairs + tied_twice - discordant;
  const double difference = concordant > discordant ? static_cast<double>(concordant - discordant)
                                                    : -static_cast<double>(discordant - concordant);
  if (tau == Tau::a) return difference / static_cast<double>(pairs);
  return cosine_of(difference, static_cast<double>(pairs - of_a.pairs),
                   static_cast<double>(pairs - of_b.pairs));
}

}  // namespace isogram
