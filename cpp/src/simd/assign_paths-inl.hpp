// How an assignment is finished: free rows matched one after another, each along a shortest
// augmenting path.
#pragma once

#include <cstddef>
#include <cstdint>

#include "assign-inl.hpp"
#include "kernels.hpp"
#include "lanes-inl.hpp"
#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

// Duals fall by as much as their columns are nearer than the end of the path, at `reach`.
template <class T>
inline Vector<T> dual_after(Vector<T> dual, Vector<T> distance, Vector<T> reach) {
  return dual + minimum<Vector<T>>(distance - reach, Vector<T>{});
}

// The alternating path from `sink` back to `root` exchanges matched and unmatched edges.
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

// A label orders columns as the search will come to them: by distance, a free column first among
// equals, and those that have been scanned last. Distances are neither negative nor −0, so that
// their bits have their order. From the top: 0, whether the column has been scanned, the bits of
// its distance but for the sign and the last two, whether the column is matched.
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

// Labels from here on are of columns out of reach, or scanned.
template <class T>
inline constexpr Integer<T> kFar = __builtin_bit_cast(Integer<T>, kInfinity<T>) >> 1;

template <class T>
struct Found {
  Integer<T> label;
  std::size_t column;
};

// Of the columns of even and of odd numbers, in lanes 0 and 1: the smallest label and its column.
template <class T>
struct Nearest {
  Found<T> of_parity(std::size_t parity) const {
    return {label[parity], static_cast<std::size_t>(column[parity])};
  }
  Bits<T> label;
  Bits<T> column;
};

// The nearest of what visit(first column) finds, of vectors that cover the columns.
template <class T, class Visit>
[[gnu::always_inline]] inline Nearest<T> visit_columns(std::size_t stride, Visit visit) {
  const auto none = (Distances<T>)broadcast(kInfinity<T>);
  Distances<T> label[2] = {none, none};  // of two, because one would wait for itself
  Bits<T> column[2] = {(Bits<T>)none, (Bits<T>)none};
  Bits<T> columns = lane_numbers<T>();
  const auto take = [&](std::size_t n, std::size_t j) {
    const auto found = (Distances<T>)visit(j);
    column[n] = found < label[n] ? columns : column[n];
    label[n] = minimum(found, label[n]);
    columns += static_cast<Integer<T>>(kLanes<T>);
  };
  std::size_t j = 0;
  for (; j + kLanes<T> < stride; j += 2 * kLanes<T>) {
    take(0, j);
    take(1, j + kLanes<T>);
  }
  if (j < stride) take(0, j);
  const Distances<T> nearest = minimum_of_every<2>(minimum(label[0], label[1]));
  const Bits<T> first = minimum<Bits<T>>(label[0] == nearest ? column[0] : (Bits<T>)none,
                                         label[1] == nearest ? column[1] : (Bits<T>)none);
  return {(Bits<T>)nearest, minimum_of_every<2>(first)};
}

