// Column duals for an assignment from a few annealed Sinkhorn sweeps (Sharify, Gaubert and
// Grigori, arXiv:1104.3830): K = exp(−C/ε) is scaled to unit row and column sums, and the column
// scalings' logarithms are duals; halving ε is squaring K, so one pass of exponentials serves
// every temperature. Any duals are a legal start: nothing here needs to be accurate, and float32
// serves float64 problems too.
//
// What is accurate is repetition. Every level adds in the same order, as if vectors had sixteen
// lanes, and no product is fused into a sum: all levels find the same duals.

namespace {

inline constexpr std::size_t kGroupParts = kAssignmentGroup / kLanes<float>;

// Entries of K that stay in the nearest cache between the two halves of a sweep.
inline constexpr std::size_t kSweptEntries = 4096;

// The first ε, of the mean reduced cost; ε is halved from level to level.
inline constexpr float kFirstTemperature = 0.375F;

// Keep reciprocals of sums finite. Squares of column factors must not overflow.
inline constexpr float kTinyRowSum = 1e-30F;
inline constexpr float kTinyColumnSum = 1e-15F;

struct Schedule {
  int levels;
  int sweeps;  // per level
};

// The larger the problem, the dearer is a search for an augmenting path compared with a sweep.
constexpr Schedule schedule_for(std::size_t cols) {
  if (cols <= 24) return {5, 1};
  if (cols <= 64) return {6, 1};
  if (cols <= 512) return {7, 1};
  return {7, 2};
}

// A product that the compiler does not fuse with the sum it goes into: some levels have no FMA.
inline Vector<float> rounded(Vector<float> x) {
#if defined(__x86_64__)
  asm("" : "+v"(x));
#elif defined(__aarch64__)
  asm("" : "+w"(x));
#endif
  return x;
}

// A power of two far from overflow and from the subnormal numbers.
inline Vector<float> clamped(Vector<float> x) {
  x = x > -100.0F ? x : broadcast(-100.0F);
  return x < 60.0F ? x : broadcast(60.0F);
}

// Sixteen partial sums as one, in the same order for every vector length.
inline float total(Vector<float> (&parts)[kGroupParts]) {
#pragma GCC unroll 2
  for (std::size_t width = kGroupParts / 2; width > 0; width /= 2) {
#pragma GCC unroll 2
    for (std::size_t p = 0; p < width; ++p) parts[p] += parts[p + width];
  }
  return horizontal_sum<float>(parts[0]);
}

// 2^x for −126 ≤ x ≤ 126, within 1e-4 of it.
inline Vector<float> cheap_exp2(Vector<float> x) {
  constexpr float rounder = 0x1.8p23F;
  const Vector<float> shifted = x + rounder;
  const Vector<float> f = x - (shifted - rounder);
  Vector<float> p = rounded(f * 0.0558F) + 0.2402F;
  p = rounded(p * f) + 0.6931F;
  p = rounded(p * f) + 1.0F;
  return (Vector<float>)((Bits<float>)p + ((Bits<float>)shifted << 23));
}

// log2 x for normal x > 0, within 1e-3.
inline Vector<float> cheap_log2(Vector<float> x) {
  const Bits<float> bits = (Bits<float>)x;
  const Vector<float> exponent = __builtin_convertvector((bits >> 23) - 128, Vector<float>);
  const Vector<float> m = (Vector<float>)((bits & 0x7fffff) | 0x3f800000);
  Vector<float> p = rounded(m * -0.0815821F) + 0.6451423F;
  p = rounded(p * m) - 2.1206751F;
  p = rounded(p * m) + 4.0700908F;
  p = rounded(p * m) - 1.5128546F;
  return p + exponent;
}

// Subnormal numbers are taken for zero while it lives: entries of K pass through them.
class SubnormalsAreZero {
 public:
#if defined(__SSE2__)
  SubnormalsAreZero() { _mm_setcsr(before_ | 0x8040); }
  ~SubnormalsAreZero() { _mm_setcsr(before_); }

