#include "isogram/match.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "isogram/error.hpp"
#include "isogram/simd.hpp"
#include "isogram_reference/match.hpp"
#include "match_expected.hpp"

namespace {

using namespace isogram_test;
namespace reference = isogram_reference;
using isogram::Execution;
using isogram::Objective;
using isogram::ProblemBatch;
using isogram::simd::Level;

constexpr Objective kObjectives[] = {Objective::maximize, Objective::minimize};

struct Solution {
  std::vector<std::int32_t> columns;
  std::vector<double> totals;
  std::vector<double> gaps;
  bool operator==(const Solution&) const = default;
};

template <class T>
Solution solve(const ProblemBatch<T>& batch, Objective objective, const Execution& execution = {}) {
  Solution s{std::vector<std::int32_t>(batch.count * batch.rows), std::vector<double>(batch.count),
             std::vector<double>(batch.count)};
  isogram::match(batch, objective, s.columns.data(), s.totals.data(), s.gaps.data(), execution);
  return s;
}

template <class T>
ProblemBatch<T> contiguous(const std::vector<T>& values, std::size_t count, std::size_t rows,
                           std::size_t cols) {
  const auto stride = static_cast<std::ptrdiff_t>(cols);
  return {values.data(), count, rows, cols, static_cast<std::ptrdiff_t>(rows * cols), stride, 1};
}

template <class T>
Solution solve(const Rows& a, Objective objective) {
  const std::vector<T> values = flat<T>(a);
  return solve(contiguous(values, 1, a.size(), a[0].size()), objective);
}

template <class T>
void expect_optimal(const Rows& a, Objective objective, long double best) {
  const Solution s = solve<T>(a, objective);
  expect_solution<T>(a, s.columns, s.totals[0], s.gaps[0], best);
  EXPECT_EQ(s.totals[0], checked_sums(a, s.columns).first);
}

class MatchTest : public testing::TestWithParam<Level> {
 protected:
  void SetUp() override { isogram::simd::set_level(GetParam()); }
  void TearDown() override { isogram::simd::set_level(before_); }

 private:
  Level before_ = isogram::simd::level();
};

using Shape = std::pair<std::size_t, std::size_t>;

TEST_P(MatchTest, AgreesWithTryingEverything) {
  Random random(1);
  for (const auto& [rows, cols] :
       {Shape{1, 1}, {2, 2}, {3, 3}, {5, 5}, {7, 7}, {1, 6}, {6, 1}, {3, 7}, {7, 3}, {5, 6}}) {
    for (const Family& family : families()) {
      for (const Objective objective : kObjectives) {
        SCOPED_TRACE(family.name + " " + std::to_string(rows) + "x" + std::to_string(cols));
        const Rows a = family.make(rows, cols, random);
        const long double best =
            reference::best_total_by_trying_all(a, objective == Objective::maximize);
        expect_optimal<float>(a, objective, best);
        expect_optimal<double>(a, objective, best);
      }
    }
  }
}

TEST_P(MatchTest, AgreesWithTheReference) {
  Random random(2);
  for (const auto& [rows, cols] : {Shape{16, 16},
                                   {17, 17},
                                   {49, 49},
                                   {64, 64},
                                   {65, 65},
                                   {20, 50},
                                   {50, 20},
                                   {63, 65},
                                   {9, 130}}) {
    for (const Family& family : families()) {
      for (const Objective objective : kObjectives) {
        SCOPED_TRACE(family.name + " " + std::to_string(rows) + "x" + std::to_string(cols));
        const Rows a = family.make(rows, cols, random);
        const long double best = reference::best_total(a, objective == Objective::maximize);
        expect_optimal<float>(a, objective, best);
        expect_optimal<double>(a, objective, best);
      }
    }
  }
}

TEST_P(MatchTest, HandlesEveryRemainderOfAVector) {
  Random random(3);
  for (std::size_t rows = 1; rows <= 35; rows += 2) {
    for (std::size_t cols = 1; cols <= 35; ++cols) {
      SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(cols));
      const Rows a = smooth(rows, cols, random);
      const long double best = reference::best_total(a, true);
      expect_optimal<float>(a, Objective::maximize, best);
      expect_optimal<double>(a, Objective::maximize, best);
    }
  }
}

