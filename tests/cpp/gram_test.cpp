#include "isogram/gram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "gram_expected.hpp"
#include "isogram/error.hpp"
#include "isogram_reference/gram.hpp"
#include "support.hpp"
#include "tiles/deep_tiles.hpp"

namespace {

using namespace isogram_test;
namespace reference = isogram_reference;
using isogram::InputView;
using isogram::Kernel;
using isogram::KernelOptions;
using isogram::MatrixView;

// Both forms at every level against the definition, and all properties that hold exactly.
template <class T>
void expect_gram(const Input& x, const Input& y, const KernelOptions& options,
                 Order out_order = Order::c) {
  SCOPED_TRACE(name_of(options.kernel) + (sizeof(T) == 4 ? " float" : " double"));
  const Matrix x_values = x.values();
  const Matrix y_values = y.values();
  const Expected<T> of_x(x_values, x_values, options);
  const Expected<T> of_both(x_values, y_values, options);
  at_every_level([&] {
    Output<T> own(x_values.size(), x_values.size(), out_order);
    isogram::gram<T>(x.view(), options, own.view());
    of_x.expect(own);
    own.expect_exactly_symmetric();
    own.expect_surroundings_untouched();
    for (std::size_t i = 0; i < x_values.size() && has_unit_diagonal(options.kernel); ++i) {
      ASSERT_EQ(own(i, i), T(of_x.values[i][i] == 0 ? 0 : 1)) << i;
    }
    Output<T> cross(x_values.size(), y_values.size(), out_order);
    isogram::gram<T>(x.view(), y.view(), options, cross.view());
    of_both.expect(cross);
    cross.expect_surroundings_untouched();
  });
}

template <class T>
constexpr ElementType kWidest = sizeof(T) == 4 ? ElementType::float32 : ElementType::float64;

template <class T>
Input in_order(const Matrix& values, const char* name = "x") {
  return Input(kWidest<T>, Order::c, values, name);
}

template <class T>
void expect_on(const Matrix& x, const Matrix& y, const KernelOptions& options) {
  expect_gram<T>(in_order<T>(x), in_order<T>(y, "y"), options);
}

template <class T>
class Gram : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Gram, Types);

// ---- Types, orders, sizes --------------------------------------------------------------------

// The options for rows that repeat their columns `times` times: distances keep their ratio to the
// bandwidth.
KernelOptions of_longer_rows(KernelOptions options, std::size_t times) {
  if (options.kernel == Kernel::rbf || options.kernel == Kernel::laplacian_l2)
    options.bandwidth *= std::sqrt(static_cast<double>(times));
  if (options.kernel == Kernel::laplacian) options.bandwidth *= static_cast<double>(times);
  return options;
}

template <class T>
void expect_every_type_and_order(std::size_t rows, std::size_t others, std::size_t times) {
  const std::size_t depth = 7 * times;
  for (const ElementType type : kTypes) {
    if (type == ElementType::float64 && sizeof(T) == 4) continue;  // rounds its inputs: no oracle
    for (const Order order : kOrders) {
      SCOPED_TRACE(std::string(isogram_test::name_of(type)) + ", " + isogram_test::name_of(order));
      const Input x(type, order, normal_matrix(rows, depth, 1));
      const Input y(type, order == Order::c ? Order::fortran : Order::padded,
                    normal_matrix(others, depth, 2), "y");
      for (const KernelOptions& options : kKernels) {
        expect_gram<T>(x, y, of_longer_rows(options, times));
      }
    }
  }
}

TYPED_TEST(Gram, EveryTypeAndOrder) {
  expect_every_type_and_order<TypeParam>(49, 13, 1);
}

TYPED_TEST(Gram, EverySize) {
  using T = TypeParam;
  for (const std::size_t n : {1, 2, 3, 47, 48, 49, 95, 96, 97, 193}) {
    SCOPED_TRACE("n " + std::to_string(n));
    const Input x = in_order<T>(normal_matrix(n, 5, 3));
    const Input y = in_order<T>(normal_matrix(196 - n, 5, 4), "y");
    for (const KernelOptions& options : kKernels) expect_gram<T>(x, y, options);
  }
}

