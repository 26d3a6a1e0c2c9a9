#include "isogram/cka.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "isogram/error.hpp"
#include "isogram_reference/cka.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
namespace reference = isogram_reference;
using isogram::Estimator;
using isogram::HsicTable;
using isogram::Kernel;
using isogram::KernelOptions;
using isogram::Layer;

constexpr Estimator kEstimators[] = {Estimator::biased, Estimator::debiased};

const char* name_of(Estimator estimator) {
  return estimator == Estimator::biased ? "biased" : "debiased";
}

// ---- What a layer's numbers may be off by ----------------------------------------------------

// One layer of the reference.
struct Known {
  Matrix gram;
  Real norm;   // ‖H K H‖
  Real error;  // an upper bound on ‖computed K − K‖ in T
};

// The norm of the rounding errors of all entries. The error of an entry is relative to the norms of
// its rows, less the columns' means for a linear kernel.
template <class T>
Real gram_error(const Matrix& x, const KernelOptions& options) {
  const std::size_t depth = std::max(x[0].size(), x.size());
  Matrix rows = x;
  if (options.kernel == Kernel::linear) {
    for (std::size_t k = 0; k < x[0].size(); ++k) {
      Real mean = 0;
      for (const Vec& row : x) mean += row[k] / static_cast<Real>(x.size());
      for (Vec& row : rows) row[k] -= mean;
    }
  }
  Real squares = 0;
  Real longest = 0;
  for (const Vec& row : rows) {
    squares += reference::inner(row, row);
    longest = std::max(longest, reference::inner(row, row));
  }
  const Real n = static_cast<Real>(x.size());
  const Real e = typical_sum_error<T>(depth);
  switch (options.kernel) {
    case Kernel::linear:
      return e * squares;
    case Kernel::polynomial: {
      const Real gamma = options.gamma == 0 ? 1 / static_cast<Real>(x[0].size()) : options.gamma;
      return e * n * options.degree *
             reference::power(gamma * longest + std::abs(options.coef0), options.degree);
    }
    case Kernel::rbf:
      return e * n * (4 + longest / (options.bandwidth * options.bandwidth));
    case Kernel::laplacian_l2:
      return e * n * (4 + 3 * std::sqrt(longest) / options.bandwidth);
    case Kernel::laplacian:
      return e * n * (4 + std::sqrt(longest * static_cast<Real>(depth)) / options.bandwidth);
    default:
      return e * n;
  }
}

template <class T>
Known known(const Input& input, const KernelOptions& options) {
  const Matrix x = input.values();
  Known result{reference::gram(x, x, options), 0, gram_error<T>(x, options)};
  const Real n = static_cast<Real>(x.size());
  result.norm = (n - 1) * std::sqrt(reference::biased_hsic(result.gram, result.gram));
  return result;
}

struct Bounded {
  Real value;
  Real error;
};

Bounded hsic_of(const Known& k, const Known& l, Estimator estimator) {
  const Real n = static_cast<Real>(k.gram.size());
  const Real parts = estimator == Estimator::biased ? (n - 1) * (n - 1) : n * (n - 3);
  return {reference::hsic(k.gram, l.gram, estimator),
          2 * (k.error * l.norm + l.error * k.norm + k.error * l.error) / parts};
}

Bounded cka_of(const Known& k, const Known& l, Estimator estimator) {
  const Bounded cross = hsic_of(k, l, estimator);
  const Bounded self_k = hsic_of(k, k, estimator);
  const Bounded self_l = hsic_of(l, l, estimator);
  const Real norms = std::sqrt(self_k.value * self_l.value);
  const Real value = cross.value / norms;
  return {value, cross.error / norms +
                     std::abs(value) * (self_k.error / self_k.value + self_l.error / self_l.value)};
}

void expect_bounded(double got, const Bounded& want, const std::string& where) {
  expect_close(got, want.value, want.error, where);
}

// ---- Whole tables ----------------------------------------------------------------------------