// Sets of columns are words of 64 bits, read in blocks.
TEST_P(MatchTest, HandlesEveryRemainderOfAWord) {
  Random random(31);
  constexpr std::size_t sides[] = {1, 17, 33, 48, 49, 50, 63, 64, 65, 80, 127, 129, 193};
  for (const std::size_t rows : sides) {
    for (const std::size_t cols : sides) {
      SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(cols));
      const Rows a = smooth(rows, cols, random);
      const long double best = reference::best_total(a, true);
      expect_optimal<float>(a, Objective::maximize, best);
      expect_optimal<double>(a, Objective::maximize, best);
    }
  }
}

TEST_P(MatchTest, SolvesFloat32AgainWhereItIsNotEnough) {
  Random random(10);
  for (const std::size_t side : {12, 50}) {
    for (const Rows& a :
         {skew(side, side, random), reference::negated(outlier(side, side, random))}) {
      const long double best = reference::best_total(a, true);
      const Solution s = solve<float>(a, Objective::maximize);
      const auto [total, magnitude] = checked_sums(a, s.columns);
      EXPECT_EQ(s.totals[0], total);
      EXPECT_LE(std::abs(static_cast<double>(total - best)), 1e-9 * magnitude);
      EXPECT_LE(s.gaps[0], 1e-9 * magnitude);
    }
  }
}

TEST_P(MatchTest, ScalesFloat64OfAnyMagnitude) {
  Random random(4);
  for (const double scale : {1e300, 1e-300, 1e-320}) {
    const Rows plain = smooth(33, 33, random);
    Rows scaled = plain;
    for (auto& row : scaled) {
      for (double& x : row) x *= scale;
    }
    const long double best = reference::best_total(scaled, true);
    const Solution s = solve<double>(scaled, Objective::maximize);
    const auto [total, magnitude] = checked_sums(scaled, s.columns);
    EXPECT_EQ(s.totals[0], total);
    EXPECT_LE(std::abs(static_cast<double>(total - best)), 1e-13 * magnitude) << scale;
    EXPECT_LE(s.gaps[0], 1e-13 * magnitude) << scale;
  }
}

// Costs far from 1 are scaled by a power of two first, others are not.
template <class T>
void expect_powers_of_two_do_not_matter() {
  Random random(14);
  const std::vector<T> values = flat<T>(smooth(49, 49, random));
  const Solution plain = solve(contiguous(values, 1, 49, 49), Objective::maximize);
  for (const int exponent : {-60, -30, -25, -20, -10, 10, 20, 25, 30, 60}) {
    std::vector<T> scaled = values;
    for (T& x : scaled) x = std::ldexp(x, exponent);
    const Solution s = solve(contiguous(scaled, 1, 49, 49), Objective::maximize);
    EXPECT_EQ(s.columns, plain.columns) << exponent;
    EXPECT_EQ(s.totals[0], std::ldexp(plain.totals[0], exponent)) << exponent;
    EXPECT_EQ(s.gaps[0], std::ldexp(plain.gaps[0], exponent)) << exponent;
  }
}

TEST_P(MatchTest, FindsTheSameColumnsAtAnyPowerOfTwo) {
  expect_powers_of_two_do_not_matter<float>();
  expect_powers_of_two_do_not_matter<double>();
}

// Float32 sweeps cannot resolve such costs, or only some of them.
TEST_P(MatchTest, SolvesSmoothCostsOnTopOfALargeOffset) {
  Random random(15);
  const Rows a = smooth(67, 67, random);
  for (const double offset : {1e2, 1e4, 1e6, 1e8}) {
    SCOPED_TRACE(offset);
    Rows shifted = a;
    for (auto& row : shifted) {
      for (double& x : row) x = static_cast<float>(x + offset);
    }
    const long double best = reference::best_total(shifted, true);
    expect_optimal<float>(shifted, Objective::maximize, best);
    expect_optimal<double>(shifted, Objective::maximize, best);
  }
}

TEST_P(MatchTest, HasNoGapButRoundingOnExactTies) {
  Random random(5);
  const Rows a =
      made(40, 40, [&](std::size_t, std::size_t) { return std::floor(4 * uniform(random)); });
  EXPECT_LE(solve<float>(a, Objective::maximize).gaps[0], 1e-12);
  EXPECT_LE(solve<double>(a, Objective::maximize).gaps[0], 1e-12);
  EXPECT_EQ(solve<float>(a, Objective::minimize).gaps[0], 0);  // the total is 0
  EXPECT_EQ(solve<double>(a, Objective::minimize).gaps[0], 0);
}

