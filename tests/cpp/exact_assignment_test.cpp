#include "assignment/exact_assignment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "assignment/fixed_point.hpp"
#include "match_expected.hpp"

namespace {

using namespace isogram_test;
using isogram::FixedPoint;
using isogram::MatrixView;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Costs are high · 2^apart or low: sums of both compare like pairs of integers.
struct Parts {
  std::int64_t high = 0;
  std::int64_t low = 0;
  auto operator<=>(const Parts&) const = default;
};

struct Problem {
  std::size_t rows;
  std::size_t cols;
  std::vector<Parts> parts;
  std::vector<bool> forbidden;

  std::vector<double> costs(int apart) const {
    std::vector<double> costs(parts.size());
    for (std::size_t k = 0; k < parts.size(); ++k) {
      const auto [high, low] = parts[k];
      costs[k] = forbidden[k] ? kInfinity
                 : high != 0  ? std::ldexp(static_cast<double>(high), apart)
                              : static_cast<double>(low);
    }
    return costs;
  }
};

Problem made_problem(std::size_t rows, std::size_t cols, double share_forbidden, Random& random) {
  Problem problem{rows, cols, {}, {}};
  for (std::size_t k = 0; k < rows * cols; ++k) {
    const auto value = static_cast<std::int64_t>(std::floor(9 * uniform(random))) - 4;
    problem.parts.push_back(uniform(random) < 0.5 ? Parts{value, 0} : Parts{0, value});
    problem.forbidden.push_back(uniform(random) < share_forbidden);
  }
  return problem;
}

// The smallest sum, by trying all assignments. False if all take a forbidden pair.
bool best_of_all(const Problem& problem, Parts& best) {
  std::vector<std::size_t> columns(problem.cols);
  std::iota(columns.begin(), columns.end(), std::size_t{0});
  bool was_found = false;
  do {
    Parts sum;
    bool is_allowed = true;
    for (std::size_t i = 0; i < problem.rows; ++i) {
      const std::size_t k = i * problem.cols + columns[i];
      is_allowed = is_allowed && !problem.forbidden[k];
      sum = {sum.high + problem.parts[k].high, sum.low + problem.parts[k].low};
    }
    if (is_allowed && (!was_found || sum < best)) {
      best = sum;
      was_found = true;
    }
  } while (std::next_permutation(columns.begin(), columns.end()));
  return was_found;
}

Parts sum_of(const Problem& problem, const std::vector<std::int32_t>& columns) {
  Parts sum;
  std::vector<bool> taken(problem.cols);
  for (std::size_t i = 0; i < problem.rows; ++i) {
    const auto j = static_cast<std::size_t>(columns[i]);
    EXPECT_FALSE(taken.at(j));
    taken[j] = true;
    EXPECT_FALSE(problem.forbidden[i * problem.cols + j]);
    const Parts& part = problem.parts[i * problem.cols + j];
    sum = {sum.high + part.high, sum.low + part.low};
  }
  return sum;
}

// The search starts from random duals and random matchings.
TEST(ExactAssignment, AgreesWithTryingEverything) {
  Random random(1);
  for (int round = 0; round < 400; ++round) {
    const std::size_t cols = 1 + random() % 6;
    const std::size_t rows = 1 + random() % cols;
    const Problem problem = made_problem(rows, cols, round % 3 == 0 ? 0.4 : 0, random);
    Parts best;
    const bool is_feasible = best_of_all(problem, best);
    for (const int apart : {20, 100, 200, 400, 900}) {  // words
      SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(cols) + ", " +
                   std::to_string(apart));
      const std::vector<double> costs = problem.costs(apart);
      std::vector<double> dual = normals(cols, random);
      for (double& one : dual) one = std::ldexp(one, static_cast<int>(random() % 2) * apart);
      std::vector<std::int32_t> columns(rows);
      std::iota(columns.begin(), columns.end(), 0);
      if (round % 2 == 0) std::fill(columns.begin(), columns.end(), -1);
      const MatrixView<const double> view(costs.data(), rows, cols);
      ASSERT_EQ(isogram::assign_exactly(view, dual.data(), columns.data(), nullptr), is_feasible);
      if (!is_feasible) continue;
      EXPECT_EQ(sum_of(problem, columns), best);
    }
  }
}

TEST(ExactAssignment, TakesTheWholeRangeOfDoubles) {
  const double most = std::numeric_limits<double>::max();
  const double least = std::numeric_limits<double>::denorm_min();
  const std::vector<double> costs{most, least, -most, most, 2 * least, -most, -most, most, most};
  const std::vector<double> dual{-most, kInfinity, std::numeric_limits<double>::quiet_NaN()};
  std::vector<std::int32_t> columns{2, 1, 0};
  ASSERT_TRUE(isogram::assign_exactly(MatrixView<const double>(costs.data(), 3, 3), dual.data(),
                                      columns.data(), nullptr));
  EXPECT_EQ(columns, (std::vector<std::int32_t>{1, 2, 0}));
}

using TwoWords = FixedPoint<2>;

__extension__ typedef __int128 Wide;

Wide value_of(const TwoWords& x) {
  return static_cast<Wide>(static_cast<std::int64_t>(x.words[1])) * (Wide{1} << 64) + x.words[0];
}

TEST(FixedPoint, AddsAndComparesAsIntegersDo) {
  Random random(2);
  for (int round = 0; round < 1000; ++round) {
    const double x = std::ldexp(normal(random), static_cast<int>(random() % 120));
    const double y =
        round % 5 == 0 ? x : std::ldexp(normal(random), static_cast<int>(random() % 120));
    const auto a = static_cast<Wide>(x);
    const auto b = static_cast<Wide>(y);
    const TwoWords of_x = TwoWords::of(x, 0);
    const TwoWords of_y = TwoWords::of(y, 0);
    EXPECT_EQ(value_of(of_x), a);
    EXPECT_EQ(value_of(of_x + of_y), a + b);
    EXPECT_EQ(value_of(of_x - of_y), a - b);
    EXPECT_EQ(of_x < of_y, a < b);
    EXPECT_EQ(of_x == of_y, a == b);
  }
}

}  // namespace