TYPED_TEST(Gram, EveryDepth) {
  using T = TypeParam;
  for (const std::size_t depth : {1, 2, 7, 255, 256, 257, 600, 9000}) {
    SCOPED_TRACE("depth " + std::to_string(depth));
    const Input x = in_order<T>(normal_matrix(50, depth, 5));
    const Input y = in_order<T>(normal_matrix(3, depth, 6), "y");
    for (KernelOptions options : kKernels) {
      options.bandwidth *= std::sqrt(static_cast<double>(depth));
      if (options.kernel == Kernel::polynomial) options.gamma = 0;  // 1 / depth
      expect_gram<T>(x, y, options);
    }
  }
}

TYPED_TEST(Gram, OutOfEveryOrder) {
  using T = TypeParam;
  const Input x = in_order<T>(normal_matrix(98, 4, 7));
  const Input y = in_order<T>(normal_matrix(5, 4, 8), "y");
  for (const Order order : {Order::c, Order::fortran, Order::padded, Order::negative}) {
    SCOPED_TRACE(isogram_test::name_of(order));
    for (const KernelOptions& options : kKernels) expect_gram<T>(x, y, options, order);
  }
}

TYPED_TEST(Gram, MixedInputTypes) {
  using T = TypeParam;
  const Input x(ElementType::bfloat16, Order::fortran, normal_matrix(20, 6, 9));
  const Input y(sizeof(T) == 8 ? ElementType::float64 : ElementType::float16, Order::negative,
                normal_matrix(11, 6, 10), "y");
  for (const KernelOptions& options : kKernels) expect_gram<T>(x, y, options);
}

// ---- Scales, offsets, degenerate rows --------------------------------------------------------

TYPED_TEST(Gram, EveryScale) {
  on_every_scale<TypeParam>(50, expect_on<TypeParam>);
}

TYPED_TEST(Gram, EveryOffset) {
  on_every_offset(98, expect_on<TypeParam>);
}

TYPED_TEST(Gram, HugeBesideTinyRows) {
  on_huge_beside_tiny_rows<TypeParam>(50, expect_on<TypeParam>);
}

TYPED_TEST(Gram, ZeroAndConstantRows) {
  on_zero_and_constant_rows<TypeParam>(30, expect_on<TypeParam>);
}

// ---- Rows so long that tiles are summed over panels of depth ---------------------------------

// Rows that repeat the columns of x `times` times.
Matrix repeated(const Matrix& x, std::size_t times) {
  Matrix result;
  for (const Vec& row : x) {
    Vec& longer = result.emplace_back();
    for (std::size_t k = 0; k < times; ++k) longer.insert(longer.end(), row.begin(), row.end());
  }
  return result;
}

// Otherwise a test of long rows would test short ones.
template <class T>
void expect_long_rows(const Input& x, const Input& y) {
  const InputView of_y = y.view();
  ASSERT_TRUE(isogram::DeepTiles<T>::pays(x.view(), nullptr));
  ASSERT_TRUE(isogram::DeepTiles<T>::pays(x.view(), &of_y));
}

template <class T>
void expect_on_long_rows(const Matrix& x, const Matrix& y, const KernelOptions& options) {
  const std::size_t times = 6000 / x[0].size();
  const Matrix longer_x = repeated(x, times);
  const Matrix longer_y = repeated(y, times);
  expect_long_rows<T>(in_order<T>(longer_x), in_order<T>(longer_y));
  expect_on<T>(longer_x, longer_y, of_longer_rows(options, times));
}

TYPED_TEST(Gram, LongRowsOfEveryTypeAndOrder) {
  expect_long_rows<TypeParam>(in_order<TypeParam>(normal_matrix(14, 4200, 1)),
                              in_order<TypeParam>(normal_matrix(3, 4200, 2)));
  expect_every_type_and_order<TypeParam>(14, 3, 600);
}