// The costs matched beside gates are the best, to their own last digit.
template <class T>
void expect_best_beside_gates(std::size_t rows, std::size_t cols, double share, double gate) {
  Random random(41);
  const Rows a = gated(rows, cols, share, gate, random);
  const Solution s = solve<T>(a, Objective::minimize);
  const long double best = reference::best_total(a, false);
  expect_solution<T>(a, s.columns, s.totals[0], s.gaps[0], best);
  // The reference would round a total that is mostly gates, so it solves the problem with small
  // gates.
  const Rows small = gated_at(a, gate, 1e3);
  const long double best_small = reference::best_total(small, false);
  EXPECT_NEAR(checked_sums(small, s.columns).first, static_cast<double>(best_small), 2e-5);
}

TEST_P(MatchTest, IsExactBesideGates) {
  for (const auto& [rows, cols] : {Shape{5, 5}, {20, 20}, {49, 49}, {70, 70}, {30, 45}, {45, 30}}) {
    for (const double share : {0.5, 0.9, 0.97, 0.999}) {
      for (const double gate : {1e3, 1e5, 1e6, 1e8, 1e15, 1e18, 1e30, 3e38}) {
        SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(cols) + ", " +
                     std::to_string(share) + " at " + std::to_string(gate));
        expect_best_beside_gates<float>(rows, cols, share, gate);
        expect_best_beside_gates<double>(rows, cols, share, gate);
      }
    }
  }
}

// The optimum is 0, and other matchings miss it by far less than the last digit of 1.
TEST_P(MatchTest, TellsCostsApartThatNoTypeHoldsTogether) {
  for (const double tiny : {1e-3, 1e-8, 1e-12, 1e-17, 1e-20, 1e-30, 1e-38}) {
    const Rows a{{1, 1, 0, 1}, {tiny, 0, 1, 1}, {0, 1, 0, 0}, {0, 0, 0, 1}};
    for (const Solution& s :
         {solve<float>(a, Objective::minimize), solve<double>(a, Objective::minimize)}) {
      EXPECT_EQ(s.totals[0], 0) << tiny;
      EXPECT_EQ(s.gaps[0], 0) << tiny;
    }
  }
}

TEST_P(MatchTest, TakesNoForbiddenPair) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  Random random(42);
  for (const auto& [rows, cols] : {Shape{3, 3}, {20, 20}, {49, 49}, {70, 70}, {30, 45}, {45, 30}}) {
    for (const double scale : {1.0, 1e-300, 1e300, 1e307}) {
      SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(cols) + ", " +
                   std::to_string(scale));
      Rows costs = made(rows, cols, [&](std::size_t i, std::size_t j) {
        return i == j || uniform(random) < 0.3 ? uniform(random) : 1e3;
      });
      const long double best = scale * reference::best_total(costs, false);
      for (auto& row : costs) {
        for (double& cost : row) cost = cost == 1e3 ? inf : scale * cost;
      }
      const Solution least = solve<double>(costs, Objective::minimize);
      const Solution most = solve<double>(reference::negated(costs), Objective::maximize);
      const double magnitude = checked_sums(costs, least.columns).second;
      EXPECT_NEAR(least.totals[0], static_cast<double>(best), 1e-13 * magnitude);
      EXPECT_EQ(most.columns, least.columns);
      EXPECT_EQ(most.totals[0], -least.totals[0]);
      if (scale == 1) {
        const Solution narrow = solve<float>(costs, Objective::minimize);
        EXPECT_NEAR(narrow.totals[0], static_cast<double>(best), 5e-7 * magnitude);
      }
    }
  }
}

