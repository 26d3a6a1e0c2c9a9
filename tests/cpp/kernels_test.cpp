// Every kernel of every level against long double. match_test.cpp tests the assignment kernels,
// jsd_test.cpp logarithms and divergence.
#include "simd/kernels.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "support.hpp"

namespace {

using isogram::simd::ColumnCenter;
using isogram::simd::kernels;
using isogram::simd::kMostCenteredRows;
using isogram_test::at_every_level;
using isogram_test::eps;
using isogram_test::expect_close;
using isogram_test::Real;
using isogram_test::sum_error;

template <class T>
constexpr T kPoison = static_cast<T>(-12345.678);

template <class T>
std::vector<T> random_values(std::size_t n, unsigned seed, double scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<T> values(n);
  for (T& x : values) x = static_cast<T>(scale * normal(random));
  return values;
}

// All lengths with a different tail for a kernel, and a long one.
template <class T>
std::vector<std::size_t> lengths() {
  std::vector<std::size_t> result;
  for (std::size_t n = 0; n <= 3 * 64 / sizeof(T) + 1; ++n) result.push_back(n);
  result.push_back(1003);
  return result;
}

// `n` values between two poisoned elements.
template <class T>
struct Guarded {
  explicit Guarded(const std::vector<T>& values) : memory(values.size() + 2, kPoison<T>) {
    std::copy(values.begin(), values.end(), memory.begin() + 1);
  }
  explicit Guarded(std::size_t n) : memory(n + 2, kPoison<T>) {}
  T* data() { return memory.data() + 1; }
  T operator[](std::size_t i) const { return memory[i + 1]; }
  void expect_guards() const {
    EXPECT_EQ(memory.front(), kPoison<T>);
    EXPECT_EQ(memory.back(), kPoison<T>);
  }
  std::vector<T> memory;
};

template <class T>
class Kernels : public testing::Test {
 protected:
  static const isogram::simd::KernelTable<T>& table() { return kernels().of<T>(); }
};

using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Kernels, Types);

TEST(Levels, AreWhatTheProcessorOffers) {
  using isogram::simd::Level;
  std::vector<Level> expected{Level::baseline};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    expected.push_back(Level::avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
      expected.push_back(Level::avx512);
    }
  }
#elif defined(__aarch64__)
  expected.push_back(Level::neon);
#endif
  EXPECT_EQ(isogram::simd::available(), expected);
}

TEST(Levels, HaveTablesOfTheirOwn) {
  std::vector<const isogram::simd::Kernels*> tables;
  at_every_level([&] {
    EXPECT_EQ(kernels().level, isogram::simd::level());
    for (const auto* other : tables) {
      EXPECT_NE(other, &kernels());
      EXPECT_NE(other->float32.inner_products, kernels().float32.inner_products);
      EXPECT_NE(other->float64.sum, kernels().float64.sum);
    }
    tables.push_back(&kernels());
  });
}

TEST(Levels, UnknownNamesAreRefused) {
  const std::string message = isogram_test::complaint([] { isogram::simd::set_level("quantum"); });
  isogram_test::expect_contains(message, "quantum");
  isogram_test::expect_contains(message, "baseline");
}

// ---- Blocks ----------------------------------------------------------------------------------

// Element k of row r of `rows`, as kernels.hpp says it is packed.
template <class T>
std::vector<T> packed(const std::vector<T>& rows, std::size_t depth, std::size_t panel) {
  std::vector<T> result(rows.size());
  for (std::size_t r = 0; r < rows.size() / depth; ++r) {
    for (std::size_t k = 0; k < depth; ++k) {
      result[((r / panel) * depth + k) * panel + r % panel] = rows[r * depth + k];
    }
  }
  return result;
}

template <class T, class Term>
void expect_block(decltype(isogram::simd::KernelTable<T>::inner_products) block, std::size_t panel,
                  std::size_t rows, std::size_t cols, std::size_t depth, Term term) {
  const std::size_t padded_rows = (rows + panel - 1) / panel * panel;
  const std::size_t padded_cols = (cols + panel - 1) / panel * panel;
  const auto a = random_values<T>(padded_rows * depth, 1);
  const auto b = random_values<T>(padded_cols * depth, 2);
  const std::size_t stride = padded_cols + 5;
  std::vector<T> out((padded_rows + 1) * stride, kPoison<T>);
  const std::array<const void*, 3> starts{out.data(), out.data() + 1, nullptr};  // only prefetched
  const isogram::simd::ExpectedRows expected_rows{starts.data(), depth % 4, 100};
  block(packed(a, depth, panel).data(), rows, packed(b, depth, panel).data(), cols, depth,
        out.data(), stride, {.expected = expected_rows});
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < cols; ++j) {
      Real want = 0;
      Real magnitude = 0;
      for (std::size_t k = 0; k < depth; ++k) {
        want += term(Real(a[i * depth + k]), Real(b[j * depth + k]));
        magnitude += std::abs(term(Real(a[i * depth + k]), Real(b[j * depth + k])));
      }
      expect_close(out[i * stride + j], want, sum_error<T>(depth) * magnitude,
                   isogram_test::at(i, j));
    }
    for (std::size_t j = cols; j < stride; ++j) ASSERT_EQ(out[i * stride + j], kPoison<T>);
  }
  for (std::size_t e = rows * stride; e < out.size(); ++e) ASSERT_EQ(out[e], kPoison<T>);
}

// With is_upper, entries in and above the panels on the diagonal are those of the whole block.
template <class T>
void expect_upper_block(decltype(isogram::simd::KernelTable<T>::inner_products) block,
                        std::size_t panel, std::size_t n, std::size_t depth) {
  const auto rows =
      packed(random_values<T>((n + panel - 1) / panel * panel * depth, 1), depth, panel);
  std::vector<T> whole(n * n, T(1));
  std::vector<T> upper(n * n, T(1));
  block(rows.data(), n, rows.data(), n, depth, whole.data(), n, {.add = true});
  block(rows.data(), n, rows.data(), n, depth, upper.data(), n, {.add = true, .is_upper = true});
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const T want = i / panel <= j / panel ? whole[i * n + j] : T(1);
      ASSERT_EQ(upper[i * n + j], want) << isogram_test::at(i, j);
    }
  }
}

