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
// tokens leave 30 to 80 % free, random costs 20 to 30 %, and dead tokens or ties fewer: to those,
// above all to ties, sweeps do more harm than good.
inline constexpr double kWorthSweeping = 0.3;

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
inline std::uint64_t lanes_within(Vector<T> x, Vector<T> limit) {
#if defined(__AVX512F__)
  if constexpr (kVectorBytes == 64) {
    if constexpr (sizeof(T) == sizeof(float)) {
      return _mm512_cmp_ps_mask((__m512)x, (__m512)limit, _CMP_LE_OQ);
    } else {
      return _mm512_cmp_pd_mask((__m512d)x, (__m512d)limit, _CMP_LE_OQ);
    }
  }
#endif
  return lane_bits<T>(x <= limit);
}

// x to p in the lanes where a < b.
template <class T>
inline void store_where_less(Vector<T> a, Vector<T> b, RowIndex<T>* p, Bits<T> x) {
#if defined(__AVX512F__)
  if constexpr (kVectorBytes == 64 && sizeof(T) == sizeof(float)) {
    const __mmask16 less = _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ);
    return _mm512_mask_storeu_epi32(p, less, (__m512i)x);
  } else if constexpr (kVectorBytes == 64) {
    const __mmask8 less = _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LT_OQ);
    return _mm512_mask_storeu_epi64(p, less, (__m512i)x);
  }
#endif
  Bits<T> before;
  __builtin_memcpy(&before, p, sizeof before);
  x = a < b ? x : before;
  __builtin_memcpy(p, &x, sizeof x);
}

// Minimum of visit(j) over whole vectors that cover [0, cols): padding must not be the minimum.
// Two running minima, because one would wait for itself.
template <class T, class Visit>
[[gnu::always_inline]] inline T minimum_over(std::size_t cols, Visit visit) {
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
  unrolled<kCount / 2>([&](std::size_t n) {
    smallest[0] = n == 0 ? x[0] : minimum(x[2 * n], smallest[0]);
    smallest[1] = n == 0 ? x[1] : minimum(x[2 * n + 1], smallest[1]);
  });
  const Vector<T> even = minimum(smallest[0], smallest[1]);
  return horizontal_minimum<T>(kCount % 2 == 0 ? even : minimum(x[kCount - 1], even));
}

// Bit j is set where element j is at most `limit`.
template <class T, std::size_t kCount>
inline std::uint64_t bits_within(const Vector<T> (&x)[kCount], T limit) {
  std::uint64_t bits = 0;
  unrolled<kCount>(
      [&](std::size_t n) { bits |= lanes_within<T>(x[n], broadcast(limit)) << (n * kLanes<T>); });
  return bits;
}

// The first `count` elements at p, less than a vector of them, and zeros.
template <class T>
inline Vector<T> load_part(const T* p, std::size_t count) {
#if defined(__AVX512F__)
  if constexpr (kVectorBytes == 64) {
    const auto mask = static_cast<__mmask16>((1U << count) - 1);
    if constexpr (sizeof(T) == sizeof(float)) {
      return (Vector<T>)_mm512_maskz_loadu_ps(mask, p);
    } else {
      return (Vector<T>)_mm512_maskz_loadu_pd(static_cast<__mmask8>(mask), p);
    }
  }
#endif
  T part[kLanes<T>] = {};
  for (std::size_t l = 0; l < count; ++l) part[l] = p[l];
  return load(part);
}

template <class T>
T take_costs(const T* entries, std::ptrdiff_t stride, T sign, T* costs, std::size_t costs_stride,
             std::size_t rows, std::size_t cols) noexcept {
  Vector<T> lowest[2] = {};   // of two, because one would wait for itself
  Vector<T> highest[2] = {};  // negated
  Vector<T> poison[2] = {};   // 0 · x is NaN for what is not finite
  const std::size_t whole = cols / kLanes<T> * kLanes<T>;
  for (std::size_t i = 0; i < rows; ++i, entries += stride, costs += costs_stride) {
    const auto take = [&](std::size_t n, std::size_t j, Vector<T> entry) {
      lowest[n] = minimum(entry, lowest[n]);
      highest[n] = minimum(-entry, highest[n]);
      poison[n] += entry * T{0};
      store(costs + j, entry * sign);
    };
    std::size_t j = 0;
    for (; j + kLanes<T> < whole; j += 2 * kLanes<T>) {
      take(0, j, load(entries + j));
      take(1, j + kLanes<T>, load(entries + j + kLanes<T>));
    }
    if (j < whole) take(0, j, load(entries + j));
    if (whole < cols) take(1, whole, load_part(entries + whole, cols - whole));
    for (j = cols; j < costs_stride; ++j) costs[j] = kInfinity<T>;
  }
  const T largest = -horizontal_minimum<T>(
      minimum(minimum(lowest[0], lowest[1]), minimum(highest[0], highest[1])));
  return horizontal_sum<T>(poison[0] + poison[1]) == 0 ? largest : kInfinity<T>;
}