struct Case {
  Input input;
  KernelOptions options;
};

std::vector<Layer> layers_of(const std::vector<Case>& cases) {
  std::vector<Layer> layers;
  for (const Case& one : cases) layers.push_back({one.input.view(), one.options});
  return layers;
}

template <class T>
std::vector<Known> all_known(const std::vector<Case>& cases) {
  std::vector<Known> result;
  for (const Case& one : cases) result.push_back(known<T>(one.input, one.options));
  return result;
}

void expect_table(const HsicTable& table, const std::vector<Known>& x, const std::vector<Known>& y,
                  Estimator estimator) {
  ASSERT_EQ(table.hsic.size(), x.size() * y.size());
  ASSERT_EQ(table.cka.size(), x.size() * y.size());
  ASSERT_EQ(table.self_x.size(), x.size());
  ASSERT_EQ(table.self_y.size(), y.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    expect_bounded(table.self_x[i], hsic_of(x[i], x[i], estimator), "self x");
    for (std::size_t j = 0; j < y.size(); ++j) {
      const std::size_t p = i * y.size() + j;
      expect_bounded(table.hsic[p], hsic_of(x[i], y[j], estimator), "hsic " + at(i, j));
      expect_bounded(table.cka[p], cka_of(x[i], y[j], estimator), "cka " + at(i, j));
    }
  }
  for (std::size_t j = 0; j < y.size(); ++j) {
    expect_bounded(table.self_y[j], hsic_of(y[j], y[j], estimator), "self y");
  }
}

// Both forms, both estimators, every level.
template <class T>
void expect_tables(const std::vector<Case>& x, const std::vector<Case>& y) {
  const std::vector<Layer> x_layers = layers_of(x);
  const std::vector<Layer> y_layers = layers_of(y);
  const std::vector<Known> x_known = all_known<T>(x);
  const std::vector<Known> y_known = all_known<T>(y);
  for (const Estimator estimator : kEstimators) {
    if (x_known[0].gram.size() < 4 && estimator == Estimator::debiased) continue;
    SCOPED_TRACE(name_of(estimator));
    at_every_level([&] {
      const HsicTable alone = isogram::hsic_table(x_layers, estimator);
      expect_table(alone, x_known, x_known, estimator);
      for (std::size_t i = 0; i < x.size(); ++i) {
        EXPECT_NEAR(alone.cka[i * x.size() + i], 1, 4 * eps<double>());
        for (std::size_t j = 0; j < i; ++j) {
          EXPECT_EQ(alone.cka[i * x.size() + j], alone.cka[j * x.size() + i]);
        }
      }
      expect_table(isogram::hsic_table(x_layers, y_layers, estimator), x_known, y_known, estimator);
    });
  }
}

template <class T>
constexpr ElementType kWidest = sizeof(T) == 4 ? ElementType::float32 : ElementType::float64;

template <class T>
Input in_order(const Matrix& values) {
  return Input(kWidest<T>, Order::c, values);
}

constexpr Kernel kAllKernels[] = {Kernel::linear,    Kernel::cosine,    Kernel::correlation,
                                  Kernel::rbf,       Kernel::laplacian, Kernel::laplacian_l2,
                                  Kernel::polynomial};

template <class T>
class Cka : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Cka, Types);

TYPED_TEST(Cka, EverySizeInBothSpaces) {
  using T = TypeParam;
  for (const std::size_t n : {2, 4, 5, 48, 97, 200}) {
    SCOPED_TRACE("n " + std::to_string(n));
    const Matrix latent = normal_matrix(n, 4, 1);
    // Few features take feature space, many take Gram space.
    for (const std::size_t features : {std::size_t{3}, 2 * n + 100}) {
      SCOPED_TRACE("features " + std::to_string(features));
      expect_tables<T>({{in_order<T>(mixed_matrix(latent, features, 2, 0.5)), {}},
                        {in_order<T>(mixed_matrix(latent, features + 1, 3, 1.0)), {}}},
                       {{in_order<T>(mixed_matrix(latent, features, 4, 0.2)), {}}});
    }
  }
}