TYPED_TEST(Kernels, Blocks) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    ASSERT_EQ(96 % table.panel, 0U);
    const auto expect_blocks = [&](std::size_t rows, std::size_t cols, std::size_t depth) {
      SCOPED_TRACE(isogram_test::at(rows, cols) + " depth " + std::to_string(depth));
      expect_block<T>(table.inner_products, table.panel, rows, cols, depth,
                      [](Real x, Real y) { return x * y; });
      expect_block<T>(table.l1_distances, table.panel, rows, cols, depth,
                      [](Real x, Real y) { return std::abs(x - y); });
      expect_block<T>(table.squared_differences, table.panel, rows, cols, depth,
                      [](Real x, Real y) { return (x - y) * (x - y); });
    };
    const std::size_t panel = table.panel;
    for (const std::size_t depth : {1, 2, 7, 127, 128, 129, 300}) {
      expect_blocks(panel, panel, depth);
      expect_blocks(2 * panel, panel, depth);
      expect_blocks(panel, 2 * panel, depth);
    }
    for (std::size_t n = 1; n <= panel + 1; ++n) {
      expect_blocks(n, panel, 3);
      expect_blocks(panel, n, 3);
    }
  });
}

TYPED_TEST(Kernels, UpperBlocks) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    for (const std::size_t n : {std::size_t{1}, table.panel - 1, table.panel, table.panel + 1,
                                3 * table.panel, 3 * table.panel + 5}) {
      for (const std::size_t depth : {3, 129}) {
        for (const auto block :
             {table.inner_products, table.l1_distances, table.squared_differences}) {
          expect_upper_block<T>(block, table.panel, n, depth);
        }
      }
    }
  });
}

// Errors of long sums grow with the number of panels, not of terms: 16 384 equal terms of 1/3 lose
// thousands of eps when they are added one by one in T.
TYPED_TEST(Kernels, DeepBlocksKeepTheirDigits) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    const std::size_t depth = 16384;
    const std::vector<T> rows(table.panel * depth, T(1) / 3);
    std::vector<T> out(table.panel * table.panel);
    table.inner_products(rows.data(), table.panel, rows.data(), table.panel, depth, out.data(),
                         table.panel, {});
    const Real want = Real(rows[0]) * rows[0] * depth;
    expect_close(out[0], want, sum_error<T>(depth) * want, "16 384 equal terms");
  });
}

TYPED_TEST(Kernels, BlocksInPartsAreThoseOfAllDepth) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    const std::size_t depth = 3 * isogram::simd::kDepthPanel + 5;
    const std::size_t n = table.panel;
    std::vector<T> rows(n * depth);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<T>(std::sin(i));
    for (const auto block : {table.inner_products, table.l1_distances, table.squared_differences}) {
      std::vector<T> whole(n * n);
      block(rows.data(), n, rows.data(), n, depth, whole.data(), n, {});
      for (const std::size_t panels : {1, 2}) {
        const std::size_t part = panels * isogram::simd::kDepthPanel;
        std::vector<T> sum(n * n, T(7));  // overwritten
        for (std::size_t begin = 0; begin < depth; begin += part) {
          const T* from = rows.data() + begin * n;
          block(from, n, from, n, std::min(part, depth - begin), sum.data(), n, {.add = begin > 0});
        }
        EXPECT_EQ(sum, whole);
      }
    }
  });
}

// The table of this level, and the faster one if the processor has instructions beyond the level.
std::vector<const isogram::simd::ByteKernels*> byte_tables() {
  const auto& level = kernels();
  const auto& own = isogram::simd::byte_kernels_beside(level);
  EXPECT_EQ(level.bytes.panel, level.float32.panel);
  EXPECT_EQ(own.panel, level.float32.panel);
  if (&own == &level.bytes) return {&own};
  return {&level.bytes, &own};
}

// Rows of integers from −127 to 127.
struct WholeRows {
  WholeRows(std::size_t count, std::size_t n) : rows(count), cols(n), numbers(count * n) {}

  static WholeRows drawn(std::size_t count, std::size_t n, unsigned seed) {
    WholeRows result(count, n);
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> whole(-127, 127);
    for (int& number : result.numbers) number = whole(random);
    return result;
  }

  // Packed for the kernels.
  std::vector<std::int32_t> packed(const isogram::simd::ByteKernels& table) const {
    const std::size_t words = (cols + table.per_word - 1) / table.per_word;
    const std::size_t panels = (rows + table.panel - 1) / table.panel;
    const std::size_t bits = 32 / table.per_word;
    std::vector<std::uint32_t> result(panels * table.panel * words);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t c = 0; c < cols; ++c) {
        const std::uint32_t kept = static_cast<std::uint32_t>(numbers[i * cols + c]) << (32 - bits);
        const std::size_t word = (i / table.panel * words + c / table.per_word) * table.panel;
        result[word + i % table.panel] |= kept >> (32 - bits - c % table.per_word * bits);
      }
    }
    return {result.begin(), result.end()};
  }

  std::size_t rows;
  std::size_t cols;
  std::vector<int> numbers;
};

void expect_exact_products(const isogram::simd::ByteKernels& table, const WholeRows& a,
                           const WholeRows& b) {
  SCOPED_TRACE(isogram_test::at(a.rows, b.rows) + " of " + std::to_string(a.cols));
  const std::size_t words = (a.cols + table.per_word - 1) / table.per_word;
  const auto padded = [&](std::size_t n) {
    return (n + table.panel - 1) / table.panel * table.panel;
  };
  std::vector<std::int32_t> out(padded(a.rows) * padded(b.rows));
  table.inner_products(a.packed(table).data(), a.rows, b.packed(table).data(), b.rows, words,
                       out.data(), padded(b.rows));
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t j = 0; j < b.rows; ++j) {
      std::int64_t want = 0;
      for (std::size_t c = 0; c < a.cols; ++c) {
        want +=
            std::int64_t{a.numbers[i * a.cols + c]} * (b.numbers[j * b.cols + c] + table.offset);
      }
      ASSERT_EQ(out[i * padded(b.rows) + j], want) << isogram_test::at(i, j);
    }
  }
}

