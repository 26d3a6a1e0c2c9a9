#include "isogram/cuda/gram.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cpp/gram_expected.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
namespace cuda = isogram::cuda;

// ---- Column means ----------------------------------------------------------------------------

struct Means {
  std::vector<double> rounded;
  std::vector<double> rests;
};

Means means_of(const Input& x) {
  const cuda::Input input = device_input(x);
  std::vector<double> means = poisoned<double>(input.cols);
  std::vector<double> rests = poisoned<double>(input.cols);
  std::vector<double> scratch = poisoned<double>(cuda::column_scratch(input.rows, input.cols));
  cuda::column_means(nullptr, input, means.data(), rests.data(), scratch.data());
  return {means, rests};
}

void expect_column_means(const Input& x) {
  const Matrix values = x.values();
  const auto [means, rests] = means_of(x);
  for (std::size_t j = 0; j < means.size(); ++j) {
    Real mean = 0;
    Real largest = 0;
    Real spread = 0;
    for (const Vec& row : values) {
      mean += (row[j] - values[0][j]) / static_cast<Real>(values.size());
      largest = std::max(largest, std::abs(row[j]));
      spread = std::max(spread, std::abs(row[j] - values[0][j]));
    }
    expect_close(means[j] - values[0][j], mean, 4 * eps<double>() * largest, at(0, j));
    const Real both = means[j] - values[0][j] + Real{rests[j]};
    expect_close(static_cast<double>(both), mean, 8 * eps<double>() * spread, at(0, j));
  }
}

TEST(ColumnMeans, EveryTypeAndOrder) {
  for (const ElementType type : kTypes) {
    for (const Order order : kOrders) {
      SCOPED_TRACE(std::string(name_of(type)) + ", " + name_of(order));
      expect_column_means(Input(type, order, normal_matrix(49, 37, 1, 1, 3)));
    }
  }
}

TEST(ColumnMeans, EverySize) {
  for (const std::size_t rows : {1, 2, 7, 255, 256, 257, 1000}) {
    for (const std::size_t cols : {1, 31, 32, 33, 65}) {
      SCOPED_TRACE(at(rows, cols));
      expect_column_means(Input(ElementType::float32, Order::c, normal_matrix(rows, cols, 2)));
    }
  }
}

TEST(ColumnMeans, OfConstantColumnsAreExact) {
  const Input x(ElementType::float64, Order::c, Matrix(301, Vec(3, 0.1L)));
  const auto [means, rests] = means_of(x);
  EXPECT_EQ(means, std::vector<double>(3, 0.1));
  EXPECT_EQ(rests, std::vector<double>(3, 0.0));
}

TEST(ColumnMeans, NanStaysInItsColumn) {
  Input x(ElementType::float32, Order::c, normal_matrix(300, 3, 3));
  x.set(299, 1, NAN);
  const std::vector<double> means = means_of(x).rounded;
  EXPECT_FALSE(std::isnan(means[0]));
  EXPECT_TRUE(std::isnan(means[1]));
  EXPECT_FALSE(std::isnan(means[2]));
}

// ---- The bulk of the rows --------------------------------------------------------------------

std::vector<double> bulk_means_of(const Input& x, const std::vector<double>& origin, double limit) {
  const cuda::Input input = device_input(x);
  std::vector<double> reaches = poisoned<double>(input.rows);
  cuda::row_reaches(nullptr, input, origin.data(), reaches.data());
  const Matrix values = x.values();
  for (std::size_t i = 0; i < reaches.size(); ++i) {
    Real reach = 0;
    for (std::size_t j = 0; j < origin.size(); ++j) {
      reach = std::max(reach, std::abs(values[i][j] - origin[j]));
    }
    reach = std::min<Real>(reach, std::numeric_limits<double>::max());
    expect_close(reaches[i], reach, 2 * eps<double>() * reach, at(i, 0));
  }
  std::vector<double> means = poisoned<double>(input.cols);
  std::vector<double> scratch = poisoned<double>(cuda::column_scratch(input.rows, input.cols));
  cuda::bulk_means(nullptr, input, origin.data(), reaches.data(), &limit, means.data(),
                   scratch.data());
  return means;
}

