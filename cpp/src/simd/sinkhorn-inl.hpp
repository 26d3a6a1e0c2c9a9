// Column duals for an assignment from a few annealed Sinkhorn sweeps (Sharify, Gaubert and
// Grigori, arXiv:1104.3830): K = exp(−C/ε) is scaled to unit row and column sums, and the column
// scalings' logarithms are duals; halving ε is squaring K, so one pass of exponentials serves
// every temperature. Columns are over-relaxed (Thibault, Chizat, Dossal and Papadakis,
// arXiv:1711.01851): with the same number of sweeps a third fewer searches remain. Any duals are a
// legal start, so nothing here needs to be accurate, and float32 serves float64 problems too.
//
// Yet all levels find the same duals: every level adds in the same order, as if vectors had sixteen
// lanes, and no product is fused into a sum.
#pragma once

#include <cstddef>

#include "assign-inl.hpp"
#include "kernels.hpp"
#include "lanes-inl.hpp"
#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

inline constexpr std::size_t kGroupParts = kAssignmentGroup / kLanes<float>;

// The first ε, as a part of the mean reduced cost, and the number of temperatures; each ε is half
// the one before. Measured: 6 or 7 temperatures from 0.25 to 0.375 on are within 5 % of each other
// up to 196 tokens; at 784 tokens these are best, by up to 12 %.
inline constexpr float kFirstTemperature = 0.25F;
inline constexpr int kLevels = 6;

// The largest ratio of the mean square of reduced costs to their squared mean. Most tokens have 1.2
// to 3, an exponential distribution has 2, a logarithmic normal one with standard deviation 1.5 has
// 9.
inline constexpr float kMostUneven = 3;

// The least mean reduced cost, as a part of the costs' largest magnitude, that float32 can resolve.
inline constexpr float kLeastSpread = 0x1p-16F;

// Columns are divided by this power of their sums. Near the solution any power below 2 converges;
// from 1.75 on a few sweeps overshoot, and 1.5 to 1.7 are equally good.
inline constexpr float kRelaxation = 1.6F;

// Added to sums, so that factors stay finite. Column factors are at most 2^43: entries of the
// padding, 2^-100 and squared with every halving, must stay far below all others.
inline constexpr float kTinyRowSum = 1e-30F;
inline constexpr float kTinyColumnSum = 1e-8F;

// Keeps a product from being fused with the sum it is added to: some levels have no FMA.
inline Vector<float> rounded(Vector<float> x) {
  return opaque(x);
}

// Sixteen partial sums as one vector, in the same order for every vector length.
inline Vector<float> folded(const Vector<float> (&parts)[kGroupParts]) {
  Vector<float> sums[kGroupParts];
#pragma GCC unroll 4
  for (std::size_t p = 0; p < kGroupParts; ++p) sums[p] = parts[p];
#pragma GCC unroll 2
  for (std::size_t width = kGroupParts / 2; width > 0; width /= 2) {
#pragma GCC unroll 2
    for (std::size_t p = 0; p < width; ++p) sums[p] += sums[p + width];
  }
  return sums[0];
}