TYPED_TEST(Gram, LongRowsOfEveryScale) {
  on_every_scale<TypeParam>(8, expect_on_long_rows<TypeParam>);
}

TYPED_TEST(Gram, LongRowsOfEveryOffset) {
  on_every_offset(8, expect_on_long_rows<TypeParam>);
}

TYPED_TEST(Gram, LongRowsHugeBesideTiny) {
  on_huge_beside_tiny_rows<TypeParam>(8, expect_on_long_rows<TypeParam>);
}

TYPED_TEST(Gram, LongRowsZeroAndConstant) {
  on_zero_and_constant_rows<TypeParam>(8, expect_on_long_rows<TypeParam>);
}

TYPED_TEST(Gram, LongRowsNearlyAlike) {
  on_near_duplicates(8, expect_on_long_rows<TypeParam>);
}

TYPED_TEST(Gram, LongRowsOfSeveralTiles) {
  using T = TypeParam;
  // Few rows alone, many with y; many alone; few in both.
  const std::tuple<std::size_t, std::size_t, std::size_t> shapes[] = {
      {130, 100, 3000}, {200, 5, 6000}, {120, 70, 3000}};
  for (const auto& [rows, cols, depth] : shapes) {
    const Input x = in_order<T>(normal_matrix(rows, depth, 28));
    const Input y = in_order<T>(normal_matrix(cols, depth, 29), "y");
    expect_long_rows<T>(x, y);
    for (const KernelOptions& options :
         {KernelOptions{.kernel = Kernel::linear}, {.kernel = Kernel::rbf, .bandwidth = 60}}) {
      expect_gram<T>(x, y, options);
    }
  }
}

// ---- Near-duplicates -------------------------------------------------------------------------

TYPED_TEST(Gram, NearDuplicatesInRbf) {
  on_near_duplicates(100, expect_on<TypeParam>);
}

TYPED_TEST(Gram, NearDuplicatesOfExtremeScale) {
  on_near_duplicates_of_every_scale<TypeParam>(20, expect_on<TypeParam>);
}

TYPED_TEST(Gram, DuplicatesAreExactlyOneInBothForms) {
  using T = TypeParam;
  Matrix values = normal_matrix(60, 33, 19, 1, 50);
  values[50] = values[4];
  const Input x = in_order<T>(values);
  at_every_level([&] {
    for (const Kernel kernel : {Kernel::rbf, Kernel::laplacian, Kernel::laplacian_l2}) {
      for (const double bandwidth : {1e-300, 1e-30, 1e-3, 1.0}) {
        Output<T> own(60, 60);
        isogram::gram<T>(x.view(), {.kernel = kernel, .bandwidth = bandwidth}, own.view());
        EXPECT_EQ(own(4, 50), T(1));
        Output<T> cross(60, 60);
        isogram::gram<T>(x.view(), x.view(), {.kernel = kernel, .bandwidth = bandwidth},
                         cross.view());
        for (std::size_t i = 0; i < 60; ++i) EXPECT_EQ(cross(i, i), T(1));
        EXPECT_EQ(own.values(), cross.values());
      }
    }
  });
}

TYPED_TEST(Gram, BandwidthsAtTheEnds) {
  using T = TypeParam;
  const Input x = in_order<T>(normal_matrix(10, 3, 20));
  at_every_level([&] {
    for (const Kernel kernel : {Kernel::rbf, Kernel::laplacian, Kernel::laplacian_l2}) {
      Output<T> narrow(10, 10);
      isogram::gram<T>(x.view(), {.kernel = kernel, .bandwidth = 5e-324}, narrow.view());
      Output<T> wide(10, 10);
      isogram::gram<T>(x.view(), {.kernel = kernel, .bandwidth = 1e308}, wide.view());
      for (std::size_t i = 0; i < 10; ++i) {
        for (std::size_t j = 0; j < 10; ++j) {
          EXPECT_EQ(narrow(i, j), T(i == j));
          EXPECT_EQ(wide(i, j), T(1));
        }
      }
    }
  });
}