// With words, depth panels and micro-kernels that are not full.
TEST(ByteProducts, AreExact) {
  at_every_level([] {
    for (const auto* table : byte_tables()) {
      for (const std::size_t n : {1, 2, 3, 4, 5, 7, 255, 257, 511, 512, 515, 1283}) {
        expect_exact_products(*table, WholeRows::drawn(29, n, 1), WholeRows::drawn(31, n, 2));
      }
      for (const std::size_t n : {1, 8, 9, 16, 17, 47, 48, 49}) {
        expect_exact_products(*table, WholeRows::drawn(n, 21, 3), WholeRows::drawn(97 - n, 21, 4));
      }
    }
  });
}

TEST(ByteProducts, AreScaledAlike) {
  at_every_level([] {
    for (const auto* table : byte_tables()) {
      for (std::size_t n = 1; n < 70; ++n) {
        const WholeRows drawn = WholeRows::drawn(1, n, static_cast<unsigned>(n));
        const std::vector<std::int32_t> row(drawn.numbers.begin(), drawn.numbers.end());
        const auto scales = random_values<float>(n, 5);
        std::vector<float> out(n + 1, 7);
        table->scale(row.data(), n, -1280, 0.3F, scales.data(), out.data());
        for (std::size_t j = 0; j < n; ++j) {
          ASSERT_EQ(out[j], static_cast<float>(row[j] + 1280) * (0.3F * scales[j]));
        }
        ASSERT_EQ(out[n], 7);
      }
    }
  });
}

// No partial sum saturates or wraps: neither pairs in 16 bits nor whole rows in 32.
TEST(ByteProducts, OfExtremeNumbersAreExact) {
  at_every_level([] {
    for (const auto* table : byte_tables()) {
      for (const std::size_t n : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{1280},
                                  isogram::simd::kMostBytes}) {
        WholeRows a(3, n);
        WholeRows b(4, n);
        for (std::size_t c = 0; c < n; ++c) {
          const int turned = c % 2 == 0 ? 127 : -127;
          a.numbers[c] = 127;
          a.numbers[n + c] = -127;
          a.numbers[2 * n + c] = turned;
          b.numbers[c] = 127;
          b.numbers[n + c] = -127;
          b.numbers[2 * n + c] = turned;
          b.numbers[3 * n + c] = -turned;
        }
        expect_exact_products(*table, a, b);
      }
    }
  });
}

TYPED_TEST(Kernels, LargestMagnitude) {
  using T = TypeParam;
  at_every_level([] {
    const auto largest = kernels().of<T>().largest_magnitude;
    for (std::size_t n = 1; n < 70; ++n) {
      auto row = random_values<T>(n, static_cast<unsigned>(n));
      for (const std::size_t at : {std::size_t{0}, n / 2, n - 1}) {
        const T before = row[at];
        for (const T value : {T(7), T(-8)}) {
          row[at] = value;
          EXPECT_EQ(largest(row.data(), n), std::abs(value)) << n << ", " << at;
        }
        for (const T value :
             {std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity(),
              std::numeric_limits<T>::quiet_NaN()}) {
          row[at] = value;
          EXPECT_EQ(largest(row.data(), n), std::numeric_limits<T>::infinity()) << n << ", " << at;
        }
        row[at] = before;
      }
    }
    const std::vector<T> zeros(20);
    EXPECT_EQ(largest(zeros.data(), zeros.size()), T(0));
  });
}

TYPED_TEST(Kernels, FoldedProductsHaveTheBitsOfInnerProducts) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    for (const std::size_t length : {1, 3, 127, 128, 129, 1000, 2048, 16400, 16500}) {
      const auto a = random_values<T>(table.panel * length, 8);
      const auto b = random_values<T>(table.panel * length, 9);
      T want;
      table.inner_products(packed(a, length, table.panel).data(), 1,
                           packed(b, length, table.panel).data(), 1, length, &want, 1, {});
      const std::size_t depth = std::min(length, isogram::simd::kDepthPanel);
      const std::size_t panels = (length + depth - 1) / depth;
      const std::size_t stride = isogram::simd::padded_fold<T>(panels);
      std::vector<T> folded_a(depth * stride);
      std::vector<T> folded_b(depth * stride);
      for (std::size_t e = 0; e < length; ++e) {
        folded_a[e % depth * stride + e / depth] = a[e];
        folded_b[e % depth * stride + e / depth] = b[e];
      }
      EXPECT_EQ(table.folded_product(folded_a.data(), folded_b.data(), depth, panels), want)
          << length;
    }
  });
}

TYPED_TEST(Kernels, SquaredDeviations) {
  using T = TypeParam;
  at_every_level([] {
    for (const std::size_t n : lengths<T>()) {
      const auto row = random_values<T>(n, 8);
      Real want = 0;
      for (const T x : row) want += (Real(x) - 0.3) * (Real(x) - 0.3);
      expect_close(kernels().of<T>().squared_deviations(row.data(), n, 0.3), want,
                   sum_error<double>(n) * want, std::to_string(n));
    }
  });
}

TYPED_TEST(Kernels, SquaredDistance) {
  using T = TypeParam;
  at_every_level([] {
    for (const std::size_t n : lengths<T>()) {
      const auto a = random_values<T>(n, 8);
      const auto b = random_values<T>(n, 9);
      Real want = 0;
      for (std::size_t k = 0; k < n; ++k) want += (Real(a[k]) - b[k]) * (Real(a[k]) - b[k]);
      expect_close(kernels().of<T>().squared_distance(a.data(), b.data(), n), want,
                   sum_error<T>(n) * want, std::to_string(n));
    }
  });
}