 private:
  unsigned before_ = _mm_getcsr();
#endif
};

inline Vector<float> narrowed(const float* p) {
  return load(p);
}
inline Vector<float> narrowed(const double* p) {
  typedef double Wide __attribute__((vector_size(2 * kVectorBytes)));
  Wide wide;
  __builtin_memcpy(&wide, p, sizeof wide);
  return __builtin_convertvector(wide, Vector<float>);
}

// Visits the vectors of whole groups of columns: visit(first column, its number). The number of
// groups is known to the compiler for small problems: what belongs to columns stays in registers.
template <std::size_t kGroups, class Visit>
inline void for_groups(std::size_t cols, Visit visit) {
  if constexpr (kGroups > 0) {
#pragma GCC unroll 16
    for (std::size_t n = 0; n < kGroups * kGroupParts; ++n) visit(n * kLanes<float>, n);
  } else {
    for (std::size_t j = 0; j < cols; j += kAssignmentGroup) {
#pragma GCC unroll 4
      for (std::size_t p = 0; p < kGroupParts; ++p) visit(j + p * kLanes<float>, p);
    }
  }
}

// Column duals as they are, and the smallest reduced cost of every row, in float32.
template <std::size_t kGroups, class T>
inline void take_start(const AssignmentState<T>& s) {
  const SinkhornState d = s.sinkhorn;
  for_groups<kGroups>(s.cols, [&](std::size_t j, std::size_t) {
    store(d.dual + j, narrowed(s.dual + j));
    store(d.column_factor + j, broadcast(1.0F));
  });
  for (std::size_t i = 0; i < s.rows; ++i) d.row_factor[i] = static_cast<float>(s.closed_at[i]);
}

// Mean reduced cost, above the smallest of each row, in a sample of rows.
template <std::size_t kGroups, class T>
inline float spread(const AssignmentState<T>& s) {
  const SinkhornState d = s.sinkhorn;
  const std::size_t step = (s.rows + 15) / 16;
  Vector<float> sums[kGroupParts] = {};
  for (std::size_t i = 0; i < s.rows; i += step) {
    const T* row = s.costs + i * s.stride;
    for_groups<kGroups>(s.cols, [&](std::size_t j, std::size_t p) {
      const Vector<float> distance = (narrowed(row + j) - load(d.dual + j)) - d.row_factor[i];
      sums[p % kGroupParts] += distance < kInfinity<float> ? distance : Vector<float>{};
    });
  }
  return total(sums) / static_cast<float>((s.rows + step - 1) / step * s.cols);
}

// K = 2^(−sharpness (C − smallest reduced cost of the row − dual)); next to nothing in the padding,
// and zero in rows up to a whole number of those swept together.
template <std::size_t kGroups, class T>
inline void exponentiate(const AssignmentState<T>& s, float sharpness) {
  const SinkhornState d = s.sinkhorn;
  std::size_t i = 0;
  for (; i < s.rows; ++i) {
    const T* row = s.costs + i * s.stride;
    float* k = d.weights + i * s.stride;
    const float shift = d.row_factor[i];
    for_groups<kGroups>(s.cols, [&](std::size_t j, std::size_t) {
      const Vector<float> exponent = ((shift + load(d.dual + j)) - narrowed(row + j)) * sharpness;
      store(k + j, cheap_exp2(clamped(exponent)));
    });
  }
  for (; i % kSweptRows != 0; ++i) {
    float* k = d.weights + i * s.stride;
    for_groups<kGroups>(s.cols, [&](std::size_t j, std::size_t) { store(k + j, Vector<float>{}); });
  }
}

// Row factors a = 1 / (K b) of a few rows from k on; before that, where ε is halved, K ← (a K b)².
template <bool kHalves, std::size_t kGroups>
inline void normalise_rows(float* k, std::size_t stride, float* a, const float* b,
                           std::size_t cols) {
  Vector<float> before[kSweptRows];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kSweptRows; ++r) before[r] = broadcast(a[r]);
  Vector<float> sums[kSweptRows][kGroupParts] = {};
  for_groups<kGroups>(cols, [&](std::size_t j, std::size_t n) {
    const Vector<float> factor = load(b + j);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kSweptRows; ++r) {
      Vector<float> x = load(k + r * stride + j) * factor;
      if constexpr (kHalves) {
        x *= before[r];
        x *= x;
        store(k + r * stride + j, x);
      }
      sums[r][n % kGroupParts] += rounded(x);
    }
  });
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kSweptRows; ++r) a[r] = 1 / (total(sums[r]) + kTinyRowSum);
}