// 400 samples have 5 tiles per side; with 33 tiles, blocks have more than one.
TYPED_TEST(Cka, BlocksOfSeveralTiles) {
  using T = TypeParam;
  const std::size_t n = 33 * 96 + 5;
  const Matrix latent = normal_matrix(n, 2, 5);
  const Input few = in_order<T>(mixed_matrix(latent, 3, 6, 0.5));
  const Input other = in_order<T>(mixed_matrix(latent, 2, 7, 0.5));
  for (const Estimator estimator : kEstimators) {
    SCOPED_TRACE(name_of(estimator));
    const std::vector<Layer> linear{{few.view(), {}}, {other.view(), {}}};
    std::vector<Layer> forced = linear;  // a kernel that is not linear forces Gram space for all
    forced.push_back({few.view(), {.kernel = Kernel::polynomial, .gamma = 1, .degree = 1}});
    const HsicTable in_features = isogram::hsic_table(linear, estimator);
    const HsicTable in_gram = isogram::hsic_table(forced, estimator);
    const double tolerance = 20 * typical_sum_error<T>(n);
    EXPECT_NEAR(in_gram.cka[1], in_features.cka[1], tolerance);
    EXPECT_NEAR(in_gram.hsic[1] / in_features.hsic[1], 1, tolerance);
    EXPECT_NEAR(in_gram.cka[2], 1, tolerance);  // the same Gram matrix plus a constant
  }
}

// Few enough, and features enough, that samples are surveyed while they are multiplied.
TYPED_TEST(Cka, FewSamplesOfLongFeatures) {
  using T = TypeParam;
  for (const std::size_t n : {4, 5, 18}) {
    SCOPED_TRACE("n " + std::to_string(n));
    const Matrix latent = normal_matrix(n, 4, 1);
    Matrix far = mixed_matrix(latent, 9001, 4, 1.0);
    for (Real& value : far[1]) value *= 1e4;
    expect_tables<T>(
        {{in_order<T>(mixed_matrix(latent, 9001, 2, 0.5)), {}}, {in_order<T>(far), {}}},
        {{in_order<T>(mixed_matrix(latent, 8192, 3, 1.0)), {}}});
  }
}

// A layer without information but with many features forces Gram space.
TYPED_TEST(Cka, BothSpacesGiveTheSameNumbers) {
  using T = TypeParam;
  const std::size_t n = 120;
  const Matrix latent = normal_matrix(n, 4, 8);
  const Input x = in_order<T>(mixed_matrix(latent, 20, 9, 0.5));
  const Input y = in_order<T>(mixed_matrix(latent, 30, 10, 0.5));
  const Input wide = in_order<T>(normal_matrix(n, 2000, 11));
  for (const Estimator estimator : kEstimators) {
    at_every_level([&] {
      const HsicTable in_features =
          isogram::hsic_table({{Layer{x.view(), {}}, Layer{y.view(), {}}}}, estimator);
      const HsicTable in_gram = isogram::hsic_table(
          {{Layer{x.view(), {}}, Layer{y.view(), {}}, Layer{wide.view(), {}}}}, estimator);
      const double tolerance = 20 * typical_sum_error<T>(n);
      EXPECT_NEAR(in_features.cka[1], in_gram.cka[1], tolerance);
      EXPECT_NEAR(in_features.hsic[1] / in_gram.hsic[1], 1, tolerance);
      EXPECT_NEAR(in_features.self_x[0] / in_gram.self_x[0], 1, tolerance);
    });
  }
}

TYPED_TEST(Cka, EveryKernel) {
  using T = TypeParam;
  const Matrix latent = normal_matrix(101, 4, 12);
  std::vector<Case> cases;
  for (const Kernel kernel : kAllKernels) {
    const Input input = in_order<T>(mixed_matrix(latent, 10, 13, 0.5));
    const KernelOptions options{.kernel = kernel, .bandwidth = 8, .degree = 2};
    expect_tables<T>({{input, options}}, {{input, {}}});
    cases.push_back({input, options});
  }
  expect_tables<T>(cases, {cases[3], cases[0]});  // all in one table
}

