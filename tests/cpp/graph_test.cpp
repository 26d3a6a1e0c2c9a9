#include "isogram/graph.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "isogram/error.hpp"
#include "isogram_reference/graph.hpp"
#include "support.hpp"

namespace {

namespace reference = isogram_reference;
using isogram::Csr;
using isogram::InputView;
using isogram::MatrixView;
using namespace isogram_test;

// Of a cosine: the rounding of packed features and of a dot product in short panels.
template <class T>
constexpr double kTolerance = 8 * std::numeric_limits<T>::epsilon();

isogram::Execution on_threads(int count) {
  isogram::Execution execution;
  execution.num_threads = count;
  return execution;
}

// Rows of T, and the same numbers widened for the reference.
template <class T>
struct Data {
  Data(std::size_t rows, std::size_t cols) : values(rows * cols), n(rows), d(cols) {}

  static Data normal(std::size_t rows, std::size_t cols, unsigned seed, double mean = 0) {
    Data data(rows, cols);
    std::mt19937 random(seed);
    std::normal_distribution<double> distribution(mean, 1);
    for (T& x : data.values) x = static_cast<T>(distribution(random));
    return data;
  }

  T* row(std::size_t i) { return values.data() + i * d; }
  MatrixView<const T> view() const { return {values.data(), n, d}; }
  Matrix rows() const {
    Matrix result;
    for (std::size_t i = 0; i < n; ++i) {
      result.emplace_back(values.data() + i * d, values.data() + (i + 1) * d);
    }
    return result;
  }

  std::vector<T> values;
  std::size_t n;
  std::size_t d;
};

template <class T>
std::vector<T> dense(const InputView& x, bool center, int threads = 1) {
  std::vector<T> out(x.rows * x.rows, T(7));
  isogram::dense_graph<T>(x, center, {out.data(), x.rows, x.rows}, on_threads(threads));
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

// The sparse graph written out, after checking that it is well formed.
template <class T>
std::vector<T> expanded(const Csr<T>& graph, std::size_t n) {
  std::vector<T> out(n * n);
  EXPECT_EQ(graph.indptr.size(), n + 1);
  EXPECT_EQ(graph.indptr.front(), 0);
  EXPECT_EQ(graph.indptr.back(), static_cast<std::int64_t>(graph.indices.size()));
  EXPECT_EQ(graph.indices.size(), graph.values.size());
  for (std::size_t i = 0; i < n; ++i) {
    for (std::int64_t e = graph.indptr[i]; e < graph.indptr[i + 1]; ++e) {
      EXPECT_TRUE(e == graph.indptr[i] || graph.indices[e - 1] < graph.indices[e]);
      EXPECT_NE(graph.indices[e], static_cast<std::int32_t>(i));
      out[i * n + static_cast<std::size_t>(graph.indices[e])] = graph.values[e];
    }
  }
  return out;
}

// ---- Dense graphs ----------------------------------------------------------------------------

template <class T>
void expect_dense(std::size_t n, std::size_t d, bool center) {
  // Columns of mean 20 lose some of the last digits of what is left of them.
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
    const std::vector<std::int64_t> labels(30, 1);
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

template <class T>
void expect_nearest(const Data<T>& data, std::size_t k, bool center) {
  for (const bool symmetrize : {false, true}) {
    const Csr<T> graph = isogram::knn_graph<T>(data.view(), k, center, symmetrize);
    expect_near(expanded(graph, data.n), reference::knn_graph(data.rows(), k, center, symmetrize),
                kTolerance<T>);
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
      }
    }
  });
}

// Nine rows, each many times over, and zero rows: nearly every choice is a tie.
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
  // Computed entries decide what is a tie; the dense graph holds the same ones.
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

// One channel makes all cosines nearly 1: by less and less.
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

// ---- Similarity of graphs --------------------------------------------------------------------

template <class T>
constexpr double kGbsTolerance = 32 * std::numeric_limits<T>::epsilon();

template <class T>
void expect_gbs(std::size_t n, std::size_t k, bool center) {
  std::vector<Data<T>> data;
  for (const std::size_t d : {4, 30, 7}) {
    data.push_back(Data<T>::normal(n, d, static_cast<unsigned>(d), center ? 10 : 0.2));
  }
  if (!center) std::fill(data[1].row(n / 3), data[1].row(n / 3) + data[1].d, T(0));
  const std::vector<InputView> layers{data[0].view(), data[1].view(), data[2].view()};
  const std::vector<double> own = isogram::gbs_table(layers, k, center).gbs;
  const std::vector<double> cross =
      isogram::gbs_table(layers, std::vector<InputView>{layers[2], layers[1]}, k, center).gbs;
  ASSERT_EQ(own.size(), 9);
  ASSERT_EQ(cross.size(), 6);
  for (std::size_t a = 0; a < 3; ++a) {
    for (std::size_t b = 0; b < 3; ++b) {
      const auto expected =
          static_cast<double>(reference::gbs(data[a].rows(), data[b].rows(), k, center));
      EXPECT_NEAR(own[a * 3 + b], expected, kGbsTolerance<T>) << n << ", " << k;
      EXPECT_EQ(own[a * 3 + b], own[b * 3 + a]);
    }
    EXPECT_EQ(cross[a * 2 + 0], own[a * 3 + 2]);
    EXPECT_EQ(cross[a * 2 + 1], own[a * 3 + 1]);
  }
}

