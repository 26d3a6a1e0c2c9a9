// Linear assignment by shortest augmenting paths (Jonker and Volgenant 1987; Crouse 2016).
//
// Row duals are not stored: u_i = min_j (C_ij − v_j) for a free row, and C_ij − v_j on the matched
// column of another, so any column duals v are a legal start. Columns that a search has closed are
// not listed or masked: their distance becomes +∞ and their working dual −∞, which keeps them out
// of every later minimum with no operation spent on it.
//
// Only additions, comparisons and blends touch the numbers, and minima are searched for in column
// order: every instruction set finds the same matching.

namespace {

inline constexpr std::size_t kBlockVectors = 4;  // looked at together by a search for a column
template <class T>
inline constexpr std::size_t kBlockLanes = kBlockVectors * kLanes<T>;
static_assert(kAssignmentBlock % kBlockLanes<float> == 0);

// Share of rows that must stay free at the cheap start before Sinkhorn sweeps pay. Correlated
// tokens leave 45 to 80 % free, random costs 20 to 35 %, and dead tokens or ties fewer: to those,
// above all to ties, sweeps do more harm than good.
inline constexpr double kWorthSweeping = 0.4;

// visit(Known<number of groups of columns>) for problems of up to 64 columns, which are worth code
// of their own: what belongs to columns lives in registers, sets of columns are bits of one word.
// visit(Known<0>) for larger ones. Both compute the same.
template <class Visit>
inline auto with_groups(std::size_t stride, Visit visit) {
  switch (stride / kAssignmentGroup) {
    case 1:
      return visit(Known<1>{});
    case 2:
      return visit(Known<2>{});
    case 3:
      return visit(Known<3>{});
    case 4:
      return visit(Known<4>{});
    default:
      return visit(Known<0>{});
  }
}

inline constexpr std::size_t kFew = 4 * kAssignmentGroup;  // columns

template <class T, std::size_t kGroups>
inline constexpr std::size_t kVectors = kGroups * kAssignmentGroup / kLanes<T>;

// Bit l is set where lane l of the mask is.
template <class T>
inline std::uint64_t lane_bits(Bits<T> mask) {
  [[maybe_unused]] constexpr bool is_float = sizeof(T) == sizeof(float);
#if defined(__AVX512DQ__)
  if constexpr (kVectorBytes == 64) {
    if constexpr (is_float) return _mm512_movepi32_mask((__m512i)mask);
    return _mm512_movepi64_mask((__m512i)mask);
  }
#endif
#if defined(__AVX2__)
  if constexpr (kVectorBytes == 32) {
    if constexpr (is_float) return static_cast<unsigned>(_mm256_movemask_ps((__m256)mask));
    return static_cast<unsigned>(_mm256_movemask_pd((__m256d)mask));
  }
#endif
#if defined(__SSE2__)
  if constexpr (kVectorBytes == 16) {
    if constexpr (is_float) return static_cast<unsigned>(_mm_movemask_ps((__m128)mask));
    return static_cast<unsigned>(_mm_movemask_pd((__m128d)mask));
  }
#endif
  std::uint64_t bits = 0;
  for (std::size_t l = 0; l < kLanes<T>; ++l) bits |= (mask[l] & std::uint64_t{1}) << l;
  return bits;
}

// lane_bits(x <= limit), which compilers build by way of a vector where the processor has masks.
template <class T>
inline std::uint64_t lanes_within(Vector<T> x, T limit) {
#if defined(__AVX512F__)
  if constexpr (kVectorBytes == 64) {
    if constexpr (sizeof(T) == sizeof(float)) {
      return _mm512_cmp_ps_mask((__m512)x, (__m512)broadcast(limit), _CMP_LE_OQ);
    } else {
      return _mm512_cmp_pd_mask((__m512d)x, (__m512d)broadcast(limit), _CMP_LE_OQ);
    }
  }
#endif
  return lane_bits<T>(x <= limit);
}

// Minimum of visit(j) over whole vectors that cover [0, cols): padding must not be the minimum.
// Two running minima, because one would wait for itself.
template <class T, class Visit>
inline T minimum_over(std::size_t cols, Visit visit) {
  Vector<T> even = broadcast(kInfinity<T>);
  Vector<T> odd = even;
  std::size_t j = 0;
  for (; j + kLanes<T> < cols; j += 2 * kLanes<T>) {
    even = minimum(visit(j), even);
    odd = minimum(visit(j + kLanes<T>), odd);
  }
  if (j < cols) even = minimum(visit(j), even);
  return horizontal_minimum<T>(minimum(even, odd));
}

template <class T, std::size_t kCount>
inline T minimum_of(const Vector<T> (&x)[kCount]) {
  Vector<T> smallest[2] = {x[0], x[kCount - 1]};
  unrolled<kCount>([&](std::size_t n) { smallest[n % 2] = minimum(x[n], smallest[n % 2]); });
  return horizontal_minimum<T>(minimum(smallest[0], smallest[1]));
}

// Bit j is set where element j is at most `limit`.
template <class T, std::size_t kCount>
inline std::uint64_t bits_within(const Vector<T> (&x)[kCount], T limit) {
  std::uint64_t bits = 0;
  unrolled<kCount>([&](std::size_t n) { bits |= lanes_within<T>(x[n], limit) << (n * kLanes<T>); });
  return bits;
}

template <class T>
T largest_magnitude(const T* entries, std::ptrdiff_t stride, std::size_t rows,
                    std::size_t cols) noexcept {
  Vector<T> largest{};
  Vector<T> poison{};  // x − x is NaN for what is not finite
  T rest = 0;
  T rest_poison = 0;
  for (std::size_t i = 0; i < rows; ++i, entries += stride) {
    sweep<T>(
        cols,
        [&](std::size_t j) {
          const Vector<T> x = load(entries + j);
          largest = minimum<Vector<T>>(-absolute<T>(x), largest);
          poison += x - x;
        },
        [&](std::size_t j) {
          rest = minimum(entries[j] < 0 ? entries[j] : -entries[j], rest);
          rest_poison += entries[j] - entries[j];
        });
  }
  for (std::size_t lane = 0; lane < kLanes<T>; ++lane) rest_poison += poison[lane];
  return rest_poison == 0 ? -minimum(horizontal_minimum<T>(largest), rest) : kInfinity<T>;
}

template <class T>
bool scale(const T* entries, std::ptrdiff_t stride, const T (&factors)[2], T* costs,
           std::size_t costs_stride, std::size_t rows, std::size_t cols) noexcept {
  const T inverses[2] = {1 / factors[0], 1 / factors[1]};
  Bits<T> changed{};
  bool rest_changed = false;
  for (std::size_t i = 0; i < rows; ++i, entries += stride, costs += costs_stride) {
    sweep<T>(
        cols,
        [&](std::size_t j) {
          const Vector<T> entry = load(entries + j);
          const Vector<T> cost = entry * factors[0] * factors[1];
          changed |= cost * inverses[1] * inverses[0] != entry;
          store(costs + j, cost);
        },
        [&](std::size_t j) {
          const T entry = entries[j];
          costs[j] = entry * factors[0] * factors[1];
          rest_changed |= costs[j] * inverses[1] * inverses[0] != entry;
        });
    for (std::size_t j = cols; j < costs_stride; ++j) costs[j] = kInfinity<T>;
  }
  return lane_bits<T>(changed) == 0 && !rest_changed;
}

// v_j = min_i (C_ij − min_k C_ik). The row minima come off first: plain column minima would make
// a row of zeros, or of small entries among large ones, look cheap wherever others are dear.
template <class T>
inline void take_minima(const AssignmentState<T>& s, Known<0>) {
  for (std::size_t j = 0; j < s.stride; ++j) s.dual[j] = j < s.cols ? kInfinity<T> : T{0};
  const T* row = s.costs;
  for (std::size_t i = 0; i < s.rows; ++i, row += s.stride) {
    const T smallest = minimum_over<T>(s.cols, [&](std::size_t j) { return load(row + j); });
    for (std::size_t j = 0; j < s.cols; j += kLanes<T>) {
      store(s.dual + j, minimum<Vector<T>>(load(row + j) - smallest, load(s.dual + j)));
    }
  }
}

template <class T, std::size_t kGroups>
inline void take_minima(const AssignmentState<T>& s, Known<kGroups>) {
  constexpr std::size_t count = kVectors<T, kGroups>;
  Vector<T> dual[count];
  unrolled<count>([&](std::size_t n) { dual[n] = broadcast(kInfinity<T>); });
  const T* row = s.costs;
  for (std::size_t i = 0; i < s.rows; ++i, row += s.stride) {
    Vector<T> costs[count];
    unrolled<count>([&](std::size_t n) { costs[n] = load(row + n * kLanes<T>); });
    const T smallest = minimum_of<T>(costs);
    unrolled<count>(
        [&](std::size_t n) { dual[n] = minimum<Vector<T>>(costs[n] - smallest, dual[n]); });
  }
  unrolled<count>([&](std::size_t n) { store(s.dual + n * kLanes<T>, dual[n]); });
  for (std::size_t j = s.cols; j < s.stride; ++j) s.dual[j] = 0;
}

// No column of the last block's padding is ever nearest.
template <class T>
inline void close_padding(const AssignmentState<T>& s) {
  for (std::size_t j = s.cols; j % kBlockLanes<T> != 0; ++j) s.distance[j] = kInfinity<T>;
}

// Calls visit(column) for the columns at `reach` or nearer, in ascending order, until one call
// returns true; returns that column, or −1.
template <class T, class Visit>
inline std::ptrdiff_t first_within(const AssignmentState<T>& s, T reach, Visit visit) {
  for (std::size_t block = 0; block < s.cols; block += kBlockLanes<T>) {
    const T* distance = s.distance + block;
    Vector<T> d[kBlockVectors];
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kBlockVectors; ++k) d[k] = load(distance + k * kLanes<T>);
    const Vector<T> nearest = minimum(minimum(d[0], d[1]), minimum(d[2], d[3]));
    if (lanes_within<T>(nearest, reach) == 0) continue;
    std::uint64_t within = 0;
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kBlockVectors; ++k) {
      within |= lanes_within<T>(d[k], reach) << (k * kLanes<T>);
    }
    for (; within != 0; within &= within - 1) {
      const std::size_t column = block + static_cast<std::size_t>(__builtin_ctzll(within));
      if (visit(column)) return static_cast<std::ptrdiff_t>(column);
    }
  }
  return -1;
}