// 2^−x for −126 ≤ x ≤ 126, within 0.2 %.
inline Vector<float> cheap_exp2_minus(Vector<float> x) {
  constexpr float rounder = 0x1.8p23F;
  const Vector<float> shifted = rounder - x;
  const Vector<float> f = (rounder - shifted) - x;
  Vector<float> p = rounded(f * 0.2402F) + 0.7035F;
  p = rounded(p * f) + 1.0F;
  return (Vector<float>)((Words<float>)p + ((Words<float>)shifted << 23));
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

// While this object lives, subnormal numbers count as 0: entries of K become subnormal, and would
// be slow.
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

// Calls visit(first column, number of the vector) for the vectors of whole groups of columns. For
// small problems the number of groups is a compile-time constant, so that numbers of columns stay
// in registers.
template <std::size_t kGroups, class Visit>
inline void for_groups(std::size_t cols, Visit visit) {
  if constexpr (kGroups != kAnyGroups) {
#pragma GCC unroll 16
    for (std::size_t n = 0; n < kGroups * kGroupParts; ++n) visit(n * kLanes<float>, n);
  } else {
    for (std::size_t j = 0; j < cols; j += kAssignmentGroup) {
#pragma GCC unroll 4
      for (std::size_t p = 0; p < kGroupParts; ++p) visit(j + p * kLanes<float>, p);
    }
  }
}

// The mean reduced cost in a sample of rows, less each row's smallest; 0 where a few large costs
// make most of it, because they would leave the duals of the others no digits.
template <std::size_t kGroups, class T>
inline float spread(const AssignmentState<T>& s) {
  const SinkhornState d = s.sinkhorn;
  const std::size_t step = (s.rows + 15) / 16;
  Vector<float> sums[kGroupParts] = {};
  Vector<float> squares[kGroupParts] = {};
  for (std::size_t i = 0; i < s.rows; i += step) {
    const T* row = s.costs + i * s.stride;
    const float smallest = static_cast<float>(s.row_minimum[i]);
    for_groups<kGroups>(s.cols, [&](std::size_t j, std::size_t p) {
      const Vector<float> reduced = (narrowed(row + j) - load(d.dual + j)) - smallest;
      const Vector<float> distance = reduced < kInfinity<float> ? reduced : Vector<float>{};
      sums[p % kGroupParts] += distance;
      squares[p % kGroupParts] += rounded(distance * distance);
    });
  }
  const float count = static_cast<float>((s.rows + step - 1) / step * s.cols);
  const float mean = horizontal_sum<float>(folded(sums)) / count;
  const float mean_square = horizontal_sum<float>(folded(squares)) / count;
  return mean_square <= kMostUneven * mean * mean ? mean : 0;
}

// Stores the totals of the partial sums of kSweptRows rows.
inline void store_totals(const Vector<float> (&sums)[kSweptRows][kGroupParts], float* totals) {
  const Vector<float> x =
      fold_four({folded(sums[0]), folded(sums[1]), folded(sums[2]), folded(sums[3])},
                [](auto a, auto b) { return a + b; });
  unrolled<kSweptRows>([&](std::size_t r) { totals[r] = x[r * kLanes<float> / kSweptRows]; });
}

// Fills kSweptRows rows of K from entry(row, column), and sums them.
template <std::size_t kGroups, class Entry>
[[gnu::always_inline]] inline void fill_rows(float* k, std::size_t stride, std::size_t cols,
                                             float* sum, Entry entry) {
  Vector<float> sums[kSweptRows][kGroupParts] = {};
  for_groups<kGroups>(cols, [&](std::size_t j, std::size_t n) {
    // All rows are computed before any is stored, so that the numbers they share are loaded once.
    Vector<float> x[kSweptRows];
    unrolled<kSweptRows>([&](std::size_t r) { x[r] = entry(r, j); });
    unrolled<kSweptRows>([&](std::size_t r) {
      store(k + r * stride + j, x[r]);
      sums[r][n % kGroupParts] += rounded(x[r]);
    });
  });
  store_totals(sums, sum);
}

// Scales rows, and adds them to `column_sum`.
template <std::size_t kGroups>
[[gnu::always_inline]] inline void scale_rows(float* k, std::size_t stride, std::size_t rows,
                                              const float* factor, float* column_sum,
                                              std::size_t cols) {
  if constexpr (kGroups != kAnyGroups) {
    Vector<float> sums[kGroups * kGroupParts];
    for_groups<kGroups>(cols,
                        [&](std::size_t j, std::size_t n) { sums[n] = load(column_sum + j); });
    for (std::size_t i = 0; i < rows; ++i, k += stride) {
      const Vector<float> scale = broadcast(factor[i]);
      for_groups<kGroups>(cols, [&](std::size_t j, std::size_t n) {
        const Vector<float> x = rounded(load(k + j) * scale);
        store(k + j, x);
        sums[n] += x;
      });
    }
    for_groups<kGroups>(cols,
                        [&](std::size_t j, std::size_t n) { store(column_sum + j, sums[n]); });
  } else {
    for (std::size_t i = 0; i < rows; i += kSweptRows, k += kSweptRows * stride) {
      Vector<float> scale[kSweptRows];
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kSweptRows; ++r) scale[r] = broadcast(factor[i + r]);
      for_groups<kAnyGroups>(cols, [&](std::size_t j, std::size_t) {
        Vector<float> sum = load(column_sum + j);
#pragma GCC unroll 4
        for (std::size_t r = 0; r < kSweptRows; ++r) {
          const Vector<float> x = rounded(load(k + r * stride + j) * scale[r]);
          store(k + r * stride + j, x);
          sum += x;
        }
        store(column_sum + j, sum);
      });
    }
  }
}

