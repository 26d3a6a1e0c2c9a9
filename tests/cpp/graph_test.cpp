#include "isogram/graph.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "flat.hpp"
#include "isogram_reference/graph.hpp"
#include "support.hpp"

namespace {

namespace reference = isogram_reference;
using isogram::Csr;
using isogram::InputView;
using isogram::Kernel;
using isogram::MatrixView;
using namespace isogram_test;

// The error of a cosine: the rounding of packed features and of a dot product in short panels.
template <class T>
constexpr double kTolerance = 8 * std::numeric_limits<T>::epsilon();

template <class T>
std::vector<T> dense(const InputView& x, bool center, int threads = 1,
                     Kernel kernel = Kernel::cosine) {
  std::vector<T> out(x.rows * x.rows, T(7));
  isogram::dense_graph<T>(x, center, {out.data(), x.rows, x.rows}, kernel, on_threads(threads));
  return out;
}

template <class T>
void expect_near(const std::vector<T>& got, const Matrix& expected, double tolerance) {
  const std::size_t n = expected.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      ASSERT_NEAR(got[i * n + j], static_cast<double>(expected[i][j]), tolerance)
          << "at (" << i << ", " << j << ")";
    }
  }
}

// The sparse graph as a dense matrix, after a check that it is well formed.
template <class T>
std::vector<T> expanded(const Csr<T>& graph, std::size_t n) {
  std::vector<T> out(n * n);
  EXPECT_EQ(graph.indptr.size(), n + 1);
  EXPECT_EQ(graph.indptr.front(), 0);
  EXPECT_EQ(graph.indptr.back(), static_cast<std::int64_t>(graph.indices.size()));
  EXPECT_EQ(graph.indices.size(), graph.data.size());
  for (std::size_t i = 0; i < n; ++i) {
    for (std::int64_t e = graph.indptr[i]; e < graph.indptr[i + 1]; ++e) {
      EXPECT_TRUE(e == graph.indptr[i] || graph.indices[e - 1] < graph.indices[e]);
      EXPECT_NE(graph.indices[e], static_cast<std::int32_t>(i));
      out[i * n + static_cast<std::size_t>(graph.indices[e])] = graph.data[e];
    }
  }
  return out;
}

// ---- Dense graphs ----------------------------------------------------------------------------

template <class T>
void expect_dense(std::size_t n, std::size_t d, bool center) {
  // Centring columns of mean 20 costs some of the last digits.
  auto data = Data<T>::normal(n, d, static_cast<unsigned>(n), center ? 20 : 0.5);
  const double tolerance =
      kTolerance<T> + (center ? 60 * std::numeric_limits<double>::epsilon() : 0);
  if (!center) std::fill(data.row(n / 2), data.row(n / 2) + d, T(0));
  const std::vector<T> got = dense<T>(data.view(), center);
  expect_near(got, reference::dense_graph(data.rows(), center), tolerance);
  for (std::size_t i = 0; i < n; ++i) {
    EXPECT_EQ(got[i * n + i], T(0));
    for (std::size_t j = 0; j < n; ++j) ASSERT_EQ(got[i * n + j], got[j * n + i]);
  }
}

TEST(Graph, DenseAgreesWithTheReference) {
  at_every_level([] {
    for (const std::size_t n : {1, 2, 47, 49, 96, 97, 193}) {
      for (const bool center : {false, true}) {
        expect_dense<float>(n, 5, center);
        expect_dense<double>(n, 5, center);
      }
    }
    expect_dense<float>(20, 1, false);
    expect_dense<float>(20, 513, false);
    expect_dense<double>(20, 513, true);
  });
}

TEST(Graph, DenseReadsAnyTypeAndOrderAndWritesAnyStrides) {
  at_every_level([] {
    const Matrix values = normal_matrix(50, 6, 1);
    for (const ElementType type : kTypes) {
      for (const Order order : kOrders) {
        const Input input(type, order, values);
        const Matrix expected = reference::dense_graph(input.values(), false);
        for (const Order out_order : {Order::fortran, Order::padded, Order::negative}) {
          Output<float> out(50, 50, out_order);
          isogram::dense_graph<float>(input.view(), false, out.view());
          out.expect_exactly_symmetric();
          out.expect_surroundings_untouched();
          std::vector<float> got;
          for (const Vec& row : out.values()) {
            for (const Real x : row) got.push_back(static_cast<float>(x));
          }
          expect_near(got, expected, kTolerance<float>);
        }
      }
    }
  });
}