TYPED_TEST(Kernels, MatchedProducts) {
  using T = TypeParam;
  at_every_level([] {
    constexpr std::size_t n = isogram::simd::kSliceChannels;
    for (const std::vector<std::int32_t>& columns :
         {std::vector<std::int32_t>{2}, {-1}, {5, -1, 0, 0, 3}, {0, 1, -1, -1, 2, 3, 5, 4}}) {
      const auto a = random_values<T>(columns.size() * n, 8);
      const auto b = random_values<T>(6 * n, 9);
      Real want = 0;
      Real magnitude = 0;
      for (std::size_t i = 0; i < columns.size(); ++i) {
        for (std::size_t k = 0; columns[i] >= 0 && k < n; ++k) {
          const auto j = static_cast<std::size_t>(columns[i]);
          const Real term = Real(a[i * n + k]) * b[j * n + k];
          want += term;
          magnitude += std::abs(term);
        }
      }
      const double got =
          kernels().of<T>().matched_products(a.data(), b.data(), columns.data(), columns.size());
      expect_close(static_cast<T>(got), want, sum_error<T>(columns.size() * n) * magnitude,
                   std::to_string(columns.size()) + " rows");
    }
  });
}

TYPED_TEST(Kernels, Transpose) {
  using T = TypeParam;
  at_every_level([] {
    for (const auto& [rows, cols] : {std::pair<std::size_t, std::size_t>{1, 1},
                                     {16, 16},
                                     {3, 40},
                                     {40, 3},
                                     {33, 50},
                                     {64, 15}}) {
      const std::size_t in_stride = cols + 3;
      const std::size_t out_stride = rows + 2;
      const auto in = random_values<T>(rows * in_stride, 5);
      std::vector<T> out(cols * out_stride, kPoison<T>);
      kernels().of<T>().transpose(in.data(), in_stride, rows, cols, out.data(), out_stride);
      for (std::size_t j = 0; j < cols; ++j) {
        for (std::size_t i = 0; i < out_stride; ++i) {
          const T want = i < rows ? in[i * in_stride + j] : kPoison<T>;
          ASSERT_EQ(out[j * out_stride + i], want) << isogram_test::at(i, j);
        }
      }
    }
  });
}

TYPED_TEST(Kernels, BlocksPassOnWhatIsNotFinite) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    std::vector<T> a(table.panel * 2, T(1));
    std::vector<T> out(table.panel * table.panel);
    a[0] = std::numeric_limits<T>::infinity();  // element 0 of row 0
    a[1] = std::numeric_limits<T>::quiet_NaN();
    table.inner_products(a.data(), 3, a.data(), 3, 2, out.data(), table.panel, {});
    EXPECT_EQ(out[2], std::numeric_limits<T>::infinity());
    EXPECT_TRUE(std::isnan(out[table.panel + 2]));
    EXPECT_EQ(out[2 * table.panel + 2], T(2));
  });
}

// ---- Epilogues -------------------------------------------------------------------------------

TYPED_TEST(Kernels, SquaredDistances) {
  using T = TypeParam;
  at_every_level([] {
    for (const std::size_t n : lengths<T>()) {
      const T a = T(2);
      const T relative = T(1) / 256;
      auto b = random_values<T>(n, 3);
      for (T& x : b) x = x * x;
      auto products = random_values<T>(n, 4);
      std::size_t close = 0;
      for (std::size_t j = 0; j < n; ++j) {
        if (j % 3 == 0) products[j] = (a + b[j]) / 2 * (j % 2 == 0 ? T(1.1) : T(0.9999));
        close += a + b[j] - 2 * products[j] < relative * (a + b[j]);
      }
      Guarded<T> row(products);
      EXPECT_EQ(kernels().of<T>().squared_distances(row.data(), n, a, b.data(), relative), close);
      for (std::size_t j = 0; j < n; ++j) {
        const Real want = std::max(Real(0), Real(a) + b[j] - 2 * Real(products[j]));
        expect_close(row[j], want, 2 * eps<T>() * (a + b[j]), std::to_string(j));
        EXPECT_GE(row[j], T(0));
      }
      row.expect_guards();
    }
  });
}

template <class T>
T exponential(T x, T factor = T(1)) {
  kernels().of<T>().exponentials(&x, 1, factor);
  return x;
}

TYPED_TEST(Kernels, ExponentialsOfEveryLength) {
  using T = TypeParam;
  at_every_level([] {
    for (const std::size_t n : lengths<T>()) {
      const auto values = random_values<T>(n, 5, 10);
      Guarded<T> row(values);
      kernels().of<T>().exponentials(row.data(), n, T(-0.5));
      for (std::size_t j = 0; j < n; ++j) {
        const Real want = std::exp(Real(T(T(-0.5) * values[j])));
        expect_close(row[j], want, 2 * eps<T>() * want, std::to_string(j));
        EXPECT_EQ(row[j], exponential(values[j], T(-0.5))) << "tail and vector differ";
      }
      row.expect_guards();
    }
  });
}

// At most two ulps: an eps is one ulp just above a power of two, and two just below.
TYPED_TEST(Kernels, ExponentialsAreAccurateOverTheWholeRange) {
  using T = TypeParam;
  const bool is_float = sizeof(T) == sizeof(float);
  const double lowest = is_float ? -87.336 : -708.396;
  const double highest = is_float ? 88.722 : 709.782;
  const std::size_t count = 400000;
  std::vector<T> inputs(count);
  std::vector<Real> wanted(count);
  for (std::size_t i = 0; i < count; ++i) {
    inputs[i] = static_cast<T>(lowest + (highest - lowest) * static_cast<double>(i) / (count - 1));
    if (i % 4 == 0)
      inputs[i] = static_cast<T>(std::ldexp(inputs[i], -static_cast<int>(i / 4 % 70)));
    wanted[i] = std::exp(Real(inputs[i]));
  }
  at_every_level([&] {
    std::vector<T> row = inputs;
    kernels().of<T>().exponentials(row.data(), count, T(1));
    Real worst = 0;
    for (std::size_t i = 0; i < count; ++i) {
      worst = std::max(worst, std::abs(row[i] - wanted[i]) / wanted[i]);
    }
    EXPECT_LE(worst, eps<T>());
    this->RecordProperty("worst_in_eps", std::to_string(double(worst) / eps<T>()));
  });
}