// Two rows in bfloat16, the second in the upper half of every word. Digits are cut off rather than
// rounded: the relative error is similar for all entries, and scaling removes a factor that a row
// or column shares.
inline Words<float> packed_pair(Vector<float> first, Vector<float> second) {
  return ((Words<float>)first >> 16) | ((Words<float>)second & 0xffff0000U);
}

// The first row of a pair for even i, the second for odd i.
inline Vector<float> unpacked(const float* pair, std::size_t i) {
  Words<float> words;
  __builtin_memcpy(&words, pair, sizeof words);
  return (Vector<float>)(i % 2 == 0 ? words << 16 : words & 0xffff0000U);
}

// scale_rows() from a block of float32 rows to bfloat16 pairs.
[[gnu::always_inline]] inline void pack_scaled_rows(const float* block, float* pairs,
                                                    std::size_t stride, std::size_t rows,
                                                    const float* factor, float* column_sum,
                                                    std::size_t cols) {
  for (std::size_t i = 0; i < rows; i += kSweptRows) {
    Vector<float> scale[kSweptRows];
    unrolled<kSweptRows>([&](std::size_t r) { scale[r] = broadcast(factor[i + r]); });
    const float* k = block + i * stride;
    float* pair = pairs + i / 2 * stride;
    for_groups<kAnyGroups>(cols, [&](std::size_t j, std::size_t) {
      Vector<float> x[kSweptRows];
      unrolled<kSweptRows>(
          [&](std::size_t r) { x[r] = rounded(load(k + r * stride + j) * scale[r]); });
      store(column_sum + j, (((load(column_sum + j) + x[0]) + x[1]) + x[2]) + x[3]);
      unrolled<kSweptRows / 2>([&](std::size_t r) {
        const Words<float> words = packed_pair(x[2 * r], x[2 * r + 1]);
        __builtin_memcpy(pair + r * stride + j, &words, sizeof words);
      });
    });
  }
}

// The layout of K:
//   up to 64 columns:    in whole groups of columns, whose number is a compile-time constant;
//   one column more:     the last column is stored apart, as vectors along the rows. Alone in its
//                        group it would cost as much as sixteen columns, and the 7 × 7 tokens of
//                        many networks have one;
//   many entries:        in bfloat16, because memory beyond a core's own caches sets the pace.
template <std::size_t kWholeGroups, bool kIsLastApart = false, bool kIsBfloat16 = false>
struct Layout {
  static constexpr std::size_t kGroups = kWholeGroups;
  static constexpr bool kLastApart = kIsLastApart;
  static constexpr bool kBfloat16 = kIsBfloat16;
};

// Entries of K that a core's own caches hold.
inline constexpr std::size_t kOwnEntries = std::size_t{1} << 18;

