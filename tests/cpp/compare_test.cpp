#include "isogram/compare.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "flat.hpp"
#include "isogram_reference/compare.hpp"
#include "ranks/merge_sort.hpp"
#include "support.hpp"

namespace {

namespace reference = isogram_reference;
using isogram::Comparison;
using isogram::InputView;
using isogram::MatrixView;
using namespace isogram_test;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kEps = std::numeric_limits<double>::epsilon();

constexpr Comparison kAllMethods[] = {Comparison::pearson, Comparison::spearman,
                                      Comparison::kendall, Comparison::cosine,
                                      Comparison::cka,     Comparison::gbs};

// Over all pairs of entries: a matrix with ties has less than 1 with itself.
constexpr Comparison kOfAllPairs[] = {Comparison::kendall_a, Comparison::rho_a};
constexpr Comparison kOfTriangles[] = {Comparison::pearson,   Comparison::spearman,
                                       Comparison::kendall,   Comparison::cosine,
                                       Comparison::kendall_a, Comparison::rho_a};

Matrix symmetric(std::size_t n, unsigned seed) {
  Matrix k = normal_matrix(n, n, seed);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) k[i][j] = k[j][i];
  }
  return k;
}

template <class Change>
Matrix changed(Matrix k, Change change) {
  for (Vec& row : k) {
    for (Real& x : row) x = change(static_cast<double>(x));
  }
  return k;
}

// A pair of matrices that agree partly, and have ties when rounded to `step`.
std::pair<Matrix, Matrix> related(std::size_t n, unsigned seed, double step = 0) {
  const Matrix a = symmetric(n, seed);
  Matrix b = symmetric(n, seed + 1);
  const auto rounded = [](Real x) { return static_cast<double>(x); };
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) b[i][j] = rounded(0.6L * a[i][j] + 0.8L * b[i][j]);
  }
  if (step == 0) return {a, b};
  const auto coarse = [step](double x) { return std::round(x / step) * step; };
  return {changed(a, coarse), changed(b, coarse)};
}

Real expected(const Matrix& a, const Matrix& b, Comparison method) {
  switch (method) {
    case Comparison::cka:
      return reference::cka(a, b);
    case Comparison::gbs:
      return reference::mean_row_cosine(a, b);
    case Comparison::spearman:
      return reference::spearman(reference::triangle(a), reference::triangle(b));
    case Comparison::kendall:
      return reference::kendall(reference::triangle(a), reference::triangle(b));
    case Comparison::kendall_a:
      return reference::kendall_a(reference::triangle(a), reference::triangle(b));
    case Comparison::rho_a:
      return reference::rho_a(reference::triangle(a), reference::triangle(b));
    case Comparison::cosine:
      return reference::cosine_of(reference::triangle(a), reference::triangle(b));
    default:
      return reference::pearson(reference::triangle(a), reference::triangle(b));
  }
}

double compared(const Matrix& a, const Matrix& b, Comparison method, int threads = 1) {
  const auto of_a = flat(a);
  const auto of_b = flat(b);
  return isogram::compare({view(of_a, a.size()), "a"}, {view(of_b, b.size()), "b"}, method,
                          on_threads(threads));
}

TEST(Compare, AgreesWithTheReference) {
  at_every_level([] {
    for (const std::size_t n : {4, 5, 16, 33}) {
      for (const double step : {0.0, 0.5}) {
        const auto [a, b] = related(n, static_cast<unsigned>(n), step);
        for (const Comparison method : kAllMethods) {
          EXPECT_NEAR(compared(a, b, method), static_cast<double>(expected(a, b, method)),
                      100 * kEps)
              << "n = " << n << ", step = " << step << ", method " << static_cast<int>(method);
        }
      }
    }
  });
}

TEST(Compare, RanksEntriesOfOneMatrix) {
  at_every_level([] {
    for (const std::size_t n : {3, 5, 33, 100}) {
      for (const double step : {0.0, 0.5}) {
        const auto [a, b] = related(n, static_cast<unsigned>(n), step);
        const auto flat_a = flat(a);
        std::vector<double> ranks(n * (n - 1) / 2);
        isogram::rank_entries({view(flat_a, n), "a"}, ranks.data(), on_threads(3));
        const auto expected = reference::average_ranks(reference::triangle(a));
        for (std::size_t i = 0; i < ranks.size(); ++i) {
          ASSERT_EQ(ranks[i], static_cast<double>(expected[i])) << "n = " << n << ", place " << i;
        }
      }
    }
  });
}

TEST(Compare, ThreeRowsAreEnoughButForCka) {
  at_every_level([] {
    const auto [a, b] = related(3, 7);
    for (const Comparison method : kAllMethods) {
      if (method == Comparison::cka) continue;
      EXPECT_NEAR(compared(a, b, method), static_cast<double>(expected(a, b, method)), 100 * kEps);
    }
  });
}

