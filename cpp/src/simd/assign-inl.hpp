// Linear assignment by shortest augmenting paths (Jonker and Volgenant 1987; Crouse 2016): costs,
// what the start and the searches share, and the certificate.
//
// Row duals are not stored: u_i = min_j (C_ij − v_j) for a free row, and C_ij − v_j on the matched
// column of another, so any column duals v are a legal start.
//
// Only additions, comparisons and blends touch the numbers, and minima are searched for in column
// order: every instruction set finds the same matching.

namespace {

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
  Magnitudes<T> magnitudes;
  const std::size_t whole = cols / kLanes<T> * kLanes<T>;
  T padding[kLanes<T>];  // added to what load_part fills up with zeros
  for (std::size_t l = 0; l < kLanes<T>; ++l) padding[l] = whole + l < cols ? T{0} : kInfinity<T>;
  const Vector<T> padded = load(padding);
  for (std::size_t i = 0; i < rows; ++i, entries += stride, costs += costs_stride) {
    const auto take = [&](std::size_t n, Vector<T> loaded) {
      const Vector<T> entry = held(loaded);
      magnitudes.take(n, entry);
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
  return magnitudes.largest();
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

template <class T>
bool any_between(const T* costs, std::size_t count, bool of_magnitudes, T below, T above) noexcept {
  constexpr std::size_t kPart =
      8 * kAssignmentGroup;  // after each of these the answer may be known
  const Bits<T> sign = (Bits<T>)broadcast(of_magnitudes ? T{-0.0} : T{0});
  for (std::size_t first = 0; first < count; first += kPart) {
    const std::size_t end = first + kPart < count ? first + kPart : count;
    Bits<T> found{};
    for (std::size_t k = first; k < end; k += kLanes<T>) {
      const auto cost = (Vector<T>)((Bits<T>)load(costs + k) & ~sign);
      found |= (cost > below) & (cost < above);
    }
    if (lane_bits<T>(found) != 0) return true;
  }
  return false;
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

template <std::size_t kGroups, class T>
inline Slack slack(const T* costs, std::size_t stride, std::size_t rows, std::size_t cols,
                   const T* dual, const std::int32_t* column_of) {
  Slack slack{};
  for (std::size_t i = 0; i < rows; i += 4) {
    const FourRows<T> four(costs, stride, rows, i);
    double smallest[4];
    four_minima<double, kGroups>(cols, smallest, [&](std::size_t r, std::size_t j) {
      return widened(four.row[r] + j) - widened(dual + j);
    });
    for (std::size_t r = 0; r < 4 && i + r < rows; ++r) {
      const std::int32_t j = column_of[i + r];
      const double matched = static_cast<double>(four.row[r][j]) - static_cast<double>(dual[j]);
      slack.sum += matched - smallest[r];
      slack.rounded += __builtin_fabs(matched) + __builtin_fabs(smallest[r]);
    }
  }
  return slack;
}

template <class T>
Slack slack(const T* costs, std::size_t stride, std::size_t rows, std::size_t cols, const T* dual,
            const std::int32_t* column_of) noexcept {
  return with_groups(stride, [&](auto groups) {
    return slack<groups.value>(costs, stride, rows, cols, dual, column_of);
  });
}

}  // namespace