template <class T>
void expect_strides_do_not_matter() {
  Random random(6);
  constexpr std::size_t count = 3;
  constexpr std::size_t rows = 19;
  constexpr std::size_t cols = 23;
  std::vector<T> values(count * rows * cols);
  for (T& x : values) x = static_cast<T>(normal(random));
  const Solution expected = solve(contiguous(values, count, rows, cols), Objective::maximize);

  // Columns, then rows, then problems, all in reverse order, with another value between neighbours.
  std::vector<T> spread(2 * values.size() + 1, T{77});
  for (std::size_t b = 0; b < count; ++b) {
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < cols; ++j) {
        spread[2 * ((j * rows + i) * count + b)] =
            values[((count - 1 - b) * rows + (rows - 1 - i)) * cols + (cols - 1 - j)];
      }
    }
  }
  const std::ptrdiff_t problem_stride = -2;
  const std::ptrdiff_t row_stride = problem_stride * static_cast<std::ptrdiff_t>(count);
  const std::ptrdiff_t col_stride = row_stride * static_cast<std::ptrdiff_t>(rows);
  const T* last = spread.data() + 2 * (values.size() - 1);
  const ProblemBatch<T> backwards{last, count, rows, cols, problem_stride, row_stride, col_stride};
  EXPECT_EQ(solve(backwards, Objective::maximize), expected);

  const ProblemBatch<T> repeated{values.data(), 2, rows, cols, 0, cols, 1};
  const Solution twice = solve(repeated, Objective::maximize);
  EXPECT_EQ(twice.totals[0], expected.totals[0]);
  EXPECT_EQ(twice.totals[1], expected.totals[0]);

  ProblemBatch<T> upside_down = contiguous(values, 1, rows, cols);
  upside_down.data += (rows - 1) * cols;
  upside_down.row_stride = -static_cast<std::ptrdiff_t>(cols);
  EXPECT_NEAR(solve(upside_down, Objective::maximize).totals[0], expected.totals[0],
              1e-12 * std::abs(expected.totals[0]));
}

TEST_P(MatchTest, ReadsAnyStrides) {
  expect_strides_do_not_matter<float>();
  expect_strides_do_not_matter<double>();
}

TEST_P(MatchTest, DoesNotDependOnTheNumberOfThreads) {
  Random random(7);
  for (const auto& [count, side] : {Shape{500, 5}, {41, 30}, {3, 70}}) {
    std::vector<float> values(count * side * side);
    for (float& x : values) x = static_cast<float>(normal(random));
    const ProblemBatch<float> batch = contiguous(values, count, side, side);
    const Solution alone = solve(batch, Objective::maximize, {.num_threads = 1, .poll = {}});
    for (const int threads : {2, 3}) {
      EXPECT_EQ(solve(batch, Objective::maximize, {.num_threads = threads, .poll = {}}), alone);
    }
  }
}