template <class T>
bool scale(T* costs, std::size_t stride, const T (&factors)[2], std::size_t rows) noexcept {
  const T inverses[2] = {1 / factors[0], 1 / factors[1]};
  Bits<T> changed{};
  for (std::size_t k = 0; k < rows * stride; k += kLanes<T>) {
    const Vector<T> cost = load(costs + k);
    const Vector<T> scaled = cost * factors[0] * factors[1];
    changed |= scaled * inverses[1] * inverses[0] != cost;
    store(costs + k, scaled);
  }
  return lane_bits<T>(changed) == 0;
}

// Visits vectors that cover [0, cols); of a known number of groups, all of them, unrolled.
template <class T, std::size_t kGroups, class Visit>
inline void for_vectors(std::size_t cols, Visit visit) {
  if constexpr (kGroups > 0) {
    unrolled<kVectors<T, kGroups>>([&](std::size_t n) { visit(n * kLanes<T>); });
  } else {
    for (std::size_t j = 0; j < cols; j += kLanes<T>) visit(j);
  }
}

// Four rows from i on; the last row of all stands in for those after it.
template <class T>
struct FourRows {
  FourRows(const T* costs, std::size_t stride, std::size_t rows, std::size_t i)
      : count(rows - i < 4 ? rows - i : 4) {
    for (std::size_t r = 0; r < 4; ++r) row[r] = costs + (i + (r < count ? r : count - 1)) * stride;
  }
  std::size_t count;
  const T* row[4];
};

// The smallest of visit(row, column) in each of four rows.
template <class T, std::size_t kGroups, class Visit>
inline void four_minima(std::size_t cols, T (&smallest)[4], Visit visit) {
  Vector<T> least[4];
#pragma GCC unroll 4
  for (Vector<T>& one : least) one = broadcast(kInfinity<T>);
  for_vectors<T, kGroups>(cols, [&](std::size_t j) {
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) least[r] = minimum<Vector<T>>(visit(r, j), least[r]);
  });
  if constexpr (kLanes<T> >= 4) {
    const Vector<T> folded = fold_four(least, [](auto a, auto b) { return minimum(a, b); });
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) smallest[r] = folded[r * kLanes<T> / 4];
  } else {
    for (std::size_t r = 0; r < 4; ++r) smallest[r] = horizontal_minimum<T>(least[r]);
  }
}

// v_j = min_i (C_ij − min_k C_ik), and the row minima in `closed_at`. They come off first: plain
// column minima would make a row of zeros, or of small entries among large ones, look cheap
// wherever others are dear.
template <std::size_t kGroups, class T>
inline void take_minima(const AssignmentState<T>& s) {
  for (std::size_t j = 0; j < s.stride; ++j) s.dual[j] = kInfinity<T>;
  for (std::size_t i = 0; i < s.rows; i += 4) {
    const FourRows<T> four(s.costs, s.stride, s.rows, i);
    T smallest[4];
    four_minima<T, kGroups>(s.cols, smallest,
                            [&](std::size_t r, std::size_t j) { return load(four.row[r] + j); });
    for (std::size_t r = 0; r < four.count; ++r) s.closed_at[i + r] = smallest[r];
    for_vectors<T, kGroups>(s.cols, [&](std::size_t j) {
      Vector<T> dual = load(s.dual + j);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < 4; ++r) {
        dual = minimum<Vector<T>>(load(four.row[r] + j) - smallest[r], dual);
      }
      store(s.dual + j, dual);
    });
  }
  for (std::size_t j = s.cols; j < s.stride; ++j) s.dual[j] = 0;
}

// No column of the last block's padding is ever nearest.
template <class T>
inline void close_padding(const AssignmentState<T>& s) {
  for (std::size_t j = s.cols; j % kBlockLanes<T> != 0; ++j) s.distance[j] = kInfinity<T>;
}

// Each row takes the first free column whose bit is set in lanes(row, first column), if there is
// one; how many do not. `prepare` is called before each four rows.
template <class T, class Prepare, class Lanes>
inline std::size_t match_rows(const AssignmentState<T>& s, Known<0>, Prepare prepare, Lanes lanes) {
  for (std::size_t j = 0; j < s.cols; ++j) s.row_of[j] = -1;
  std::size_t lowest = 0;  // free column, or the number of columns
  std::size_t free = 0;
  const auto first_free = [&](std::size_t i) {
    for (std::size_t j = lowest / kLanes<T> * kLanes<T>; j < s.cols; j += kLanes<T>) {
      for (std::uint64_t within = lanes(i, j); within != 0; within &= within - 1) {
        const std::size_t column = j + static_cast<std::size_t>(__builtin_ctzll(within));
        if (s.row_of[column] < 0) return static_cast<std::int32_t>(column);
      }
    }
    return std::int32_t{-1};
  };
  for (std::size_t i = 0; i < s.rows; ++i) {
    if (i % 4 == 0) prepare(i);
    const std::int32_t column = first_free(i);
    s.column_of[i] = column;
    if (column < 0) {
      ++free;
    } else {
      s.row_of[column] = static_cast<std::int32_t>(i);
    }
    while (lowest < s.cols && s.row_of[lowest] >= 0) ++lowest;
  }
  return free;
}

