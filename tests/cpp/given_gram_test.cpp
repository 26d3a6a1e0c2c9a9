// Gram matrices that are given in place of features.
#include "tiles/given_gram.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "isogram/cka.hpp"
#include "isogram/error.hpp"
#include "isogram/gbs.hpp"
#include "isogram_reference/cka.hpp"
#include "isogram_reference/compare.hpp"
#include "isogram_reference/graph.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
namespace reference = isogram_reference;
using isogram::Estimator;
using isogram::Execution;

constexpr Order kMatrixOrders[] = {Order::c, Order::fortran, Order::padded, Order::negative};

Matrix gram_matrix(std::size_t n, unsigned seed) {
  const Matrix x = mixed_matrix(normal_matrix(n, 3, 1), 7, seed, 0.5);
  return reference::gram(x, x, {});
}

double eps_of(ElementType type) {
  constexpr double kEps[] = {0x1p-10, 0x1p-7, eps<float>(), eps<double>()};
  return kEps[static_cast<int>(type)];
}

// The graph of cosines, or the symmetrised one of the k nearest.
Matrix graph_of(const Matrix& gram, std::size_t k, bool center) {
  const Matrix inner = center ? reference::double_centered(gram) : gram;
  const std::size_t n = inner.size();
  Matrix full(n, Vec(n));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i != j) full[i][j] = inner[i][j] / std::sqrt(inner[i][i] * inner[j][j]);
    }
  }
  if (k == 0) return full;
  Matrix graph(n, Vec(n));
  const auto chosen = reference::nearest(full, k);
  for (std::size_t i = 0; i < n; ++i) {
    for (const std::size_t j : chosen[i]) {
      graph[i][j] += full[i][j] / 2;
      graph[j][i] += full[i][j] / 2;
    }
  }
  return graph;
}

double hsic_by_formula(const Matrix& k, const Matrix& l, Estimator estimator) {
  return static_cast<double>(reference::hsic(k, l, estimator));
}

double mean_row_cosine(const Matrix& a, const Matrix& b) {
  return static_cast<double>(reference::mean_row_cosine(a, b));
}

isogram::HsicTable hsic_of(const std::vector<Input>& x, const std::vector<Input>& y,
                           Estimator estimator, int num_threads = 1) {
  return isogram::hsic_table_of_grams(views_of(x), views_of(y), estimator,
                                      Execution{num_threads, {}});
}

isogram::GbsTable gbs_of(const std::vector<Input>& x, const std::vector<Input>& y, std::size_t k,
                         bool center, int num_threads = 1) {
  return isogram::gbs_table_of_grams(views_of(x), views_of(y), k, center,
                                     Execution{num_threads, {}});
}

TEST(GivenGram, HsicOfEverySizeTypeAndOrder) {
  for (const std::size_t n : {2, 4, 5, 96, 97, 200}) {
    for (const ElementType type : kTypes) {
      for (const Order order : kMatrixOrders) {
        const std::vector<Input> x{{type, order, gram_matrix(n, 2)},
                                   {type, order, gram_matrix(n, 3)}};
        const std::vector<Input> y{{type, Order::c, gram_matrix(n, 4)}};
        for (const Estimator estimator : {Estimator::biased, Estimator::debiased}) {
          if (n < 4 && estimator == Estimator::debiased) continue;
          SCOPED_TRACE(std::to_string(n) + name_of(type) + name_of(order));
          at_every_level([&] {
            const isogram::HsicTable table = hsic_of(x, y, estimator);
            const Matrix l = y[0].values();
            const double self_l = hsic_by_formula(l, l, estimator);
            EXPECT_NEAR(table.self_y[0], self_l, 1e-11 * self_l);
            for (std::size_t i = 0; i < x.size(); ++i) {
              const Matrix k = x[i].values();
              const double self_k = hsic_by_formula(k, k, estimator);
              const double cross = hsic_by_formula(k, l, estimator);
              const double norms = std::sqrt(self_k * self_l);
              EXPECT_NEAR(table.self_x[i], self_k, 1e-11 * self_k);
              EXPECT_NEAR(table.hsic[i], cross, 1e-11 * norms);
              EXPECT_NEAR(table.cka[i], cross / norms, 1e-11);
            }
          });
        }
      }
    }
  }
}

