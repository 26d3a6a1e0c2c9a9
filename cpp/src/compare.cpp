#include "isogram/compare.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "isogram/arithmetic.hpp"
#include "ranks/merge_sort.hpp"
#include "ranks/ties.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"

namespace isogram {

namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// Rows per task where each row is read, and entries per partial sum.
constexpr std::size_t kRowsPerTask = 16;
constexpr std::size_t kSumBlock = 4096;

std::size_t row_tasks(std::size_t rows) {
  return (rows + kRowsPerTask - 1) / kRowsPerTask;
}

// Calls body(task, worker, [begin, end)) for the rows of every task, in parallel.
template <class Body>
void for_each_task_of_rows(std::size_t rows, const Execution& execution, Body body) {
  parallel_for(execution, row_tasks(rows), [&](std::size_t task, Worker& worker) {
    body(task, worker, Span{task * kRowsPerTask, std::min(rows, (task + 1) * kRowsPerTask)});
  });
}

// Calls body(i, worker) for all rows in parallel.
template <class Body>
void for_each_row(std::size_t rows, const Execution& execution, Body body) {
  for_each_task_of_rows(rows, execution, [&](std::size_t, Worker& worker, Span task) {
    for (std::size_t i = task.begin; i < task.end; ++i) {
      worker.check();
      body(i, worker);
    }
  });
}

// Calls body(i, row i) for all rows of a square matrix in parallel, with 0 on the diagonal, which
// is not looked at; then throws if any other entry was not finite.
template <class Body>
void for_each_hollow_row(const InputView& x, const Execution& execution, Body body) {
  const RowReader reader(x);
  FirstNotFinite bad(row_tasks(x.rows));
  for_each_task_of_rows(x.rows, execution, [&](std::size_t task, Worker& worker, Span rows) {
    std::vector<double> row(x.cols);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      worker.check();
      reader.read(i, row.data());
      row[i] = 0;
      bad.inspect(task, i, row.data(), x.cols);
      body(i, row.data());
    }
  });
  bad.throw_if_found(x.name);
}

// Calls body(chunk, [begin, end)) for chunks of n entries, in parallel where there are several:
// each is short enough for Ctrl-C, also where the memory that it touches is new.
template <class Body>
void for_each_chunk(std::size_t n, const Execution& execution, Body body) {
  const std::size_t chunks = (n + kSortChunk - 1) / kSortChunk;
  if (chunks == 1) return body(std::size_t{0}, Span{0, n});
  parallel_for(execution, chunks, [&](std::size_t chunk, Worker&) {
    body(chunk, Span{chunk * kSortChunk, std::min(n, (chunk + 1) * kSortChunk)});
  });
}

// The sum of part(chunk's entries) over all chunks, in their order.
template <class Sum, class Part>
Sum sum_of_chunks(std::size_t n, const Execution& execution, Part part) {
  std::vector<Sum> parts((n + kSortChunk - 1) / kSortChunk);
  for_each_chunk(n, execution, [&](std::size_t chunk, Span span) { parts[chunk] = part(span); });
  return std::accumulate(parts.begin(), parts.end(), Sum{});
}

// x ↦ (x − origin) · 2^−exponent.
class Scaling {
 public:
  // Takes values whose largest distance from `origin` is `reach` to at most 1.
  Scaling(double origin, double reach) : origin_(origin), exponent_(exponent_of(reach)) {}
  void apply(double* values, std::size_t n) const {
    for (std::size_t j = 0; j < n; ++j) values[j] -= origin_;
    scale_down(values, n, exponent_);
  }

 private:
  double origin_;
  int exponent_;
};

// Summed in blocks, so that rounding does not grow with the whole length.
template <class OfBlock>
double sum_of_blocks(Span span, OfBlock of_block) {
  double total = 0;
  for (std::size_t begin = span.begin; begin < span.end; begin += kSumBlock) {
    total += of_block(begin, std::min(kSumBlock, span.end - begin));
  }
  return total;
}

double sum(const Buffer<double>& values, const Execution& execution) {
  const auto& kernels = simd::kernels().float64;
  return sum_of_chunks<double>(values.size(), execution, [&](Span span) {
    return sum_of_blocks(span, [&](std::size_t begin, std::size_t n) {
      return kernels.sum(values.data() + begin, n);
    });
  });
}