// Each row takes a free column of smallest reduced cost, if there is one; how many do not. Leaves
// the smallest reduced cost of every row in `closed_at`.
template <class T>
inline std::size_t match_greedily(const AssignmentState<T>& s, Known<0>) {
  for (std::size_t j = 0; j < s.cols; ++j) s.row_of[j] = -1;
  std::size_t free = 0;
  for (std::size_t i = 0; i < s.rows; ++i) {
    const T* row = s.costs + i * s.stride;
    const T smallest = minimum_over<T>(s.cols, [&](std::size_t j) {
      const Vector<T> reduced = load(row + j) - load(s.dual + j);
      store(s.distance + j, reduced);
      return reduced;
    });
    const std::ptrdiff_t column =
        first_within(s, smallest, [&](std::size_t j) { return s.row_of[j] < 0; });
    s.closed_at[i] = smallest;
    s.column_of[i] = static_cast<std::int32_t>(column);
    if (column < 0) {
      ++free;
    } else {
      s.row_of[column] = static_cast<std::int32_t>(i);
    }
  }
  return free;
}

// The smallest reduced cost of every row, and the columns that have it, or with kRounded might have
// it if subtractions were exact: they err by half an ulp. All rows at once, because what follows
// from them is hard to predict, and a wrong guess would wait for a whole row.
template <std::size_t kGroups, bool kRounded, class T>
inline void nearest_columns(const T* row, std::size_t stride, std::size_t rows, const T* duals,
                            T* smallest, std::uint64_t* columns) {
  constexpr T few_ulps = sizeof(T) == sizeof(float) ? T{0x1p-21} : T{0x1p-50};
  constexpr std::size_t count = kVectors<T, kGroups>;
  Vector<T> dual[count];
  unrolled<count>([&](std::size_t n) { dual[n] = load(duals + n * kLanes<T>); });
  for (std::size_t i = 0; i < rows; ++i, row += stride) {
    Vector<T> reduced[count];
    unrolled<count>([&](std::size_t n) { reduced[n] = load(row + n * kLanes<T>) - dual[n]; });
    const T least = minimum_of<T>(reduced);
    smallest[i] = least;
    const T rounding = kRounded ? few_ulps * (least < 0 ? -least : least) : T{0};
    columns[i] = bits_within<T>(reduced, least + rounding);
  }
}