TEST(BulkMeans, LeaveFarRowsOut) {
  for (const std::size_t rows : {1, 7, 257, 600}) {
    for (const std::size_t cols : {1, 33, 65}) {
      SCOPED_TRACE(at(rows, cols));
      Matrix values = normal_matrix(rows, cols, 9);
      Vec sums(cols, 0);
      for (std::size_t i = 0; i < rows; ++i) {
        const bool is_far = i % 5 == 3;
        if (is_far) values[i][i % cols] += 1e6;
        for (std::size_t j = 0; j < cols && !is_far; ++j) sums[j] += values[i][j];
      }
      const Real count = static_cast<Real>(rows - (rows + 1) / 5);
      const std::vector<double> origin(cols, 0.25);
      const auto means =
          bulk_means_of(Input(ElementType::float64, Order::c, values), origin, 100.0);
      for (std::size_t j = 0; j < cols; ++j) {
        expect_close(means[j], sums[j] / count, 64 * eps<double>(), at(0, j));
      }
    }
  }
}

TEST(BulkMeans, AreTheOriginWhereSumsOverflow) {
  const double huge = std::numeric_limits<double>::max();
  const Input x(ElementType::float64, Order::c, {{huge, 1}, {huge, 2}, {huge, 3}});
  EXPECT_EQ(bulk_means_of(x, {-huge / 2, 0}, huge), (std::vector<double>{-huge / 2, 2}));
}

// ---- Scaling ---------------------------------------------------------------------------------

int scaling_exponent(const Input& x, const Input* y = nullptr, const double* origin = nullptr) {
  const cuda::Input of_x = device_input(x);
  const cuda::Input of_y = y ? device_input(*y) : cuda::Input{};
  std::vector<double> scratch = poisoned<double>(cuda::scaling_scratch());
  int exponent = -77;
  cuda::scaling_exponent(nullptr, of_x, y ? &of_y : nullptr, origin, &exponent, scratch.data());
  return exponent;
}

Input constant(double value, std::size_t rows = 3, std::size_t cols = 5) {
  return Input(ElementType::float64, Order::c, Matrix(rows, Vec(cols, value)));
}

TEST(ScalingExponent, BringsTheLargestNearOne) {
  EXPECT_EQ(scaling_exponent(constant(0x1p21)), 22);
  EXPECT_EQ(scaling_exponent(constant(-0x1.8p300)), 301);
  EXPECT_EQ(scaling_exponent(constant(0x1p-22)), -21);
  EXPECT_EQ(scaling_exponent(constant(5e-324)), -1073);
  EXPECT_EQ(scaling_exponent(constant(INFINITY)), 1025);  // as a difference may be
}

TEST(ScalingExponent, IsZeroForWhatNeedsNone) {
  for (const double value : {0.0, 1.0, 0x1.fp19, -0x1p-21, double{NAN}}) {
    EXPECT_EQ(scaling_exponent(constant(value)), 0) << value;
  }
  EXPECT_EQ(scaling_exponent(constant(INFINITY)), 1025);  // as a difference may be
}

TEST(ScalingExponent, LooksAtEveryEntryOfBoth) {
  const Input small = constant(1);
  for (const std::size_t row : {0, 5, 100}) {
    for (const std::size_t col : {0, 1, 33}) {
      Input large = constant(0, 101, 34);
      large.set(row, col, 0x1p40);
      EXPECT_EQ(scaling_exponent(large), 41);
      EXPECT_EQ(scaling_exponent(large, &small), 41);
      EXPECT_EQ(scaling_exponent(small, &large), 41);
    }
  }
  Input many = constant(0, 9000, 1);  // more than there are warps
  many.set(8999, 0, 0x1p40);
  EXPECT_EQ(scaling_exponent(many, &many), 41);
}

TEST(ScalingExponent, IsRelativeToTheOrigin) {
  const std::vector<double> origin(5, 0x1p30);
  EXPECT_EQ(scaling_exponent(constant(0x1p30 + 0x1p25), nullptr, origin.data()), 26);
}

// ---- Distances -------------------------------------------------------------------------------

TEST(Distances, OfAllPairs) {
  for (const ElementType type : kTypes) {
    for (const std::size_t rows : {1, 2, 3, 40}) {
      const Input x(type, Order::padded, normal_matrix(rows, 37, 4, 1, 10));
      const Matrix values = x.values();
      std::vector<double> distances = poisoned<double>(static_cast<int>(rows * (rows - 1) / 2));
      cuda::distances(nullptr, device_input(x), nullptr,
                      static_cast<std::int64_t>(distances.size()), distances.data());
      std::size_t p = 0;
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = i + 1; j < rows; ++j, ++p) {
          const Real want = std::sqrt(isogram_reference::squared_distance(values[i], values[j]));
          expect_close(distances[p], want, 40 * eps<double>() * want, at(i, j));
        }
      }
    }
  }
}