double dot(const Buffer<double>& a, const Buffer<double>& b, const Execution& execution) {
  const auto& kernels = simd::kernels().float64;
  return sum_of_chunks<double>(a.size(), execution, [&](Span span) {
    return sum_of_blocks(span, [&](std::size_t begin, std::size_t n) {
      return kernels.dot(a.data() + begin, b.data() + begin, n);
    });
  });
}

// ⟨a, b⟩ / (‖a‖ ‖b‖), where only rounding can leave [−1, 1]; 1 exactly for equal arguments.
double cosine_of(double ab, double aa, double bb) {
  return std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0);
}

// Where row i of a triangle begins: the entries above the diagonal, row by row.
std::size_t row_begin(std::size_t i, std::size_t n) {
  return i * (2 * n - i - 1) / 2;
}

// What is on and below the diagonal is not read.
Buffer<double> triangle_of(const InputView& x, const Execution& execution) {
  const std::size_t n = x.rows;
  const RowReader reader(x);
  FirstNotFinite bad(n);
  Buffer<double> triangle = Buffer<double>::unset(product(n, n - 1) / 2);
  for_each_row(n - 1, execution, [&](std::size_t i, Worker&) {
    const Span columns{i + 1, n};
    double* row = triangle.data() + row_begin(i, n);
    reader.read(i, columns, row);
    bad.inspect(i, i, row, columns.size(), columns.begin);
  });
  bad.throw_if_found(x.name);
  return triangle;
}

template <class Is>
bool any_of(const Buffer<double>& values, const Execution& execution, Is is) {
  const auto found = [&](Span span) {
    return std::any_of(values.begin() + span.begin, values.begin() + span.end, is) ? 1 : 0;
  };
  return sum_of_chunks<int>(values.size(), execution, found) > 0;
}

bool is_constant(const Buffer<double>& values, const Execution& execution) {
  return !any_of(values, execution, [&](double x) { return x != values[0]; });
}