TEST(CkaInputs, EveryTypeAndOrder) {
  const Matrix latent = normal_matrix(50, 3, 14);
  for (const ElementType type : kTypes) {
    for (const Order order : {Order::c, Order::fortran, Order::padded, Order::negative}) {
      SCOPED_TRACE(std::string(isogram_test::name_of(type)) + ", " + isogram_test::name_of(order));
      for (const std::size_t features : {5, 150}) {
        const std::vector<Case> x{
            {Input(type, order, mixed_matrix(latent, features, 15, 0.5)), {}}};
        const std::vector<Case> y{
            {Input(type, Order::c, mixed_matrix(latent, features, 16, 0.5)), {}}};
        if (type == ElementType::float64) {
          expect_tables<double>(x, y);
        } else {
          expect_tables<float>(x, y);
        }
      }
    }
  }
}

// One float64 layer makes all layers float64.
TEST(CkaInputs, MixedTypes) {
  const Matrix latent = normal_matrix(60, 3, 17);
  const std::vector<Case> x{
      {Input(ElementType::float16, Order::c, mixed_matrix(latent, 7, 18, 1)), {}}};
  const std::vector<Case> y{
      {Input(ElementType::float64, Order::fortran, mixed_matrix(latent, 9, 19, 1)), {}},
      {Input(ElementType::bfloat16, Order::negative, mixed_matrix(latent, 8, 20, 1)),
       {.kernel = Kernel::rbf, .bandwidth = 3}}};
  const std::vector<Layer> x_layers = layers_of(x);
  const std::vector<Layer> y_layers = layers_of(y);
  for (const Estimator estimator : kEstimators) {
    expect_table(isogram::hsic_table(x_layers, y_layers, estimator), all_known<double>(x),
                 all_known<double>(y), estimator);
  }
}

// ---- Traps -----------------------------------------------------------------------------------

TYPED_TEST(Cka, OffsetsAndMassiveActivations) {
  using T = TypeParam;
  const Matrix latent = normal_matrix(150, 8, 21);
  for (const std::size_t features : {16, 400}) {
    Matrix shifted = mixed_matrix(latent, features, 22, 0.3);
    Matrix massive = shifted;
    for (Vec& row : shifted) {
      for (Real& value : row) value += 20;
    }
    for (Vec& row : massive) row[2] += 1500;
    const Input y = in_order<T>(mixed_matrix(latent, features, 23, 0.3));
    for (const Kernel kernel : {Kernel::linear, Kernel::rbf}) {
      const KernelOptions options{.kernel = kernel, .bandwidth = 20};
      expect_tables<T>({{in_order<T>(shifted), options}, {in_order<T>(massive), options}},
                       {{y, options}});
    }
  }
}

TYPED_TEST(Cka, ScaleChangesNothing) {
  using T = TypeParam;
  const int reach = sizeof(T) == 4 ? 100 : 500;  // 2^±100 ≈ 1e±30, 2^±500 ≈ 1e±150
  const Matrix latent = normal_matrix(70, 4, 24);
  for (const std::size_t features : {6, 300}) {
    const Matrix x = mixed_matrix(latent, features, 25, 0.5);
    const Input y = in_order<T>(mixed_matrix(latent, features, 26, 0.5));
    for (const Kernel kernel : {Kernel::linear, Kernel::cosine, Kernel::correlation, Kernel::rbf,
                                Kernel::laplacian, Kernel::laplacian_l2}) {
      for (const Estimator estimator : kEstimators) {
        std::vector<double> seen;
        for (const int exponent : {0, -reach, reach}) {
          Matrix scaled = x;
          for (Vec& row : scaled) {
            for (Real& value : row) value = std::ldexp(value, exponent);
          }
          const Input input = in_order<T>(scaled);
          const std::vector<Layer> of_x{
              {input.view(), {.kernel = kernel, .bandwidth = std::ldexp(8.0, exponent)}}};
          const std::vector<Layer> of_y{{y.view(), {.kernel = kernel, .bandwidth = 8}}};
          seen.push_back(isogram::hsic_table(of_x, of_y, estimator).cka[0]);
        }
        const double tolerance = 20 * typical_sum_error<T>(features);
        EXPECT_NEAR(seen[1], seen[0], tolerance) << static_cast<int>(kernel);
        EXPECT_NEAR(seen[2], seen[0], tolerance) << static_cast<int>(kernel);
      }
    }
  }
}

