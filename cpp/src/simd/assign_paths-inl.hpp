// The augmentation phase of an assignment: free rows are matched one after another, each along a
// shortest augmenting path, by Dijkstra's algorithm on reduced costs.
//
// Terms, with the names of Jonker and Volgenant (1987) and Crouse (2016) in parentheses: the root
// is the free row. A column's distance d_j is the length of the shortest known path to it from the
// root. To scan a column is to relax the edges of its row. The distance of a settled column is
// final; it waits for its scan (SCAN) or has been scanned (READY). All other columns are TODO.
// delta is the distance of the columns settled last (μ, minVal). The sink is the free column at
// which a search ends. Then v_j falls by delta − d_j for every settled column, and the path from
// the sink back to the root exchanges its matched and unmatched edges.
#pragma once

#include <cstddef>
#include <cstdint>

#include "assign-inl.hpp"
#include "kernels.hpp"
#include "lanes-inl.hpp"
#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

// v_j falls by delta − d_j for columns nearer than the sink, which is at delta.
template <class T>
inline Vector<T> dual_after(Vector<T> dual, Vector<T> distance, Vector<T> delta) {
  return dual + minimum<Vector<T>>(distance - delta, Vector<T>{});
}

// Exchanges matched and unmatched edges on the alternating path from `sink` back to `root`.
template <class T>
inline void flip_path(const AssignmentState<T>& s, std::size_t root, std::ptrdiff_t sink) {
  std::size_t row = 0;
  do {
    row = static_cast<std::size_t>(s.predecessor[sink]);
    const std::int32_t next = s.column_of[row];
    s.row_of[sink] = static_cast<std::int32_t>(row);
    s.column_of[row] = static_cast<std::int32_t>(sink);
    sink = next;
  } while (row != root);
}

// A label orders columns as the search scans them: by distance, of equal distances free columns
// first, and scanned columns last. Distances are neither negative nor −0, so that their bits have
// the order of integers. The bits of a label from the top: 0; whether the column has been scanned;
// the bits of the distance without the sign and the last two; whether the column is matched.
template <class T>
inline constexpr Integer<T> kScanned = Integer<T>{1} << (8 * sizeof(T) - 2);

template <class T>
inline Bits<T> label_of(Bits<T> distance, Bits<T> matched) {
  return ((distance >> 1) & ~Integer<T>{1}) | matched;
}

template <class T>
inline Bits<T> distance_of(Bits<T> label) {
  return (label & (kScanned<T> - 2)) << 1;
}

// The least label of columns that no path has reached or that have been scanned.
template <class T>
inline constexpr Integer<T> kNoCandidate = __builtin_bit_cast(Integer<T>, kInfinity<T>) >> 1;

template <class T>
struct Candidate {
  Integer<T> label;
  std::size_t column;
};

// The smallest label and its column, among even columns in lane 0 and among odd columns in lane 1.
template <class T>
struct Nearest {
  Candidate<T> of_parity(std::size_t parity) const {
    return {label[parity], static_cast<std::size_t>(column[parity])};
  }
  Bits<T> label;
  Bits<T> column;
};

// The smallest of the labels visit(first column), for the vectors that cover the columns.
template <class T, class Visit>
[[gnu::always_inline]] inline Nearest<T> visit_columns(std::size_t stride, Visit visit) {
  const auto none = (Distances<T>)broadcast(kInfinity<T>);
  Distances<T> label[2] = {none, none};  // two, because one minimum would wait for itself
  Bits<T> column[2] = {(Bits<T>)none, (Bits<T>)none};
  Bits<T> columns = lane_numbers<T>();
  const auto compare = [&](std::size_t n, std::size_t j) {
    const auto found = (Distances<T>)visit(j);
    column[n] = found < label[n] ? columns : column[n];
    label[n] = minimum(found, label[n]);
    columns += static_cast<Integer<T>>(kLanes<T>);
  };
  std::size_t j = 0;
  for (; j + kLanes<T> < stride; j += 2 * kLanes<T>) {
    compare(0, j);
    compare(1, j + kLanes<T>);
  }
  if (j < stride) compare(0, j);
  const Distances<T> nearest = minimum_of_every<2>(minimum(label[0], label[1]));
  const Bits<T> first = minimum<Bits<T>>(label[0] == nearest ? column[0] : (Bits<T>)none,
                                         label[1] == nearest ? column[1] : (Bits<T>)none);
  return {(Bits<T>)nearest, minimum_of_every<2>(first)};
}