TYPED_TEST(Kernels, ExponentialsAtTheEdges) {
  using T = TypeParam;
  at_every_level([] {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    constexpr T smallest = std::numeric_limits<T>::denorm_min();
    EXPECT_EQ(exponential(T(0)), T(1));
    EXPECT_EQ(exponential(-T(0)), T(1));
    EXPECT_EQ(exponential(smallest), T(1));
    EXPECT_EQ(exponential(-smallest), T(1));
    EXPECT_EQ(exponential(infinity), infinity);
    EXPECT_EQ(exponential(-infinity), T(0));
    EXPECT_EQ(exponential(std::numeric_limits<T>::max()), infinity);
    EXPECT_EQ(exponential(std::numeric_limits<T>::lowest()), T(0));
    EXPECT_TRUE(std::isnan(exponential(std::numeric_limits<T>::quiet_NaN())));
    const T log_of_largest = std::log(std::numeric_limits<T>::max());
    EXPECT_EQ(exponential(log_of_largest * T(1.0001)), infinity);
    EXPECT_TRUE(std::isfinite(exponential(log_of_largest * T(0.99999))));
    const T log_of_smallest = std::log(std::numeric_limits<T>::min());
    EXPECT_EQ(exponential(log_of_smallest * T(1.0001)), T(0));
    EXPECT_GT(exponential(log_of_smallest * T(0.99999)), T(0));
  });
}

TYPED_TEST(Kernels, ExponentialsNeverRiseAboveOneForNegativeArguments) {
  using T = TypeParam;
  at_every_level([] {
    std::vector<T> row(5000);
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = std::ldexp(T(-1), -static_cast<int>(i % 60)) * static_cast<T>(1 + i) / 5000;
    }
    kernels().of<T>().exponentials(row.data(), row.size(), T(1));
    for (const T x : row) ASSERT_LE(x, T(1));
  });
}

TYPED_TEST(Kernels, Polynomials) {
  using T = TypeParam;
  at_every_level([] {
    for (const std::size_t n : lengths<T>()) {
      for (const int degree : {1, 2, 3, 4, 5, 7, 12}) {
        const auto values = random_values<T>(n, 6);
        Guarded<T> row(values);
        kernels().of<T>().polynomials(row.data(), n, T(0.5), T(-0.25), degree);
        for (std::size_t j = 0; j < n; ++j) {
          const Real base = Real(0.5) * values[j] - Real(0.25);
          const Real magnitude = Real(0.5) * std::abs(values[j]) + Real(0.25);
          const Real slope = degree * std::pow(std::abs(base) + eps<T>() * magnitude, degree - 1);
          expect_close(row[j], std::pow(base, degree),
                       eps<T>() * (magnitude * slope + degree * std::pow(std::abs(base), degree)),
                       std::to_string(j));
        }
        row.expect_guards();
      }
    }
  });
}

// The largest int as degree takes a moment, not minutes.
TYPED_TEST(Kernels, PolynomialsOfEnormousDegree) {
  using T = TypeParam;
  at_every_level([] {
    std::vector<T> row{T(-1), T(0.5), T(1), T(2)};
    kernels().of<T>().polynomials(row.data(), row.size(), T(1), T(0),
                                  std::numeric_limits<int>::max());
    EXPECT_EQ(row, (std::vector<T>{T(-1), T(0), T(1), std::numeric_limits<T>::infinity()}));
  });
}

// ---- Sums ------------------------------------------------------------------------------------

TYPED_TEST(Kernels, Sums) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    for (const std::size_t n : lengths<T>()) {
      const auto a = random_values<T>(n, 7);
      const auto b = random_values<T>(n, 8);
      Real sum = 0;
      Real magnitude = 0;
      Real dot = 0;
      Real dot_magnitude = 0;
      for (std::size_t j = 0; j < n; ++j) {
        sum += a[j];
        magnitude += std::abs(a[j]);
        dot += Real(a[j]) * b[j];
        dot_magnitude += std::abs(Real(a[j]) * b[j]);
      }
      const double rounding = static_cast<double>(n) * eps<double>();
      expect_close(table.sum(a.data(), n), sum, rounding * magnitude, "sum");
      expect_close(table.dot(a.data(), b.data(), n), dot, rounding * dot_magnitude, "dot");

      Guarded<double> sums(std::vector<double>(n, 0.75));
      const isogram::simd::RowSums of_row = table.add_row(a.data(), n, sums.data());
      expect_close(of_row.sum, sum, rounding * magnitude, "sum of a row");
      expect_close(of_row.magnitude, magnitude, rounding * magnitude, "magnitude of a row");
      for (std::size_t j = 0; j < n; ++j) EXPECT_EQ(sums[j], 0.75 + a[j]);
      sums.expect_guards();

      Guarded<double> wide(n);
      table.widen(a.data(), n, 0.3, wide.data());
      for (std::size_t j = 0; j < n; ++j) EXPECT_EQ(wide[j], a[j] - 0.3);
      wide.expect_guards();
    }
  });
}

