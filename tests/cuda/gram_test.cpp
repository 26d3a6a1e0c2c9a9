#include "isogram/cuda/gram.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cpp/gram_expected.hpp"
#include "prepared_rows.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
namespace cuda = isogram::cuda;

// ---- Gram matrices, as a caller puts them together -------------------------------------------

// In panels of 256, for which the tolerances are made.
template <class T>
T inner_product(const T* a, const T* b, std::int64_t depth) {
  T sum = 0;
  for (std::int64_t begin = 0; begin < depth; begin += 256) {
    T panel = 0;
    for (std::int64_t k = begin; k < std::min(depth, begin + 256); ++k) panel += a[k] * b[k];
    sum += panel;
  }
  return sum;
}

cuda::Preparation preparation_for(Kernel kernel) {
  switch (kernel) {
    case Kernel::cosine:
      return cuda::Preparation::unit;
    case Kernel::correlation:
      return cuda::Preparation::unit_of_deviations;
    case Kernel::rbf:
    case Kernel::laplacian:
    case Kernel::laplacian_l2:
      return cuda::Preparation::shifted;
    case Kernel::linear:
    case Kernel::polynomial:
      break;
  }
  return cuda::Preparation::scaled;
}

// The arguments of apply_kernel() and laplacian(), for x and possibly y.
template <class T>
class Problem {
 public:
  Problem(const Input& x, const Input* y, const KernelOptions& options)
      : options_(options), bandwidth_(options.bandwidth), means_(means_of(x).rounded) {
    const cuda::Preparation preparation = preparation_for(options.kernel);
    const bool is_shifted = preparation == cuda::Preparation::shifted;
    const double* origin = is_shifted ? means_.data() : nullptr;
    exponent_ = isogram_test::scaling_exponent(x, y, origin);
    const int* exponent = is_shifted ? &exponent_ : nullptr;
    sides_.emplace_back(x, preparation, origin, exponent);
    if (y) sides_.emplace_back(*y, preparation, origin, exponent);
  }

  PreparedRows<T>& left() { return sides_.front(); }
  PreparedRows<T>& right() { return sides_.back(); }
  std::int64_t rows() { return left().source.rows; }
  std::int64_t cols() { return right().source.rows; }

  void compute(cuda::Place place, cuda::Matrix<T> tile, const double* offset = nullptr) {
    const double depth = static_cast<double>(left().source.cols);
    const cuda::KernelFunction function{.kernel = options_.kernel,
                                        .gamma = options_.gamma == 0 ? 1 / depth : options_.gamma,
                                        .coef0 = options_.coef0,
                                        .degree = options_.degree,
                                        .bandwidth = &bandwidth_,
                                        .exponent = &exponent_,
                                        .offset = offset};
    if (options_.kernel == Kernel::laplacian) {
      return cuda::laplacian<T>(nullptr, function, left().rows.view(), right().rows.view(), place,
                                tile);
    }
    multiply(place, tile);
    cuda::apply_kernel(nullptr, function, rows_of(left()), rows_of(right()), sides_.size() == 1,
                       place, tile);
  }

 private:
  static cuda::RowSet rows_of(const PreparedRows<T>& side) {
    return {side.source, side.squared_norms.data(), side.exponents.data()};
  }

  void multiply(cuda::Place place, cuda::Matrix<T> tile) {
    for (std::int64_t i = 0; i < tile.rows; ++i) {
      for (std::int64_t j = 0; j < tile.cols; ++j) {
        tile.data[i * tile.stride + j] = inner_product(
            left().row(place.row + i), right().row(place.col + j), left().source.cols);
      }
    }
  }

  KernelOptions options_;
  double bandwidth_;
  std::vector<double> means_;
  int exponent_ = 0;
  std::vector<PreparedRows<T>> sides_;
};

// The layout of results: the first layout is loaded and stored in packs, the others are not.
struct Layout {
  std::int64_t gap = 0;
  std::int64_t offset = 0;
};

template <class T>
cuda::Matrix<T> block(const cuda::Matrix<T>& m, cuda::Place place, std::int64_t edge) {
  return {m.data + place.row * m.stride + place.col, std::min(edge, m.rows - place.row),
          std::min(edge, m.cols - place.col), m.stride};
}