// Labels all columns by their edges to the root. The root's smallest reduced cost is distance 0.
template <class T>
inline Nearest<T> label_from_root(const AssignmentState<T>& s, std::size_t root) {
  const T* row = s.costs + root * s.stride;
  Vector<T> smallest = broadcast(kInfinity<T>);
  for (std::size_t j = 0; j < s.stride; j += kLanes<T>) {
    smallest = minimum<Vector<T>>(load(row + j) - load(s.dual + j), smallest);
  }
  smallest = minimum_everywhere(smallest);
  const Bits<T> from = static_cast<Integer<T>>(root) - Bits<T>{};
  return visit_columns<T>(s.stride, [&](std::size_t j) {
    const Vector<T> above = (load(row + j) - load(s.dual + j)) - smallest;
    const Vector<T> distance = maximum(Vector<T>{}, above);
    const Bits<T> label = label_of<T>((Bits<T>)distance, load(s.matched + j));
    store(s.label + j, label);
    store(s.predecessor + j, from);
    return label;
  });
}

// The scan of a column: paths through it and its row.
template <class T>
struct Scan {
  Scan(const AssignmentState<T>& s, Candidate<T> found)
      : row(s.row_of[found.column]),
        costs(s.costs + static_cast<std::size_t>(row) * s.stride),
        delta((Vector<T>)distance_of<T>(found.label - Bits<T>{})),
        // dual + delta is computed first, while the row is loaded.
        shift(costs[found.column] - (s.dual[found.column] + delta)) {}

  // At least `delta`: rounding must not make a cycle of predecessors.
  Distances<T> paths(std::size_t j, Vector<T> dual) const {
    return maximum((Distances<T>)delta, (Distances<T>)((load(costs + j) - dual) - shift));
  }

  std::int32_t row;
  const T* costs;
  Vector<T> delta;
  Vector<T> shift;
};

// Relaxes the edges of the rows of two columns.
template <class T>
[[gnu::always_inline]] inline Nearest<T> relax(const AssignmentState<T>& s, Scan<T> a, Scan<T> b) {
  return visit_columns<T>(s.stride, [a, b, duals = s.dual, labels = s.label, matched = s.matched,
                                     predecessor = s.predecessor](std::size_t j) {
    const Vector<T> dual = opaque(load(duals + j));
    const Distances<T> through_a = a.paths(j, dual);
    const Distances<T> through_b = b.paths(j, dual);
    const Bits<T> from = through_b < through_a ? b.row - Bits<T>{} : a.row - Bits<T>{};
    const Bits<T> path = label_of<T>((Bits<T>)minimum(through_a, through_b), load(matched + j));
    const Bits<T> known = opaque(load(labels + j));
    const Bits<T> shorter = (Distances<T>)path < (Distances<T>)(known & (kScanned<T> - 1));
    const Bits<T> label = shorter ? path : known;
    store(labels + j, label);
    store(predecessor + j, shorter ? from : load(predecessor + j));
    return label;
  });
}

// Stores a whole vector, because relax() loads whole vectors next and would wait until a single
// stored element reached the cache.
template <class T>
inline void mark_scanned(const AssignmentState<T>& s, std::size_t column) {
  Integer<T>* labels = s.label + column / kLanes<T> * kLanes<T>;
  const Bits<T> here = lane_numbers<T>() == static_cast<Integer<T>>(column % kLanes<T>);
  store(labels, load(labels) | (here & kScanned<T>));
}

// Updates the duals and augments along the path to the sink.
template <class T>
inline void augment_to(const AssignmentState<T>& s, std::size_t root, Candidate<T> sink) {
  const auto delta = (Vector<T>)distance_of<T>(sink.label - Bits<T>{});
  for (std::size_t j = 0; j < s.stride; j += kLanes<T>) {
    const auto distance = (Vector<T>)distance_of<T>(load(s.label + j));
    store(s.dual + j, dual_after<T>(load(s.dual + j), distance, delta));
  }
  flip_path(s, root, static_cast<std::ptrdiff_t>(sink.column));
  s.matched[sink.column] = 1;
}