TEST(Graph, ScaleDoesNotMatter) {
  at_every_level([] {
    auto data = Data<double>::normal(30, 7, 2);
    const std::vector<double> plain = dense<double>(data.view(), true);
    for (const int exponent : {-900, 900}) {
      auto scaled = data;
      for (double& x : scaled.values) x = std::ldexp(x, exponent);
      EXPECT_EQ(dense<double>(scaled.view(), true), plain);
      EXPECT_EQ(isogram::knn_graph<double>(scaled.view(), 3, false, true).indices,
                isogram::knn_graph<double>(data.view(), 3, false, true).indices);
    }
  });
}

// ---- k-NN graphs -----------------------------------------------------------------------------

bool centers_rows(Kernel kernel) {
  return kernel == Kernel::correlation;
}

template <class T>
void expect_nearest(const Data<T>& data, std::size_t k, bool center,
                    Kernel kernel = Kernel::cosine) {
  for (const bool symmetrize : {false, true}) {
    const Csr<T> graph = isogram::knn_graph<T>(data.view(), k, center, symmetrize, kernel);
    const Matrix expected =
        reference::knn_graph(data.rows(), k, center, symmetrize, centers_rows(kernel));
    expect_near(expanded(graph, data.n), expected, kTolerance<T>);
    EXPECT_TRUE(symmetrize || graph.indices.size() == data.n * k);
  }
}

TEST(Graph, NearestAgreesWithTheReference) {
  at_every_level([] {
    for (const std::size_t n : {2, 48, 95, 97, 200}) {
      for (const std::size_t k : {std::size_t{1}, std::size_t{5}, std::size_t{17}, n - 1}) {
        if (k >= n) continue;
        expect_nearest(Data<float>::normal(n, 9, 3), k, false);
        expect_nearest(Data<double>::normal(n, 9, 4, 10), k, true);
        expect_nearest(Data<float>::normal(n, 9, 5, 3), k, true, Kernel::correlation);
        expect_nearest(Data<double>::normal(n, 9, 6, 10), k, false, Kernel::correlation);
      }
    }
  });
}

TEST(Graph, OfCorrelationsAgreesWithTheReference) {
  at_every_level([] {
    const auto data = Data<double>::normal(97, 33, 7, 5);
    for (const bool center : {false, true}) {
      const auto got = dense<double>(data.view(), center, 1, Kernel::correlation);
      expect_near(got, reference::dense_graph(data.rows(), center, true), kTolerance<double>);
    }
  });
}

// Many copies of nine rows, and zero rows: nearly every choice is a tie.
template <class T>
Data<T> repeated_rows(std::size_t n) {
  const auto base = Data<T>::normal(9, 6, 5);
  Data<T> data(n, 6);
  for (std::size_t i = 0; i < n; ++i) {
    if (i % 11 == 10) continue;
    const T* source = base.values.data() + (i * 7 % 9) * 6;
    std::copy(source, source + 6, data.row(i));
  }
  return data;
}

template <class T>
void expect_smaller_columns(std::size_t n, std::size_t k) {
  const Data<T> data = repeated_rows<T>(n);
  const Csr<T> graph = isogram::knn_graph<T>(data.view(), k, false, false);
  // Ties are equal computed entries; the dense graph has the same entries.
  const std::vector<T> full = dense<T>(data.view(), false);
  Matrix computed;
  for (std::size_t i = 0; i < n; ++i) {
    computed.emplace_back(full.begin() + static_cast<std::ptrdiff_t>(i * n),
                          full.begin() + static_cast<std::ptrdiff_t>((i + 1) * n));
  }
  auto expected = reference::nearest(computed, k);
  for (std::size_t i = 0; i < n; ++i) {
    std::sort(expected[i].begin(), expected[i].end());
    const std::vector<std::size_t> got(graph.indices.begin() + graph.indptr[i],
                                       graph.indices.begin() + graph.indptr[i + 1]);
    ASSERT_EQ(got, expected[i]) << "row " << i;
  }
}

TEST(Graph, TiesGoToTheSmallerColumn) {
  at_every_level([] {
    for (const std::size_t k : {1, 4, 30, 150}) {
      expect_smaller_columns<float>(230, k);
      expect_smaller_columns<double>(230, k);
    }
  });
}

TEST(Graph, EqualRowsChooseTheFirstOfTheirLike) {
  at_every_level([] {
    Data<float> data(100, 3);
    std::fill(data.values.begin(), data.values.end(), 1.0F);
    const Csr<float> graph = isogram::knn_graph<float>(data.view(), 2, false, false);
    EXPECT_EQ(std::vector<std::int32_t>(graph.indices.begin(), graph.indices.begin() + 8),
              (std::vector<std::int32_t>{1, 2, 0, 2, 0, 1, 0, 1}));
    EXPECT_EQ(graph.indices[198], 0);
    EXPECT_EQ(graph.indices[199], 1);
  });
}