template <class T>
std::string message_of(const ProblemBatch<T>& batch, int threads) {
  try {
    solve(batch, Objective::maximize, {.num_threads = threads, .poll = {}});
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

// 400 problems with entries 1, except two without a matching and some that are hard to solve.
template <class T>
void expect_infeasible_is_named(std::size_t rows, std::size_t cols) {
  constexpr T inf = std::numeric_limits<T>::infinity();
  std::vector<T> values(400 * rows * cols, T{1});
  const auto forbid = [&](std::size_t b, std::size_t height, std::size_t width) {
    for (std::size_t i = 0; i < height; ++i) {
      for (std::size_t j = 0; j < width; ++j) values[(b * rows + i) * cols + j] = -inf;
    }
  };
  forbid(3, rows - 1, 1);
  forbid(390, rows, cols);
  const std::string message =
      "`similarity` must have a matching that takes no forbidden pair (-inf), got none";
  const std::string advice = ": give such pairs a finite value, or leave out rows or columns";
  ProblemBatch<T> batch = contiguous(values, 400, rows, cols);
  for (const int threads : {1, 2, 3}) {
    EXPECT_EQ(message_of(batch, threads), message + " in problem 390" + advice);
  }
  forbid(211, rows, cols);
  EXPECT_EQ(message_of(batch, 3), message + " in problem 211" + advice);
  batch.data += 211 * rows * cols;
  batch.count = 1;
  batch.is_single = true;
  EXPECT_EQ(message_of(batch, 1), message + advice);
  values.back() = std::numeric_limits<T>::quiet_NaN();
  EXPECT_NE(message_of(contiguous(values, 400, rows, cols), 2).find("got nan at index (399,"),
            std::string::npos);
}

TEST_P(MatchTest, NamesTheFirstProblemWithoutAMatching) {
  for (const auto& [rows, cols] : {Shape{5, 5}, {5, 9}, {9, 5}, {2, 2}}) {
    expect_infeasible_is_named<float>(rows, cols);
    expect_infeasible_is_named<double>(rows, cols);
  }
}

TEST_P(MatchTest, SaysSoWhereATotalIsBeyondFloat64) {
  const double most = std::numeric_limits<double>::max();
  const Rows a{{most, 0}, {0, most}};
  const Solution s = solve<double>(a, Objective::maximize);
  EXPECT_EQ(s.columns, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(s.totals[0], std::numeric_limits<double>::infinity());
  EXPECT_EQ(s.gaps[0], std::numeric_limits<double>::infinity());
  // Here only partial sums are beyond float64.
  const Rows b{{most, 0, 0}, {0, most, 0}, {0, 0, -most}};
  const Solution partly = solve<double>(b, Objective::maximize);
  EXPECT_EQ(partly.totals[0], most);
  EXPECT_LE(partly.gaps[0], 1e-14 * most);
}

template <class T>
void expect_first_not_finite_is_named() {
  constexpr std::size_t count = 400;
  constexpr std::size_t side = 21;
  std::vector<T> values(count * side * side, T{1});
  const auto at = [&](std::size_t b, std::size_t i, std::size_t j) -> T& {
    return values[(b * side + i) * side + j];
  };
  at(2, 3, 4) = -std::numeric_limits<T>::infinity();  // a forbidden pair
  at(399, 0, 0) = std::numeric_limits<T>::infinity();
  at(7, 20, 20) = std::numeric_limits<T>::quiet_NaN();
  at(7, 20, 3) = std::numeric_limits<T>::infinity();
  ProblemBatch<T> batch = contiguous(values, count, side, side);
  for (const int threads : {1, 2, 3}) {
    EXPECT_EQ(message_of(batch, threads),
              "`similarity` must be finite, got inf at index (7, 20, 3)");
  }
  at(7, 20, 3) = 0;
  EXPECT_EQ(message_of(batch, 2), "`similarity` must be finite, got nan at index (7, 20, 20)");

  batch.data += 7 * side * side;
  batch.count = 1;
  batch.is_single = true;
  EXPECT_EQ(message_of(batch, 1), "`similarity` must be finite, got nan at index (20, 20)");
}

TEST_P(MatchTest, NamesTheFirstEntryThatIsNotFinite) {
  expect_first_not_finite_is_named<float>();
  expect_first_not_finite_is_named<double>();
}

// Rows are read by whole vectors and a part of one.
template <class T>
void expect_every_entry_is_looked_at() {
  for (const std::size_t cols : {1, 2, 7, 8, 15, 16, 17, 31, 33, 49}) {
    std::vector<T> values(2 * cols, T{1});
    for (T& x : values) {
      x = std::numeric_limits<T>::quiet_NaN();
      EXPECT_NE(message_of(contiguous(values, 1, 2, cols), 1), "nothing was thrown") << cols;
      x = std::numeric_limits<T>::infinity();
      EXPECT_NE(message_of(contiguous(values, 1, 2, cols), 1), "nothing was thrown") << cols;
      x = std::numeric_limits<T>::max();
      EXPECT_EQ(message_of(contiguous(values, 1, 2, cols), 1), "nothing was thrown") << cols;
      x = 1;
    }
  }
}

TEST_P(MatchTest, LooksAtEveryEntry) {
  expect_every_entry_is_looked_at<float>();
  expect_every_entry_is_looked_at<double>();
}

TEST_P(MatchTest, StopsWithinOneLargeProblem) {
  Random random(8);
  const std::vector<double> values = flat<double>(rank_one(1500, 1500, random));
  const auto begin = std::chrono::steady_clock::now();
  const Execution execution{.num_threads = 1,
                            .poll = [](std::size_t, std::size_t) { return false; }};
  EXPECT_THROW(solve(contiguous(values, 1, 1500, 1500), Objective::maximize, execution),
               isogram::Interrupted);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

TEST_P(MatchTest, ReportsProblemsAsProgress) {
  const std::vector<float> values(1000 * 9, 1.0F);
  std::size_t last = 0;
  const Execution execution{.num_threads = 2, .poll = [&](std::size_t done, std::size_t total) {
                              EXPECT_EQ(total, 1000U);
                              EXPECT_LE(done, total);
                              last = done;
                              return true;
                            }};
  solve(contiguous(values, 1000, 3, 3), Objective::maximize, execution);
  EXPECT_EQ(last, 1000U);
}

// Sizes that people use. Families take different ways through the solver: near-duplicates start
// from Sinkhorn's duals, ties and random costs do not, heavy tails may be solved again in float64.
TEST_P(MatchTest, SolvesEveryFamilyAt196) {
  Random random(11);
  for (const Family& family : families()) {
    SCOPED_TRACE(family.name);
    const Rows a = family.make(196, 196, random);
    const long double best = reference::best_total(a, true);
    expect_optimal<float>(a, Objective::maximize, best);
    expect_optimal<double>(a, Objective::maximize, best);
  }
}

// The reference would take too long: the float64 solution, proven by its gap, replaces it.
TEST_P(MatchTest, SolvesAwkwardFamiliesAt784) {
  const std::set<std::string> awkward{"smooth",    "integers",    "rank one",
                                      "half dead", "heavy tails", "huge"};
  Random random(12);
  for (const Family& family : families()) {
    if (!awkward.contains(family.name)) continue;
    SCOPED_TRACE(family.name);
    const Rows a = family.make(784, 784, random);
    const long double best = solve<double>(a, Objective::maximize).totals[0];
    expect_optimal<double>(a, Objective::maximize, best);
    expect_optimal<float>(a, Objective::maximize, best);
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, MatchTest, testing::ValuesIn(isogram::simd::available()),
                         [](const auto& info) { return std::string(name(info.param)); });

template <class T>
std::vector<Solution> solutions_of_levels(const Rows& a, Objective objective) {
  const Level before = isogram::simd::level();
  std::vector<Solution> solutions;
  for (const Level level : isogram::simd::available()) {
    isogram::simd::set_level(level);
    solutions.push_back(solve<T>(a, objective));
  }
  isogram::simd::set_level(before);
  return solutions;
}

TEST(Match, FindsTheSameSolutionAtEveryLevel) {
  Random random(9);
  for (const Family& family : families()) {
    SCOPED_TRACE(family.name);
    const Rows a = family.make(45, 61, random);
    const Rows square = family.make(45, 45, random);
    for (const Rows& one : {a, square}) {
      for (const Solution& s : solutions_of_levels<float>(one, Objective::maximize)) {
        EXPECT_EQ(s, solve<float>(one, Objective::maximize));
      }
      for (const Solution& s : solutions_of_levels<double>(one, Objective::minimize)) {
        EXPECT_EQ(s, solve<double>(one, Objective::minimize));
      }
    }
  }
}

// Sweeps are float32 at every level and for both types, and add in one order.
TEST(Match, FindsTheSameSolutionFromSweptDualsAtEveryLevel) {
  Random random(13);
  for (const std::size_t side : {7, 16, 17, 31, 33, 49, 64, 65, 130, 200, 600}) {
    SCOPED_TRACE(side);
    const Rows a = smooth(side, side, random);
    const std::vector<Solution> narrow = solutions_of_levels<float>(a, Objective::maximize);
    const std::vector<Solution> wide = solutions_of_levels<double>(a, Objective::maximize);
    for (const Solution& s : narrow) EXPECT_EQ(s, narrow.front());
    for (const Solution& s : wide) EXPECT_EQ(s, wide.front());
  }
}

TEST(Match, MatchesNothingWithoutRowsOrColumns) {
  const std::vector<float> values;
  EXPECT_EQ(solve(contiguous(values, 2, 0, 4), Objective::maximize),
            (Solution{{}, {0, 0}, {0, 0}}));
  EXPECT_EQ(solve(contiguous(values, 2, 3, 0), Objective::maximize),
            (Solution{{-1, -1, -1, -1, -1, -1}, {0, 0}, {0, 0}}));
}

TEST(Match, RefusesMoreColumnsThanCanBeNumbered) {
  const float one = 1;
  const std::size_t cols = std::size_t{1} << 31;
  const ProblemBatch<float> batch{&one, 1, 1, cols, 0, 0, 0};
  std::int32_t column = 0;
  double total = 0;
  double gap = 0;
  EXPECT_THROW(isogram::match(batch, Objective::maximize, &column, &total, &gap),
               std::invalid_argument);
}

TEST(Match, AcceptsAnEmptyBatch) {
  EXPECT_TRUE(solve(ProblemBatch<float>{nullptr, 0, 3, 3}, Objective::maximize).totals.empty());
}

}  // namespace