TEST(Compare, IsOneWithItselfAndMinusOneWithItsNegative) {
  at_every_level([] {
    const auto [a, unused] = related(40, 3, 0.25);
    const Matrix negative = changed(a, [](double x) { return -x; });
    for (const Comparison method : kAllMethods) {
      EXPECT_EQ(compared(a, a, method), 1.0);
      EXPECT_EQ(compared(a, negative, method), -1.0);
    }
  });
}

TEST(Compare, NeitherHugeNorTinyScalesNorAnOffsetMatter) {
  at_every_level([] {
    const auto [a, b] = related(20, 5);
    for (const Comparison method : kAllMethods) {
      const double plain = compared(a, b, method);
      for (const int exponent : {-1000, -700, 700, 1000}) {
        const auto scaled = [exponent](double x) { return std::ldexp(x, exponent); };
        EXPECT_NEAR(compared(changed(a, scaled), b, method), plain, 100 * kEps) << exponent;
        EXPECT_NEAR(compared(b, changed(a, scaled), method), plain, 100 * kEps) << exponent;
      }
      if (method == Comparison::cosine || method == Comparison::gbs) continue;
      const Matrix offset = changed(a, [](double x) { return x + 1e6; });
      EXPECT_NEAR(compared(offset, b, method), plain, 1e6 * 10 * kEps);
      EXPECT_NEAR(compared(offset, offset, method), 1.0, kEps);
    }
  });
}

TEST(Compare, ConstantTrianglesAreUndefined) {
  at_every_level([] {
    const Matrix k = symmetric(6, 1);
    // 0.1 has no exact mean in float64: the constant must be found exactly.
    const Matrix constant = changed(k, [](double) { return 0.1; });
    const Matrix zero = changed(k, [](double) { return 0.0; });
    for (const Comparison method :
         {Comparison::pearson, Comparison::spearman, Comparison::kendall, Comparison::cka}) {
      EXPECT_TRUE(std::isnan(compared(k, constant, method)));
      EXPECT_TRUE(std::isnan(compared(constant, k, method)));
    }
    EXPECT_TRUE(std::isnan(compared(k, zero, Comparison::cosine)));
    EXPECT_FALSE(std::isnan(compared(k, constant, Comparison::cosine)));
    EXPECT_EQ(compared(k, zero, Comparison::gbs), 0.0);
  });
}

TEST(Compare, CkaIsUndefinedWhereCentringLeavesNothing) {
  at_every_level([] {
    const Matrix k = symmetric(12, 2);
    Matrix additive = k;
    for (std::size_t i = 0; i < k.size(); ++i) {
      for (std::size_t j = 0; j < k.size(); ++j) {
        additive[i][j] = std::sqrt(static_cast<double>(i)) + std::sqrt(static_cast<double>(j));
      }
    }
    EXPECT_TRUE(std::isnan(compared(k, additive, Comparison::cka)));
  });
}

TEST(Compare, OnlyTheUpperTriangleCounts) {
  at_every_level([] {
    const auto [a, b] = related(10, 9);
    Matrix lower = a;
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (std::size_t j = 0; j <= i; ++j) lower[i][j] = 17 * static_cast<Real>(j);
    }
    for (const Comparison method :
         {Comparison::pearson, Comparison::spearman, Comparison::kendall, Comparison::cosine}) {
      EXPECT_EQ(compared(lower, b, method), compared(a, b, method));
    }
    for (const Comparison method : {Comparison::cka, Comparison::gbs}) {
      Matrix diagonal = a;
      for (std::size_t i = 0; i < a.size(); ++i) diagonal[i][i] = 1e9;
      EXPECT_EQ(compared(diagonal, b, method), compared(a, b, method));
    }
  });
}

TEST(Compare, ReadsAnyStridesAndTypes) {
  at_every_level([] {
    const auto [a, b] = related(19, 4);
    const auto of_a = flat<float>(a);
    const auto of_b = flat<float>(b);
    std::vector<float> wide(2 * 19 * 19);
    for (std::size_t i = 0; i < of_a.size(); ++i) wide[2 * i] = of_a[i];
    const MatrixView<const float> strided(wide.data(), 19, 19, 38, 2);
    const MatrixView<const float> backwards(of_a.data() + 18, 19, 19, 19, -1);
    EXPECT_EQ(isogram::compare(strided, view(of_b, 19), Comparison::pearson),
              isogram::compare(view(of_a, 19), view(of_b, 19), Comparison::pearson));
    Matrix reversed = a;
    for (auto& row : reversed) std::reverse(row.begin(), row.end());
    const auto of_reversed = flat<float>(reversed);
    EXPECT_EQ(isogram::compare(backwards, view(of_b, 19), Comparison::kendall),
              isogram::compare(view(of_reversed, 19), view(of_b, 19), Comparison::kendall));
  });
}