// Adds the last column's entries to the row sums, divides them by these, and returns their sum.
template <class Last>
inline float scale_last_column(const SinkhornState& d, std::size_t rows, Last last) {
  for (std::size_t i = rows; i % kAssignmentGroup != 0; ++i) d.row_factor[i] = 1;
  Vector<float> sums[kGroupParts] = {};
  for (std::size_t begin = 0; begin < rows; begin += kAssignmentGroup) {
    unrolled<kGroupParts>([&](std::size_t p) {
      const std::size_t i = begin + p * kLanes<float>;
      const Vector<float> entries = rounded(last(i));
      const Vector<float> factor = 1 / ((load(d.row_factor + i) + entries) + kTinyRowSum);
      const Vector<float> scaled = rounded(entries * factor);
      store(d.row_factor + i, factor);
      store(d.last_column + i, scaled);
      sums[p] += scaled;
    });
  }
  return horizontal_sum<float>(folded(sums));
}

// Calls fill(first row, k), which writes kSweptRows rows of K to k and their sums to `row_factor`;
// then scales all rows to unit sums and adds them to the column sums. Blocks of rows that fit the
// L1 cache keep dependent steps far apart. last(i) is the vector of the last column from row i on,
// if that is stored apart.
template <class L, class Fill, class Last>
[[gnu::always_inline]] inline void normalise(const SinkhornState& d, std::size_t stride,
                                             std::size_t rows, std::size_t cols, Fill fill,
                                             Last last) {
  const std::size_t fitting = kSweptEntries / stride / kSweptRows * kSweptRows;
  const std::size_t block = fitting > kSweptRows ? fitting : kSweptRows;
  for (std::size_t begin = 0; begin < rows; begin += block) {
    const std::size_t end = rows - begin < block ? rows : begin + block;
    float* k = L::kBfloat16 ? d.block : d.weights + begin * stride;
    for (std::size_t i = begin; i < end; i += kSweptRows) fill(i, k + (i - begin) * stride);
    if constexpr (L::kLastApart) {  // such a problem is one block
      d.column_sum[cols - 1] = scale_last_column(d, rows, last);
    } else {
      for (std::size_t i = begin; i < end; i += kLanes<float>) {
        store(d.row_factor + i, 1 / (load(d.row_factor + i) + kTinyRowSum));
      }
    }
    for (std::size_t i = end; i % kSweptRows != 0; ++i) d.row_factor[i] = 0;
    if constexpr (L::kBfloat16) {
      pack_scaled_rows(k, d.weights + begin / 2 * stride, stride, end - begin, d.row_factor + begin,
                       d.column_sum, cols);
    } else {
      scale_rows<L::kGroups>(k, stride, end - begin, d.row_factor + begin, d.column_sum, cols);
    }
  }
}

// b = column sum^−ω; v ← v + ε log b; column sums ← 0.
template <std::size_t kGroups>
inline void update_columns(const SinkhornState& d, std::size_t cols, float epsilon) {
  for_groups<kGroups>(cols, [&](std::size_t j, std::size_t) {
    const Vector<float> log =
        rounded(kRelaxation * cheap_log2(load(d.column_sum + j) + kTinyColumnSum));
    store(d.dual + j, load(d.dual + j) - rounded(epsilon * log));
    store(d.column_factor + j, cheap_exp2_minus(log));
    store(d.column_sum + j, Vector<float>{});
  });
}

// The costs of the last column less the row minima; +∞ beyond the last row.
template <class T>
inline void read_last_column(const AssignmentState<T>& s) {
  float* last_column = s.sinkhorn.last_column;
  for (std::size_t i = 0; i < s.rows; ++i) {
    last_column[i] = static_cast<float>(s.costs[i * s.stride + s.cols - 1]) -
                     static_cast<float>(s.row_minimum[i]);
  }
  for (std::size_t i = s.rows; i % kAssignmentGroup != 0; ++i) last_column[i] = kInfinity<float>;
}