// c += Kᵀ a over `rows` rows from k on.
template <std::size_t kGroups>
inline void add_columns(const float* k, std::size_t stride, const float* a, std::size_t rows,
                        float* c, std::size_t cols) {
  if constexpr (kGroups > 0) {
    Vector<float> sums[kGroups * kGroupParts];
    for_groups<kGroups>(cols, [&](std::size_t j, std::size_t n) { sums[n] = load(c + j); });
    for (std::size_t i = 0; i < rows; ++i, k += stride) {
      const Vector<float> factor = broadcast(a[i]);
      for_groups<kGroups>(
          cols, [&](std::size_t j, std::size_t n) { sums[n] += rounded(factor * load(k + j)); });
    }
    for_groups<kGroups>(cols, [&](std::size_t j, std::size_t n) { store(c + j, sums[n]); });
  } else {
    for (std::size_t i = 0; i < rows; i += kSweptRows, k += kSweptRows * stride) {
      Vector<float> factor[kSweptRows];
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kSweptRows; ++r) factor[r] = broadcast(a[i + r]);
      for_groups<kGroups>(cols, [&](std::size_t j, std::size_t) {
        Vector<float> sum = load(c + j);
#pragma GCC unroll 4
        for (std::size_t r = 0; r < kSweptRows; ++r) {
          sum += rounded(factor[r] * load(k + r * stride + j));
        }
        store(c + j, sum);
      });
    }
  }
}

// One sweep: normalises rows and sums columns, one block of rows in the nearest cache at a time.
template <bool kHalves, std::size_t kGroups>
inline void sweep_rows(const SinkhornState& d, std::size_t stride, std::size_t rows,
                       std::size_t cols) {
  for_groups<kGroups>(
      cols, [&](std::size_t j, std::size_t) { store(d.column_sum + j, Vector<float>{}); });
  const std::size_t fitting = kSweptEntries / stride / kSweptRows * kSweptRows;
  const std::size_t block = fitting > kSweptRows ? fitting : kSweptRows;
  for (std::size_t begin = 0; begin < rows; begin += block) {
    const std::size_t end = rows - begin < block ? rows : begin + block;
    for (std::size_t i = begin; i < end; i += kSweptRows) {
      normalise_rows<kHalves, kGroups>(d.weights + i * stride, stride, d.row_factor + i,
                                       d.column_factor, cols);
    }
    add_columns<kGroups>(d.weights + begin * stride, stride, d.row_factor + begin, end - begin,
                         d.column_sum, cols);
  }
}

// b ← 1 / c; v ← v − ε log(b c), with the b before that.
template <bool kHalved, std::size_t kGroups>
inline void update_columns(const SinkhornState& d, std::size_t cols, float epsilon) {
  for_groups<kGroups>(cols, [&](std::size_t j, std::size_t) {
    const Vector<float> sum = load(d.column_sum + j) + kTinyColumnSum;
    const Vector<float> scaled = kHalved ? sum : sum * load(d.column_factor + j);
    store(d.dual + j, load(d.dual + j) - rounded(epsilon * cheap_log2(scaled)));
    store(d.column_factor + j, 1 / sum);
  });
}

template <bool kHalves, std::size_t kGroups>
inline void sweep(const SinkhornState& d, std::size_t stride, std::size_t rows, std::size_t cols,
                  float epsilon) {
  sweep_rows<kHalves, kGroups>(d, stride, rows, cols);
  update_columns<kHalves, kGroups>(d, cols, epsilon);
}

// Logarithms are to base 2 throughout: K = 2^(−C / ε).
template <std::size_t kGroups, class T>
inline void anneal(const AssignmentState<T>& s) {
  [[maybe_unused]] const SubnormalsAreZero mode;
  const SinkhornState d = s.sinkhorn;
  take_start<kGroups>(s);
  const float width = spread<kGroups>(s);
  if (!(width > 0x1p-60F)) return;
  float epsilon = kFirstTemperature * width;
  exponentiate<kGroups>(s, 1 / epsilon);
  const Schedule schedule = schedule_for(s.cols);
  for (int level = 0; level < schedule.levels; ++level) {
    if (level > 0) {
      epsilon /= 2;
      sweep<true, kGroups>(d, s.stride, s.rows, s.cols, epsilon);
    }
    for (int again = level > 0; again < schedule.sweeps; ++again) {
      sweep<false, kGroups>(d, s.stride, s.rows, s.cols, epsilon);
    }
  }
  for (std::size_t j = 0; j < s.cols; ++j) s.dual[j] = d.dual[j];
}

}  // namespace