TYPED_TEST(Gram, PolynomialsOfEveryDegree) {
  on_every_polynomial(20, expect_on<TypeParam>);
}

TYPED_TEST(Gram, ResultsTooLargeBecomeInfinite) {
  using T = TypeParam;
  const double huge = sizeof(T) == 4 ? 1e30 : 1e300;
  const Input x = in_order<T>({{huge, 0}, {-huge, 0}, {1, 1}});
  at_every_level([&] {
    Output<T> out(3, 3);
    EXPECT_FALSE(isogram::gram<T>(x.view(), {}, out.view()));
    EXPECT_EQ(out(0, 0), std::numeric_limits<T>::infinity());
    EXPECT_EQ(out(0, 1), -std::numeric_limits<T>::infinity());
    EXPECT_EQ(out(0, 2), static_cast<T>(huge));
    EXPECT_EQ(out(2, 2), T(2));
  });
}

TYPED_TEST(Gram, TellsWhetherAllIsFinite) {
  using T = TypeParam;
  const double moderate = sizeof(T) == 4 ? 1e18 : 1e150;  // its square is within T's range
  const Input x = in_order<T>({{moderate, 0}, {1e-3, 1}});
  for (const Kernel kernel : {Kernel::linear, Kernel::polynomial, Kernel::rbf, Kernel::cosine}) {
    Output<T> out(2, 2);
    EXPECT_EQ(isogram::gram<T>(x.view(), {.kernel = kernel}, out.view()),
              kernel != Kernel::polynomial);
    EXPECT_EQ(isogram::gram<T>(x.view(), x.view(), {.kernel = kernel, .degree = 1}, out.view()),
              true);
  }
}

// Rounding float64 rows to T would lose the distances between near rows beside far ones.
TYPED_TEST(Gram, NearRowsBesideFarOnesOfAWiderType) {
  using T = TypeParam;
  Matrix values = normal_matrix(60, 33, 24);
  for (std::size_t i = 0; i < 60; i += 2) {
    for (auto& value : values[i]) value += 1e9L;
  }
  for (auto& value : values[7]) value *= 1e200L;
  const Input x(ElementType::float64, Order::c, values);
  values = x.values();
  at_every_level([&] {
    for (const Kernel kernel : {Kernel::rbf, Kernel::laplacian, Kernel::laplacian_l2}) {
      const double bandwidth = kernel == Kernel::laplacian ? 40 : 8;
      Output<T> out(60, 60);
      isogram::gram<T>(x.view(), {.kernel = kernel, .bandwidth = bandwidth}, out.view());
      for (std::size_t i = 0; i < 60; ++i) {
        for (std::size_t j = 0; j < 60; ++j) {
          const Real expected = isogram_reference::kernel_of(
              values[i], values[j], {.kernel = kernel, .bandwidth = bandwidth});
          EXPECT_LT(std::abs(out(i, j) - expected), 512 * eps<T>());
        }
      }
    }
  });
}

// ---- Distances -------------------------------------------------------------------------------

TEST(Distances, OfEveryTypeAndOrder) {
  for (const ElementType type : kTypes) {
    for (const Order order : kOrders) {
      SCOPED_TRACE(std::string(isogram_test::name_of(type)) + ", " + isogram_test::name_of(order));
      const Input x(type, order, normal_matrix(70, 5, 23, 1, 30));
      const Matrix values = x.values();
      std::vector<double> all(70 * 69 / 2, -1);
      isogram::distances(x.view(), all.data());
      std::vector<std::int64_t> indices;
      std::size_t p = 0;
      for (std::size_t i = 0; i < 70; ++i) {
        for (std::size_t j = i + 1; j < 70; ++j, ++p) {
          const Real want = std::sqrt(reference::squared_distance(values[i], values[j]));
          expect_close(all[p], want, 8 * eps<double>() * want, at(i, j));
          indices.insert(indices.end(),
                         {static_cast<std::int64_t>(j), static_cast<std::int64_t>(i)});
        }
      }
      std::vector<double> chosen(p, -1);
      isogram::distances(x.view(), MatrixView<const std::int64_t>(indices.data(), p, 2),
                         chosen.data());
      EXPECT_EQ(chosen, all);
    }
  }
}