// 500 rows: the triangle spans several tasks of the sort.
TEST(Compare, IsTheSameForAnyNumberOfThreads) {
  at_every_level([] {
    const auto [a, b] = related(500, 11, 0.125);
    for (const Comparison method : kAllMethods) {
      const double one = compared(a, b, method, 1);
      for (const int threads : {2, 3, 7}) EXPECT_EQ(compared(a, b, method, threads), one);
    }
  });
}

TEST(CompareErrors, SayWhatCame) {
  const Matrix k = symmetric(4, 1);
  const auto values = flat(k);
  const InputView square(view(values, 4), "rsm_a");
  const InputView oblong({view(values, 2), "rsm_a"});
  const InputView small(MatrixView<const double>(values.data(), 3, 3), "rsm_b");
  const InputView pair(MatrixView<const double>(values.data(), 2, 2), "rsm_a");
  const auto message = [](const InputView& a, const InputView& b, Comparison method) {
    return complaint([&] { isogram::compare(a, b, method); });
  };
  EXPECT_EQ(message(oblong, square, Comparison::pearson), "`rsm_a` must be square, got 2 x 8");
  EXPECT_EQ(message(square, small, Comparison::cka),
            "`rsm_b` must be 4 x 4 like `rsm_a`, got 3 x 3");
  EXPECT_EQ(message(pair, pair, Comparison::gbs), "`rsm_a` must have at least 3 rows, got 2");
  EXPECT_EQ(message(small, small, Comparison::cka), "`rsm_b` must have at least 4 rows, got 3");
  for (const Comparison method : kAllMethods) {
    auto bad = values;
    bad[6] = kNan;
    bad[11] = kNan;
    const bool is_of_rows = method == Comparison::cka || method == Comparison::gbs;
    EXPECT_EQ(message(square, {view(bad, 4), "rsm_b"}, method),
              std::string("`rsm_b` must be finite, got nan at index (1, 2)") +
                  (is_of_rows ? ""
                              : ", where `rsm_a` is a number: pairs are left out that are NaN in "
                                "both"));
  }
}

TEST(Compare, AllPairsOfEntriesCount) {
  at_every_level([] {
    for (const double step : {0.0, 0.5, 2.0}) {
      for (const std::size_t n : {3, 5, 17, 33}) {
        const auto [a, b] = related(n, 7, step);
        for (const Comparison method : kOfAllPairs) {
          EXPECT_NEAR(compared(a, b, method), static_cast<double>(expected(a, b, method)),
                      100 * kEps);
        }
      }
    }
    const Matrix constant = changed(symmetric(9, 1), [](double) { return 3.0; });
    for (const Comparison method : kOfAllPairs) {
      EXPECT_EQ(compared(constant, symmetric(9, 2), method), 0.0);
      for (const int threads : {2, 3}) {
        const auto [a, b] = related(300, 11, 0.125);
        EXPECT_EQ(compared(a, b, method, threads), compared(a, b, method, 1));
      }
    }
  });
}

// A hole at the last pair leaves the rows of others as they are.
TEST(Compare, WhatIsMissingInBothIsLeftOut) {
  at_every_level([] {
    for (const double step : {0.0, 0.5}) {
      auto [a, b] = related(12, 5, step);
      for (Matrix* k : {&a, &b}) {
        for (const auto& [i, j] : {std::pair{0, 1}, {0, 5}, {3, 4}, {7, 8}, {10, 11}}) {
          (*k)[i][j] = kNan;
        }
      }
      const auto kept = [](const Matrix& k) {
        Vec values;
        for (const Real x : reference::triangle(k)) {
          if (!std::isnan(x)) values.push_back(x);
        }
        return values;
      };
      const std::vector<Real> wanted = {
          reference::pearson(kept(a), kept(b)),   reference::spearman(kept(a), kept(b)),
          reference::kendall(kept(a), kept(b)),   reference::cosine_of(kept(a), kept(b)),
          reference::kendall_a(kept(a), kept(b)), reference::rho_a(kept(a), kept(b))};
      for (std::size_t m = 0; m < wanted.size(); ++m) {
        EXPECT_NEAR(compared(a, b, kOfTriangles[m]), static_cast<double>(wanted[m]), 100 * kEps);
      }
    }
  });
  Matrix a = symmetric(3, 1);
  a[0][2] = kNan;
  const auto values = flat(a);
  EXPECT_EQ(complaint([&] {
              isogram::compare({view(values, 3), "a"}, {view(values, 3), "b"}, Comparison::pearson);
            }),
            "`a` must have at least 3 pairs that are not NaN, got 2");
  a[1][2] = std::numeric_limits<double>::infinity();
  const auto infinite = flat(a);
  for (const Comparison method : kOfTriangles) {
    EXPECT_EQ(complaint([&] {
                isogram::compare({view(infinite, 3), "a"}, {view(infinite, 3), "b"}, method);
              }),
              "`a` must be finite, got inf at index (1, 2)");
  }
}