// Dijkstra's algorithm with two columns scanned at a time: the nearest even and the nearest odd
// column. The nearer of the two is settled. The distance of the other may still fall, and then it
// is scanned again; that is rare, and searches need a third fewer passes.
//
// The search ends after at most one pass per column: no path is shorter than its beginning, so that
// every pass settles a column.
//
// Returns the number of rows whose edges have been relaxed.
template <class T>
inline std::size_t search(const AssignmentState<T>& s, std::size_t root) {
  Nearest<T> nearest = label_from_root(s, root);
  std::size_t relaxed = 1;
  for (; relaxed <= 2 * s.cols + 1; relaxed += 2) {
    const Candidate<T> even = nearest.of_parity(0);
    const Candidate<T> odd = nearest.of_parity(1);
    const Candidate<T> nearer = odd.label < even.label ? odd : even;
    Candidate<T> other = odd.label < even.label ? even : odd;
    if (nearer.label >= kNoCandidate<T>) break;
    if (s.row_of[nearer.column] < 0) {
      augment_to(s, root, nearer);
      break;
    }
    // A free column has no row to scan.
    if (other.label >= kNoCandidate<T> || s.row_of[other.column] < 0) other = nearer;
    mark_scanned(s, nearer.column);
    mark_scanned(s, other.column);
    nearest = relax(s, Scan<T>(s, nearer), Scan<T>(s, other));
  }
  return relaxed;
}

template <class T>
inline std::size_t augment(const AssignmentState<T>& s, std::size_t first, std::size_t edges,
                           Groups<kAnyGroups>) {
  for (std::size_t j = 0; j < s.stride; ++j) s.matched[j] = j >= s.cols || s.row_of[j] >= 0;
  std::size_t row = first;
  for (std::size_t relaxed = 0; row < s.rows && relaxed < edges; ++row) {
    if (s.column_of[row] < 0) relaxed += s.cols * search(s, row);
  }
  return row;
}

// A search of a small problem, with all columns in registers.
template <class T, std::size_t kGroups>
struct SmallSearch {
  static constexpr std::size_t kCount = kVectors<T, kGroups>;
  Vector<T> dual[kCount];         // −∞ once the column is settled
  Distances<T> distance[kCount];  // +∞ once the column is settled
  Vector<T> settled_at[kCount];   // the distance of a settled column; +∞ before
  Bits<T> predecessor[kCount];

  [[gnu::always_inline]] void begin(const T* row, const T* duals, std::size_t root) {
    Vector<T> straight[kCount];
    unrolled<kCount>([&](std::size_t n) {
      dual[n] = load(duals + n * kLanes<T>);
      straight[n] = load(row + n * kLanes<T>) - dual[n];
    });
    const Vector<T> nearest = minimum_of(straight);
    unrolled<kCount>([&](std::size_t n) {
      distance[n] = (Distances<T>)(straight[n] - nearest);
      settled_at[n] = broadcast(kInfinity<T>);
      predecessor[n] = static_cast<Integer<T>>(root) - Bits<T>{};
    });
  }

  // The path through a settled column and its row `through` to column j has length
  // C_j − v_j − shift.
  [[gnu::always_inline]] void relax(const T* row, Vector<T> shift, std::int32_t through) {
    unrolled<kCount>([&](std::size_t n) {
      const auto path = (Distances<T>)((load(row + n * kLanes<T>) - dual[n]) - shift);
      predecessor[n] = path < distance[n] ? through - Bits<T>{} : predecessor[n];
      distance[n] = minimum(path, distance[n]);
    });
  }

  [[gnu::always_inline]] void settle(Distances<T> delta) {
    unrolled<kCount>([&](std::size_t n) {
      const Bits<T> settling = distance[n] <= delta;
      settled_at[n] = settling ? (Vector<T>)delta : settled_at[n];
      distance[n] = settling ? (Distances<T>)broadcast(kInfinity<T>) : distance[n];
      dual[n] = settling ? broadcast(-kInfinity<T>) : dual[n];
    });
  }

  [[gnu::always_inline]] void update_duals(T* duals, Distances<T> delta) const {
    unrolled<kCount>([&](std::size_t n) {
      const Vector<T> before = load(duals + n * kLanes<T>);
      store(duals + n * kLanes<T>, dual_after<T>(before, settled_at[n], (Vector<T>)delta));
    });
  }
};

// Bit k is set if row or column k has no partner; bits of the padding may be set too.
template <std::size_t kGroups>
inline std::uint64_t unmatched(const std::int32_t* partners) {
  Bits<float> partner[kVectors<float, kGroups>];
  __builtin_memcpy(partner, partners, sizeof partner);
  return bits_within<float>(partner, -1 - Bits<float>{});
}

// By value: compilers would read the element of a member from memory.
template <class V>
inline auto first_of(V x) {
  return x[0];
}