template <class T, std::size_t kGroups>
inline std::size_t match_greedily(const AssignmentState<T>& s, Known<kGroups>) {
  std::uint64_t nearest[kFew];
  nearest_columns<kGroups, false>(s.costs, s.stride, s.rows, s.dual, s.closed_at, nearest);
  std::int32_t row_of[kFew + 1];  // the last is for rows without a column
  for (std::int32_t& row : row_of) row = -1;
  std::uint64_t taken = 0;
  std::size_t free = 0;
  for (std::size_t i = 0; i < s.rows; ++i) {
    const std::uint64_t within = nearest[i] & ~taken;
    const int column = within == 0 ? static_cast<int>(kFew) : __builtin_ctzll(within);
    taken |= within & -within;
    free += within == 0;
    row_of[column] = static_cast<std::int32_t>(i);
    s.column_of[i] = within == 0 ? -1 : column;
  }
  for (std::size_t j = 0; j < s.cols; ++j) s.row_of[j] = row_of[j];
  return free;
}

// Sweeps cannot be stopped half-way: beyond this many rows they would hold an interrupt up.
inline constexpr std::size_t kMostSwept = 4096;

// A square problem starts from minima, or if those leave many rows free, from Sinkhorn's duals. A
// rectangular problem starts from zeros: optimal duals are 0 on unmatched columns, nowhere
// positive, and augmenting only ever lowers them.
template <class T>
void start_assignment(const AssignmentState<T>& s) noexcept {
  with_groups(s.stride, [&](auto groups) {
    close_padding(s);
    if (s.rows != s.cols) {
      for (std::size_t j = 0; j < s.stride; ++j) s.dual[j] = 0;
      match_greedily(s, groups);
      return;
    }
    take_minima(s, groups);
    const std::size_t free = match_greedily(s, groups);
    const bool is_worth_it =
        static_cast<double>(free) >= kWorthSweeping * static_cast<double>(s.rows);
    if (!is_worth_it || s.rows > kMostSwept) return;
    anneal<groups.value>(s);
    match_greedily(s, groups);
  });
}