// Tile by tile; of one set of rows the tiles on and above the diagonal, and their mirror images.
template <class T>
DeviceMatrix<T> gram(const Input& x, const Input* y, const KernelOptions& options,
                     Layout layout = {}, std::int64_t edge = 1 << 30) {
  Problem<T> problem(x, y, options);
  DeviceMatrix<T> result(problem.rows(), problem.cols(), layout.gap, layout.offset);
  const cuda::Matrix<T> out = result.view();
  for (std::int64_t row = 0; row < out.rows; row += edge) {
    for (std::int64_t col = y ? 0 : row; col < out.cols; col += edge) {
      const cuda::Matrix<T> tile = block(out, {row, col}, edge);
      problem.compute({row, col}, tile);
      if (y) continue;
      if (row == col) {
        cuda::mirror_diagonal(nullptr, tile);
      } else {
        cuda::mirror<T>(nullptr, tile, block(out, {col, row}, edge));
      }
    }
  }
  result.expect_surroundings_untouched();
  return result;
}

// Both forms against the definition, and all properties that hold exactly.
template <class T>
void expect_gram(const Input& x, const Input& y, const KernelOptions& options, Layout layout = {},
                 std::int64_t edge = 1 << 30) {
  SCOPED_TRACE(name_of(options.kernel) + (sizeof(T) == 4 ? " float" : " double"));
  const Matrix x_values = x.values();
  const Expected<T> of_x(x_values, x_values, options);
  const Output<T> own = as_output(gram<T>(x, nullptr, options, layout, edge));
  of_x.expect(own);
  own.expect_exactly_symmetric();
  for (std::size_t i = 0; i < x_values.size() && has_unit_diagonal(options.kernel); ++i) {
    ASSERT_EQ(own(i, i), T(of_x.values[i][i] == 0 ? 0 : 1)) << i;
  }
  const Expected<T> of_both(x_values, y.values(), options);
  of_both.expect(as_output(gram<T>(x, &y, options, layout, edge)));
}

template <class T>
void expect_on(const Matrix& x, const Matrix& y, const KernelOptions& options) {
  expect_gram<T>(of_type<T>(x), of_type<T>(y), options);
}

template <class T>
class Gram : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Gram, Types);

TYPED_TEST(Gram, EveryTypeAndOrder) {
  using T = TypeParam;
  for (const ElementType type : kTypes) {
    if (type == ElementType::float64 && sizeof(T) == 4) continue;  // rounds its inputs: no oracle
    for (const Order order : kOrders) {
      SCOPED_TRACE(std::string(name_of(type)) + ", " + name_of(order));
      const Input x(type, order, normal_matrix(35, 7, 6));
      const Input y(type, order == Order::c ? Order::fortran : Order::padded,
                    normal_matrix(13, 7, 7));
      for (const KernelOptions& options : kKernels) expect_gram<T>(x, y, options);
    }
  }
}

TYPED_TEST(Gram, EverySize) {
  using T = TypeParam;
  for (const std::size_t n : {1, 2, 31, 33, 64, 127, 129}) {
    SCOPED_TRACE("n " + std::to_string(n));
    const Input x = of_type<T>(normal_matrix(n, 5, 8));
    const Input y = of_type<T>(normal_matrix(130 - n, 5, 9));
    for (const KernelOptions& options : kKernels) expect_gram<T>(x, y, options);
  }
}

TYPED_TEST(Gram, EveryDepth) {
  using T = TypeParam;
  for (const std::size_t depth : {1, 15, 16, 17, 257, 600, 5000}) {
    SCOPED_TRACE("depth " + std::to_string(depth));
    const Input x = of_type<T>(normal_matrix(9, depth, 10));
    const Input y = of_type<T>(normal_matrix(3, depth, 11));
    for (KernelOptions options : kKernels) {
      options.bandwidth *= std::sqrt(static_cast<double>(depth));
      if (options.kernel == Kernel::polynomial) options.gamma = 0;  // 1 / depth
      expect_gram<T>(x, y, options);
    }
  }
}

TYPED_TEST(Gram, EveryLayout) {
  using T = TypeParam;
  for (const std::size_t n : {50, 52, 132}) {
    const Input x = of_type<T>(normal_matrix(n, 4, 12));
    const Input y = of_type<T>(normal_matrix(n, 4, 13));
    for (const Layout layout : {Layout{4, 4}, Layout{1, 0}, Layout{0, 1}, Layout{2, 2}}) {
      for (const KernelOptions& options : kKernels) expect_gram<T>(x, y, options, layout);
    }
  }
}

TYPED_TEST(Gram, TilesMakeTheSameMatrix) {
  using T = TypeParam;
  const Input x = of_type<T>(normal_matrix(70, 6, 14));
  const Input y = of_type<T>(normal_matrix(45, 6, 15));
  for (const KernelOptions& options : kKernels) {
    for (const std::int64_t edge : {16, 33}) {
      expect_gram<T>(x, y, options, {}, edge);
      EXPECT_EQ(gram<T>(x, nullptr, options, {}, edge).values(),
                gram<T>(x, nullptr, options).values());
    }
  }
}