// The same, with all bits found before any row takes a column: what follows from them is hard to
// predict, and a wrong guess would wait for a whole row.
template <class T, std::size_t kGroups, class Prepare, class Lanes>
inline std::size_t match_rows(const AssignmentState<T>& s, Known<kGroups>, Prepare prepare,
                              Lanes lanes) {
  std::uint64_t within[kFew];
  for (std::size_t i = 0; i < s.rows; ++i) {
    if (i % 4 == 0) prepare(i);
    within[i] = 0;
    unrolled<kVectors<T, kGroups>>(
        [&](std::size_t n) { within[i] |= lanes(i, n * kLanes<T>) << (n * kLanes<T>); });
  }
  std::int32_t row_of[kFew + 1];  // the last is for rows without a column
  for (std::int32_t& row : row_of) row = -1;
  std::uint64_t taken = 0;
  std::size_t free = 0;
  for (std::size_t i = 0; i < s.rows; ++i) {
    const std::uint64_t left = within[i] & ~taken;
    const int column = left == 0 ? static_cast<int>(kFew) : __builtin_ctzll(left);
    taken |= left & -left;
    free += left == 0;
    row_of[column] = static_cast<std::int32_t>(i);
    s.column_of[i] = left == 0 ? -1 : column;
  }
  for (std::size_t j = 0; j < s.cols; ++j) s.row_of[j] = row_of[j];
  return free;
}

// Matches rows to columns that have the smallest of a row, and of a column what is left of it.
// Cheaper than match_greedily, and an estimate: roundings differ.
template <std::size_t kGroups, class T>
inline std::size_t match_at_minima(const AssignmentState<T>& s) {
  return match_rows(
      s, Known<kGroups>{}, [](std::size_t) {},
      [&](std::size_t i, std::size_t j) {
        const Vector<T> rest = load(s.costs + i * s.stride + j) - s.closed_at[i];
        return lanes_within<T>(rest, load(s.dual + j));
      });
}

// Matches rows to columns of smallest reduced cost; leaves that of every row in `closed_at`.
template <std::size_t kGroups, class T>
inline std::size_t match_greedily(const AssignmentState<T>& s) {
  return match_rows(
      s, Known<kGroups>{},
      [&](std::size_t i) {
        const FourRows<T> four(s.costs, s.stride, s.rows, i);
        T smallest[4];
        four_minima<T, kGroups>(s.cols, smallest, [&](std::size_t r, std::size_t j) {
          return load(four.row[r] + j) - load(s.dual + j);
        });
        for (std::size_t r = 0; r < four.count; ++r) s.closed_at[i + r] = smallest[r];
      },
      [&](std::size_t i, std::size_t j) {
        const Vector<T> reduced = load(s.costs + i * s.stride + j) - load(s.dual + j);
        return lanes_within<T>(reduced, broadcast(s.closed_at[i]));
      });
}

// Sweeps cannot be stopped half-way: beyond this many rows they would hold an interrupt up.
inline constexpr std::size_t kMostSwept = 4096;

// A square problem starts from minima, or if those leave many rows free, from Sinkhorn's duals. A
// rectangular problem starts from zeros: optimal duals are 0 on unmatched columns, nowhere
// positive, and augmenting only ever lowers them.
template <class T>
void start_assignment(const AssignmentState<T>& s) noexcept {
  with_groups(s.stride, [&](auto groups) {
    constexpr std::size_t count = groups.value;
    if (s.rows == s.cols) {
      take_minima<count>(s);
      const auto worthwhile = kWorthSweeping * static_cast<double>(s.rows);
      if (static_cast<double>(match_at_minima<count>(s)) >= worthwhile && s.rows <= kMostSwept) {
        anneal<count>(s);
      }
    } else {
      for (std::size_t j = 0; j < s.stride; ++j) s.dual[j] = 0;
    }
    match_greedily<count>(s);
  });
}

