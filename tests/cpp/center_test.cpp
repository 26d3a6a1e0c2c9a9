#include "isogram/center.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "center_expected.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
using isogram::Estimator;
using isogram::MatrixView;

constexpr Order kDense[] = {Order::c, Order::fortran, Order::padded, Order::negative};

template <class T>
MatrixView<const T> read_only(MatrixView<T> view) {
  return {view.data, view.rows, view.cols, view.row_stride, view.col_stride};
}

template <class T>
Output<T> stored(const Matrix& values, Order order) {
  Output<T> result(values.size(), values[0].size(), order);
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < values[i].size(); ++j) {
      result.view()(i, j) = static_cast<T>(values[i][j]);
    }
  }
  return result;
}

template <class T>
class Center : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Center, Types);

template <class T>
void expect_center(const Matrix& values, Order in, Order out_order) {
  for (const Estimator estimator : kEstimators) {
    if (estimator == Estimator::debiased && values.size() < 3) continue;
    SCOPED_TRACE(std::string(name_of(estimator)) + ", n " + std::to_string(values.size()) + ", " +
                 isogram_test::name_of(in) + " to " + isogram_test::name_of(out_order));
    const Output<T> k = stored<T>(values, in);
    const Matrix before = k.values();
    at_every_level([&] {
      Output<T> source = k;
      Output<T> out(values.size(), values.size(), out_order);
      isogram::center<T>(read_only(source.view()), estimator, out.view());
      expect_centered(before, estimator, out);
      out.expect_surroundings_untouched();
      EXPECT_EQ(source.memory(), k.memory());

      isogram::center<T>(read_only(source.view()), estimator, source.view());
      EXPECT_EQ(source.values(), out.values()) << "in place";
      source.expect_surroundings_untouched();
    });
  }
}

TYPED_TEST(Center, EverySize) {
  for (const std::size_t n : {1, 2, 3, 4, 31, 32, 33, 47, 48, 49, 95, 96, 97}) {
    expect_center<TypeParam>(normal_matrix(n, n, 1), Order::c, Order::c);
  }
}

TYPED_TEST(Center, EveryOrder) {
  for (const Order in : kDense) {
    for (const Order out : kDense) {
      expect_center<TypeParam>(normal_matrix(50, 50, 2), in, out);
    }
  }
}

TYPED_TEST(Center, OfViewsWithoutStrides) {
  using T = TypeParam;
  const std::vector<T> values{1, 2, 4, 8, 16};
  for (const Estimator estimator : kEstimators) {
    const std::size_t n = values.size();
    for (const auto& [row_stride, col_stride] : {std::pair{0, 1}, {1, 0}, {0, 0}}) {
      const MatrixView<const T> view(values.data(), n, n, row_stride, col_stride);
      Matrix before(n, Vec(n));
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) before[i][j] = view(i, j);
      }
      at_every_level([&] {
        Output<T> out(n, n);
        isogram::center<T>(view, estimator, out.view());
        expect_centered(before, estimator, out);
      });
    }
  }
}

TYPED_TEST(Center, EveryScaleAndOffset) {
  using T = TypeParam;
  const double reach = sizeof(T) == 4 ? 1e30 : 1e200;
  for (const double scale : {1.0, 1 / reach, reach}) {
    for (const double offset : {0.0, 1e3, 1e6}) {
      expect_center<T>(normal_matrix(49, 49, 3, scale, offset * scale), Order::c, Order::c);
      expect_center<T>(symmetric(normal_matrix(49, 49, 4, scale, offset * scale)), Order::c,
                       Order::c);
    }
  }
}

// Entries that differ from a constant by less than float32 sums could resolve.
TYPED_TEST(Center, SymmetricStaysExactlySymmetric) {
  using T = TypeParam;
  for (const std::size_t n : {3, 97, 193}) {
    for (const double offset : {0.0, 1e4}) {
      const Output<T> k = stored<T>(symmetric(normal_matrix(n, n, 5, 1, offset)), Order::c);
      for (const Estimator estimator : kEstimators) {
        at_every_level([&] {
          Output<T> out = k;
          isogram::center<T>(read_only(out.view()), estimator, out.view());
          out.expect_exactly_symmetric();
        });
      }
    }
  }
}

