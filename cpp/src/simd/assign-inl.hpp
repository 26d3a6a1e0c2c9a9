// Linear assignment by shortest augmenting paths (Jonker and Volgenant 1987; Crouse 2016).
//
// Row duals are not stored: u_i = min_j (C_ij − v_j) for a free row, and C_ij − v_j on the matched
// column of another, so any column duals v are a legal start.
//
// Only additions, comparisons and blends touch the numbers, and minima are searched for in column
// order: every instruction set finds the same matching.

namespace {

// Percent of rows that must stay free at the cheap start before Sinkhorn sweeps pay. Correlated
// tokens leave 30 to 80 % free, random costs 20 to 30 %, and dead tokens or ties fewer: to those,
// above all to ties, sweeps do more harm than good.
inline constexpr std::size_t kWorthSweeping = 25;

// visit(Known<number of groups of columns>) for problems of up to 64 columns, which are worth code
// of their own: what belongs to columns lives in registers, sets of columns are bits of one word.
// visit(Known<0>) for larger ones.
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
template <class T, class V>
inline std::uint64_t lanes_within(V x, V limit) {
#if defined(__AVX512F__)
  if constexpr (kVectorBytes == 64) {
    if constexpr (std::is_same_v<V, Bits<float>>) {
      return _mm512_cmp_epi32_mask((__m512i)x, (__m512i)limit, _MM_CMPINT_LE);
    } else if constexpr (sizeof(T) == sizeof(float)) {
      return _mm512_cmp_ps_mask((__m512)x, (__m512)limit, _CMP_LE_OQ);
    } else {
      return _mm512_cmp_pd_mask((__m512d)x, (__m512d)limit, _CMP_LE_OQ);
    }
  }
#endif
  return lane_bits<T>(x <= limit);
}

// Distances above that of the nearest column: none is negative but by rounding. As integers such
// floats have the same order, and minima of integers take a cycle where those of floats take four.
// Of wider integers not every processor has minima.
template <class T>
using Distances = std::conditional_t<sizeof(T) == sizeof(float), Bits<T>, Vector<T>>;

// The smallest element of all, in every lane.
template <class V, std::size_t kCount>
inline V minimum_of(const V (&x)[kCount]) {
  V smallest[2] = {x[0], x[kCount - 1]};
  unrolled<kCount / 2>([&](std::size_t n) {
    smallest[0] = n == 0 ? x[0] : minimum(x[2 * n], smallest[0]);
    smallest[1] = n == 0 ? x[1] : minimum(x[2 * n + 1], smallest[1]);
  });
  const V even = minimum(smallest[0], smallest[1]);
  return minimum_everywhere(kCount % 2 == 0 ? even : minimum(x[kCount - 1], even));
}

// Bit j is set where element j is at most `limit`.
template <class T, class V, std::size_t kCount>
inline std::uint64_t bits_within(const V (&x)[kCount], V limit) {
  std::uint64_t bits = 0;
  unrolled<kCount>([&](std::size_t n) { bits |= lanes_within<T>(x[n], limit) << (n * kLanes<T>); });
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
#if defined(__AVX2__)
  if constexpr (kVectorBytes == 32) {
    Integer<T> present[kLanes<T>];
    for (std::size_t l = 0; l < kLanes<T>; ++l) present[l] = l < count ? -1 : 0;
    Bits<T> mask;
    __builtin_memcpy(&mask, present, sizeof mask);
    if constexpr (sizeof(T) == sizeof(float)) {
      return (Vector<T>)_mm256_maskload_ps(p, (__m256i)mask);
    } else {
      return (Vector<T>)_mm256_maskload_pd(p, (__m256i)mask);
    }
  }
#endif
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
  T padding[kLanes<T>];  // added to what load_part fills up with zeros
  for (std::size_t l = 0; l < kLanes<T>; ++l) padding[l] = whole + l < cols ? T{0} : kInfinity<T>;
  const Vector<T> padded = load(padding);
  for (std::size_t i = 0; i < rows; ++i, entries += stride, costs += costs_stride) {
    const auto take = [&](std::size_t n, Vector<T> entry) {
      lowest[n] = minimum(entry, lowest[n]);
      highest[n] = minimum(-entry, highest[n]);
      poison[n] += entry * T{0};
      return entry * sign;
    };
    std::size_t j = 0;
    for (; j + kLanes<T> < whole; j += 2 * kLanes<T>) {
      store(costs + j, take(0, load(entries + j)));
      store(costs + j + kLanes<T>, take(1, load(entries + j + kLanes<T>)));
    }
    if (j < whole) store(costs + j, take(0, load(entries + j)));
    if (whole < cols) {
      store(costs + whole, take(1, load_part(entries + whole, cols - whole)) + padded);
    }
    for (j = (cols + kLanes<T> - 1) / kLanes<T> * kLanes<T>; j < costs_stride; j += kLanes<T>) {
      store(costs + j, broadcast(kInfinity<T>));
    }
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

// Visits vectors that cover [0, cols); of a known number of groups, unrolled.
template <class T, std::size_t kGroups, class Visit>
inline void for_vectors(std::size_t cols, Visit visit) {
  if constexpr (kGroups > 0) {
    unrolled<kVectors<T, kGroups>>([&](std::size_t n) {
      if (kLanes<T> >= kAssignmentGroup || n * kLanes<T> < cols) visit(n * kLanes<T>);
    });
  } else {
    for (std::size_t j = 0; j < cols; j += kLanes<T>) visit(j);
  }
}

// The smallest element of each of four vectors.
template <class V, class Element>
inline void smallest_of_each(const V (&x)[4], Element (&smallest)[4]) {
  constexpr std::size_t lanes = sizeof(V) / sizeof(Element);
  if constexpr (lanes >= 4) {
    const V folded = fold_four(x, [](auto a, auto b) { return minimum(a, b); });
    unrolled<4>([&](std::size_t r) { smallest[r] = folded[r * lanes / 4]; });
  } else {
    unrolled<4>([&](std::size_t r) { smallest[r] = minimum_everywhere(x[r])[0]; });
  }
}

// The smallest of visit(row, column) in each of four rows.
template <class T, std::size_t kGroups, class Visit>
inline void four_minima(std::size_t cols, T (&smallest)[4], Visit visit) {
  Vector<T> least[4];
  unrolled<4>([&](std::size_t r) { least[r] = broadcast(kInfinity<T>); });
  for_vectors<T, kGroups>(cols, [&](std::size_t j) {
    unrolled<4>([&](std::size_t r) { least[r] = minimum<Vector<T>>(visit(r, j), least[r]); });
  });
  smallest_of_each(least, smallest);
}

// Lowers duals of the columns at j to the smallest of what four rows have above `smallest`.
template <class T>
inline Vector<T> lowered(Vector<T> dual, const FourRows<T>& four, const T (&smallest)[4],
                         std::size_t j) {
#pragma GCC unroll 4
  for (std::size_t r = 0; r < 4; ++r) {
    dual = minimum<Vector<T>>(load(four.row[r] + j) - smallest[r], dual);
  }
  return dual;
}

// v_j = min_i (C_ij − min_k C_ik), and the row minima. They come off first: plain column minima
// would make a row of zeros, or of small entries among large ones, look cheap wherever others are
// dear.
template <std::size_t kGroups, class T>
inline void take_minima(const AssignmentState<T>& s) {
  const auto visit = [&s](std::size_t i, auto lower) {
    const FourRows<T> four(s.costs, s.stride, s.rows, i);
    T smallest[4];
    four_minima<T, kGroups>(s.cols, smallest,
                            [&](std::size_t r, std::size_t j) { return load(four.row[r] + j); });
    __builtin_memcpy(s.row_minimum + i, smallest, sizeof smallest);
    lower(four, smallest);
  };
  if constexpr (kGroups > 0) {
    Vector<T> dual[kVectors<T, kGroups>];
    for (Vector<T>& one : dual) one = broadcast(kInfinity<T>);
    for (std::size_t i = 0; i < s.rows; i += 4) {
      visit(i, [&](const FourRows<T>& four, const T(&smallest)[4]) {
        unrolled<kVectors<T, kGroups>>(
            [&](std::size_t n) { dual[n] = lowered(dual[n], four, smallest, n * kLanes<T>); });
      });
    }
    __builtin_memcpy(s.dual, dual, sizeof dual);
  } else {
    for (std::size_t j = 0; j < s.stride; ++j) s.dual[j] = kInfinity<T>;
    for (std::size_t i = 0; i < s.rows; i += 4) {
      visit(i, [&](const FourRows<T>& four, const T(&smallest)[4]) {
        for (std::size_t j = 0; j < s.cols; j += kLanes<T>) {
          store(s.dual + j, lowered(load(s.dual + j), four, smallest, j));
        }
      });
    }
  }
  for (std::size_t j = s.cols; j < s.stride; ++j) s.dual[j] = 0;
}

// Hides from the compiler where x comes from: it would make a jump of a condition, or compute with
// the processor's masks, which takes longer.
inline std::uint64_t opaque(std::uint64_t x) {
  asm("" : "+r"(x));
  return x;
}

template <class T>
inline void take(const AssignmentState<T>& s, std::int32_t column) {
  const auto j = static_cast<std::size_t>(column);
  s.taken[j / kAssignmentWord] |= std::uint64_t{1} << j % kAssignmentWord;
}

template <class T>
inline void take_none(const AssignmentState<T>& s) {
  for (std::size_t j = 0; j < s.cols; j += kAssignmentWord) s.taken[j / kAssignmentWord] = 0;
}

// The first column that is not taken and whose bit is set in lanes(first column of a vector), or
// −1.
template <class T, class Lanes>
inline std::int32_t first_free(const AssignmentState<T>& s, Lanes lanes) {
  for (std::size_t begin = 0; begin < s.cols; begin += kAssignmentWord) {
    const std::uint64_t free = ~s.taken[begin / kAssignmentWord];
    if (free == 0) continue;
    std::uint64_t within = 0;
    if (s.cols - begin >= kAssignmentWord) {
      unrolled<kAssignmentWord / kLanes<T>>(
          [&](std::size_t n) { within |= lanes(begin + n * kLanes<T>) << (n * kLanes<T>); });
    } else {
      for (std::size_t j = begin; j < s.cols; j += kLanes<T>) within |= lanes(j) << (j - begin);
    }
    within &= free;
    if (within != 0) return static_cast<std::int32_t>(begin) + __builtin_ctzll(within);
  }
  return -1;
}

// Whether so many rows stay free where each takes the first free column that has the smallest of
// the row, or of which the row has the smallest of what is left. Cheaper than match_greedily, and
// an estimate: roundings differ.
template <std::size_t kGroups, class T>
inline bool leaves_free(const AssignmentState<T>& s, std::size_t enough) {
  const auto lanes = [&s](std::size_t i, std::size_t j) {
    const Vector<T> rest = load(s.costs + i * s.stride + j) - s.row_minimum[i];
    return lanes_within<T>(rest, load(s.dual + j));
  };
  std::size_t free = 0;
  if constexpr (kGroups > 0) {
    // Without jumps: whether a column is free is hard to predict.
    std::uint64_t taken = 0;
    for (std::size_t i = 0; i < s.rows && free < enough; ++i) {
      std::uint64_t left = 0;
      unrolled<kVectors<T, kGroups>>(
          [&](std::size_t n) { left |= lanes(i, n * kLanes<T>) << (n * kLanes<T>); });
      left = opaque(left) & ~taken;
      taken |= left & -left;
      free += opaque(left == 0);
    }
  } else {
    take_none(s);
    for (std::size_t i = 0; i < s.rows && free < enough; ++i) {
      const std::int32_t column = first_free(s, [&](std::size_t j) { return lanes(i, j); });
      if (column < 0) {
        ++free;
      } else {
        take(s, column);
      }
    }
  }
  return free == enough;
}

// Leaves the smallest reduced costs of four rows in `row_minimum`, their first columns in
// `column_of`.
template <std::size_t kGroups, class T>
inline void find_nearest(const AssignmentState<T>& s, std::size_t i) {
  const FourRows<T> four(s.costs, s.stride, s.rows, i);
  Vector<T> least[4];
  Bits<T> column[4];
  unrolled<4>([&](std::size_t r) {
    least[r] = broadcast(kInfinity<T>);
    column[r] = Bits<T>{};
  });
  Bits<T> columns = lane_numbers<T>();
  for_vectors<T, kGroups>(s.cols, [&](std::size_t j) {
    const Vector<T> dual = held(load(s.dual + j));
    unrolled<4>([&](std::size_t r) {
      const Vector<T> reduced = load(four.row[r] + j) - dual;
      column[r] = reduced < least[r] ? columns : column[r];
      least[r] = minimum(reduced, least[r]);
    });
    columns += static_cast<Integer<T>>(kLanes<T>);
  });
  T smallest[4];
  smallest_of_each(least, smallest);
  __builtin_memcpy(s.row_minimum + i, smallest, sizeof smallest);
  unrolled<4>([&](std::size_t r) {
    column[r] = least[r] == smallest[r] ? column[r] : (Bits<T>)broadcast(kInfinity<T>);
  });
  Integer<T> first[4];
  smallest_of_each(column, first);
  unrolled<4>([&](std::size_t r) { s.column_of[i + r] = static_cast<std::int32_t>(first[r]); });
}

// Matches rows to columns of smallest reduced cost.
template <std::size_t kGroups, class T>
inline void match_greedily(const AssignmentState<T>& s) {
  for (std::size_t i = 0; i < s.rows; i += 4) find_nearest<kGroups>(s, i);
  for (std::size_t j = 0; j < s.stride; ++j) s.row_of[j] = -1;
  take_none(s);
  for (std::size_t i = 0; i < s.rows; ++i) {
    std::int32_t column = s.column_of[i];
    if (s.row_of[column] >= 0) {
      column = first_free(s, [&](std::size_t j) {  // of those that are as near
        const Vector<T> reduced = load(s.costs + i * s.stride + j) - load(s.dual + j);
        return lanes_within<T>(reduced, broadcast(s.row_minimum[i]));
      });
      s.column_of[i] = column;
      if (column < 0) continue;
    }
    s.row_of[column] = static_cast<std::int32_t>(i);
    take(s, column);
  }
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
      const std::size_t enough = (s.rows * kWorthSweeping + 99) / 100;
      if (s.rows <= kMostSwept && leaves_free<count>(s, enough)) anneal<count>(s);
    } else {
      for (std::size_t j = 0; j < s.stride; ++j) s.dual[j] = 0;
    }
    match_greedily<count>(s);
  });
}

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
// It ends: no path is shorter than where it comes from, so every pass settles its nearer column.
//
// Returns the number of rows visited.
template <class T>
inline std::size_t search(const AssignmentState<T>& s, std::size_t root) {
  Nearest<T> nearest = depart(s, root);
  for (std::size_t visited = 1;; visited += 2) {
    const Found<T> even = nearest.of_parity(0);
    const Found<T> odd = nearest.of_parity(1);
    const Found<T> nearer = odd.label < even.label ? odd : even;
    Found<T> other = odd.label < even.label ? even : odd;
    if (nearer.label >= kFar<T>) return visited;
    if (s.row_of[nearer.column] < 0) {
      arrive(s, root, nearer);
      return visited;
    }
    if (other.label >= kFar<T> || s.row_of[other.column] < 0) other = nearer;  // no way on from it
    mark_scanned(s, nearer.column);
    mark_scanned(s, other.column);
    nearest = relax(s, Scan<T>(s, nearer), Scan<T>(s, other));
  }
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

// The same search for one of few columns; returns the free one, or −1. Columns within reach are
// closed together, unless a free one is among them: it ends the search, and the duals of those as
// near as it would not change.
template <std::size_t kGroups, class T>
inline std::ptrdiff_t search(const AssignmentState<T>& s, std::size_t root, std::uint64_t free) {
  constexpr std::size_t stride = kGroups * kAssignmentGroup;
  FewColumns<T, kGroups> columns;
  columns.depart(s.costs + root * stride, s.dual, root);
  Distances<T> nearest{};
  Distances<T> reach{};
  std::uint64_t queue = 0;  // closed columns whose rows are still to be visited
  for (;;) {
    if (queue == 0 || nearest[0] <= reach[0]) {
      if (((Vector<T>)nearest)[0] == kInfinity<T>) return -1;
      reach = nearest > reach ? nearest : reach;
      const std::uint64_t within = bits_within<T>(columns.distance, reach);
      if ((within & free) != 0) {
        columns.store_duals(s.dual, reach);
        unrolled<columns.kCount>([&](std::size_t n) {
          __builtin_memcpy(s.predecessor + n * kLanes<T>, &columns.predecessor[n], kVectorBytes);
        });
        return __builtin_ctzll(within & free);
      }
      columns.close(reach);
      queue |= within;
    }
    const int column = __builtin_ctzll(queue);
    queue &= queue - 1;
    const std::int32_t through = s.row_of[column];
    const T* row = s.costs + static_cast<std::size_t>(through) * stride;
    // Added first: while the row is still to come.
    const Vector<T> beyond = s.dual[column] + (Vector<T>)reach;
    columns.relax(row, row[column] - beyond, through);
    nearest = minimum_of(columns.distance);
  }
}

// Bit k is set where row or column k has no partner, and perhaps in the padding.
template <std::size_t kGroups>
inline std::uint64_t unmatched(const std::int32_t* partners) {
  Bits<float> partner[kVectors<float, kGroups>];
  __builtin_memcpy(partner, partners, sizeof partner);
  return bits_within<float>(partner, -1 - Bits<float>{});
}

template <std::size_t kGroups, class T>
inline std::size_t augment(const AssignmentState<T>& s, std::size_t first, std::size_t,
                           Known<kGroups>) {
  const std::uint64_t rows = ~std::uint64_t{0} >> (kAssignmentWord - s.rows);
  std::uint64_t roots = (unmatched<kGroups>(s.column_of) & rows) >> first << first;
  std::uint64_t free = unmatched<kGroups>(s.row_of);  // the padding is out of reach
  for (; roots != 0; roots &= roots - 1) {
    const auto root = static_cast<std::size_t>(__builtin_ctzll(roots));
    const std::ptrdiff_t sink = search<kGroups>(s, root, free);
    if (sink < 0) continue;
    flip_path(s, root, sink);
    free &= ~(std::uint64_t{1} << sink);
  }
  return s.rows;
}

template <class T>
std::size_t augment(const AssignmentState<T>& s, std::size_t first, std::size_t visits) noexcept {
  return with_groups(s.stride, [&](auto groups) { return augment(s, first, visits, groups); });
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
    for (std::size_t r = 0; r < 4 && i + r < rows; ++r) {
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