TYPED_TEST(Gram, MixedInputTypes) {
  using T = TypeParam;
  const Input x(ElementType::bfloat16, Order::fortran, normal_matrix(20, 6, 16));
  const Input y(sizeof(T) == 8 ? ElementType::float64 : ElementType::float16, Order::negative,
                normal_matrix(11, 6, 17));
  for (const KernelOptions& options : kKernels) expect_gram<T>(x, y, options);
}

// ---- Scales, offsets, degenerate rows --------------------------------------------------------

TYPED_TEST(Gram, EveryScale) {
  on_every_scale<TypeParam>(20, expect_on<TypeParam>);
}

TYPED_TEST(Gram, EveryOffset) {
  on_every_offset(40, expect_on<TypeParam>);
}

TYPED_TEST(Gram, HugeBesideTinyRows) {
  on_huge_beside_tiny_rows<TypeParam>(30, expect_on<TypeParam>);
}

TYPED_TEST(Gram, ZeroAndConstantRows) {
  on_zero_and_constant_rows<TypeParam>(30, expect_on<TypeParam>);
}

// ---- Distances -------------------------------------------------------------------------------

TYPED_TEST(Gram, NearDuplicatesInRbf) {
  using T = TypeParam;
  on_near_duplicates(60, [](const Matrix& x, const Matrix& y, const KernelOptions& options) {
    expect_gram<T>(of_type<T>(x), of_type<T>(y), options, {1, 0}, 33);
  });
}

TYPED_TEST(Gram, NearDuplicatesOfExtremeScale) {
  on_near_duplicates_of_every_scale<TypeParam>(20, expect_on<TypeParam>);
}

TYPED_TEST(Gram, DuplicatesAreExactlyOneInBothForms) {
  using T = TypeParam;
  Matrix values = normal_matrix(40, 33, 26, 1, 50);
  values[30] = values[4];
  const Input x = of_type<T>(values);
  for (const Kernel kernel : {Kernel::rbf, Kernel::laplacian, Kernel::laplacian_l2}) {
    for (const double bandwidth : {1e-300, 1e-30, 1e-3, 1.0}) {
      const KernelOptions options{.kernel = kernel, .bandwidth = bandwidth};
      const DeviceMatrix<T> own = gram<T>(x, nullptr, options);
      const DeviceMatrix<T> cross = gram<T>(x, &x, options);
      EXPECT_EQ(own(4, 30), T(1));
      for (std::int64_t i = 0; i < 40; ++i) EXPECT_EQ(cross(i, i), T(1));
      EXPECT_EQ(own.values(), cross.values());
    }
  }
}

TYPED_TEST(Gram, BandwidthsAtTheEnds) {
  using T = TypeParam;
  const Input x = of_type<T>(normal_matrix(10, 3, 27));
  for (const Kernel kernel : {Kernel::rbf, Kernel::laplacian, Kernel::laplacian_l2}) {
    const auto narrow = gram<T>(x, nullptr, {.kernel = kernel, .bandwidth = 5e-324});
    const auto wide = gram<T>(x, nullptr, {.kernel = kernel, .bandwidth = 1e308});
    for (std::int64_t i = 0; i < 10; ++i) {
      for (std::int64_t j = 0; j < 10; ++j) {
        EXPECT_EQ(narrow(i, j), T(i == j));
        EXPECT_EQ(wide(i, j), T(1));
      }
    }
  }
}

TYPED_TEST(Gram, BandwidthsThatAreNoneGiveNan) {
  using T = TypeParam;
  const Input x = of_type<T>(normal_matrix(10, 3, 28));
  for (const Kernel kernel : {Kernel::rbf, Kernel::laplacian, Kernel::laplacian_l2}) {
    for (const double bandwidth : {0.0, -1.0, double{NAN}}) {
      const auto k = gram<T>(x, nullptr, {.kernel = kernel, .bandwidth = bandwidth});
      for (std::int64_t i = 0; i < 10; ++i) EXPECT_TRUE(std::isnan(k(i, 3))) << bandwidth;
    }
  }
}

// ---- Products --------------------------------------------------------------------------------

TYPED_TEST(Gram, PolynomialsOfEveryDegree) {
  on_every_polynomial(20, expect_on<TypeParam>);
}