// Distances of all columns straight from the root row; returns the smallest.
template <class T>
inline T depart(const AssignmentState<T>& s, std::size_t root) {
  const T* row = s.costs + root * s.stride;
  const Bits<T> from = static_cast<RowIndex<T>>(root) - Bits<T>{};
  return minimum_over<T>(s.cols, [&](std::size_t j) {
    const Vector<T> dual = load(s.dual + j);
    const Vector<T> distance = load(row + j) - dual;
    store(s.open_dual + j, dual);
    store(s.distance + j, distance);
    __builtin_memcpy(s.predecessor + j, &from, sizeof from);
    return distance;
  });
}

// Shortens distances by paths through the closed `column` and its row; returns the smallest.
template <class T>
inline T relax(const AssignmentState<T>& s, std::size_t column, T reach) {
  const std::int32_t through = s.row_of[column];
  const T* row = s.costs + static_cast<std::size_t>(through) * s.stride;
  const T shift = (row[column] - s.dual[column]) - reach;
  const Bits<T> from = through - Bits<T>{};
  return minimum_over<T>(s.cols, [&](std::size_t j) {
    const Vector<T> path = (load(row + j) - load(s.open_dual + j)) - shift;
    const Vector<T> known = load(s.distance + j);
    const Bits<T> shorter = path < known;
    const Vector<T> distance = shorter ? path : known;
    store(s.distance + j, distance);
    Bits<T> predecessor;
    __builtin_memcpy(&predecessor, s.predecessor + j, sizeof predecessor);
    predecessor = shorter ? from : predecessor;
    __builtin_memcpy(s.predecessor + j, &predecessor, sizeof predecessor);
    return distance;
  });
}