// K = 2^(−(C − row minimum − v) / ε), with rows scaled to unit sums; 2^−100 in the padding.
template <class L, class T>
inline void exponentiate(const AssignmentState<T>& s, float epsilon) {
  const SinkhornState d = s.sinkhorn;
  const float sharpness = 1 / epsilon;
  const auto entry = [sharpness](Vector<float> distance) {
    // At most 100: far from subnormal results.
    return cheap_exp2_minus(minimum(distance * sharpness, broadcast(100.0F)));
  };
  if constexpr (L::kLastApart) read_last_column(s);
  const auto fill = [&](std::size_t i, float* k) {
    const FourRows<T> four(s.costs, s.stride, s.rows, i);
    float shift[kSweptRows];
    for (std::size_t r = 0; r < kSweptRows; ++r) {
      shift[r] = static_cast<float>(s.row_minimum[i + r < s.rows ? i + r : s.rows - 1]);
    }
    fill_rows<L::kGroups>(k, s.stride, s.cols, d.row_factor + i, [&](std::size_t r, std::size_t j) {
      return entry(narrowed(four.row[r] + j) - (shift[r] + load(d.dual + j)));
    });
  };
  normalise<L>(d, s.stride, s.rows, s.cols, fill,
               [&](std::size_t i) { return entry(load(d.last_column + i) - d.dual[s.cols - 1]); });
  update_columns<L::kGroups + L::kLastApart>(d, s.cols, epsilon);
}

// K ← (K b)², which halves ε; then rows are scaled to unit sums.
template <class L>
inline void sweep(const SinkhornState& d, std::size_t stride, std::size_t rows, std::size_t cols,
                  float epsilon) {
  const auto square = [](Vector<float> x) { return x * x; };
  const auto fill = [&](std::size_t i, float* k) {
    const float* pairs = d.weights + i / 2 * stride;
    fill_rows<L::kGroups>(k, stride, cols, d.row_factor + i, [&](std::size_t r, std::size_t j) {
      const Vector<float> x =
          L::kBfloat16 ? unpacked(pairs + r / 2 * stride + j, r) : load(k + r * stride + j);
      return square(x * load(d.column_factor + j));
    });
  };
  normalise<L>(d, stride, rows, cols, fill, [&](std::size_t i) {
    return square(load(d.last_column + i) * d.column_factor[cols - 1]);
  });
  update_columns<L::kGroups + L::kLastApart>(d, cols, epsilon);
}

// Logarithms are to base 2 throughout: K = 2^(−C / ε).
template <class L, class T>
inline void anneal_in(const AssignmentState<T>& s) {
  [[maybe_unused]] const SubnormalsAreZero mode;
  const SinkhornState d = s.sinkhorn;
  constexpr std::size_t groups = L::kGroups + L::kLastApart;
  for_groups<groups>(s.cols, [&](std::size_t j, std::size_t) {
    store(d.dual + j, narrowed(s.dual + j));
    store(d.column_sum + j, Vector<float>{});
  });
  const float width = spread<groups>(s);
  if (width <= kLeastSpread * static_cast<float>(s.magnitude)) return;
  float epsilon = kFirstTemperature * width;
  exponentiate<L>(s, epsilon);
  for (int level = 1; level < kLevels; ++level) {
    epsilon /= 2;
    sweep<L>(d, s.stride, s.rows, s.cols, epsilon);
  }
  for (std::size_t j = 0; j < s.cols; ++j) s.dual[j] = d.dual[j];
}

template <std::size_t kGroups, class T>
inline void anneal(const AssignmentState<T>& s) {
  if constexpr (kGroups == kAnyGroups) {
    if (s.rows * s.stride > kOwnEntries) return anneal_in<Layout<kAnyGroups, false, true>>(s);
  }
  if constexpr (kGroups > 1) {
    if (s.cols % kAssignmentGroup == 1) return anneal_in<Layout<kGroups - 1, true>>(s);
  }
  anneal_in<Layout<kGroups>>(s);
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