// Distances of all columns straight from the root row; returns the smallest.
template <class T>
inline T depart(const AssignmentState<T>& s, std::size_t root) {
  const T* row = s.costs + root * s.stride;
  const Bits<T> from = static_cast<RowIndex<T>>(root) - Bits<T>{};
  close_padding(s);
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
  return minimum_over<T>(s.cols, [row, shift, from, dual = s.open_dual, distance = s.distance,
                                  predecessor = s.predecessor](std::size_t j) {
    const Vector<T> path = (load(row + j) - load(dual + j)) - shift;
    const Vector<T> known = load(distance + j);
    const Vector<T> shortest = minimum(path, known);
    store(distance + j, shortest);
    store_where_less<T>(path, known, predecessor + j, from);
    return shortest;
  });
}

// Columns from `first` on leave the search where their distance is at most `reach`. By whole
// vectors: the next visit loads such, and would wait for single elements to reach the cache.
template <class T>
inline void close_lanes(const AssignmentState<T>& s, std::size_t first, T reach) {
  const Vector<T> distance = load(s.distance + first);
  const Bits<T> closing = distance <= reach;
  store(s.distance + first, closing ? broadcast(kInfinity<T>) : distance);
  store(s.open_dual + first, closing ? broadcast(-kInfinity<T>) : load(s.open_dual + first));
}

// Closes the columns at `reach` or nearer, up to the first free one, which is returned (else −1).
template <class T>
inline std::ptrdiff_t close_within(const AssignmentState<T>& s, T reach, std::size_t& closed) {
  for (std::size_t block = 0; block < s.cols; block += kBlockLanes<T>) {
    const T* distance = s.distance + block;
    Vector<T> d[kBlockVectors];
    unrolled<kBlockVectors>([&](std::size_t k) { d[k] = load(distance + k * kLanes<T>); });
    const Vector<T> nearest = minimum(minimum(d[0], d[1]), minimum(d[2], d[3]));
    if (lanes_within<T>(nearest, broadcast(reach)) == 0) continue;
    for (std::uint64_t within = bits_within<T>(d, reach); within != 0; within &= within - 1) {
      const std::size_t column = block + static_cast<std::size_t>(__builtin_ctzll(within));
      if (s.row_of[column] < 0) return static_cast<std::ptrdiff_t>(column);
      close_lanes(s, column / kLanes<T> * kLanes<T>, reach);
      s.closed[closed] = static_cast<std::int32_t>(column);
      s.closed_at[closed++] = reach;
    }
  }
  return -1;
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
  constexpr std::size_t stride = kGroups * kAssignmentGroup;
  const T* row = s.costs + root * stride;
  unrolled<count>([&](std::size_t n) {
    dual[n] = load(s.dual + n * kLanes<T>);
    distance[n] = load(row + n * kLanes<T>) - dual[n];
    predecessor[n] = static_cast<RowIndex<T>>(root) - Bits<T>{};
  });
  const std::uint64_t free = free_columns<kGroups>(s.row_of);
  T nearest = minimum_of<T>(distance);
  T reach = nearest;
  std::size_t closed = 0;
  int last = 0;  // column closed; from a register sooner than from memory
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
        last = __builtin_ctzll(within);
        s.closed[closed] = last;
        s.closed_at[closed++] = reach;
      }
    }
    const int column = scanned + 1 == closed ? last : s.closed[scanned];
    const std::int32_t through = s.row_of[column];
    row = s.costs + static_cast<std::size_t>(through) * stride;
    const T shift = (row[column] - s.dual[column]) - reach;
    unrolled<count>([&](std::size_t n) {
      const Vector<T> path = (load(row + n * kLanes<T>) - dual[n]) - shift;
      predecessor[n] = path < distance[n] ? through - Bits<T>{} : predecessor[n];
      distance[n] = minimum(path, distance[n]);
    });
    nearest = minimum_of<T>(distance);
  }
}

template <class T>
std::size_t augment(const AssignmentState<T>& s, std::size_t root) noexcept {
  return with_groups(s.stride, [&](auto groups) { return augment(s, root, groups); });
}

template <std::size_t kGroups, class T>
inline double slack(const T* costs, std::size_t stride, std::size_t rows, std::size_t cols,
                    const T* dual, const std::int32_t* column_of) {
  double total = 0;
  for (std::size_t i = 0; i < rows; i += 4) {
    const FourRows<T> four(costs, stride, rows, i);
    double smallest[4];
    four_minima<double, kGroups>(cols, smallest, [&](std::size_t r, std::size_t j) {
      return widened(four.row[r] + j) - widened(dual + j);
    });
    for (std::size_t r = 0; r < four.count; ++r) {
      const std::int32_t j = column_of[i + r];
      total += (static_cast<double>(four.row[r][j]) - static_cast<double>(dual[j])) - smallest[r];
    }
  }
  return total;
}

template <class T>
double slack(const T* costs, std::size_t stride, std::size_t rows, std::size_t cols, const T* dual,
             const std::int32_t* column_of) noexcept {
  return with_groups(stride, [&](auto groups) {
    return slack<groups.value>(costs, stride, rows, cols, dual, column_of);
  });
}

}  // namespace