// Closes the columns at `reach` or nearer, up to the first free one, which is returned (else −1).
template <class T>
inline std::ptrdiff_t close_within(const AssignmentState<T>& s, T reach, std::size_t& closed) {
  return first_within(s, reach, [&](std::size_t j) {
    if (s.row_of[j] < 0) return true;
    s.distance[j] = kInfinity<T>;
    s.open_dual[j] = -kInfinity<T>;
    s.closed[closed] = static_cast<std::int32_t>(j);
    s.closed_at[closed++] = reach;
    return false;
  });
}

// Bit j is set where column j has no row, and perhaps in the padding, which is out of reach.
template <std::size_t kGroups>
inline std::uint64_t free_columns(const std::int32_t* row_of) {
  std::uint64_t free = 0;
  unrolled<kVectors<float, kGroups>>([&](std::size_t n) {
    Bits<float> rows;
    __builtin_memcpy(&rows, row_of + n * kLanes<float>, sizeof rows);
    free |= lane_bits<float>(rows < 0) << (n * kLanes<float>);
  });
  return free;
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

// Dijkstra's search on reduced costs. It ends: every pass takes one closed column, and a column
// is closed once. Rounding may find a column nearer than `reach`, which never goes back: a dual
// that rises would break the feasibility of rectangular problems.
template <class T>
inline std::size_t augment(const AssignmentState<T>& s, std::size_t root, Known<0>) {
  T nearest = depart(s, root);
  T reach = nearest;
  std::size_t closed = 0;
  for (std::size_t scanned = 0;; ++scanned) {
    if (scanned == closed || nearest <= reach) {
      if (nearest == kInfinity<T>) return scanned + 1;
      reach = nearest > reach ? nearest : reach;
      const std::ptrdiff_t sink = close_within(s, reach, closed);
      if (sink >= 0) {
        for (std::size_t k = 0; k < closed; ++k) s.dual[s.closed[k]] += s.closed_at[k] - reach;
        flip_path(s, root, sink);
        return scanned + 1;
      }
    }
    nearest = relax(s, static_cast<std::size_t>(s.closed[scanned]), reach);
  }
}

// The same search. Columns within reach are closed together, unless a free one is among them: it
// ends the search, and the duals of those as near as it would not change.
template <class T, std::size_t kGroups>
inline std::size_t augment(const AssignmentState<T>& s, std::size_t root, Known<kGroups>) {
  constexpr std::size_t count = kVectors<T, kGroups>;
  Vector<T> dual[count];
  Vector<T> distance[count];
  Bits<T> predecessor[count];
  const T* row = s.costs + root * s.stride;
  unrolled<count>([&](std::size_t n) {
    dual[n] = load(s.dual + n * kLanes<T>);
    distance[n] = load(row + n * kLanes<T>) - dual[n];
    predecessor[n] = static_cast<RowIndex<T>>(root) - Bits<T>{};
  });
  const std::uint64_t free = free_columns<kGroups>(s.row_of);
  T nearest = minimum_of<T>(distance);
  T reach = nearest;
  std::size_t closed = 0;
  for (std::size_t scanned = 0;; ++scanned) {
    if (scanned == closed || nearest <= reach) {
      if (nearest == kInfinity<T>) return scanned + 1;
      reach = nearest > reach ? nearest : reach;
      std::uint64_t within = bits_within<T>(distance, reach);
      if ((within & free) != 0) {
        for (std::size_t k = 0; k < closed; ++k) s.dual[s.closed[k]] += s.closed_at[k] - reach;
        unrolled<count>([&](std::size_t n) {
          __builtin_memcpy(s.predecessor + n * kLanes<T>, &predecessor[n], sizeof(Bits<T>));
        });
        flip_path(s, root, __builtin_ctzll(within & free));
        return scanned + 1;
      }
      unrolled<count>([&](std::size_t n) {
        const Bits<T> closing = distance[n] <= reach;
        distance[n] = closing ? broadcast(kInfinity<T>) : distance[n];
        dual[n] = closing ? broadcast(-kInfinity<T>) : dual[n];
      });
      for (; within != 0; within &= within - 1) {
        s.closed[closed] = __builtin_ctzll(within);
        s.closed_at[closed++] = reach;
      }
    }
    const std::int32_t column = s.closed[scanned];
    const std::int32_t through = s.row_of[column];
    row = s.costs + static_cast<std::size_t>(through) * s.stride;
    const T shift = (row[column] - s.dual[column]) - reach;
    unrolled<count>([&](std::size_t n) {
      const Vector<T> path = (load(row + n * kLanes<T>) - dual[n]) - shift;
      const Bits<T> shorter = path < distance[n];
      distance[n] = shorter ? path : distance[n];
      predecessor[n] = shorter ? through - Bits<T>{} : predecessor[n];
    });
    nearest = minimum_of<T>(distance);
  }
}

template <class T>
std::size_t augment(const AssignmentState<T>& s, std::size_t root) noexcept {
  return with_groups(s.stride, [&](auto groups) { return augment(s, root, groups); });
}

// Entries as float64, a vector of doubles at a time.
inline Vector<double> widened(const double* p) {
  return load(p);
}
inline Vector<double> widened(const float* p) {
  typedef float Half __attribute__((vector_size(kVectorBytes / 2)));
  Half half;
  __builtin_memcpy(&half, p, sizeof half);
  return __builtin_convertvector(half, Vector<double>);
}

template <class T>
double slack(const T* costs, std::size_t stride, std::size_t rows, std::size_t cols, const T* dual,
             const std::int32_t* column_of, Known<0>) {
  double total = 0;
  for (std::size_t i = 0; i < rows; ++i, costs += stride) {
    const double smallest = minimum_over<double>(
        cols, [&](std::size_t j) { return widened(costs + j) - widened(dual + j); });
    const std::int32_t j = column_of[i];
    total += (static_cast<double>(costs[j]) - static_cast<double>(dual[j])) - smallest;
  }
  return total;
}

template <class T, std::size_t kGroups>
double slack(const T* costs, std::size_t stride, std::size_t rows, std::size_t, const T* dual,
             const std::int32_t* column_of, Known<kGroups>) {
  T smallest[kFew];
  std::uint64_t nearest[kFew];
  nearest_columns<kGroups, true>(costs, stride, rows, dual, smallest, nearest);
  double total = 0;
  for (std::size_t i = 0; i < rows; ++i, costs += stride) {
    const auto reduced = [&](int j) {
      return static_cast<double>(costs[j]) - static_cast<double>(dual[j]);
    };
    double least = kInfinity<double>;
    for (std::uint64_t left = nearest[i]; left != 0; left &= left - 1) {
      least = minimum(reduced(__builtin_ctzll(left)), least);
    }
    total += reduced(column_of[i]) - least;
  }
  return total;
}

template <class T>
double slack(const T* costs, std::size_t stride, std::size_t rows, std::size_t cols, const T* dual,
             const std::int32_t* column_of) noexcept {
  return with_groups(stride, [&](auto groups) {
    return slack(costs, stride, rows, cols, dual, column_of, groups);
  });
}

}  // namespace