TEST(Distances, OfOneRowThereAreNone) {
  const Input x(ElementType::float32, Order::c, normal_matrix(1, 5, 24));
  isogram::distances(x.view(), nullptr);
  isogram::distances(x.view(), MatrixView<const std::int64_t>(nullptr, 0, 2), nullptr);
}

TEST(Distances, RefuseWhatIsNotARow) {
  const Input x(ElementType::float32, Order::c, normal_matrix(4, 5, 25));
  double out[1];
  for (const std::int64_t bad : {-1, 4, 1 << 20}) {
    const std::int64_t pair[] = {0, bad};
    expect_contains(complaint([&] {
                      isogram::distances(x.view(), MatrixView<const std::int64_t>(pair, 1, 2), out);
                    }),
                    "`pairs`");
  }
  const std::int64_t triple[] = {0, 1, 2};
  expect_contains(complaint([&] {
                    isogram::distances(x.view(), MatrixView<const std::int64_t>(triple, 1, 3), out);
                  }),
                  "two columns");
}

// Against sorting, for sizes below and above the use of a bracket.
TYPED_TEST(Gram, RootMedianSquareOfAnyValues) {
  using T = TypeParam;
  std::mt19937 random(5);
  const T infinity = std::numeric_limits<T>::infinity();
  const std::vector<std::function<T()>> families{
      [&] { return static_cast<T>(std::normal_distribution<double>()(random)); },
      [&] { return static_cast<T>(std::exp(std::normal_distribution<double>(0, 60)(random))); },
      [&] { return static_cast<T>(random() % 3) - 1; },
      [&] { return T(7); },
      [&] { return random() % 2 ? std::numeric_limits<T>::denorm_min() : -T(0); },
      [&] { return random() % 3 ? infinity : -infinity; },
      [&] { return 1 + std::numeric_limits<T>::epsilon() * static_cast<T>(random() % 9); },
      [&] { return random() % 2 ? std::numeric_limits<T>::max() : T(1); },
  };
  for (const std::size_t n : {1, 2, 3, 4, 999, 1000, 16384, 40001, 600000}) {
    for (std::size_t family = 0; family < families.size(); ++family) {
      std::vector<T> values(n);
      for (T& value : values) value = std::abs(families[family]());
      std::vector<T> sorted = values;
      std::sort(sorted.begin(), sorted.end());
      const Real low = sorted[(n - 1) / 2];
      const Real high = sorted[n / 2];
      const Real wanted = std::sqrt((low * low + high * high) / 2);
      for (const int num_threads : {1, 3}) {
        const double found = isogram::root_median_square(values.data(), n, {num_threads, {}});
        if (low == high) {
          EXPECT_EQ(found, low) << n << " values of family " << family;
        } else {
          expect_close(found, wanted, 2 * eps<double>() * wanted + 5e-324L, std::to_string(family));
        }
      }
    }
    std::vector<T> with_nan(n, T(1));
    with_nan[n / 2] = std::numeric_limits<T>::quiet_NaN();
    EXPECT_TRUE(std::isnan(isogram::root_median_square(with_nan.data(), n)));
  }
  EXPECT_THROW(isogram::root_median_square<T>(nullptr, 0), std::invalid_argument);
}