TYPED_TEST(Cka, ConstantLayersAreSaidToBe) {
  using T = TypeParam;
  const Matrix latent = normal_matrix(100, 4, 27);
  for (const std::size_t features : {6, 300}) {
    const Input alive = in_order<T>(mixed_matrix(latent, features, 28, 0.5));
    for (const double value : {0.0, 0.1, 12345.678, 1e30}) {
      Matrix constant(100, Vec(features));
      for (Vec& row : constant) {
        for (std::size_t k = 0; k < features; ++k) row[k] = value * (1 + 0.1 * double(k));
      }
      const Input dead = in_order<T>(constant);
      for (const Kernel kernel : kAllKernels) {
        if (kernel == Kernel::polynomial && value == 1e30) continue;  // overflows in float
        const KernelOptions options{.kernel = kernel, .bandwidth = 8, .degree = 2};
        for (const Estimator estimator : kEstimators) {
          SCOPED_TRACE(std::string(name_of(estimator)) + ", kernel " +
                       std::to_string(static_cast<int>(kernel)) + ", value " +
                       std::to_string(value));
          at_every_level([&] {
            const HsicTable table = isogram::hsic_table(
                {{Layer{dead.view(), options}, Layer{alive.view(), options}}}, estimator);
            EXPECT_EQ(table.self_x[0], 0);
            EXPECT_GT(table.self_x[1], 0);
            for (const std::size_t with_dead : {0, 1, 2}) EXPECT_EQ(table.hsic[with_dead], 0);
            EXPECT_TRUE(std::isnan(table.cka[0]));
            EXPECT_TRUE(std::isnan(table.cka[1]));
            EXPECT_TRUE(std::isnan(table.cka[2]));
            EXPECT_NEAR(table.cka[3], 1, 1e-15);
          });
        }
      }
    }
  }
}

// Entries of exactly 1 + δ_i + δ_j + δ_i δ_j: sums over them lose the squared norm of δ δᵀ, but not
// its products with another layer.
TYPED_TEST(Cka, HsicWithALayerThatMayBeConstant) {
  using T = TypeParam;
  const std::size_t n = 30;
  const double step = sizeof(T) == 4 ? 0x1p-23 : 0x1p-25;
  const KernelOptions inner_products{
      .kernel = Kernel::polynomial, .gamma = 1, .degree = 1, .coef0 = 0};
  for (unsigned seed = 0; seed < 3; ++seed) {
    Matrix y = normal_matrix(n, 3, 50 + seed);
    Matrix low(n, Vec(1));
    Matrix x(n, Vec(1));
    for (std::size_t i = 0; i < n; ++i) {
      low[i][0] = y[i][0] > 0 ? step : 0;
      x[i][0] = 1 + low[i][0];
    }
    const Input dim = in_order<T>(x);
    const Input clear = in_order<T>(y);
    for (const Estimator estimator : kEstimators) {
      SCOPED_TRACE(name_of(estimator));
      // A common part of all rows changes neither estimator.
      const double want =
          double(reference::hsic(reference::gram(low, low, {}),
                                 reference::gram(clear.values(), clear.values(), {}), estimator));
      at_every_level([&] {
        const HsicTable table = isogram::hsic_table(
            {{Layer{dim.view(), inner_products}, Layer{clear.view(), inner_products}}}, estimator);
        EXPECT_EQ(table.self_x[0], 0);
        EXPECT_EQ(table.hsic[0], 0);
        EXPECT_TRUE(std::isnan(table.cka[1]));
        EXPECT_NEAR(table.hsic[1] / want, 1, 1e-6);
        EXPECT_EQ(table.hsic[2], table.hsic[1]);
      });
    }
  }
}