TEST(Compare, WhatDoesNotCountIsNotRead) {
  const auto [a, b] = related(20, 4);
  for (const Comparison method : kAllMethods) {
    const bool is_of_rows = method == Comparison::cka || method == Comparison::gbs;
    Matrix changed_a = a;
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (std::size_t j = is_of_rows ? i : 0; j <= i; ++j) changed_a[i][j] = kNan;
    }
    EXPECT_EQ(compared(changed_a, b, method), compared(a, b, method));
    EXPECT_EQ(compared(b, changed_a, method), compared(b, a, method));
  }
}

// Entries on few levels, each a few eps off, are ties as exact ones are.
TEST(Compare, RanksDoNotTellRoundingApart) {
  std::mt19937 random(3);
  const auto noisy = [&](double level) {
    const int ulps = static_cast<int>(random() % 7) - 3;
    return (level == 0 ? 0 : level) + ulps * kEps * std::max(std::abs(level), 0.25);
  };
  for (const std::size_t n : {4, 7, 20, 300}) {
    for (const int levels : {2, 3, 11}) {
      const auto matrix = [&] {
        Matrix k = symmetric(n, static_cast<unsigned>(random()));
        return changed(k, [&](double) {
          return static_cast<double>(random() % static_cast<unsigned>(levels)) * 2 / (levels - 1) -
                 1;
        });
      };
      const Matrix a = matrix();
      const Matrix b = matrix();
      for (const Comparison method : {Comparison::spearman, Comparison::kendall}) {
        const double exact = compared(a, b, method);
        if (n < 30) {
          EXPECT_NEAR(exact, static_cast<double>(expected(a, b, method)), 100 * kEps);
        }
        for (const int threads : {1, 3}) {
          EXPECT_EQ(compared(changed(a, noisy), changed(b, noisy), method, threads), exact)
              << n << " samples, " << levels << " levels";
        }
      }
    }
  }
}

TEST(Compare, RanksTellApartWhatIsDistinct) {
  std::size_t entry = 0;
  const auto with = [&](auto value) {
    entry = 0;
    return changed(symmetric(16, 1), [&](double) { return value(entry++); });
  };
  const Matrix other = symmetric(16, 7);
  const std::vector<Matrix> matrices{
      with([](std::size_t i) { return 1 + static_cast<double>(i * 37 % 256) * kEps; }),
      with([](std::size_t i) { return std::ldexp(1.0, -static_cast<int>(i * 37 % 256)); }),
      with([](std::size_t i) {
        return std::ldexp(i % 2 ? -1.0 : 1.0, -static_cast<int>(i * 37 % 256));
      }),
      with([](std::size_t i) { return 1e15 + static_cast<double>(i * 37 % 256); }),
  };
  for (const Matrix& a : matrices) {
    for (const Comparison method : {Comparison::spearman, Comparison::kendall}) {
      EXPECT_NEAR(compared(a, other, method), static_cast<double>(expected(a, other, method)),
                  100 * kEps);
    }
  }
}

TEST(MergeSort, SortsStablyAndCountsExchanges) {
  struct Item {
    int key;
    std::size_t place;
  };
  const auto less = [](const Item& a, const Item& b) { return a.key < b.key; };
  std::mt19937 random(5);
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{1000},
                              isogram::kSortChunk, 3 * isogram::kSortChunk + 17}) {
    isogram::Buffer<Item> items(n);
    for (std::size_t i = 0; i < n; ++i) items[i] = {static_cast<int>(random() % 50), i};
    std::uint64_t inversions = 0;
    std::vector<std::uint64_t> seen(50);
    for (const Item& item : items) {
      inversions += std::accumulate(seen.begin() + item.key + 1, seen.end(), std::uint64_t{0});
      ++seen[static_cast<std::size_t>(item.key)];
    }
    EXPECT_EQ(isogram::merge_sort(items, less, on_threads(3)), inversions);
    for (std::size_t i = 1; i < n; ++i) {
      ASSERT_TRUE(items[i - 1].key < items[i].key ||
                  (items[i - 1].key == items[i].key && items[i - 1].place < items[i].place));
    }
  }
}

}  // namespace