void scale_to_one(Buffer<double>& values, const Execution& execution) {
  std::vector<double> largest((values.size() + kSortChunk - 1) / kSortChunk);
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

double cosine(Buffer<double> a, Buffer<double> b, const Execution& execution) {
  scale_to_one(a, execution);
  scale_to_one(b, execution);
  const double aa = dot(a, a, execution);
  const double bb = dot(b, b, execution);
  return aa == 0 || bb == 0 ? kUndefined : cosine_of(dot(a, b, execution), aa, bb);
}

void standardise(Buffer<double>& values, const Execution& execution) {
  scale_to_one(values, execution);
  subtract_mean(values, execution);
  subtract_mean(values, execution);  // what rounding left of a mean far from 0
}

double pearson(Buffer<double> a, Buffer<double> b, const Execution& execution) {
  if (is_constant(a, execution) || is_constant(b, execution)) return kUndefined;
  standardise(a, execution);
  standardise(b, execution);
  return cosine(std::move(a), std::move(b), execution);
}

// ---- Ranks -----------------------------------------------------------------------------------

// A triangle, and what its type says of the rounding in it.
struct Entries {
  Buffer<double> values;
  double eps;
  double scale = 0;  // of the terms of the sums that the entries are, where that can be told
};

// Of every sample, the value(entry) of all its entries, reduced.
template <class Value, class Reduce>
std::vector<double> of_samples(const Buffer<double>& triangle, std::size_t n,
                               const Execution& execution, Value value, Reduce reduce) {
  std::vector<std::vector<double>> columns(team_size(execution, row_tasks(n)));
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

// Whether more than a quarter of the samples are needed for each entry of such a scale to be of one
// of them: no few samples that dwarf all others have them. By degrees, which is a lower bound.
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

// Calls visit(chunk, [begin, end)) for all ties. Chunks run in parallel; a tie belongs to the chunk
// that it begins in.
template <class Value, class Visit>
void for_each_tie(const SortedTies<Value>& ties, std::size_t n, const Execution& execution,
                  Visit visit) {
  for_each_chunk(n, execution, [&](std::size_t chunk, Span span) {
    for (std::size_t begin = ties.next_begin(span.begin); begin < span.end;) {
      const std::size_t end = ties.end(begin);
      visit(chunk, Span{begin, end});
      begin = end;
    }
  });
}

Buffer<double> sorted(const Buffer<double>& values, const Execution& execution) {
  Buffer<double> copy = Buffer<double>::unset(values.size());
  for_each_chunk(values.size(), execution, [&](std::size_t, Span span) {
    std::copy(values.begin() + span.begin, values.begin() + span.end, copy.begin() + span.begin);
  });
  merge_sort(copy, std::less<>(), execution);
  return copy;
}

// Whether most of the entries that are not 0 up to rounding share their value with others, and
// rounding separates some of those.
bool are_levels(const Entries& entries, double scale, const Execution& execution) {
  struct Counts {
    std::size_t shared = 0;
    std::size_t single = 0;
    std::size_t rounded = 0;
  };
  const Buffer<double> values = sorted(entries.values, execution);
  const SortedTies ties([&](std::size_t i) { return values[i]; }, values.size(), entries.eps,
                        scale);
  std::vector<Counts> parts((values.size() + kSortChunk - 1) / kSortChunk);
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

// Of every sample, what rounding may leave of a 0: less than the scale says where it has entries
// that are not 0, but smaller ones. Of an entry, it is the less of its two samples.
std::vector<double> zeros_of(std::vector<double> reaches, double eps, double scale) {
  const double zero = kTieRule.zero * eps;
  for (double& x : reaches) x = zero * (x <= zero * scale ? scale : std::min(x, scale));
  return reaches;
}

// Calls visit(row, entry, what rounding may leave of a 0 there) for all entries.
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

// Whether some entries are what is left of zeros, and no others are hardly larger.
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

// Entries of both signs are sums, whose rounding is relative to their terms. Matrices of cosines
// and of few levels tell the scale of those; their entries become 0 where only rounding is left.
void settle_sums(Entries& entries, std::size_t n, const Execution& execution) {
  if (!any_of(entries.values, execution, [](double x) { return x < 0; })) return;
  const std::vector<double> reaches = reaches_of(entries.values, n, execution);
  const double largest = *std::max_element(reaches.begin(), reaches.end());
  const bool are_cosines = std::abs(largest - 1) <= kTieRule.spread * entries.eps;
  const double scale = are_cosines ? 1 : upper_median(reaches);
  const std::vector<double> zeros = zeros_of(reaches, entries.eps, scale);
  const bool zeros_are_left = has_zeros(entries, zeros, execution);
  if (!are_cosines && !zeros_are_left) return;
  if (!are_of_many_samples(entries.values, n, scale, execution)) return;
  if (!are_cosines && !are_levels(entries, scale, execution)) return;
  entries.scale = scale;
  if (!zeros_are_left) return;
  for_each_zero(entries, zeros, execution,
                [](std::size_t, double& x, double zero) { x = std::abs(x) <= zero ? 0.0 : x; });
}

Entries entries_of(const InputView& x, const Execution& execution) {
  Entries entries{triangle_of(x, execution), eps_of(x.type)};
  if (entries.eps > 0) settle_sums(entries, x.rows, execution);
  return entries;
}

struct Ranked {
  double value;
  std::size_t place;
};

// Values become their ranks from 1 on; ties share the mean of theirs.
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

double spearman(Entries a, Entries b, const Execution& execution) {
  Buffer<double> ranks_a = ranks_of(std::move(a), execution);
  return pearson(std::move(ranks_a), ranks_of(std::move(b), execution), execution);
}

struct Point {
  double a;
  double b;
};

std::uint64_t pairs_of(std::size_t n) {
  return static_cast<std::uint64_t>(n) * (n - 1) / 2;
}

// What ties one side of sorted points has.
struct Tied {
  std::uint64_t pairs = 0;
  std::vector<Span> unequal;  // of values that only rounding separates
};

// `side` is the member of the points that they are sorted by, and from `entries`.
Tied ties_of(const Buffer<Point>& points, double Point::* side, const Entries& entries,
             const Execution& execution) {
  const std::size_t n = points.size();
  std::vector<Tied> parts((n + kSortChunk - 1) / kSortChunk);
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

// Makes `side` equal within each range, and sorts it by the other side instead; returns the
// exchanges that takes.
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

// Pairs of points that are equal on both sides, of points that are sorted by b, then by a.
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

// By a, then by b; without a branch, which would be mispredicted every other time.
bool comes_first(const Point& p, const Point& q) {
  return static_cast<int>(p.a < q.a) | (static_cast<int>(p.a == q.a) & static_cast<int>(p.b < q.b));
}

// tau-b in O(m log m): sorted by (a, b), the exchanges that sorting by b takes are the discordant
// pairs (Knight 1966), less those between points that only rounding separates. All counts are exact
// for m < 2^32.
double kendall(const Entries& a, const Entries& b, const Execution& execution) {
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
  if (of_a.pairs == pairs || of_b.pairs == pairs) return kUndefined;
  const std::uint64_t tied_twice = pairs_tied_twice(points, execution);
  const std::uint64_t concordant = pairs - of_a.pairs - of_b.pairs + tied_twice - discordant;
  const double difference = concordant > discordant ? static_cast<double>(concordant - discordant)
                                                    : -static_cast<double>(discordant - concordant);
  return cosine_of(difference, static_cast<double>(pairs - of_a.pairs),
                   static_cast<double>(pairs - of_b.pairs));
}

// ---- Rows ------------------------------------------------------------------------------------

// Rows of a symmetric matrix, U-centred (see center.hpp) and in units of its own spread. The
// measure they serve changes neither with a constant added to all off-diagonal entries nor with
// their scale, so the middle of their range is subtracted first: nothing cancels, nor overflows.
class CenteredRows {
 public:
  CenteredRows(const InputView& k, const Execution& execution)
      : reader_(k), scaling_(scaling_of(k, execution)), shifts_(k.rows) {
    const double n = static_cast<double>(k.rows);
    for_each_hollow_row(k, execution, [&](std::size_t i, double* row) {
      scale(i, row);
      shifts_[i] = simd::kernels().float64.sum(row, shifts_.size());
    });
    const double total = sum(shifts_, execution);
    for (double& shift : shifts_) shift = (shift - total / (2 * (n - 1))) / (n - 2);
  }

  void read(std::size_t i, double* row) const {
    reader_.read(i, row);
    scale(i, row);
    simd::kernels().float64.subtract_shifts(row, row, shifts_.size(), shifts_[i], shifts_.data());
    row[i] = 0;
  }

 private:
  static Scaling scaling_of(const InputView& k, const Execution& execution) {
    std::vector<double> low(k.rows);
    std::vector<double> high(k.rows);
    for_each_hollow_row(k, execution, [&](std::size_t i, double* row) {
      row[i] = row[i == 0 ? 1 : 0];  // the diagonal does not count
      const auto [least, most] = std::minmax_element(row, row + k.cols);
      low[i] = *least;
      high[i] = *most;
    });
    const double least = *std::min_element(low.begin(), low.end());
    const double most = *std::max_element(high.begin(), high.end());
    const double middle = least == most ? least : least / 2 + most / 2;
    return Scaling(middle, std::max(most - middle, middle - least));
  }

  void scale(std::size_t i, double* row) const {
    scaling_.apply(row, shifts_.size());
    row[i] = 0;
  }

  RowReader reader_;
  Scaling scaling_;
  Buffer<double> shifts_;  // what every entry of a row, and of a column, is centred by
};

// Inner products of the rows of two matrices, row by row, so that sums over the rows have a fixed
// order.
struct RowProducts {
  explicit RowProducts(std::size_t n) : ab(n), aa(n), bb(n) {}
  void set(std::size_t i, const std::vector<double>& a, const std::vector<double>& b) {
    const auto& kernels = simd::kernels().float64;
    ab[i] = kernels.dot(a.data(), b.data(), a.size());
    aa[i] = kernels.dot(a.data(), a.data(), a.size());
    bb[i] = kernels.dot(b.data(), b.data(), a.size());
  }
  Buffer<double> ab;
  Buffer<double> aa;
  Buffer<double> bb;
};

// `read_a` and `read_b` fill row i of either matrix.
template <class ReadA, class ReadB>
RowProducts row_products(std::size_t n, ReadA read_a, ReadB read_b, const Execution& execution) {
  RowProducts products(n);
  for_each_task_of_rows(n, execution, [&](std::size_t, Worker& worker, Span rows) {
    std::vector<double> a(n);
    std::vector<double> b(n);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      worker.check();
      read_a(i, a.data());
      read_b(i, b.data());
      products.set(i, a, b);
    }
  });
  return products;
}

// HSIC is the inner product of the U-centred matrices over n(n − 3), which CKA cancels.
double cka(const InputView& a, const InputView& b, const Execution& execution) {
  const CenteredRows rows_a(a, execution);
  const CenteredRows rows_b(b, execution);
  const RowProducts products = row_products(
      a.rows, [&](std::size_t i, double* row) { rows_a.read(i, row); },
      [&](std::size_t i, double* row) { rows_b.read(i, row); }, execution);
  const double aa = sum(products.aa, execution);
  const double bb = sum(products.bb, execution);
  // Matrices that centring takes to 0, constant ones among them, leave rounding of entries ≤ 1.
  constexpr double rounding = 16 * std::numeric_limits<double>::epsilon();
  const double n = static_cast<double>(a.rows);
  const double vanishing = n * n * rounding * rounding;
  if (aa <= vanishing || bb <= vanishing) return kUndefined;
  return cosine_of(sum(products.ab, execution), aa, bb);
}

double gbs(const InputView& a, const InputView& b, const Execution& execution) {
  for (const InputView* x : {&a, &b}) {
    for_each_hollow_row(*x, execution, [](std::size_t, const double*) {});  // is all finite?
  }
  const auto reader_of = [](const InputView& x) {
    return [reader = RowReader(x), n = x.cols](std::size_t i, double* row) {
      reader.read(i, row);
      row[i] = 0;
      Scaling(0.0, largest_magnitude(row, n)).apply(row, n);
    };
  };
  const RowProducts products = row_products(a.rows, reader_of(a), reader_of(b), execution);
  double total = 0;
  for (std::size_t i = 0; i < a.rows; ++i) {
    if (products.aa[i] == 0 || products.bb[i] == 0) continue;
    total += cosine_of(products.ab[i], products.aa[i], products.bb[i]);
  }
  return total / static_cast<double>(a.rows);
}

std::string shape_of(const InputView& x) {
  return std::to_string(x.rows) + " x " + std::to_string(x.cols);
}

void require_comparable(const InputView& a, const InputView& b, std::size_t least) {
  if (a.rows != a.cols) {
    throw std::invalid_argument("`" + a.name + "` must be square, got " + shape_of(a));
  }
  if (b.rows != a.rows || b.cols != a.cols) {
    throw std::invalid_argument("`" + b.name + "` must be " + shape_of(a) + " like `" + a.name +
                                "`, got " + shape_of(b));
  }
  if (a.rows < least) {
    throw std::invalid_argument("`" + a.name + "` must have at least " + std::to_string(least) +
                                " rows, got " + std::to_string(a.rows));
  }
}

}  // namespace

double compare(const InputView& a, const InputView& b, Comparison method,
               const Execution& execution) {
  const UsualArithmetic usual;
  require_comparable(a, b, method == Comparison::cka ? 4 : 3);
  if (method == Comparison::cka) return cka(a, b, execution);
  if (method == Comparison::gbs) return gbs(a, b, execution);
  if (method == Comparison::spearman) {
    return spearman(entries_of(a, execution), entries_of(b, execution), execution);
  }
  if (method == Comparison::kendall) {
    return kendall(entries_of(a, execution), entries_of(b, execution), execution);
  }
  Buffer<double> of_a = triangle_of(a, execution);
  Buffer<double> of_b = triangle_of(b, execution);
  const auto compared = method == Comparison::cosine ? &cosine : &pearson;
  return compared(std::move(of_a), std::move(of_b), execution);
}

void rank_entries(const InputView& rsm, double* ranks, const Execution& execution) {
  const UsualArithmetic usual;
  require_comparable(rsm, rsm, 3);
  const Buffer<double> found = ranks_of(entries_of(rsm, execution), execution);
  for_each_chunk(found.size(), execution, [&](std::size_t, Span span) {
    std::copy(found.data() + span.begin, found.data() + span.end, ranks + span.begin);
  });
}

}  // namespace isogram