// A diagonal of 1e30 beside entries of 1 must not change the debiased result.
TYPED_TEST(Center, DebiasedNeverSeesTheDiagonal) {
  using T = TypeParam;
  for (const bool is_symmetric : {false, true}) {
    Matrix values = normal_matrix(60, 60, 6);
    if (is_symmetric) values = symmetric(values);
    const Output<T> plain = stored<T>(values, Order::c);
    for (std::size_t i = 0; i < 60; ++i) values[i][i] = i % 2 == 0 ? 1e30 : -3e33;
    const Output<T> loud = stored<T>(values, Order::c);
    at_every_level([&] {
      Output<T> of_plain = plain;
      Output<T> of_loud = loud;
      isogram::center<T>(read_only(of_plain.view()), Estimator::debiased, of_plain.view());
      isogram::center<T>(read_only(of_loud.view()), Estimator::debiased, of_loud.view());
      EXPECT_EQ(of_plain.values(), of_loud.values());
    });
  }
}

TYPED_TEST(Center, ConstantMatricesBecomeZero) {
  using T = TypeParam;
  const Output<T> k = stored<T>(Matrix(64, Vec(64, 0.5)), Order::c);
  for (const Estimator estimator : kEstimators) {
    Output<T> out = k;
    isogram::center<T>(read_only(out.view()), estimator, out.view());
    for (std::size_t i = 0; i < 64; ++i) {
      for (std::size_t j = 0; j < 64; ++j) EXPECT_NEAR(out(i, j), 0, 1e-15);
    }
  }
}

TYPED_TEST(Center, RefusesShapesThatDoNotFit) {
  using T = TypeParam;
  Output<T> out(4, 4);
  const auto message = [&](MatrixView<const T> k, Estimator estimator, MatrixView<T> target) {
    return complaint([&] { isogram::center<T>(k, estimator, target); });
  };
  const std::vector<T> memory(20, T(1));
  for (const Estimator estimator : kEstimators) {
    expect_contains(message({memory.data(), 4, 5}, estimator, out.view()),
                    "`k` must be square, got 4 x 5");
    expect_contains(message({memory.data(), 3, 3}, estimator, out.view()),
                    "`out` must be 3 x 3, got 4 x 4");
    expect_contains(message({memory.data(), 0, 0}, estimator, {out.view().data, 0, 0}),
                    "`k` must have at least");
  }
  expect_contains(message({memory.data(), 2, 2}, Estimator::debiased, {out.view().data, 2, 2}),
                  "at least 3 rows, got 2");
}

TYPED_TEST(Center, NamesTheFirstEntryThatIsNotFinite) {
  using T = TypeParam;
  for (const Estimator estimator : kEstimators) {
    for (const Order order : kDense) {
      for (const bool is_symmetric : {false, true}) {
        Output<T> k = stored<T>(symmetric(normal_matrix(130, 130, 7)), order);
        if (!is_symmetric) k.view()(0, 1) += 1;
        const auto call = [&] {
          Output<T> out(130, 130);
          isogram::center<T>(read_only(k.view()), estimator, out.view(),
                             {.num_threads = 3, .poll = {}});
        };
        k.view()(129, 129) = std::numeric_limits<T>::infinity();
        EXPECT_EQ(complaint(call), "`k` must be finite, got inf at index (129, 129)");
        k.view()(77, 12) = std::numeric_limits<T>::quiet_NaN();
        k.view()(77, 13) = -std::numeric_limits<T>::infinity();
        EXPECT_EQ(complaint(call), "`k` must be finite, got nan at index (77, 12)");
        k.view()(5, 5) = -std::numeric_limits<T>::infinity();
        EXPECT_EQ(complaint(call), "`k` must be finite, got -inf at index (5, 5)");
      }
    }
  }
}

}  // namespace