TEST(Distances, OfAnyRange) {
  for (const Real scale : {1e-320L, 1e-300L, 1e-160L, 1e150L, 1e200L, 1e306L}) {
    Matrix values = normal_matrix(6, 5, 26);
    for (std::size_t i = 3; i < 6; ++i) {
      for (Real& value : values[i]) value *= scale;
    }
    const Input x(ElementType::float64, Order::c, values);
    values = x.values();
    double all[15];
    isogram::distances(x.view(), all);
    for (std::size_t i = 0, p = 0; i < 6; ++i) {
      for (std::size_t j = i + 1; j < 6; ++j, ++p) {
        const Real want = std::sqrt(reference::squared_distance(values[i], values[j]));
        expect_close(all[p], want, 8 * eps<double>() * want + 5e-324L, at(i, j));
      }
    }
  }
}

// The root of the median square by sorting all distances.
double sorted_median(std::vector<double> distances) {
  std::sort(distances.begin(), distances.end());
  const double low = distances[(distances.size() - 1) / 2];
  const double high = distances[distances.size() / 2];
  return low == high ? low : std::hypot(low, high) / std::sqrt(2.0);
}

void expect_median_of_distances(const InputView& x, std::mt19937& random) {
  const auto n = static_cast<std::int64_t>(x.rows);
  std::vector<double> all(x.rows * (x.rows - 1) / 2);
  isogram::distances(x, all.data());
  for (const int num_threads : {1, 3}) {
    EXPECT_EQ(isogram::median_distance(x, nullptr, {num_threads, {}}), sorted_median(all));
  }
  for (const std::size_t count : {1, 2, 777}) {
    std::vector<std::int64_t> indices(2 * count);
    for (std::int64_t& index : indices) index = static_cast<std::int64_t>(random() % n);
    const MatrixView<const std::int64_t> pairs(indices.data(), count, 2);
    std::vector<double> chosen(count);
    isogram::distances(x, pairs, chosen.data());
    EXPECT_EQ(isogram::median_distance(x, &pairs), sorted_median(chosen)) << count << " pairs";
  }
}

TEST(MedianDistance, IsThatOfAllDistancesToTheBit) {
  std::mt19937 random(31);
  std::normal_distribution<double> normal;
  const std::vector<std::function<Real(std::size_t)>> families{
      [&](std::size_t) { return normal(random); },
      [&](std::size_t) { return 1e4 + normal(random); },
      [&](std::size_t) { return 1 + 1e-7 * normal(random); },
      [&](std::size_t) { return Real(random() % 2); },              // many equal distances
      [&](std::size_t i) { return i % 3 ? 1.0 : normal(random); },  // most rows are equal
      [&](std::size_t) { return 1e-22 * normal(random); },          // squares vanish in float32
      [&](std::size_t) { return 1e-42 * normal(random); },
      [&](std::size_t i) { return std::ldexp(normal(random), static_cast<int>(i % 40) * 6 - 120); },
      [&](std::size_t) { return 1e19 * normal(random); },  // and overflow there
  };
  at_every_level([&] {
    for (std::size_t family = 0; family < families.size(); ++family) {
      for (const auto& [n, d] : {std::pair{2, 1}, {3, 130}, {97, 5}, {200, 33}, {41, 3000}}) {
        Matrix values = normal_matrix(n, d, 1);
        for (std::size_t i = 0; i < values.size(); ++i) {
          for (Real& value : values[i]) value = families[family](i);
        }
        SCOPED_TRACE(std::to_string(family) + ", " + std::to_string(n) + " x " + std::to_string(d));
        for (const ElementType type : {ElementType::float32, ElementType::float64}) {
          expect_median_of_distances(Input(type, Order::c, values).view(), random);
        }
      }
    }
  });
}

TEST(MedianDistance, OfEveryTypeAndOrder) {
  std::mt19937 random(32);
  for (const ElementType type : kTypes) {
    for (const Order order : kOrders) {
      SCOPED_TRACE(std::string(isogram_test::name_of(type)) + ", " + isogram_test::name_of(order));
      expect_median_of_distances(Input(type, order, normal_matrix(70, 5, 23, 1, 30)).view(),
                                 random);
    }
  }
}