TYPED_TEST(Gram, ResultsTooLargeBecomeInfinite) {
  using T = TypeParam;
  const Real large = std::numeric_limits<T>::max() / 4;
  const Input x = of_type<T>({{large, large}, {large, -large}, {-large, -large}, {1, 1}});
  for (const Kernel kernel : {Kernel::linear, Kernel::polynomial}) {
    const auto k = gram<T>(x, nullptr, {.kernel = kernel, .gamma = 1, .degree = 1});
    EXPECT_EQ(k(0, 0), std::numeric_limits<T>::infinity());
    EXPECT_EQ(k(0, 2), -std::numeric_limits<T>::infinity());
    EXPECT_EQ(k(0, 1), T(kernel == Kernel::linear ? 0 : 1));
    EXPECT_TRUE(std::isfinite(k(0, 3)));
  }
}

TYPED_TEST(Gram, OffsetsComeOffBeforeRounding) {
  using T = TypeParam;
  const Input x = of_type<T>(normal_matrix(40, 6, 31));
  const double offset = 0.9;
  for (KernelOptions options : kKernels) {
    SCOPED_TRACE(name_of(options.kernel));
    options.bandwidth *= 10;
    Problem<T> problem(x, nullptr, options);
    DeviceMatrix<T> result(40, 40);
    problem.compute({}, result.view(), &offset);
    const Matrix values = x.values();
    const Expected<T> expected(values, values, options);
    for (std::size_t i = 0; i < 40; ++i) {
      for (std::size_t j = 0; j < 40; ++j) {
        const Real want = expected.values[i][j] - offset;
        // Entries near the offset keep digits that rounding before the subtraction would lose.
        const Real rounding = eps<T>() * std::abs(want) + 8 * eps<double>();
        const Real of_entry = std::max(Real(0), expected.tolerances[i][j]);
        expect_close(result(static_cast<int>(i), static_cast<int>(j)), want, of_entry + rounding,
                     at(i, j));
      }
    }
  }
}

// ---- NaN and infinity ------------------------------------------------------------------------

TYPED_TEST(Gram, WhatIsNotFiniteBecomesNan) {
  using T = TypeParam;
  for (const double bad : {double{NAN}, double{INFINITY}, -double{INFINITY}}) {
    Input x = of_type<T>(normal_matrix(40, 37, 32));
    x.set(17, 35, bad);
    for (const KernelOptions& options : kKernels) {
      SCOPED_TRACE(name_of(options.kernel));
      const auto k = gram<T>(x, nullptr, options);
      for (std::int64_t j = 0; j < 40; ++j) {
        EXPECT_TRUE(std::isnan(k(17, j))) << j;
        EXPECT_TRUE(std::isnan(k(j, 17))) << j;
      }
      // Column means carry NaN to all rows; in the source it stays in its own row, also where
      // distances are computed again.
      const bool spreads = options.kernel == Kernel::laplacian;
      EXPECT_EQ(std::isnan(k(3, 4)), spreads);
    }
  }
}

// ---- The other triangle ----------------------------------------------------------------------

TYPED_TEST(Gram, MirrorsOfEverySize) {
  using T = TypeParam;
  for (const std::size_t rows : {1, 31, 32, 33, 70}) {
    for (const std::size_t cols : {1, 31, 32, 33, 70}) {
      DeviceMatrix<T> upper(normal_matrix(rows, cols, 35), 1);
      DeviceMatrix<T> lower(static_cast<int>(cols), static_cast<int>(rows), 2);
      cuda::mirror<T>(nullptr, upper.view(), lower.view());
      lower.expect_surroundings_untouched();
      for (std::int64_t i = 0; i < static_cast<int>(rows); ++i) {
        for (std::int64_t j = 0; j < static_cast<int>(cols); ++j) {
          ASSERT_EQ(lower(j, i), upper(i, j));
        }
      }
    }
  }
}

TYPED_TEST(Gram, MirrorsOfTheDiagonal) {
  using T = TypeParam;
  for (const std::size_t n : {1, 2, 31, 32, 33, 70}) {
    const Matrix before = normal_matrix(n, n, 36);
    DeviceMatrix<T> square(before, 3);
    const Matrix upper = square.values();
    cuda::mirror_diagonal(nullptr, square.view());
    square.expect_surroundings_untouched();
    const Matrix after = square.values();
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        ASSERT_EQ(after[i][j], upper[std::min(i, j)][std::max(i, j)]) << at(i, j);
      }
    }
  }
}

TEST(Apply, RefusesTheLaplacian) {
  const double nothing = 0;
  expect_contains(complaint([&] {
                    cuda::apply_kernel<double>(nullptr, {.kernel = Kernel::laplacian}, {}, {}, true,
                                               {}, {const_cast<double*>(&nothing), 1, 1, 1});
                  }),
                  "no function of inner products");
}

}  // namespace