TYPED_TEST(Kernels, AddRows) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    for (const std::size_t count : {0, 1, 7, 8, 19}) {
      for (const std::size_t n : lengths<T>()) {
        const std::size_t stride = n + 3;
        const auto rows = random_values<T>(count * stride, 25);
        Guarded<double> columns(std::vector<double>(n, 0.75));
        std::vector<isogram::simd::RowSums> of_rows(count, {0.5, 0.25});
        table.add_rows({rows.data(), static_cast<std::ptrdiff_t>(stride), count, n}, columns.data(),
                       of_rows.data());
        std::vector<Real> of_columns(n, 0.75);
        for (std::size_t i = 0; i < count; ++i) {
          Real sum = 0.5;
          Real magnitude = 0.25;
          for (std::size_t j = 0; j < n; ++j) {
            sum += rows[i * stride + j];
            magnitude += std::abs(rows[i * stride + j]);
            of_columns[j] += rows[i * stride + j];
          }
          const Real rounding = static_cast<Real>(n + 1) * eps<double>() * magnitude;
          expect_close(of_rows[i].sum, sum, rounding, "sum of a row");
          expect_close(of_rows[i].magnitude, magnitude, rounding, "magnitude of a row");
        }
        for (std::size_t j = 0; j < n; ++j) {
          expect_close(columns[j], of_columns[j], 1e-13, "sum of a column");
        }
        columns.expect_guards();
      }
    }
  });
}

TYPED_TEST(Kernels, AddDifferences) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    for (const std::size_t n : lengths<T>()) {
      auto row = random_values<T>(n, 29);
      const auto origin = random_values<double>(n, 30);
      Guarded<double> sums(std::vector<double>(n, 0.75));
      double largest = 0;
      for (std::size_t j = 0; j < n; ++j) {
        largest = std::max(largest, std::abs(row[j] - origin[j]));
      }
      EXPECT_EQ(table.add_differences(row.data(), origin.data(), n, sums.data()), largest);
      for (std::size_t j = 0; j < n; ++j) EXPECT_EQ(sums[j], 0.75 + (row[j] - origin[j]));
      sums.expect_guards();
      for (const T bad :
           {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()}) {
        if (n == 0) continue;
        row[n / 2] = bad;
        EXPECT_EQ(table.add_differences(row.data(), origin.data(), n, sums.data()), INFINITY);
      }
    }
  });
}

// The median of one, three or five values.
double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <class T>
struct Centered {
  std::vector<T> values;
  std::vector<double> largest;
};

// Rows of n, `stride` apart, less the means of their columns.
template <class T>
Centered<T> centered(const std::vector<T>& rows, std::size_t stride, std::size_t n,
                     const ColumnCenter& center) {
  const std::size_t count = rows.size() / stride;
  Centered<T> result{std::vector<T>(count * n), std::vector<double>(count)};
  for (std::size_t j = 0; j < n; ++j) {
    std::vector<double> chosen;
    for (std::size_t k = 0; k < center.middles; ++k) {
      chosen.push_back(rows[center.middle[k] * stride + j]);
    }
    const double median = median_of(chosen);
    double sum = 0;
    for (std::size_t strip = 0; strip < center.strips; ++strip) {
      double of_strip = 0;
      const std::size_t end = count * (strip + 1) / center.strips;
      for (std::size_t i = count * strip / center.strips; i < end; ++i) {
        of_strip += rows[i * stride + j] - median;
      }
      sum += of_strip;
    }
    const double of_differences = sum / static_cast<double>(count);
    const double mean = median + of_differences;
    const double rest = of_differences - (mean - median);
    for (std::size_t i = 0; i < count; ++i) {
      const double x = rows[i * stride + j];
      const double measured = std::abs(x - (center.with_rest ? mean : median));
      result.largest[i] = std::max(result.largest[i], measured);
      result.values[i * n + j] = static_cast<T>(center.with_rest ? (x - mean) - rest : x - mean);
    }
  }
  return result;
}

// Rows of whole lines, one line apart.
template <class T>
void expect_centered(std::size_t count, std::size_t lines, const ColumnCenter& center) {
  constexpr std::size_t line = 64 / sizeof(T);
  const std::size_t n = lines * line;
  const std::size_t stride = n + line;
  auto rows = random_values<T>(count * stride, 31);
  for (T& value : rows) value += T{100};
  const auto rows_at = [&](auto* first) {
    return isogram::simd::Rows{first, static_cast<std::ptrdiff_t>(stride), count, n};
  };
  const Centered<T> expected = centered(rows, stride, n, center);
  for (const bool in_place : {false, true}) {
    Guarded<T> out(rows);
    std::vector<double> largest(count);
    const auto run = [&](const T* from) {
      kernels().of<T>().center_columns(rows_at(from), center, rows_at(out.data()), largest.data());
    };
    run(in_place ? out.data() : rows.data());
    EXPECT_EQ(largest, expected.largest);
    for (std::size_t i = 0; i < count; ++i) {
      const T* row = out.data() + i * stride;
      for (std::size_t j = 0; j < n; ++j) EXPECT_EQ(row[j], expected.values[i * n + j]);
      for (std::size_t j = n; j < stride; ++j) EXPECT_EQ(row[j], rows[i * stride + j]);
    }
    out.expect_guards();
    if (n == 0) continue;
    for (const T bad : {std::numeric_limits<T>::quiet_NaN(), -std::numeric_limits<T>::infinity()}) {
      auto not_finite = rows;
      not_finite[(count - 1) * stride + n / 2] = bad;
      run(not_finite.data());
      EXPECT_EQ(largest, std::vector<double>(count, INFINITY));
    }
  }
}

TYPED_TEST(Kernels, CenterColumns) {
  at_every_level([] {
    const std::vector<std::vector<std::size_t>> middles{{0}, {2, 0, 1}, {1, 4, 0, 2, 3}};
    for (const auto& middle : middles) {
      for (const std::size_t count : {middle.size(), std::size_t{37}, kMostCenteredRows}) {
        for (const std::size_t lines : {0, 1, 2, 5}) {
          for (const std::size_t strips : {std::size_t{1}, (count + 15) / 16}) {
            for (const bool with_rest : {false, true}) {
              expect_centered<TypeParam>(count, lines,
                                         {middle.data(), middle.size(), strips, with_rest, true});
            }
          }
        }
      }
    }
  });
}