TEST(GivenGram, GbsOfEverySizeTypeAndOrder) {
  for (const std::size_t n : {2, 5, 97, 200}) {
    for (const ElementType type : kTypes) {
      for (const Order order : kMatrixOrders) {
        const std::vector<Input> x{{type, order, gram_matrix(n, 2)},
                                   {type, order, gram_matrix(n, 3)}};
        for (const std::size_t k : {std::size_t{0}, std::size_t{1}, n - 1}) {
          for (const bool center : {false, true}) {
            if (n == 2 && center) continue;
            SCOPED_TRACE(std::to_string(n) + name_of(type) + name_of(order));
            const double expected = mean_row_cosine(graph_of(x[0].values(), k, center),
                                                    graph_of(x[1].values(), k, center));
            at_every_level([&] {
              const isogram::GbsTable table = gbs_of(x, {}, k, center);
              EXPECT_NEAR(table.gbs[1], expected, 1e-11);
              EXPECT_EQ(table.gbs[2], table.gbs[1]);
              EXPECT_NEAR(table.gbs[0], 1, 1e-14);
              EXPECT_EQ(table.isolated_x, (std::vector<std::size_t>{0, 0}));
            });
          }
        }
      }
    }
  }
}

TEST(GivenGram, BitsOfAnyNumberOfThreads) {
  const std::size_t n = 700;
  const std::vector<Input> x{{ElementType::float32, Order::c, gram_matrix(n, 2)},
                             {ElementType::float64, Order::fortran, gram_matrix(n, 3)}};
  const isogram::HsicTable one = hsic_of(x, {}, Estimator::debiased);
  for (const int threads : {2, 5}) {
    EXPECT_EQ(hsic_of(x, {}, Estimator::debiased, threads).hsic, one.hsic);
    for (const std::size_t k : {0, 4}) {
      EXPECT_EQ(gbs_of(x, {}, k, true, threads).gbs, gbs_of(x, {}, k, true).gbs);
    }
  }
}

// An offset, or a sample of huge norm, comes off before entries are multiplied.
TEST(GivenGram, KeepsDigits) {
  Matrix k = gram_matrix(150, 2);
  Matrix l = gram_matrix(150, 3);
  for (Vec& row : k) {
    for (Real& entry : row) entry += 1e6;
  }
  for (std::size_t i = 0; i < l.size(); ++i) {
    for (std::size_t j = 0; j < l.size(); ++j) l[i][j] *= (i == 7 ? 1e6L : 1) * (j == 7 ? 1e6L : 1);
  }
  const std::vector<Input> x{{ElementType::float64, Order::c, k}};
  const std::vector<Input> y{{ElementType::float64, Order::c, l}};
  for (const Estimator estimator : {Estimator::biased, Estimator::debiased}) {
    const Matrix a = x[0].values();
    const Matrix b = y[0].values();
    const double norms =
        std::sqrt(hsic_by_formula(a, a, estimator) * hsic_by_formula(b, b, estimator));
    const double expected = hsic_by_formula(a, b, estimator) / norms;
    EXPECT_NEAR(hsic_of(x, y, estimator).cka[0], expected, 1e-9);
  }
}

TEST(GivenGram, MeansOfEntriesThatRoundingMakesUnequal) {
  for (const ElementType type : kTypes) {
    for (const Order order : kMatrixOrders) {
      Matrix k = gram_matrix(120, 2);
      k[3][100] *= 1 + 2 * eps_of(type);
      const Input noisy(type, order, k);
      Matrix mean = noisy.values();
      for (std::size_t i = 0; i < mean.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
          mean[i][j] = mean[j][i] = (mean[i][j] + mean[j][i]) / 2;
        }
      }
      const std::vector<Input> other{{ElementType::float64, Order::c, gram_matrix(120, 3)}};
      const Matrix l = other[0].values();
      const double expected = hsic_by_formula(mean, l, Estimator::debiased);
      EXPECT_NEAR(hsic_of({noisy}, other, Estimator::debiased).hsic[0], expected,
                  1e-11 * std::abs(expected));
      EXPECT_NEAR(gbs_of({noisy}, other, 0, true).gbs[0],
                  mean_row_cosine(graph_of(mean, 0, true), graph_of(l, 0, true)), 1e-11);
    }
  }
}