TEST(Graph, GbsAgreesWithTheReference) {
  at_every_level([] {
    for (const std::size_t n : {6, 48, 97, 130}) {
      for (const std::size_t k : {0, 1, 5}) {
        for (const bool center : {false, true}) {
          expect_gbs<float>(n, k, center);
          expect_gbs<double>(n, k, center);
        }
      }
    }
  });
}

TEST(Graph, GbsIsExactlyOneWithItselfAndWithItsMultiple) {
  at_every_level([] {
    const auto data = Data<float>::normal(120, 8, 3, 1);
    auto scaled = data;
    for (std::size_t i = 0; i < data.n; ++i) {
      for (std::size_t j = 0; j < data.d; ++j)
        scaled.row(i)[j] *= std::exp2f(static_cast<float>(i));
    }
    for (const std::size_t k : {0, 3}) {
      const std::vector<InputView> layers{data.view(), scaled.view()};
      EXPECT_EQ(isogram::gbs_table(layers, k, false).gbs, std::vector<double>(4, 1.0));
    }
  });
}

TEST(Graph, ZeroRowsCountZero) {
  at_every_level([] {
    Data<float> data(4, 2);
    data.values = {1, 0, 1, 0, 0, 0, 0, 1};
    const std::vector<InputView> layers{data.view()};
    // Rows 0 and 1 see each other; rows 2 (zero) and 3 (orthogonal to all) have zero edges only.
    const std::vector<std::size_t> isolated{2};
    EXPECT_EQ(isogram::gbs_table(layers, 0, false).gbs[0], 0.5);
    EXPECT_EQ(isogram::gbs_table(layers, 0, false).isolated_x, isolated);
    EXPECT_EQ(isogram::gbs_table(layers, 2, false).gbs[0], 0.5);
    EXPECT_EQ(isogram::gbs_table(layers, 2, false).isolated_y, isolated);
  });
}

TEST(Graph, MixedTypesAreComputedInTheWidest) {
  at_every_level([] {
    const auto narrow = Data<float>::normal(60, 5, 1);
    const auto wide = Data<double>::normal(60, 6, 2);
    const std::vector<InputView> layers{narrow.view(), wide.view()};
    const std::vector<double> table = isogram::gbs_table(layers, 0, false).gbs;
    const auto expected = static_cast<double>(reference::gbs(narrow.rows(), wide.rows(), 0, false));
    EXPECT_NEAR(table[1], expected, kGbsTolerance<double>);
  });
}

// ---- Threads ---------------------------------------------------------------------------------

TEST(Graph, IsTheSameForAnyNumberOfThreads) {
  at_every_level([] {
    const auto a = Data<float>::normal(500, 20, 1, 0.3);
    const auto b = Data<float>::normal(500, 11, 2, 0.3);
    const std::vector<InputView> layers{a.view(), b.view()};
    std::vector<std::int64_t> labels(500);
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i % 3);
    const auto run = [&](int threads) {
      std::vector<double> numbers;
      for (const std::size_t k : {0, 5}) {
        const std::vector<double> gbs =
            isogram::gbs_table(layers, k, true, on_threads(threads)).gbs;
        for (const double x : gbs) {
          numbers.push_back(x);
        }
      }
      const Csr<float> graph =
          isogram::knn_graph<float>(a.view(), 7, true, true, on_threads(threads));
      numbers.insert(numbers.end(), graph.indices.begin(), graph.indices.end());
      numbers.insert(numbers.end(), graph.values.begin(), graph.values.end());
      const std::vector<float> full = dense<float>(a.view(), true, threads);
      numbers.insert(numbers.end(), full.begin(), full.end());
      for (const std::int64_t count : isogram::motifs(a.view(), labels, 5, on_threads(threads))) {
        numbers.push_back(static_cast<double>(count));
      }
      return numbers;
    };
    const std::vector<double> one = run(1);
    for (const int threads : {2, 3, 8}) EXPECT_EQ(run(threads), one) << threads << " threads";
  });
}