TYPED_TEST(Kernels, AddProducts) {
  using T = TypeParam;
  at_every_level([] {
    for (const std::size_t rows : {1, 4, 7}) {
      for (const std::size_t cols : lengths<T>()) {
        const std::size_t stride = cols + 3;
        const auto a = random_values<T>(rows * stride, 23);
        const auto b = random_values<T>(rows * stride, 24);
        std::vector<Real> of_rows(rows, 0.75);
        std::vector<Real> of_columns(cols, 0.75);
        for (std::size_t i = 0; i < rows; ++i) {
          for (std::size_t j = 0; j < cols; ++j) {
            of_rows[i] += Real(a[i * stride + j]) * b[i * stride + j];
            of_columns[j] += Real(a[i * stride + j]) * b[i * stride + j];
          }
        }
        Guarded<double> row_sums(std::vector<double>(rows, 0.75));
        Guarded<double> column_sums(std::vector<double>(cols, 0.75));
        kernels().of<T>().add_products(a.data(), b.data(), stride, rows, cols, row_sums.data(),
                                       column_sums.data());
        const double tolerance = 1e-14 * static_cast<double>(1 + cols);
        for (std::size_t i = 0; i < rows; ++i)
          EXPECT_NEAR(row_sums[i], double(of_rows[i]), tolerance);
        for (std::size_t j = 0; j < cols; ++j)
          EXPECT_NEAR(column_sums[j], double(of_columns[j]), 8e-14);
        row_sums.expect_guards();
        column_sums.expect_guards();
      }
    }
  });
}

TYPED_TEST(Kernels, ProductsOfRows) {
  using T = TypeParam;
  constexpr std::size_t edge = isogram::simd::kProductRows;
  constexpr std::size_t line = 64 / sizeof(T);
  const auto expect_products = [](std::size_t rows, std::size_t cols, std::size_t n) {
    const std::size_t stride = n + 8;
    const auto a = random_values<T>(rows * stride, 21);
    const auto b = random_values<T>(cols * stride, 22);
    const std::size_t sums_stride = cols + 3;
    std::vector<double> sums((rows + 1) * sums_stride, 0.75);
    const std::vector<const void*> starts{a.data(), b.data()};
    kernels().of<T>().row_products(a.data(), rows, b.data(), cols, stride, n, sums.data(),
                                   sums_stride, {starts.data(), starts.size(), n * sizeof(T)});
    for (std::size_t p = 0; p <= rows; ++p) {
      for (std::size_t q = 0; q < sums_stride; ++q) {
        Real want = 0.75;
        Real magnitude = 1;
        for (std::size_t k = 0; p < rows && q < cols && k < n; ++k) {
          const Real term = Real(a[p * stride + k]) * b[q * stride + k];
          want += term;
          magnitude += std::abs(term);
        }
        expect_close(sums[p * sums_stride + q], want, static_cast<double>(n) * eps<T>() * magnitude,
                     isogram_test::at(p, q));
      }
    }
  };
  at_every_level([&] {
    for (const std::size_t lines : {1, 2, 13, 48}) {
      expect_products(2, 2, lines * line);
      for (const std::size_t cols : {1, 2, 3, 4, 5, 6, 7, 8, 9, 13}) {
        expect_products(edge, cols, lines * line);
      }
    }
  });
}

// ---- Rows of unit norm less an axis ------------------------------------------------------------

// Numbers of 24 bits, whose products with such numbers are exact.
std::vector<double> short_values(std::size_t n, unsigned seed) {
  const auto values = random_values<float>(n, seed);
  return {values.begin(), values.end()};
}

// Rows whose last digits alone differ from the axis and their mean: without the rounding errors,
// half of the digits of the result would be lost.
TEST(AxisKernels, SubtractAxisKeepsTheDigits) {
  at_every_level([] {
    for (const std::size_t n : lengths<double>()) {
      const auto axis = short_values(n, 51);
      for (const bool with_mean : {false, true}) {
        const isogram::simd::AxisShares shares{with_mean ? 0.7 : 0, with_mean ? 1e-9 / 3 : 0,
                                               static_cast<float>(1 / 3.0),
                                               static_cast<float>(1e-9 / 7)};
        auto row = random_values<double>(n, 52);
        for (std::size_t j = 0; j < n; ++j) {
          row[j] = row[j] * 1e-8 + shares.first + shares.high * axis[j];
        }
        Guarded<double> got(row);
        kernels().subtract_axis(got.data(), n, shares, axis.data());
        for (std::size_t j = 0; j < n; ++j) {
          const Real want =
              ((Real(row[j]) - shares.first - Real(shares.high) * axis[j]) - shares.mean) -
              Real(shares.low) * axis[j];
          expect_close(got[j], want,
                       0x1p-61 + 2 * eps<double>() * static_cast<double>(std::abs(want)),
                       isogram_test::at(j, with_mean));
        }
        got.expect_guards();
      }
    }
  });
}

TEST(AxisKernels, DivideResiduals) {
  at_every_level([] {
    const isogram::simd::AxisResiduals residuals{0.25, 3.0, -0.125};
    const auto [rest, norm, beta] = residuals;
    for (const std::size_t n : lengths<double>()) {
      const auto axis = short_values(n, 53);
      auto row = random_values<double>(n, 54);
      // Every fifth entry is nothing but a rounding error.
      for (std::size_t j = 0; j < n; j += 5) row[j] = rest - beta * axis[j] * norm * (1 + 0x1p-52);
      Guarded<double> got(row);
      kernels().divide_residuals(got.data(), n, residuals, axis.data());
      for (std::size_t j = 0; j < n; ++j) {
        if (j % 5 == 0) {
          EXPECT_EQ(got[j], 0) << j;
          continue;
        }
        const Real want = (Real(row[j]) - rest) / norm + Real(beta) * axis[j];
        expect_close(got[j], want, 4 * eps<double>(), isogram_test::at(j, n));
      }
      got.expect_guards();
    }
  });
}

// ---- Nearest neighbours ----------------------------------------------------------------------