TEST(GivenGram, Isolated) {
  Matrix k = gram_matrix(120, 2);
  for (std::size_t i = 0; i < k.size(); ++i) k[i][5] = k[5][i] = 0;
  const std::vector<Input> x{{ElementType::float32, Order::c, k}};
  EXPECT_EQ(gbs_of(x, {}, 0, false).isolated_x, std::vector<std::size_t>{1});
  EXPECT_NEAR(gbs_of(x, {}, 0, false).gbs[0], 119.0 / 120, 1e-12);
}

TEST(GivenGram, ConstantMatricesHaveNoHsic) {
  for (const double value : {0.0, 0.1, 1e200}) {
    const std::vector<Input> x{{ElementType::float64, Order::c, Matrix(120, Vec(120, value))},
                               {ElementType::float64, Order::c, gram_matrix(120, 3)}};
    for (const Estimator estimator : {Estimator::biased, Estimator::debiased}) {
      const isogram::HsicTable table = hsic_of(x, {}, estimator);
      EXPECT_EQ(table.hsic[0], 0);
      EXPECT_EQ(table.hsic[1], 0);
      EXPECT_TRUE(std::isnan(table.cka[1]));
      EXPECT_EQ(table.cka[3], 1);
    }
  }
}

TEST(GivenGram, RefusesWhatIsNone) {
  const Matrix k = gram_matrix(100, 2);
  const auto refused = [](const Matrix& matrix) {
    const std::vector<Input> x{{ElementType::float64, Order::c, matrix, "k"}};
    return complaint([&] { hsic_of(x, {}, Estimator::biased); });
  };
  Matrix bad = k;
  for (Vec& row : bad) row.pop_back();
  EXPECT_EQ(refused(bad), "`k` must be a Gram matrix, square, got shape (100, 99)");
  bad = k;
  bad[98][3] = 0.5;
  bad[3][98] = 0.25;
  EXPECT_EQ(refused(bad),
            "`k` must be a Gram matrix, symmetric, got 0.25 at (3, 98) and 0.5 at (98, 3)");
  for (const double value : {double(INFINITY), double(NAN)}) {
    bad = k;
    bad[98][3] = value;
    expect_contains(refused(bad), "`k` must be finite, got ");
    expect_contains(refused(bad), "at index (98, 3)");
    bad[3][98] = value;
    expect_contains(refused(bad), "at index (3, 98)");
  }
  for (const double value : {0.0, -1.0}) {
    bad = k;
    bad[5][5] = value;
    const std::vector<Input> x{{ElementType::float64, Order::c, bad, "k"}};
    expect_contains(complaint([&] { gbs_of(x, {}, 0, false); }), "with the squared norms");
  }
  const std::vector<Input> x{{ElementType::float64, Order::c, k, "k"}};
  expect_contains(complaint([&] { hsic_of({}, {}, Estimator::biased); }), "at least one layer");
  expect_contains(complaint([&] { gbs_of(x, {}, 100, false); }), "`k` must be at least 1");
  const std::vector<Input> y{{ElementType::float64, Order::c, gram_matrix(99, 3), "l"}};
  expect_contains(complaint([&] { hsic_of(x, y, Estimator::biased); }), "`l` must have 100 rows");
  expect_contains(complaint([&] { gbs_of(x, y, 0, false); }), "`l` must have 100 rows");
}

TEST(GivenGram, CanBeInterrupted) {
  const std::vector<Input> x{{ElementType::float32, Order::c, gram_matrix(300, 2)}};
  const Execution stopped{1, [](std::size_t, std::size_t) { return false; }};
  EXPECT_THROW(isogram::hsic_table_of_grams(views_of(x), {}, Estimator::biased, stopped),
               isogram::Interrupted);
  EXPECT_THROW(isogram::gbs_table_of_grams(views_of(x), {}, 3, true, stopped),
               isogram::Interrupted);
}

}  // namespace