// Matches all free rows of a small problem, one search after another, in steps. All columns at
// distances up to delta are settled together, unless one of them is free: that one is the sink, and
// the duals of columns as near as the sink do not change.
template <class T, std::size_t kGroups>
class SmallAugmentation {
 public:
  explicit SmallAugmentation(const AssignmentState<T>& s)
      : s_(s),
        roots_(unmatched<kGroups>(s.column_of) & ~std::uint64_t{0} >> (kAssignmentWord - s.rows)),
        free_(unmatched<kGroups>(s.row_of)) {  // no path reaches the padding
    if (roots_ != 0) begin_search();
  }

  bool is_done() const { return roots_ == 0; }

  // Scans one column, or ends a search and begins the next.
  [[gnu::always_inline]] void step() {
    if (to_scan_ == 0 || first_of(nearest_) <= first_of(delta_)) {
      if (first_of((Vector<T>)nearest_) == kInfinity<T>) return next_root();  // no path exists
      delta_ = nearest_ > delta_ ? nearest_ : delta_;
      const std::uint64_t within = bits_within<T>(columns_.distance, delta_);
      if ((within & free_) != 0) return augment_to(__builtin_ctzll(within & free_));
      columns_.settle(delta_);
      to_scan_ |= within;
    }
    const int column = __builtin_ctzll(to_scan_);
    to_scan_ &= to_scan_ - 1;
    const std::int32_t through = s_.row_of[column];
    const T* row = s_.costs + static_cast<std::size_t>(through) * kStride;
    // Computed first, while the row is loaded.
    const Vector<T> beyond = s_.dual[column] + (Vector<T>)delta_;
    columns_.relax(row, row[column] - beyond, through);
    nearest_ = minimum_of(columns_.distance);
  }

 private:
  static constexpr std::size_t kStride = kGroups * kAssignmentGroup;

  std::size_t root() const { return static_cast<std::size_t>(__builtin_ctzll(roots_)); }

  [[gnu::always_inline]] void begin_search() {
    columns_.begin(s_.costs + root() * kStride, s_.dual, root());
    nearest_ = Distances<T>{};
    delta_ = Distances<T>{};
    to_scan_ = 0;
  }

  [[gnu::always_inline]] void next_root() {
    roots_ &= roots_ - 1;
    if (roots_ != 0) begin_search();
  }

  [[gnu::always_inline]] void augment_to(int sink) {
    columns_.update_duals(s_.dual, delta_);
    unrolled<SmallSearch<T, kGroups>::kCount>([&](std::size_t n) {
      __builtin_memcpy(s_.predecessor + n * kLanes<T>, &columns_.predecessor[n], kVectorBytes);
    });
    flip_path(s_, root(), sink);
    free_ &= ~(std::uint64_t{1} << sink);
    next_root();
  }

  const AssignmentState<T>& s_;
  std::uint64_t roots_;
  std::uint64_t free_;
  std::uint64_t to_scan_ = 0;  // settled columns that wait for their scan
  Distances<T> nearest_{};
  Distances<T> delta_{};
  SmallSearch<T, kGroups> columns_{};
};

template <std::size_t kGroups, class T>
inline std::size_t augment(const AssignmentState<T>& s, std::size_t, std::size_t, Groups<kGroups>) {
  SmallAugmentation<T, kGroups> augmentation(s);
  while (!augmentation.is_done()) augmentation.step();
  return s.rows;
}

template <class T>
std::size_t augment(const AssignmentState<T>& s, std::size_t first, std::size_t edges) noexcept {
  return with_groups(s.stride, [&](auto groups) { return augment(s, first, edges, groups); });
}

// Vectors of columns of the largest problem that is searched in turns with another. Larger ones do
// not fit in registers: turns save no time there, and their code would add 8 % to the library.
constexpr std::size_t kMostInTurns = 8;

template <class T>
void augment_two(const AssignmentState<T>& a, const AssignmentState<T>& b) noexcept {
  with_groups(a.stride, [&](auto groups) {
    if constexpr (kVectors<T, groups.count> > kMostInTurns) {
      augment(a, 0, 0, groups);
      augment(b, 0, 0, groups);
    } else if constexpr (groups.count > 0) {
      SmallAugmentation<T, groups.count> of_a(a);
      SmallAugmentation<T, groups.count> of_b(b);
      while (!of_a.is_done() && !of_b.is_done()) {
        of_a.step();
        of_b.step();
      }
      while (!of_a.is_done()) of_a.step();
      while (!of_b.is_done()) of_b.step();
    }
  });
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
