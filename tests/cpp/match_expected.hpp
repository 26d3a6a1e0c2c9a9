// Assignment problems that are hard in different ways, and checks of their solutions, for the host
// and for GPUs.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "isogram_reference/match.hpp"

namespace isogram_test {

using isogram_reference::Rows;

using Random = std::mt19937;

// Entries are rounded to float32, so that both types and the reference see the same problem.
inline Rows made(std::size_t rows, std::size_t cols,
                 const std::function<double(std::size_t, std::size_t)>& f) {
  Rows a(rows, std::vector<double>(cols));
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < cols; ++j) a[i][j] = static_cast<float>(f(i, j));
  }
  return a;
}

inline double uniform(Random& random) {
  return std::uniform_real_distribution<double>()(random);
}
inline double normal(Random& random) {
  return std::normal_distribution<double>()(random);
}

inline std::vector<double> normals(std::size_t n, Random& random) {
  std::vector<double> x(n);
  for (double& one : x) one = normal(random);
  return x;
}

struct Family {
  std::string name;
  std::function<Rows(std::size_t rows, std::size_t cols, Random& random)> make;
};

inline Family pointwise(const std::string& name, const std::function<double(Random&)>& entry) {
  return {name, [entry](std::size_t rows, std::size_t cols, Random& random) {
            return made(rows, cols, [&](std::size_t, std::size_t) { return entry(random); });
          }};
}

// Inner products of tokens that change slowly, so that neighbours are near-duplicates.
inline Rows smooth(std::size_t rows, std::size_t cols, Random& random) {
  constexpr std::size_t channels = 6;
  const auto walk = [&](std::size_t n) {
    Rows tokens(n, normals(channels, random));
    for (std::size_t i = 1; i < n; ++i) {
      for (std::size_t c = 0; c < channels; ++c) {
        tokens[i][c] = 0.98 * tokens[i - 1][c] + 0.02 * normal(random);
      }
    }
    return tokens;
  };
  const Rows x = walk(rows);
  const Rows y = walk(cols);
  return made(rows, cols, [&](std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t c = 0; c < channels; ++c) sum += x[i][c] * y[j][c];
    return sum;
  });
}

inline Rows rank_one(std::size_t rows, std::size_t cols, Random& random) {
  const std::vector<double> x = normals(rows, random);
  const std::vector<double> y = normals(cols, random);
  return made(rows, cols, [&](std::size_t i, std::size_t j) { return x[i] * y[j]; });
}

inline Rows half_dead(std::size_t rows, std::size_t cols, Random& random) {
  return made(rows, cols, [&](std::size_t i, std::size_t j) {
    return i % 2 == 0 || j % 2 == 1 ? 0.0 : uniform(random);
  });
}

// x_i − x_j, which adds up to 0 over any assignment, and a tiny diagonal: totals differ by their
// diagonal entries alone, and duals are far larger.
inline Rows skew(std::size_t rows, std::size_t cols, Random& random) {
  const std::vector<double> x = normals(std::max(rows, cols), random);
  return made(rows, cols, [&](std::size_t i, std::size_t j) {
    return x[i] - x[j] + (i == j ? 1e-5 * uniform(random) : 0);
  });
}

// One entry so large that the others have a few bits of float32 relative to it.
inline Rows outlier(std::size_t rows, std::size_t cols, Random& random) {
  return made(rows, cols, [&](std::size_t i, std::size_t j) {
    return i == rows / 2 && j == cols / 2 ? 1e30 : 1e-13 * uniform(random);
  });
}

// Costs in [0, 1), and some gates.
inline Rows gated(std::size_t rows, std::size_t cols, double share, double gate, Random& random) {
  return made(rows, cols, [&](std::size_t, std::size_t) {
    return uniform(random) < share ? gate : uniform(random);
  });
}

// The same costs with other gates.
inline Rows gated_at(Rows a, double gate, double other) {
  for (auto& row : a) {
    for (double& x : row) x = x >= static_cast<float>(gate) ? other : x;
  }
  return a;
}

inline const std::vector<Family>& families() {
  static const std::vector<Family> all{
      pointwise("uniform", uniform),
      pointwise("normal", normal),
      {"smooth", smooth},
      pointwise("integers", [](Random& r) { return std::floor(4 * uniform(r)); }),
      pointwise("all equal", [](Random&) { return 0.3; }),
      pointwise("zeros", [](Random&) { return 0.0; }),
      {"rank one", rank_one},
      {"half dead", half_dead},
      pointwise("heavy tails", [](Random& r) { return std::exp(8 * normal(r)); }),
      pointwise("huge", [](Random& r) { return 1e30 * normal(r); }),
      pointwise("tiny", [](Random& r) { return 1e-30 * normal(r); }),
      pointwise("subnormal", [](Random& r) { return 1e-45 * std::floor(9 * uniform(r)); }),
      pointwise("offset", [](Random& r) { return 1000 + normal(r); }),
      pointwise("large offset", [](Random& r) { return 1e6 + normal(r); }),
      {"outlier", outlier},
  };
  return all;
}

template <class T>
std::vector<T> flat(const Rows& a) {
  std::vector<T> values;
  for (const auto& row : a) {
    for (const double x : row) values.push_back(static_cast<T>(x));
  }
  return values;
}

// The sums of the matched entries and of their magnitudes. Checks that every row and column is
// matched at most once, and min(rows, cols) of them.
inline std::pair<double, double> checked_sums(const Rows& a,
                                              const std::vector<std::int32_t>& columns) {
  std::set<std::int32_t> taken;
  double total = 0;
  double magnitude = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (columns[i] == -1) continue;
    EXPECT_GE(columns[i], 0);
    EXPECT_LT(columns[i], static_cast<std::int32_t>(a[0].size()));
    EXPECT_TRUE(taken.insert(columns[i]).second) << "column " << columns[i] << " twice";
    total += a[i][static_cast<std::size_t>(columns[i])];
    magnitude += std::abs(a[i][static_cast<std::size_t>(columns[i])]);
  }
  EXPECT_EQ(taken.size(), std::min(a.size(), a[0].size()));
  return {total, magnitude};
}

// Compares one problem's solution in T with the best total. The certificate must hold: only the
// reference's own rounding is added to the gap.
template <class T>
void expect_solution(const Rows& a, const std::vector<std::int32_t>& columns, double total,
                     double gap, long double best) {
  const auto [sum, magnitude] = checked_sums(a, columns);
  const double sides = 4 * static_cast<double>(a.size() + a[0].size());
  const double rounding = sides * std::numeric_limits<double>::epsilon() * magnitude;
  const double allowed = (sizeof(T) == sizeof(float) ? 5e-7 : 1e-13) * magnitude;
  EXPECT_NEAR(total, sum, rounding);
  EXPECT_GE(gap, 0);
  EXPECT_LE(gap, allowed + rounding);
  const auto of_reference = static_cast<double>(std::numeric_limits<long double>::epsilon());
  EXPECT_LE(static_cast<double>(std::abs(total - best)), gap + sides * of_reference * magnitude);
}

}  // namespace isogram_test
