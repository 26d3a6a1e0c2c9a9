#include "isogram/jsd.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

#include "flat.hpp"
#include "isogram_reference/jsd.hpp"
#include "simd/kernels.hpp"
#include "support.hpp"

namespace {

namespace reference = isogram_reference;
using namespace isogram_test;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kEps = std::numeric_limits<double>::epsilon();

Matrix distributions(std::size_t n, std::size_t c, unsigned seed) {
  Matrix rows = normal_matrix(n, c, seed, 3);
  for (Vec& row : rows) {
    for (Real& p : row) p = std::exp(p);
    const Real sum = std::accumulate(row.begin(), row.end(), Real{0});
    for (Real& p : row) p /= sum;
  }
  if (n > 1 && c > 1) {
    std::fill(rows[0].begin(), rows[0].end(), 0);
    rows[0][c / 2] = 1;
  }
  return rows;
}

template <class T>
void expect_divergences(std::size_t n, std::size_t m, std::size_t c) {
  const auto p = flat<T>(distributions(n, c, 1));
  const auto q = flat<T>(distributions(m, c, 2));
  const auto row_of = [c](const std::vector<T>& values, std::size_t i) {
    return Vec(values.begin() + static_cast<std::ptrdiff_t>(i * c),
               values.begin() + static_cast<std::ptrdiff_t>((i + 1) * c));
  };
  const double tolerance = 100 * kEps + std::numeric_limits<T>::epsilon();
  const auto expected_of = [&](const std::vector<T>& a, std::size_t i, const std::vector<T>& b,
                               std::size_t j) {
    return static_cast<double>(reference::jensen_shannon(row_of(a, i), row_of(b, j)));
  };
  std::vector<T> one(n * n, T(-1));
  std::vector<T> two(n * m, T(-1));
  isogram::jsd<T>(view(p, n), {one.data(), n, n});
  isogram::jsd<T>(view(p, n), view(q, m), {two.data(), n, m});
  for (std::size_t i = 0; i < n; ++i) {
    EXPECT_EQ(one[i * n + i], T(0));
    for (std::size_t j = 0; j < n; ++j) {
      EXPECT_EQ(one[i * n + j], one[j * n + i]);
      EXPECT_NEAR(one[i * n + j], expected_of(p, i, p, j), tolerance);
    }
    for (std::size_t j = 0; j < m; ++j) {
      EXPECT_NEAR(two[i * m + j], expected_of(p, i, q, j), tolerance);
    }
  }
}

TEST(Jsd, AgreesWithTheReference) {
  at_every_level([] {
    for (const std::size_t c : {1, 2, 7, 64, 129}) {
      expect_divergences<float>(5, 3, c);
      expect_divergences<double>(5, 3, c);
    }
    expect_divergences<float>(1, 1, 10);
    expect_divergences<double>(33, 65, 10);
  });
}

TEST(Jsd, OfEqualRowsIs0AndOfDisjointOnes1) {
  at_every_level([] {
    const std::vector<double> p = {0.4, 0.6, 0, 0, 0.4, 0.6, 0, 0, 0, 0, 0.25, 0.75};
    std::vector<double> out(9);
    isogram::jsd<double>(view(p, 3), view(p, 3), {out.data(), 3, 3});
    for (const std::size_t equal : {0, 1, 3, 4, 8}) EXPECT_EQ(out[equal], 0.0);
    for (const std::size_t disjoint : {2, 5, 6, 7}) {
      EXPECT_LE(out[disjoint], 1.0);
      EXPECT_NEAR(out[disjoint], 1.0, 4 * kEps);
    }
  });
}

TEST(Jsd, RenormalisesRows) {
  at_every_level([] {
    std::vector<double> p = {0.2, 0.8, 0.7, 0.3};
    std::vector<double> plain(4);
    isogram::jsd<double>(view(p, 2), {plain.data(), 2, 2});
    for (double& x : p) x *= 1.0009;
    std::vector<double> scaled(4);
    isogram::jsd<double>(view(p, 2), {scaled.data(), 2, 2});
    EXPECT_NEAR(scaled[1], plain[1], 4 * kEps);
  });
}

TEST(Jsd, WritesAnyStridesWithAnyNumberOfThreads) {
  at_every_level([] {
    constexpr std::size_t n = 70;
    const auto p = flat<float>(distributions(n, 20, 3));
    std::vector<float> one(n * n);
    isogram::jsd<float>(view(p, n), {one.data(), n, n}, on_threads(1));
    for (const int threads : {2, 5}) {
      std::vector<float> wide(2 * n * n, -1.0F);
      isogram::jsd<float>(view(p, n), {wide.data(), n, n, 2, 2 * n}, on_threads(threads));
      for (std::size_t i = 0; i < n * n; ++i) {
        EXPECT_EQ(wide[2 * i], one[i]);
        EXPECT_EQ(wide[2 * i + 1], -1.0F);
      }
    }
  });
}

TEST(JsdErrors, SayWhatCame) {
  const auto message = [](const std::vector<double>& p) {
    return complaint([&] {
      std::vector<double> out(4);
      isogram::jsd<double>({view(p, 2), "probabilities"}, {out.data(), 2, 2});
    });
  };
  EXPECT_EQ(message({0.5, 0.5, 0.5, 0.502}),
            "`probabilities` must have rows that sum to 1, got a sum of 1.002 in row 1");
  EXPECT_EQ(message({0.5, 0.5, 1.5, -0.5}),
            "`probabilities` must not be negative, got -0.5 at index (1, 1)");
  EXPECT_EQ(message({0.5, 0.5, kNan, 0.5}),
            "`probabilities` must be finite, got nan at index (1, 0)");
  EXPECT_EQ(message({}), "`probabilities` must have at least one row and one column, got 2 x 0");
  // The survey alone says the same.
  const auto survey = [](const std::vector<double>& p) {
    return complaint([&] { isogram::require_distributions({view(p, 2), "probabilities"}); });
  };
  for (const std::vector<double>& p :
       {std::vector<double>{0.5, 0.5, 0.5, 0.502}, {0.5, 0.5, 1.5, -0.5}, {0.5, 0.5, kNan, 0.5}}) {
    EXPECT_EQ(survey(p), message(p));
  }
  isogram::require_distributions(view<double>({0.5, 0.5, 1, 0}, 2));

  const std::vector<double> p = {0.5, 0.5, 0.25, 0.75};
  std::vector<double> out(4);
  EXPECT_EQ(complaint([&] {
              isogram::jsd<double>({view(p, 2), "p"}, {view(p, 1), "q"}, {out.data(), 2, 1});
            }),
            "`q` must have 2 columns like `p`, got 4");
  EXPECT_EQ(complaint([&] { isogram::jsd<double>(view(p, 2), {out.data(), 2, 1}); }),
            "`out` must be 2 x 2, got 2 x 1");
}

TEST(JsdErrors, SumsOfHalfTypesMayBeFurtherFrom1) {
  const auto bits = [](float x) {
    return isogram::BFloat16{static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16)};
  };
  const std::vector<isogram::BFloat16> p = {bits(0.5F), bits(0.5078125F)};
  const std::vector<isogram::BFloat16> q = {bits(0.5F), bits(0.515625F)};
  float out = -1;
  isogram::jsd<float>(view(p, 1), {&out, 1, 1});
  EXPECT_EQ(out, 0.0F);
  EXPECT_THROW(isogram::jsd<float>(view(q, 1), {&out, 1, 1}), std::invalid_argument);
}