TEST(MedianDistance, OfSquaresBeyondFloat64) {
  std::mt19937 random(33);
  for (const Real scale : {1e-320L, 1e-300L, 1e-160L, 1e150L, 1e200L, 1e306L}) {
    Matrix values = normal_matrix(20, 5, 26);
    for (std::vector<Real>& row : values) {
      for (Real& value : row) value *= scale;
    }
    expect_median_of_distances(Input(ElementType::float64, Order::c, values).view(), random);
  }
}

TEST(MedianDistance, Refuses) {
  const Input x(ElementType::float32, Order::c, normal_matrix(4, 5, 25));
  const Input one(ElementType::float32, Order::c, normal_matrix(1, 5, 25));
  const std::int64_t bad[] = {0, 4};
  const std::int64_t triple[] = {0, 1, 2};
  const MatrixView<const std::int64_t> none(bad, 0, 2);
  const MatrixView<const std::int64_t> no_row(bad, 1, 2);
  const MatrixView<const std::int64_t> three(triple, 1, 3);
  const auto of = [](const Input& input, const MatrixView<const std::int64_t>* pairs) {
    return complaint([&] { isogram::median_distance(input.view(), pairs); });
  };
  expect_contains(of(one, nullptr), "at least one pair");
  expect_contains(of(x, &none), "at least one pair");
  expect_contains(of(x, &no_row), "`pairs`");
  expect_contains(of(x, &three), "two columns");
  for (const Real entry :
       {std::numeric_limits<Real>::quiet_NaN(), std::numeric_limits<Real>::infinity()}) {
    Matrix values = normal_matrix(9, 5, 25);
    values[7][3] = entry;
    const std::int64_t elsewhere[] = {0, 1};
    const MatrixView<const std::int64_t> pair(elsewhere, 1, 2);
    for (const ElementType type :
         {ElementType::float16, ElementType::float32, ElementType::float64}) {
      const Input input(type, Order::c, values);
      expect_contains(of(input, nullptr), "(7, 3)");
      expect_contains(of(input, &pair), "(7, 3)");
    }
  }
}

TYPED_TEST(Gram, RbfFromDistances) {
  using T = TypeParam;
  for (const Order order : {Order::c, Order::fortran, Order::padded, Order::negative}) {
    for (const double bandwidth : {1e-300, 1e-25, 0.7, 1e30, 1e300}) {
      at_every_level([&] {
        Output<T> values(9, 23, order);
        for (std::size_t i = 0; i < 9; ++i) {
          for (std::size_t j = 0; j < 23; ++j) {
            values.view()(i, j) = static_cast<T>(i == 0 ? 0 : 0.1 * static_cast<double>(i * j));
          }
        }
        const Matrix before = values.values();
        isogram::rbf_from_distances<T>(values.view(), bandwidth);
        for (std::size_t i = 0; i < 9; ++i) {
          for (std::size_t j = 0; j < 23; ++j) {
            const Real ratio = before[i][j] / bandwidth;
            const Real exponent = ratio * ratio / 2;
            const Real want = std::exp(-exponent);
            expect_close(values(i, j), want,
                         (4 + 2 * std::min(exponent, Real(1000))) * eps<T>() * want +
                             std::numeric_limits<T>::min(),
                         at(i, j));
          }
        }
        values.expect_surroundings_untouched();
      });
    }
  }
}

// ---- What is refused -------------------------------------------------------------------------