TEST(Distances, OfAnyRange) {
  for (const Real scale : {1e-300L, 1e-160L, 1e150L, 1e200L, 1e306L}) {
    Matrix values = normal_matrix(6, 70, 26);
    for (std::size_t i = 3; i < 6; ++i) {
      for (Real& value : values[i]) value *= scale;
    }
    const Input x(ElementType::float64, Order::c, values);
    values = x.values();
    std::vector<double> distances = poisoned<double>(15);
    cuda::distances(nullptr, device_input(x), nullptr, 15, distances.data());
    for (std::size_t i = 0, p = 0; i < 6; ++i) {
      for (std::size_t j = i + 1; j < 6; ++j, ++p) {
        const Real want = std::sqrt(isogram_reference::squared_distance(values[i], values[j]));
        expect_close(distances[p], want, 40 * eps<double>() * want, at(i, j));
      }
    }
  }
}

TEST(Distances, OfGivenPairs) {
  const Input x(ElementType::float32, Order::c, normal_matrix(20, 3, 5));
  const Matrix values = x.values();
  const std::vector<std::int64_t> pairs{3, 19, 7, 7, 0, 1, 19, 3, 4, 5, 5, 4, 2, 9, 9, 8, 1, 0};
  std::vector<double> distances = poisoned<double>(9);
  cuda::distances(nullptr, device_input(x), pairs.data(), 9, distances.data());
  for (std::size_t p = 0; p < 9; ++p) {
    const Real want = std::sqrt(
        isogram_reference::squared_distance(values[static_cast<std::size_t>(pairs[2 * p])],
                                            values[static_cast<std::size_t>(pairs[2 * p + 1])]));
    expect_close(distances[p], want, 8 * eps<double>() * want, std::to_string(p));
  }
}

// ---- Gram matrices, as a caller puts them together -------------------------------------------

// Panels of 256, like the sums that the tolerances are made for.
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
      return cuda::Preparation::shifted;
    case Kernel::linear:
    case Kernel::polynomial:
      break;
  }
  return cuda::Preparation::scaled;
}

template <class T>
struct PreparedRows {
  PreparedRows(const Input& x, cuda::Preparation preparation, const double* origin,
               const int* exponent)
      : source(device_input(x)),
        rows(source.rows, source.cols, 3),
        squared_norms(poisoned<double>(source.rows)),
        exponents(poisoned<int>(source.rows)) {
    cuda::prepare(nullptr, source, preparation, origin, nullptr, exponent, rows.view(),
                  squared_norms.data(), exponents.data());
    rows.expect_surroundings_untouched();
  }
  cuda::Side side() const { return {source, squared_norms.data(), exponents.data()}; }
  const T* row(std::int64_t i) { return &rows(i, 0); }

  cuda::Input source;
  DeviceMatrix<T> rows;
  std::vector<double> squared_norms;
  std::vector<int> exponents;
};

// What apply_kernel() and laplacian() take, of x and possibly y.
template <class T>
class Problem {
 public:
  Problem(const Input& x, const Input* y, const KernelOptions& options)
      : options_(options), bandwidth_(options.bandwidth), means_(means_of(x).rounded) {
    const cuda::Preparation preparation = preparation_for(options.kernel);
    const bool is_shifted = preparation == cuda::Preparation::shifted;
    const double* origin = is_shifted ? means_.data() : nullptr;
    exponent_ = ::scaling_exponent(x, y, origin);
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
    cuda::apply_kernel(nullptr, function, left().side(), right().side(), sides_.size() == 1, place,
                       tile);
  }