TEST(Graph, LongCallsCanBeInterrupted) {
  at_every_level([] {
    const auto data = Data<double>::normal(3000, 700, 1);
    isogram::Execution execution;
    int calls = 0;
    execution.poll = [&](std::size_t, std::size_t) { return ++calls < 2; };
    const std::vector<InputView> layers{data.view(), data.view()};
    EXPECT_THROW(isogram::gbs_table(layers, 0, true, execution), isogram::Interrupted);
  });
}

// ---- Classes ---------------------------------------------------------------------------------

// Clusters, so that some triangles touch one class and some more.
template <class T>
Data<T> clusters(std::size_t n, std::vector<std::int64_t>& labels) {
  auto data = Data<T>::normal(n, 5, 21);
  labels.clear();
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t cluster = i % 4;
    data.row(i)[cluster] += T(2);
    labels.push_back(static_cast<std::int64_t>(cluster) * 1000 - 7);
  }
  return data;
}

template <class T>
void expect_classes(std::size_t n, std::size_t k) {
  std::vector<std::int64_t> labels;
  const Data<T> data = clusters<T>(n, labels);
  EXPECT_NEAR(isogram::modularity(data.view(), labels, k),
              static_cast<double>(reference::modularity(data.rows(), labels, k)), kGbsTolerance<T>);
  EXPECT_EQ(isogram::motifs(data.view(), labels, k), reference::motifs(data.rows(), labels, k));
}

TEST(Graph, ClassesAgreeWithTheReference) {
  at_every_level([] {
    for (const std::size_t k : {1, 3, 9}) {
      expect_classes<float>(110, k);
      expect_classes<double>(60, k);
    }
    expect_classes<float>(20, 19);
  });
}

TEST(Graph, ModularityWithoutEdgesIsUndefined) {
  at_every_level([] {
    const Data<float> zero(5, 2);
    EXPECT_TRUE(std::isnan(isogram::modularity(zero.view(), std::vector<std::int64_t>(5), 2)));
  });
}

TEST(Graph, OneClassHasNoModularityAndOnlyMotifsOfOne) {
  at_every_level([] {
    const auto data = Data<double>::normal(40, 3, 2, 1);
    const std::vector<std::int64_t> labels(40, -3);
    EXPECT_NEAR(isogram::modularity(data.view(), labels, 4), 0.0, 1e-15);
    const auto counts = isogram::motifs(data.view(), labels, 39);
    EXPECT_EQ(counts, (std::array<std::int64_t, 3>{40 * 39 * 38 / 6, 0, 0}));
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

  const std::vector<std::int64_t> labels(4);
  EXPECT_EQ(complaint([&] { isogram::modularity(x, labels, 2); }),
            "`labels` must have 5 entries, one for each row of `x`, got 4");
  EXPECT_EQ(complaint([&] { isogram::motifs(x, labels, 2); }),
            "`labels` must have 5 entries, one for each row of `x`, got 4");

  std::vector<float> out(20);
  EXPECT_EQ(complaint([&] { isogram::dense_graph<float>(x, false, {out.data(), 5, 4}); }),
            "`out` must be 5 x 5, got 5 x 4");

  data.row(3)[2] = std::numeric_limits<float>::infinity();
  data.row(4)[0] = std::numeric_limits<float>::quiet_NaN();
  for (const bool center : {false, true}) {
    EXPECT_EQ(complaint([&] { isogram::knn_graph<float>(x, 2, center, true); }),
              "`x` must be finite, got inf at index (3, 2)");
  }
}

TEST(GraphErrors, NameTheLayer) {
  const auto a = Data<float>::normal(5, 3, 1);
  const auto b = Data<float>::normal(4, 3, 1);
  const InputView first(a.view(), "layers[0]");
  const InputView short_one(b.view(), "layers[2]");
  const InputView single(MatrixView<const float>(a.values.data(), 1, 3), "layers[0]");
  const InputView empty(MatrixView<const float>(a.values.data(), 5, 0), "layers[1]");
  const auto message = [](const std::vector<InputView>& layers, std::size_t k) {
    return complaint([&] { isogram::gbs_table(layers, k, false); });
  };
  EXPECT_EQ(message({first, first, short_one}, 0),
            "`layers[2]` must have 5 rows like `layers[0]`, got 4");
  EXPECT_EQ(message({single}, 0), "`layers[0]` must have at least 2 rows, got 1");
  EXPECT_EQ(message({first, empty}, 0),
            "`layers[1]` must have at least one row and one column, got 5 x 0");
  EXPECT_EQ(message({first}, 5),
            "`k` must be at least 1 and less than the 5 rows of `layers[0]`, got 5");
  EXPECT_EQ(message({}, 0), "`layers` must have at least one layer, got none");
  EXPECT_EQ(complaint([&] { isogram::gbs_table(std::vector<InputView>{first}, {}, 0, false); }),
            "`other` must have at least one layer, got none");
}

}  // namespace