// Labels all columns straight from the root row, above its smallest reduced cost.
template <class T>
inline Nearest<T> depart(const AssignmentState<T>& s, std::size_t root) {
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

// A column that is scanned, and its row: the paths through them.
template <class T>
struct Scan {
  Scan(const AssignmentState<T>& s, Found<T> found)
      : row(s.row_of[found.column]),
        costs(s.costs + static_cast<std::size_t>(row) * s.stride),
        reach((Vector<T>)distance_of<T>(found.label - Bits<T>{})),
        // Added first: while the row is still to come.
        shift(costs[found.column] - (s.dual[found.column] + reach)) {}

  // Not shorter than `reach`: rounding must not close a cycle of predecessors.
  Distances<T> paths(std::size_t j, Vector<T> dual) const {
    return maximum((Distances<T>)reach, (Distances<T>)((load(costs + j) - dual) - shift));
  }

  std::int32_t row;
  const T* costs;
  Vector<T> reach;
  Vector<T> shift;
};

// Shortens labels by paths through two columns.
template <class T>
[[gnu::always_inline]] inline Nearest<T> relax(const AssignmentState<T>& s, Scan<T> a, Scan<T> b) {
  return visit_columns<T>(s.stride, [a, b, duals = s.dual, labels = s.label, matched = s.matched,
                                     predecessor = s.predecessor](std::size_t j) {
    const Vector<T> dual = held(load(duals + j));
    const Distances<T> through_a = a.paths(j, dual);
    const Distances<T> through_b = b.paths(j, dual);
    const Bits<T> from = through_b < through_a ? b.row - Bits<T>{} : a.row - Bits<T>{};
    const Bits<T> path = label_of<T>((Bits<T>)minimum(through_a, through_b), load(matched + j));
    const Bits<T> known = held(load(labels + j));
    const Bits<T> shorter = (Distances<T>)path < (Distances<T>)(known & (kScanned<T> - 1));
    const Bits<T> label = shorter ? path : known;
    store(labels + j, label);
    store(predecessor + j, shorter ? from : load(predecessor + j));
    return label;
  });
}

// By a whole vector: the next visit loads such, and would wait for one element to reach the cache.
template <class T>
inline void mark_scanned(const AssignmentState<T>& s, std::size_t column) {
  Integer<T>* labels = s.label + column / kLanes<T> * kLanes<T>;
  const Bits<T> here = lane_numbers<T>() == static_cast<Integer<T>>(column % kLanes<T>);
  store(labels, load(labels) | (here & kScanned<T>));
}

// Takes the path to a free column that is nearer than all that have not been scanned.
template <class T>
inline void arrive(const AssignmentState<T>& s, std::size_t root, Found<T> sink) {
  const auto reach = (Vector<T>)distance_of<T>(sink.label - Bits<T>{});
  for (std::size_t j = 0; j < s.stride; j += kLanes<T>) {
    const auto distance = (Vector<T>)distance_of<T>(load(s.label + j));
    store(s.dual + j, dual_after<T>(load(s.dual + j), distance, reach));
  }
  flip_path(s, root, static_cast<std::ptrdiff_t>(sink.column));
  s.matched[sink.column] = 1;
}

// Dijkstra's search on reduced costs, but for scanning two columns at a time, the nearest of the
// even and of the odd ones. The nearer of them is as near as it can be; the other may turn out to
// be nearer than it was, and is then scanned again. That is rare enough for a third fewer passes.
//
// It ends: no path is shorter than where it comes from, so every pass settles its nearer column,
// and there are no more passes than columns.
//
// Returns the number of rows visited.
template <class T>
inline std::size_t search(const AssignmentState<T>& s, std::size_t root) {
  Nearest<T> nearest = depart(s, root);
  std::size_t visited = 1;
  for (; visited <= 2 * s.cols + 1; visited += 2) {
    const Found<T> even = nearest.of_parity(0);
    const Found<T> odd = nearest.of_parity(1);
    const Found<T> nearer = odd.label < even.label ? odd : even;
    Found<T> other = odd.label < even.label ? even : odd;
    if (nearer.label >= kFar<T>) break;
    if (s.row_of[nearer.column] < 0) {
      arrive(s, root, nearer);
      break;
    }
    if (other.label >= kFar<T> || s.row_of[other.column] < 0) other = nearer;  // no way on from it
    mark_scanned(s, nearer.column);
    mark_scanned(s, other.column);
    nearest = relax(s, Scan<T>(s, nearer), Scan<T>(s, other));
  }
  return visited;
}

template <class T>
inline std::size_t augment(const AssignmentState<T>& s, std::size_t first, std::size_t visits,
                           Known<0>) {
  for (std::size_t j = 0; j < s.stride; ++j) s.matched[j] = j >= s.cols || s.row_of[j] >= 0;
  std::size_t row = first;
  for (std::size_t visited = 0; row < s.rows && visited < visits; ++row) {
    if (s.column_of[row] < 0) visited += s.cols * search(s, row);
  }
  return row;
}

// A search among few columns, in registers.
template <class T, std::size_t kGroups>
struct FewColumns {
  static constexpr std::size_t kCount = kVectors<T, kGroups>;
  Vector<T> dual[kCount];         // −∞ once the column is closed
  Distances<T> distance[kCount];  // +∞ once the column is closed
  Vector<T> closed_at[kCount];    // +∞ until then
  Bits<T> predecessor[kCount];

  void depart(const T* row, const T* duals, std::size_t root) {
    Vector<T> straight[kCount];
    unrolled<kCount>([&](std::size_t n) {
      dual[n] = load(duals + n * kLanes<T>);
      straight[n] = load(row + n * kLanes<T>) - dual[n];
    });
    const Vector<T> nearest = minimum_of(straight);
    unrolled<kCount>([&](std::size_t n) {
      distance[n] = (Distances<T>)(straight[n] - nearest);
      closed_at[n] = broadcast(kInfinity<T>);
      predecessor[n] = static_cast<Integer<T>>(root) - Bits<T>{};
    });
  }

  // Paths by way of a closed column and its row `through` are `shift` shorter than they look.
  void relax(const T* row, Vector<T> shift, std::int32_t through) {
    unrolled<kCount>([&](std::size_t n) {
      const auto path = (Distances<T>)((load(row + n * kLanes<T>) - dual[n]) - shift);
      predecessor[n] = path < distance[n] ? through - Bits<T>{} : predecessor[n];
      distance[n] = minimum(path, distance[n]);
    });
  }

  void close(Distances<T> reach) {
    unrolled<kCount>([&](std::size_t n) {
      const Bits<T> closing = distance[n] <= reach;
      closed_at[n] = closing ? (Vector<T>)reach : closed_at[n];
      distance[n] = closing ? (Distances<T>)broadcast(kInfinity<T>) : distance[n];
      dual[n] = closing ? broadcast(-kInfinity<T>) : dual[n];
    });
  }

  void store_duals(T* duals, Distances<T> reach) const {
    unrolled<kCount>([&](std::size_t n) {
      const Vector<T> before = load(duals + n * kLanes<T>);
      store(duals + n * kLanes<T>, dual_after<T>(before, closed_at[n], (Vector<T>)reach));
    });
  }
};

// Bit k is set where row or column k has no partner, and perhaps in the padding.
template <std::size_t kGroups>
inline std::uint64_t unmatched(const std::int32_t* partners) {
  Bits<float> partner[kVectors<float, kGroups>];
  __builtin_memcpy(partner, partners, sizeof partner);
  return bits_within<float>(partner, -1 - Bits<float>{});
}

// By value: of a member, compilers take the element from memory.
template <class V>
inline auto first_of(V x) {
  return x[0];
}

// Dijkstra's searches among few columns from all free rows, one after another and step by step.
// Columns within reach are closed together, unless a free one is among them: it ends the search,
// and the duals of those as near as it would not change.
template <class T, std::size_t kGroups>
class Searches {
 public:
  explicit Searches(const AssignmentState<T>& s)
      : s_(s),
        roots_(unmatched<kGroups>(s.column_of) & ~std::uint64_t{0} >> (kAssignmentWord - s.rows)),
        free_(unmatched<kGroups>(s.row_of)) {  // the padding is out of reach
    if (roots_ != 0) depart();
  }

  bool is_done() const { return roots_ == 0; }

  // Visits one row, or ends a search and begins the next.
  [[gnu::always_inline]] void step() {
    if (queue_ == 0 || first_of(nearest_) <= first_of(reach_)) {
      if (first_of((Vector<T>)nearest_) == kInfinity<T>) return next();  // there is no path
      reach_ = nearest_ > reach_ ? nearest_ : reach_;
      const std::uint64_t within = bits_within<T>(columns_.distance, reach_);
      if ((within & free_) != 0) return arrive(__builtin_ctzll(within & free_));
      columns_.close(reach_);
      queue_ |= within;
    }
    const int column = __builtin_ctzll(queue_);
    queue_ &= queue_ - 1;
    const std::int32_t through = s_.row_of[column];
    const T* row = s_.costs + static_cast<std::size_t>(through) * kStride;
    // Added first: while the row is still to come.
    const Vector<T> beyond = s_.dual[column] + (Vector<T>)reach_;
    columns_.relax(row, row[column] - beyond, through);
    nearest_ = minimum_of(columns_.distance);
  }

 private:
  static constexpr std::size_t kStride = kGroups * kAssignmentGroup;

  std::size_t root() const { return static_cast<std::size_t>(__builtin_ctzll(roots_)); }

  [[gnu::always_inline]] void depart() {
    columns_.depart(s_.costs + root() * kStride, s_.dual, root());
    nearest_ = Distances<T>{};
    reach_ = Distances<T>{};
    queue_ = 0;
  }

  [[gnu::always_inline]] void next() {
    roots_ &= roots_ - 1;
    if (roots_ != 0) depart();
  }

  [[gnu::always_inline]] void arrive(int sink) {
    columns_.store_duals(s_.dual, reach_);
    unrolled<FewColumns<T, kGroups>::kCount>([&](std::size_t n) {
      __builtin_memcpy(s_.predecessor + n * kLanes<T>, &columns_.predecessor[n], kVectorBytes);
    });
    flip_path(s_, root(), sink);
    free_ &= ~(std::uint64_t{1} << sink);
    next();
  }

  const AssignmentState<T>& s_;
  std::uint64_t roots_;
  std::uint64_t free_;
  std::uint64_t queue_ = 0;  // closed columns whose rows are still to be visited
  Distances<T> nearest_{};
  Distances<T> reach_{};
  FewColumns<T, kGroups> columns_{};
};

template <std::size_t kGroups, class T>
inline std::size_t augment(const AssignmentState<T>& s, std::size_t, std::size_t, Known<kGroups>) {
  Searches<T, kGroups> searches(s);
  while (!searches.is_done()) searches.step();
  return s.rows;
}

template <class T>
std::size_t augment(const AssignmentState<T>& s, std::size_t first, std::size_t visits) noexcept {
  return with_groups(s.stride, [&](auto groups) { return augment(s, first, visits, groups); });
}

template <class T>
void augment_two(const AssignmentState<T>& a, const AssignmentState<T>& b) noexcept {
  with_groups(a.stride, [&](auto groups) {
    if constexpr (groups.value > 0) {
      Searches<T, groups.value> of_a(a);
      Searches<T, groups.value> of_b(b);
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