 private:
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

// How results lie in memory: the first is loaded and stored in packs, the others are not.
struct Layout {
  std::int64_t gap = 0;
  std::int64_t offset = 0;
};

template <class T>
cuda::Matrix<T> block(const cuda::Matrix<T>& m, cuda::Place place, std::int64_t edge) {
  return {m.data + place.row * m.stride + place.col, std::min(edge, m.rows - place.row),
          std::min(edge, m.cols - place.col), m.stride};
}

// Tile by tile; of one set of rows only the tiles on and above the diagonal, and their mirrors.
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

// Both forms against the definition, with everything that holds exactly.
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
Input of_type(const Matrix& values) {
  return Input(sizeof(T) == 4 ? ElementType::float32 : ElementType::float64, Order::c, values);
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
  for (const Kernel kernel : {Kernel::rbf, Kernel::laplacian}) {
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
  for (const Kernel kernel : {Kernel::rbf, Kernel::laplacian}) {
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
  for (const Kernel kernel : {Kernel::rbf, Kernel::laplacian}) {
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
        // Entries near the offset keep digits that rounding them first would have lost.
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
      // Column means carry it to all rows; elsewhere it stays in its own, as also where distances
      // that are lost are taken from the source.
      const bool spreads = options.kernel == Kernel::laplacian;
      EXPECT_EQ(std::isnan(k(3, 4)), spreads);
    }
  }
}

// ---- Preparing rows --------------------------------------------------------------------------

TYPED_TEST(Gram, PreparedRowsOfCenteredCosines) {
  using T = TypeParam;
  const Input x = of_type<T>(normal_matrix(20, 50, 33, 1, 100));
  const std::vector<double> means = means_of(x).rounded;
  PreparedRows<T> prepared(x, cuda::Preparation::unit, means.data(), nullptr);
  const Matrix values = x.values();
  for (std::size_t i = 0; i < 20; ++i) {
    Vec row = values[i];
    for (std::size_t k = 0; k < row.size(); ++k) row[k] -= means[k];
    const Real norm = isogram_reference::norm(row);
    for (std::size_t k = 0; k < row.size(); ++k) {
      expect_close(prepared.row(static_cast<int>(i))[k], row[k] / norm, eps<T>(), at(i, k));
    }
    EXPECT_NEAR(prepared.squared_norms[i], 1, 50 * eps<T>());
    EXPECT_NE(prepared.exponents[i], -77);
  }
}

// Beside a feature of 1e6, what tells unit rows apart is of the size of 1e-6.
TYPED_TEST(Gram, UnitDifferencesKeepTheirDigits) {
  using T = TypeParam;
  for (const std::size_t cols : {5, 70, 600}) {
    for (const bool deviations : {false, true}) {
      Matrix values = normal_matrix(9, cols, 24);
      for (Vec& row : values) row[2] += 1e6;
      values[4].assign(cols, 0);
      const Input x(ElementType::float64, Order::c, values);
      std::vector<double> direction(cols, deviations ? -1 / double(cols) : 0);
      direction[2] += 1;
      Real squares = 0;
      for (const double entry : direction) squares += Real{entry} * entry;
      const double axis_squares = static_cast<double>(squares);
      const double length = 1 / std::sqrt(axis_squares);
      std::vector<T> rows = poisoned<T>(9 * cols);
      cuda::prepare_unit_differences<T>(
          nullptr, device_input(x), deviations, {direction.data(), &axis_squares, &length},
          {rows.data(), 9, static_cast<std::int64_t>(cols), static_cast<std::int64_t>(cols)});
      for (std::size_t i = 0; i < 9; ++i) {
        Vec row = x.values()[i];
        Real mean = 0;
        for (const Real entry : row) mean += entry / static_cast<Real>(cols);
        for (Real& entry : row) entry -= deviations ? mean : 0;
        const Real norm = std::sqrt(std::max(isogram_reference::inner(row, row), Real{1e-300L}));
        for (std::size_t j = 0; j < cols; ++j) {
          const Real expected = row[j] / norm - Real{direction[j]} / std::sqrt(squares);
          const Real tolerance = i == 4 ? 4 * eps<T>() : 1e-6 * 8 * eps<T>() + 1e-17;
          expect_close(rows[i * cols + j], expected, tolerance, at(i, j));
        }
      }
    }
  }
}

TYPED_TEST(Gram, PreparedRowsAsGivenAreExact) {
  using T = TypeParam;
  const Input x = of_type<T>(normal_matrix(5, 50, 34, 1e20));
  PreparedRows<T> prepared(x, cuda::Preparation::as_given, nullptr, nullptr);
  EXPECT_EQ(prepared.rows.values(), x.values());
  EXPECT_EQ(prepared.exponents, std::vector<int>(5, 0));
  DeviceMatrix<T> again(5, 50);
  cuda::prepare(nullptr, device_input(x), cuda::Preparation::as_given, nullptr, nullptr, nullptr,
                again.view(), nullptr, nullptr);
  EXPECT_EQ(again.values(), x.values());
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