// Entropies of 1000 classes are near 10 bits: a difference of entropies would be off by many eps.
TEST(Jsd, OfNearlyEqualRowsIsAccurateToAnEps) {
  at_every_level([] {
    constexpr std::size_t c = 1000;
    const Vec first = distributions(1, c, 5)[0];
    for (const double step : {1e-3, 1e-5, 1e-7}) {
      Vec second = first;
      for (std::size_t k = 0; k < c; ++k) second[k] *= k % 2 == 0 ? 1 + step : 1 - step;
      const std::vector<double> p = flat({first, second});
      const auto expected = static_cast<double>(
          reference::jensen_shannon({p.begin(), p.begin() + c}, {p.begin() + c, p.end()}));
      std::vector<double> out(4);
      isogram::jsd<double>(view(p, 2), {out.data(), 2, 2});
      EXPECT_NEAR(out[1], expected, kEps);
    }
  });
}

TEST(Logarithms, AreAccurateToAFewUlps) {
  at_every_level([] {
    const auto& kernels = isogram::simd::kernels();
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> exponents(-1000, 0);
    std::vector<double> x(20001);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = std::exp2(exponents(random) / (i % 3 == 0 ? 1 : 100));
      if (i % 2 == 0) x[i] = 1 - x[i];
    }
    std::vector<double> got(x.size());
    kernels.logarithms(x.data(), got.data(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Real exact = std::log2(static_cast<Real>(x[i]));
      ASSERT_NEAR(got[i], static_cast<double>(exact), 2 * kEps * std::abs(got[i])) << x[i];
    }
    for (double zero : {0.0, 1.0, 0x1p-1074}) {
      kernels.logarithms(&zero, &zero, 1);
      EXPECT_EQ(zero, 0.0);
    }
  });
}

}  // namespace