// Orthonormal samples are all equally alike: only the diagonal of the biased estimator is left.
TYPED_TEST(Cka, SamplesAllEquallyAlike) {
  using T = TypeParam;
  for (const std::size_t n : {4, 10, 97, 200, 1001}) {
    Matrix identity(n, Vec(n, 0));
    for (std::size_t i = 0; i < n; ++i) identity[i][i] = 3;
    const Input x = in_order<T>(identity);
    at_every_level([&] {
      const std::vector<Layer> layers{{x.view(), {}}};
      const HsicTable debiased = isogram::hsic_table(layers, Estimator::debiased);
      EXPECT_EQ(debiased.self_x[0], 0) << n;
      EXPECT_TRUE(std::isnan(debiased.cka[0]));
      EXPECT_GT(isogram::hsic_table(layers, Estimator::biased).self_x[0], 0);
    });
  }
}

// Nearly orthonormal samples, or one sample that dwarfs the others: the debiased estimator
// subtracts nearly all of ‖XᵀX‖², and must not return its rounding.
TYPED_TEST(Cka, LoudDiagonals) {
  using T = TypeParam;
  const std::size_t n = 80;
  Matrix orthogonal = normal_matrix(n, n, 29, 1e-2);
  for (std::size_t i = 0; i < n; ++i) orthogonal[i][i] += 1;
  Matrix loud = normal_matrix(n, 20, 30);
  for (Real& value : loud[5]) value *= 300;
  const Input y = in_order<T>(normal_matrix(n, 5, 31));
  for (const Matrix& x : {orthogonal, loud}) expect_tables<T>({{in_order<T>(x), {}}}, {{y, {}}});
}

// One row of huge norm, one massive feature, a zero row beside it: the other rows keep their
// digits.
TYPED_TEST(Cka, FarRowsAndCommonParts) {
  using T = TypeParam;
  const std::size_t n = 60;
  const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-9;
  for (const std::size_t features : {6, 90}) {  // in feature space, in Gram space
    for (const double size : {1e2, 1e4, 1e6}) {
      const Matrix latent = normal_matrix(n, 5, 40);
      Matrix far = mixed_matrix(latent, features, 41, 0.5);
      Matrix massive = far;
      for (Real& value : far[7]) value *= size;
      for (Vec& row : massive) row[1] += size;
      const Input y = in_order<T>(mixed_matrix(latent, features, 42, 0.5));
      for (const Matrix& values : {far, massive}) {
        const Input x = in_order<T>(values);
        for (const Kernel kernel : {Kernel::linear, Kernel::cosine, Kernel::correlation}) {
          SCOPED_TRACE(std::to_string(features) + " features, size " + std::to_string(size) +
                       ", kernel " + std::to_string(static_cast<int>(kernel)));
          const KernelOptions options{.kernel = kernel};
          const Known of_x = known<T>(x, options);
          const Known of_y = known<T>(y, options);
          for (const Estimator estimator : kEstimators) {
            at_every_level([&] {
              const HsicTable table = isogram::hsic_table({{Layer{x.view(), options}}},
                                                          {{Layer{y.view(), options}}}, estimator);
              EXPECT_NEAR(table.cka[0], double(cka_of(of_x, of_y, estimator).value), tolerance);
              const HsicTable own = isogram::hsic_table({{Layer{x.view(), options}}}, estimator);
              EXPECT_EQ(own.cka[0], 1);
            });
          }
        }
      }
    }
  }
}