TYPED_TEST(Gram, NamesTheFirstEntryThatIsNotFinite) {
  using T = TypeParam;
  for (const ElementType type : kTypes) {
    for (const KernelOptions& options : kKernels) {
      for (const Order order : {Order::c, Order::fortran, Order::negative}) {
        Input x(type, order, normal_matrix(193, 7, 26));
        Input y(type, order, normal_matrix(100, 7, 27), "other");
        Output<T> out(193, 100);
        const auto call = [&] {
          isogram::gram<T>(x.view(), y.view(), options, out.view(), {.num_threads = 3, .poll = {}});
        };
        y.set(99, 6, INFINITY);
        y.set(98, 6, -INFINITY);
        EXPECT_EQ(complaint(call), "`other` must be finite, got -inf at index (98, 6)");
        x.set(192, 0, 1e300 * 1e300);
        x.set(150, 5, NAN);
        x.set(150, 6, INFINITY);
        EXPECT_EQ(complaint(call), "`x` must be finite, got nan at index (150, 5)");
      }
    }
  }
}

TYPED_TEST(Gram, RefusesShapesThatDoNotFit) {
  using T = TypeParam;
  const Input x = in_order<T>(normal_matrix(4, 3, 28));
  const Input narrow = in_order<T>(normal_matrix(5, 2, 29), "y");
  Output<T> out(4, 4);
  Output<T> wide(4, 5);
  expect_contains(complaint([&] { isogram::gram<T>(x.view(), {}, wide.view()); }),
                  "`out` must be 4 x 4, got 4 x 5");
  expect_contains(complaint([&] { isogram::gram<T>(x.view(), x.view(), {}, wide.view()); }),
                  "`out` must be 4 x 4, got 4 x 5");
  expect_contains(complaint([&] { isogram::gram<T>(x.view(), narrow.view(), {}, wide.view()); }),
                  "`y` must have 3 columns like `x`, got 2");
  InputView no_rows = x.view();
  no_rows.rows = 0;
  expect_contains(complaint([&] { isogram::gram<T>(no_rows, {}, MatrixView<T>()); }),
                  "at least one row");
  InputView no_cols = x.view();
  no_cols.cols = 0;
  expect_contains(complaint([&] { isogram::gram<T>(no_cols, {}, out.view()); }),
                  "at least one row and one column, got 4 x 0");
  expect_contains(
      complaint([&] { isogram::gram<T>(x.view(), no_rows, {}, MatrixView<T>(nullptr, 4, 0)); }),
      "at least one row");
}

TYPED_TEST(Gram, RefusesOptionsOutOfRange) {
  using T = TypeParam;
  const Input x = in_order<T>(normal_matrix(4, 3, 30));
  Output<T> out(4, 4);
  const auto message = [&](const KernelOptions& options) {
    return complaint([&] { isogram::gram<T>(x.view(), options, out.view()); });
  };
  for (const Kernel kernel : {Kernel::rbf, Kernel::laplacian, Kernel::laplacian_l2}) {
    for (const double bad : {0.0, -1.0, double(NAN), double(INFINITY)}) {
      expect_contains(message({.kernel = kernel, .bandwidth = bad}), "`bandwidth`");
    }
  }
  expect_contains(message({.kernel = Kernel::polynomial, .gamma = NAN}), "`gamma`");
  expect_contains(message({.kernel = Kernel::polynomial, .coef0 = INFINITY}), "`coef0`");
  expect_contains(message({.kernel = Kernel::polynomial, .degree = 0}), "`degree`");
  expect_contains(complaint([&] { isogram::rbf_from_distances<T>(out.view(), 0); }), "`bandwidth`");
}

// A view with strides 0 can claim any size.
TYPED_TEST(Gram, SizesBeyondMemoryAreNoCrash) {
  using T = TypeParam;
  const T one = 1;
  const std::size_t rows = std::size_t{1} << 40;
  const InputView x(&one, kWidest<T>, rows, 4096, 0, 0);
  T sink = 0;
  const MatrixView<T> out(&sink, rows, rows, 0, 0);
  for (const KernelOptions& options : kKernels) {
    EXPECT_THROW(isogram::gram<T>(x, options, out), isogram::OutOfMemory)
        << name_of(options.kernel);
  }
}

}  // namespace