// One large channel makes all cosines nearly 1.
template <class T>
void expect_nearest_with_a_large_channel(std::size_t n, std::size_t d, std::size_t k, T size) {
  auto data = Data<T>::normal(n, d, static_cast<unsigned>(n + d));
  for (std::size_t i = 0; i < n; ++i) data.row(i)[d / 2] += size;
  const Csr<T> graph = isogram::knn_graph<T>(data.view(), k, false, false);
  auto expected = reference::nearest(reference::dense_graph(data.rows(), false), k);
  for (std::size_t i = 0; i < n; ++i) {
    std::sort(expected[i].begin(), expected[i].end());
    const std::vector<std::size_t> got(graph.indices.begin() + graph.indptr[i],
                                       graph.indices.begin() + graph.indptr[i + 1]);
    ASSERT_EQ(got, expected[i]) << "row " << i << ", channel of " << size;
  }
}

TEST(Graph, NearestOfRowsNearlyAlike) {
  at_every_level([] {
    for (const float size : {30.0F, 300.0F, 3e3F, 3e4F, 3e5F}) {
      expect_nearest_with_a_large_channel<float>(130, 12, 7, size);
      expect_nearest_with_a_large_channel<float>(97, 300, 1, size);
      expect_nearest_with_a_large_channel<double>(97, 30, 4, size);
    }
  });
}

TEST(Graph, SymmetrisedIsExactlySymmetricAndKeepsMutualEdges) {
  at_every_level([] {
    const auto data = Data<float>::normal(150, 12, 8);
    const auto directed = expanded(isogram::knn_graph<float>(data.view(), 6, false, false), 150);
    const auto both = expanded(isogram::knn_graph<float>(data.view(), 6, false, true), 150);
    for (std::size_t i = 0; i < 150; ++i) {
      for (std::size_t j = 0; j < 150; ++j) {
        const float there = directed[i * 150 + j];
        const float back = directed[j * 150 + i];
        EXPECT_EQ(both[i * 150 + j], both[j * 150 + i]);
        EXPECT_EQ(both[i * 150 + j], there != 0 && back != 0 ? there : (there + back) / 2);
      }
    }
  });
}

// ---- Threads ---------------------------------------------------------------------------------

TEST(Graph, IsTheSameForAnyNumberOfThreads) {
  at_every_level([] {
    const auto a = Data<float>::normal(500, 20, 1, 0.3);
    const auto run = [&](int threads) {
      const Csr<float> graph =
          isogram::knn_graph<float>(a.view(), 7, true, true, Kernel::cosine, on_threads(threads));
      std::vector<float> numbers = dense<float>(a.view(), true, threads);
      numbers.insert(numbers.end(), graph.indices.begin(), graph.indices.end());
      numbers.insert(numbers.end(), graph.data.begin(), graph.data.end());
      return numbers;
    };
    const std::vector<float> one = run(1);
    for (const int threads : {2, 3, 8}) EXPECT_EQ(run(threads), one) << threads << " threads";
  });
}

// ---- Errors ----------------------------------------------------------------------------------

TEST(GraphErrors, SayWhatCame) {
  auto data = Data<float>::normal(5, 3, 1);
  const InputView x(data.view(), "x");
  const auto knn_message = [&](std::size_t k) {
    return complaint([&] { isogram::knn_graph<float>(x, k, false, true); });
  };
  EXPECT_EQ(knn_message(0), "`k` must be at least 1 and less than the 5 rows of `x`, got 0");
  EXPECT_EQ(knn_message(5), "`k` must be at least 1 and less than the 5 rows of `x`, got 5");

  std::vector<float> out(20);
  EXPECT_EQ(complaint([&] { isogram::dense_graph<float>(x, false, {out.data(), 5, 4}); }),
            "`out` must be 5 x 5, got 5 x 4");
  EXPECT_EQ(complaint([&] { isogram::knn_graph<float>(x, 2, false, true, Kernel::linear); }),
            "`kernel` must be cosine or correlation");

  data.row(3)[2] = std::numeric_limits<float>::infinity();
  data.row(4)[0] = std::numeric_limits<float>::quiet_NaN();
  for (const bool center : {false, true}) {
    EXPECT_EQ(complaint([&] { isogram::knn_graph<float>(x, 2, center, true); }),
              "`x` must be finite, got inf at index (3, 2)");
  }
}

}  // namespace