TYPED_TEST(Cka, TheDebiasedEstimatorMayBeNegative) {
  using T = TypeParam;
  double smallest = 1;
  for (unsigned seed = 0; seed < 10; ++seed) {
    const Input x = in_order<T>(normal_matrix(20, 3, 100 + seed));
    const Input y = in_order<T>(normal_matrix(20, 3, 200 + seed));
    expect_tables<T>({{x, {}}}, {{y, {}}});
    smallest = std::min(smallest, isogram::hsic_table({{Layer{x.view(), {}}}},
                                                      {{Layer{y.view(), {}}}}, Estimator::debiased)
                                      .cka[0]);
  }
  EXPECT_LT(smallest, 0);
}

// ---- Refused ---------------------------------------------------------------------------------

TEST(CkaErrors, AreNamed) {
  const Input x(ElementType::float32, Order::c, normal_matrix(5, 3, 32), "first");
  const Input y(ElementType::float32, Order::c, normal_matrix(6, 3, 33), "second");
  const auto message = [](std::vector<Layer> a, std::vector<Layer> b, Estimator estimator) {
    return complaint([&] { isogram::hsic_table(a, b, estimator); });
  };
  const Layer of_x{x.view(), {}};
  const Layer of_y{y.view(), {}};
  expect_contains(message({}, {of_x}, Estimator::biased), "`layers` must have at least one");
  expect_contains(message({of_x}, {}, Estimator::biased), "`other` must have at least one");
  expect_contains(message({of_x}, {of_x, of_y}, Estimator::biased),
                  "`second` must have 5 rows like `first`, got 6");
  const auto first_rows = [](Layer layer, std::size_t rows) {
    layer.features.rows = rows;
    return std::vector<Layer>{layer};
  };
  for (const auto& [rows, estimator] :
       {std::pair{1, Estimator::biased}, {3, Estimator::debiased}, {0, Estimator::biased}}) {
    expect_contains(complaint([&] { isogram::hsic_table(first_rows(of_x, rows), estimator); }),
                    "`first` must have at least");
  }
  Layer no_columns = of_x;
  no_columns.features.cols = 0;
  expect_contains(message({no_columns}, {of_x}, Estimator::biased), "one column");
  Layer bad_option = of_x;
  bad_option.kernel = {.kernel = Kernel::rbf, .bandwidth = -1};
  expect_contains(message({of_x}, {bad_option}, Estimator::biased), "`bandwidth`");
}

TEST(CkaErrors, NameTheFirstEntryThatIsNotFinite) {
  for (const std::size_t features : {3, 500, 6000}) {
    for (const Kernel kernel : kAllKernels) {
      Input x(ElementType::float16, Order::c, normal_matrix(96, features, 34), "first");
      Input y(ElementType::float16, Order::fortran, normal_matrix(96, features, 35), "second");
      const auto call = [&] {
        const std::vector<Layer> of_x{{x.view(), {.kernel = kernel}}};
        const std::vector<Layer> of_y{{y.view(), {.kernel = kernel}}};
        isogram::hsic_table(of_x, of_y, Estimator::biased, {.num_threads = 3, .poll = {}});
      };
      y.set(95, 1, NAN);
      y.set(50, features - 1, -INFINITY);
      EXPECT_EQ(complaint(call), "`second` must be finite, got -inf at index (50, " +
                                     std::to_string(features - 1) + ")");
      x.set(95, 2, INFINITY);
      EXPECT_EQ(complaint(call), "`first` must be finite, got inf at index (95, 2)");
    }
  }
}

TEST(CkaErrors, SizesBeyondMemoryAreNoCrash) {
  const double one = 1;
  const isogram::InputView x(&one, ElementType::float64, std::size_t{1} << 40, 4096, 0, 0);
  for (const Kernel kernel : kAllKernels) {
    const std::vector<Layer> layers{{x, {.kernel = kernel}}};
    EXPECT_THROW(isogram::hsic_table(layers, Estimator::biased), isogram::OutOfMemory);
  }
}

}  // namespace