TYPED_TEST(Kernels, FirstReaching) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    for (const std::size_t n : lengths<T>()) {
      for (const std::size_t step : {1, 7, 40}) {
        std::vector<T> row(n, T(0));
        std::vector<T> bounds(n, T(0.5));
        for (std::size_t j = step; j < n; j += 2 * step) row[j] = T(0.75);  // reaches the row's
        for (std::size_t j = 2 * step; j < n; j += 2 * step)
          bounds[j] = T(0);  // equals the column's
        const T row_bound = T(0.75);
        for (std::size_t begin = 0; begin <= n; ++begin) {
          std::size_t want = begin;
          while (want < n && row[want] < row_bound && row[want] < bounds[want]) ++want;
          EXPECT_EQ(table.first_reaching(row.data(), row_bound, bounds.data(), begin, n), want);
        }
      }
    }
  });
}

// Float32 entries whose squares and sums would overflow float32: sums are float64.
TEST(Sums, OfHugeFloatsAreExact) {
  at_every_level([] {
    const std::vector<float> huge(100, 3e38F);
    EXPECT_EQ(kernels().float32.sum(huge.data(), 100), 100 * double(3e38F));
    EXPECT_NEAR(kernels().float32.dot(huge.data(), huge.data(), 100) /
                    (100 * double(3e38F) * double(3e38F)),
                1, 1e-14);
    const std::vector<float> tiny(100, 1e-45F);
    EXPECT_EQ(kernels().float32.sum(tiny.data(), 100), 100 * double(1e-45F));
  });
}

TYPED_TEST(Kernels, SumsPassOnWhatIsNotFinite) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    for (const std::size_t bad : {0, 5, 33, 66}) {
      std::vector<T> row(67, T(1));
      row[bad] = std::numeric_limits<T>::infinity();
      EXPECT_EQ(table.sum(row.data(), row.size()), INFINITY);
      EXPECT_EQ(table.dot(row.data(), row.data(), row.size()), INFINITY);
      row[bad] = std::numeric_limits<T>::quiet_NaN();
      EXPECT_TRUE(std::isnan(table.sum(row.data(), row.size())));
      EXPECT_TRUE(std::isnan(table.dot(row.data(), row.data(), row.size())));
    }
  });
}

// With negative strides too, as in a view of reversed rows.
TYPED_TEST(Kernels, ShiftRows) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    for (const std::size_t count : {1, 7, 8, 19}) {
      for (const std::size_t n : lengths<T>()) {
        const auto step = static_cast<std::ptrdiff_t>(n);
        const auto rows = random_values<T>(count * n, 26);
        const auto of_rows = random_values<double>(count, 27);
        const auto of_columns = random_values<double>(n, 28);
        Guarded<T> out(count * n);
        table.shift_rows({rows.data() + (count - 1) * n, -step, count, n},
                         {out.data(), step, count, n}, of_rows.data(), of_columns.data());
        for (std::size_t i = 0; i < count; ++i) {
          for (std::size_t j = 0; j < n; ++j) {
            const double x = rows[(count - 1 - i) * n + j];
            EXPECT_EQ(out[i * n + j], static_cast<T>(x - (of_rows[i] + of_columns[j])));
          }
        }
        out.expect_guards();
      }
    }
  });
}

TYPED_TEST(Kernels, Divide) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    for (const std::size_t n : lengths<T>()) {
      const auto row = random_values<T>(n, 11);
      Guarded<T> out(n);
      table.divide(row.data(), out.data(), n, 0.3, 0.7);
      Guarded<T> in_place(row);
      table.divide(in_place.data(), in_place.data(), n, 0.3, 0.7);
      for (std::size_t j = 0; j < n; ++j) {
        EXPECT_EQ(out[j], static_cast<T>((row[j] - 0.3) / 0.7));
        EXPECT_EQ(in_place[j], out[j]);
      }
      out.expect_guards();
      in_place.expect_guards();
    }
  });
}

TYPED_TEST(Kernels, SubtractShifts) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    for (const std::size_t n : lengths<T>()) {
      const auto row = random_values<T>(n, 9);
      const auto shifts = random_values<double>(n, 10);
      Guarded<T> out(n);
      table.subtract_shifts(row.data(), out.data(), n, 0.3, shifts.data());
      Guarded<T> in_place(row);
      table.subtract_shifts(in_place.data(), in_place.data(), n, 0.3, shifts.data());
      for (std::size_t j = 0; j < n; ++j) {
        EXPECT_EQ(out[j], static_cast<T>(row[j] - (0.3 + shifts[j])));
        EXPECT_EQ(in_place[j], out[j]);
      }
      out.expect_guards();
      in_place.expect_guards();
    }
  });
}

TYPED_TEST(Kernels, SubtractMeans) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    for (const std::size_t n : lengths<T>()) {
      const auto row = random_values<T>(n, 9);
      const auto mean = random_values<double>(n, 10);
      auto rest = random_values<double>(n, 11);
      for (double& x : rest) x *= 1e-9;  // added to the mean, it would lose most of its digits
      Guarded<T> out(n);
      table.subtract_means(row.data(), out.data(), n, mean.data(), rest.data());
      Guarded<T> in_place(row);
      table.subtract_means(in_place.data(), in_place.data(), n, mean.data(), rest.data());
      for (std::size_t j = 0; j < n; ++j) {
        EXPECT_EQ(out[j], static_cast<T>((row[j] - mean[j]) - rest[j]));
        EXPECT_EQ(in_place[j], out[j]);
      }
      out.expect_guards();
      in_place.expect_guards();
    }
  });
}

TYPED_TEST(Kernels, ShiftAndScale) {
  using T = TypeParam;
  at_every_level([] {
    const auto& table = kernels().of<T>();
    for (const std::size_t n : lengths<T>()) {
      const auto row = random_values<T>(n, 29);
      const auto shifts = random_values<double>(n, 30);
      const auto factors = random_values<double>(n, 31);
      Guarded<double> out(n);
      table.shift_and_scale(row.data(), n, 0.3, shifts.data(), 1.7, factors.data(), out.data());
      for (std::size_t j = 0; j < n; ++j) {
        EXPECT_EQ(out[j], (row[j] - (0.3 + shifts[j])) * (1.7 * factors[j]));
      }
      out.expect_guards();
    }
  });
}

}  // namespace
