#include "isogram/cuda/match.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cpp/match_expected.hpp"
#include "cuda_on_host.hpp"
#include "detail/assign_start.cuh"
#include "isogram_reference/match.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
namespace cuda = isogram::cuda;
namespace reference = isogram_reference;
using cuda::ProblemGrid;
using isogram::Objective;

constexpr Objective kObjectives[] = {Objective::maximize, Objective::minimize};
constexpr unsigned long long kNone = ~0ULL;

using Shape = std::pair<std::size_t, std::size_t>;

std::string described(Shape shape) {
  return std::to_string(shape.first) + "x" + std::to_string(shape.second);
}

// ---- Solutions -------------------------------------------------------------------------------

struct Solution {
  std::vector<std::int32_t> columns;
  std::vector<double> totals;
  std::vector<double> gaps;
  std::vector<std::uint8_t> is_proven;
  unsigned long long not_finite = kNone;
  bool operator==(const Solution&) const = default;
};

// Results and scratch are poisoned first, and nothing may be written beyond their ends.
Solution solve(const ProblemGrid& grid, Objective objective) {
  const std::int64_t count = grid.down * grid.across;
  Solution s{poisoned<std::int32_t>(count * grid.rows + 1), poisoned<double>(count + 1),
             poisoned<double>(count + 1), std::vector<std::uint8_t>(count + 1, 77)};
  const std::int64_t size = cuda::match_scratch(count, grid.rows, grid.cols);
  EXPECT_EQ(size % 256, 0);
  std::vector<double> scratch = poisoned<double>(size / 8 + 1);
  cuda::match(nullptr, grid, objective,
              {s.columns.data(), s.totals.data(), s.gaps.data(), s.is_proven.data()}, &s.not_finite,
              scratch.data());
  EXPECT_EQ(s.columns.back(), -77);
  EXPECT_TRUE(std::isnan(s.totals.back()) && std::isnan(s.gaps.back()));
  EXPECT_TRUE(std::isnan(scratch.back()));
  s.columns.pop_back();
  s.totals.pop_back();
  s.gaps.pop_back();
  EXPECT_EQ(s.is_proven.back(), 77);
  s.is_proven.pop_back();
  return s;
}

template <class T>
ProblemGrid contiguous(const std::vector<T>& values, Shape shape) {
  const auto rows = static_cast<std::int64_t>(shape.first);
  const auto cols = static_cast<std::int64_t>(shape.second);
  const auto count = static_cast<std::int64_t>(values.size()) / (rows * cols);
  const cuda::Type type = sizeof(T) == 4 ? cuda::Type::float32 : cuda::Type::float64;
  return {values.data(), type, count, 1, rows * cols, 0, rows, cols, cols, 1};
}

template <class T>
Solution solve(const Rows& a, Objective objective) {
  const std::vector<T> values = flat<T>(a);
  return solve(contiguous(values, {a.size(), a[0].size()}), objective);
}

template <class T>
void expect_optimal(const Rows& a, Objective objective, long double best) {
  const Solution s = solve<T>(a, objective);
  EXPECT_EQ(s.not_finite, kNone);
  expect_solution<T>(a, s.columns, s.totals[0], s.gaps[0], best);
}

void expect_optimal(const Rows& a, Objective objective) {
  const long double best = reference::best_total(a, objective == Objective::maximize);
  expect_optimal<float>(a, objective, best);
  expect_optimal<double>(a, objective, best);
}

// ---- Optima ----------------------------------------------------------------------------------

void expect_all_families_optimal(const std::vector<Shape>& shapes) {
  Random random(1);
  for (const Shape& shape : shapes) {
    for (const Family& family : families()) {
      SCOPED_TRACE(family.name + " " + described(shape));
      const Rows a = family.make(shape.first, shape.second, random);
      for (const Objective objective : kObjectives) expect_optimal(a, objective);
    }
  }
}

TEST(Match, SmallSquares) {
  expect_all_families_optimal({{1, 1}, {2, 2}, {3, 3}, {5, 5}, {16, 16}, {17, 17}});
}

TEST(Match, SquaresOfAWarp) {
  expect_all_families_optimal(
      {{31, 31}, {32, 32}, {33, 33}, {49, 49}, {52, 52}, {53, 53}, {64, 64}});
}

TEST(Match, Rectangles) {
  expect_all_families_optimal({{1, 6}, {6, 1}, {3, 7}, {7, 3}, {20, 50}, {50, 20}, {63, 64}});
  expect_all_families_optimal({{63, 65}, {9, 130}, {130, 9}});
}

TEST(Match, SquaresOfABlock) {
  expect_all_families_optimal({{65, 65}, {100, 100}});
}

void expect_optimal_families(Shape shape, const std::set<std::string>& names) {
  Random random(2);
  std::size_t found = 0;
  for (const Family& family : families()) {
    if (!names.contains(family.name)) continue;
    ++found;
    SCOPED_TRACE(family.name + " " + described(shape));
    const Rows a = family.make(shape.first, shape.second, random);
    expect_optimal<float>(a, Objective::maximize, reference::best_total(a, true));
  }
  EXPECT_EQ(found, names.size());
}

TEST(Match, LargeSquares) {
  for (const std::size_t side : {196, 241, 242, 256}) {
    expect_optimal_families({side, side}, {"smooth", "integers", "half dead", "heavy tails"});
  }
  expect_optimal_families({196, 196}, {"uniform", "rank one", "zeros", "huge"});
}

TEST(Match, SquaresInScratch) {
  expect_optimal_families({257, 257}, {"integers", "half dead"});
  expect_optimal_families({300, 300}, {"smooth", "zeros"});
  expect_optimal_families({10, 300}, {"smooth"});
}

TEST(Match, ALargeProblem) {
  expect_optimal_families({784, 784}, {"integers"});
}

TEST(Match, SolvesFloat32AgainWhereItIsNotEnough) {
  Random random(10);
  for (const std::size_t side : {12, 50, 70}) {
    for (const Rows& a :
         {skew(side, side, random), reference::negated(outlier(side, side, random))}) {
      SCOPED_TRACE(side);
      const Solution s = solve<float>(a, Objective::maximize);
      const auto [total, magnitude] = checked_sums(a, s.columns);
      const long double best = reference::best_total(a, true);
      EXPECT_LE(std::abs(static_cast<double>(total - best)), 1e-9 * magnitude);
      EXPECT_LE(s.gaps[0], 1e-9 * magnitude);
    }
  }
}

TEST(Match, ScalesFloat64OfAnyMagnitude) {
  Random random(4);
  for (const double scale : {1e300, 1e-300, 1e-320}) {
    Rows a = smooth(33, 33, random);
    for (auto& row : a) {
      for (double& x : row) x *= scale;
    }
    const long double best = reference::best_total(a, true);
    const Solution s = solve<double>(a, Objective::maximize);
    const auto [total, magnitude] = checked_sums(a, s.columns);
    EXPECT_LE(std::abs(static_cast<double>(total - best)), 1e-13 * magnitude) << scale;
    EXPECT_LE(s.gaps[0], 1e-13 * magnitude) << scale;
  }
}

// Costs far from 1 are scaled by a power of two first, others are not.
template <class T>
void expect_powers_of_two_do_not_matter() {
  Random random(14);
  const std::vector<T> values = flat<T>(smooth(49, 49, random));
  const Solution plain = solve(contiguous(values, {49, 49}), Objective::maximize);
  for (const int exponent : {-60, -25, -20, 20, 25, 60}) {
    std::vector<T> scaled = values;
    for (T& x : scaled) x = std::ldexp(x, exponent);
    const Solution s = solve(contiguous(scaled, {49, 49}), Objective::maximize);
    EXPECT_EQ(s.columns, plain.columns) << exponent;
    EXPECT_EQ(s.totals[0], std::ldexp(plain.totals[0], exponent)) << exponent;
    EXPECT_EQ(s.gaps[0], std::ldexp(plain.gaps[0], exponent)) << exponent;
  }
}

TEST(Match, FindsTheSameColumnsAtAnyPowerOfTwo) {
  expect_powers_of_two_do_not_matter<float>();
  expect_powers_of_two_do_not_matter<double>();
}

// ---- The start -------------------------------------------------------------------------------

// Any duals are a legal start, so results do not show whether the start is good: the tests below
// count rows.

template <class State, class CostsMemory>
struct StartMemory {
  typename State::Memory memory;
  typename State::Crew::Memory crew;
  CostsMemory costs;
};

template <class State>
__device__ void count_free_rows(State s, int* free) {
  cuda::start_assignment(s);
  int own = 0;
  s.for_own(s.rows, [&](int i) { own += s.memory.column_of[i] == cuda::kFree; });
  const double all = s.crew.reduced(own, cuda::Sum());
  if (s.crew.rank() == 0) *free = static_cast<int>(all);
}

using WarpState = cuda::AssignmentState<float, cuda::CostsInShared<float, 52>, 32, 52>;
using WarpMemory = StartMemory<WarpState, WarpState::Costs::Memory>;
using BlockState = cuda::AssignmentState<float, cuda::CostsInPlace<float>, 64, 256>;
using BlockMemory = StartMemory<BlockState, std::monostate>;

__global__ void start_by_warp(const float* costs, int side, int* free) {
  auto& shared = cuda::shared_memory<WarpMemory>();
  WarpState s{WarpState::Crew(shared.crew), shared.memory, WarpState::Costs(shared.costs), side,
              side};
  s.for_costs([&](int i, int j) {
    s.costs.keep(i, j, i < side && j < side ? costs[i * side + j] : INFINITY);
  });
  s.crew.sync();
  count_free_rows(s, free);
}

__global__ void start_by_block(const float* costs, int side, int* free) {
  auto& shared = cuda::shared_memory<BlockMemory>();
  const cuda::Affinities<float> affinities{reinterpret_cast<const unsigned char*>(costs),
                                           cuda::Type::float32, side * 4, 4};
  count_free_rows(BlockState{BlockState::Crew(shared.crew), shared.memory,
                             BlockState::Costs(affinities, 1), side, side},
                  free);
}

// The share of rows that the start leaves free, over problems between smooth fields.
template <class Kernel>
double share_left_free(Kernel kernel, int threads, std::size_t shared_bytes, int side) {
  constexpr int problems = 8;
  Random random(11);
  int sum = 0;
  for (int n = 0; n < problems; ++n) {
    const auto extent = static_cast<std::size_t>(side);
    const std::vector<float> costs = flat<float>(smooth(extent, extent, random));
    int free = -1;
    cuda::launch(kernel, 1, threads, shared_bytes, nullptr, costs.data(), side, &free);
    EXPECT_GE(free, 0);
    sum += free;
  }
  return static_cast<double>(sum) / (problems * side);
}

// Minima alone leave more than 0.8 of the rows free, and so do sweeps that go astray.
TEST(Match, SweepsLeaveFewRowsToSearchFor) {
  constexpr double most = 0.33;
  EXPECT_LE(share_left_free(start_by_warp, 32, sizeof(WarpMemory), 49), most);
  EXPECT_LE(share_left_free(start_by_block, 64, sizeof(BlockMemory), 100), most);
  EXPECT_LE(share_left_free(start_by_block, 64, sizeof(BlockMemory), 196), most);
}

// ---- Many problems ---------------------------------------------------------------------------

// Problems, some of which float32 does not solve.
std::vector<float> mixed_batch(std::size_t count, Shape shape) {
  Random random(7);
  std::vector<float> values;
  for (std::size_t b = 0; b < count; ++b) {
    const Rows a = b % 5 == 3 ? skew(shape.first, shape.second, random)
                              : smooth(shape.first, shape.second, random);
    for (const float x : flat<float>(a)) values.push_back(x);
  }
  return values;
}

TEST(Match, RepeatsFromRunToRunAndAloneAsInABatch) {
  for (const auto& [count, side] : {Shape{40, 5}, {11, 49}, {5, 70}}) {
    const std::vector<float> values = mixed_batch(count, {side, side});
    const ProblemGrid batch = contiguous(values, {side, side});
    const Solution all = solve(batch, Objective::maximize);
    EXPECT_EQ(solve(batch, Objective::maximize), all);
    for (std::size_t b = 0; b < count; ++b) {
      ProblemGrid one = batch;
      one.data = values.data() + b * side * side;
      one.down = 1;
      const Solution alone = solve(one, Objective::maximize);
      EXPECT_EQ(alone.totals[0], all.totals[b]);
      EXPECT_EQ(alone.gaps[0], all.gaps[b]);
      EXPECT_TRUE(std::equal(alone.columns.begin(), alone.columns.end(),
                             all.columns.begin() + static_cast<std::ptrdiff_t>(b * side)));
    }
  }
}

// The layout of affinities between the tokens of all inputs.
TEST(Match, SolvesBlocksOfOneMatrixWhereTheyAre) {
  constexpr std::size_t down = 3;
  constexpr std::size_t across = 4;
  for (const Shape& shape : {Shape{7, 9}, {9, 7}, {33, 33}, {66, 65}}) {
    SCOPED_TRACE(described(shape));
    const auto rows = static_cast<std::int64_t>(shape.first);
    const auto cols = static_cast<std::int64_t>(shape.second);
    const std::vector<float> values = mixed_batch(down * across, shape);
    const std::int64_t stride = cols * std::int64_t{across} + 3;
    std::vector<float> tile(down * shape.first * static_cast<std::size_t>(stride), NAN);
    for (std::size_t b = 0; b < down * across; ++b) {
      for (std::size_t i = 0; i < shape.first; ++i) {
        for (std::size_t j = 0; j < shape.second; ++j) {
          const std::size_t row = b / across * shape.first + i;
          const std::size_t col = b % across * shape.second + j;
          tile[row * static_cast<std::size_t>(stride) + col] =
              values[(b * shape.first + i) * shape.second + j];
        }
      }
    }
    const ProblemGrid grid{
        tile.data(), cuda::Type::float32, down, across, rows * stride, cols, rows, cols, stride, 1};
    EXPECT_EQ(solve(grid, Objective::maximize),
              solve(contiguous(values, shape), Objective::maximize));
  }
}

template <class T>
void expect_strides_do_not_matter(Shape shape) {
  Random random(6);
  constexpr std::size_t count = 3;
  const auto [rows, cols] = shape;
  std::vector<T> values(count * rows * cols);
  for (T& x : values) x = static_cast<T>(normal(random));
  const Solution expected = solve(contiguous(values, shape), Objective::maximize);

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
  ProblemGrid backwards = contiguous(values, shape);
  backwards.data = spread.data() + 2 * (values.size() - 1);
  backwards.down_stride = -2;
  backwards.row_stride = -2 * std::int64_t{count};
  backwards.col_stride = backwards.row_stride * backwards.rows;
  EXPECT_EQ(solve(backwards, Objective::maximize), expected);

  ProblemGrid repeated = contiguous(values, shape);
  repeated.down = 2;
  repeated.down_stride = 0;
  const Solution twice = solve(repeated, Objective::maximize);
  EXPECT_EQ(twice.totals[0], expected.totals[0]);
  EXPECT_EQ(twice.totals[1], expected.totals[0]);
}

TEST(Match, ReadsAnyStrides) {
  for (const Shape& shape : {Shape{19, 23}, {23, 19}, {67, 66}}) {
    expect_strides_do_not_matter<float>(shape);
    expect_strides_do_not_matter<double>(shape);
  }
}

// The grid of problem (r, c) alone.
ProblemGrid one_of(const ProblemGrid& grid, std::int64_t r, std::int64_t c) {
  ProblemGrid one = grid;
  one.data = static_cast<const float*>(grid.data) + r * grid.down_stride + c * grid.across_stride;
  one.down = one.across = 1;
  one.rows = grid.down_rows[r];
  one.cols = grid.across_cols[c];
  one.down_rows = one.across_cols = nullptr;
  return one;
}

// Expects the same result for a problem of a grid as for the problem alone.
void expect_as_alone(const ProblemGrid& grid, const Solution& all, std::int64_t r, std::int64_t c) {
  SCOPED_TRACE(std::to_string(r) + ", " + std::to_string(c));
  const ProblemGrid one = one_of(grid, r, c);
  const bool is_empty = one.rows == 0 || one.cols == 0;
  const Solution alone = is_empty ? Solution{std::vector<std::int32_t>(one.rows, -1), {0}, {0}, {1}}
                                  : solve(one, Objective::maximize);
  const auto number = static_cast<std::size_t>(r * grid.across + c);
  const auto first = all.columns.begin() + static_cast<std::ptrdiff_t>(number) * grid.rows;
  const std::vector<std::int32_t> columns(first, first + one.rows);
  EXPECT_EQ(columns, alone.columns);
  EXPECT_EQ(std::count(first + one.rows, first + grid.rows, -1), grid.rows - one.rows);
  EXPECT_EQ(all.totals[number], alone.totals[0]);
  EXPECT_EQ(all.gaps[number], alone.gaps[0]);
}

// Counts from none to all; entries beyond them are NaN.
template <std::size_t down, std::size_t across>
void expect_ragged_as_alone(const std::array<std::int32_t, down>& rows,
                            const std::array<std::int32_t, across>& cols) {
  const std::int64_t most_rows = *std::max_element(rows.begin(), rows.end());
  const std::int64_t most_cols = *std::max_element(cols.begin(), cols.end());
  const Shape most(most_rows, most_cols);
  std::vector<float> values = mixed_batch(down * across, most);
  for (std::size_t k = 0; k < values.size(); ++k) {
    const auto problem = k / (most.first * most.second);
    const auto row = static_cast<std::int32_t>(k / most.second % most.first);
    const auto col = static_cast<std::int32_t>(k % most.second);
    if (row >= rows[problem / across] || col >= cols[problem % across]) values[k] = NAN;
  }
  ProblemGrid grid = contiguous(values, most);
  grid.down = down;
  grid.across = across;
  grid.across_stride = grid.down_stride;
  grid.down_stride *= across;
  grid.down_rows = rows.data();
  grid.across_cols = cols.data();
  const Solution all = solve(grid, Objective::maximize);
  EXPECT_EQ(all.not_finite, kNone);
  for (std::int64_t r = 0; r < std::int64_t{down}; ++r) {
    for (std::int64_t c = 0; c < std::int64_t{across}; ++c) expect_as_alone(grid, all, r, c);
  }
}

TEST(Match, CountsOfRowsAndColumnsDifferFromProblemToProblem) {
  expect_ragged_as_alone<5, 4>({9, 0, 1, 17, 30}, {30, 9, 0, 12});
  expect_ragged_as_alone<3, 3>({49, 20, 0}, {33, 49, 5});
  expect_ragged_as_alone<3, 3>({64, 1, 62}, {63, 3, 0});
  expect_ragged_as_alone<3, 2>({70, 0, 12}, {70, 41});
  expect_ragged_as_alone<2, 2>({3, 0}, {300, 20});
}

TEST(Match, SolvesOnlyWhatIsAboveTheDiagonal) {
  const std::vector<float> values = mixed_batch(6 * 6, {6, 6});
  ProblemGrid grid = contiguous(values, {6, 6});
  grid.down = grid.across = 6;
  grid.across_stride = grid.down_stride;
  grid.down_stride *= 6;
  const Solution all = solve(grid, Objective::maximize);
  grid.above_diagonal = true;
  const Solution above = solve(grid, Objective::maximize);
  for (std::size_t r = 0; r < 6; ++r) {
    for (std::size_t c = 0; c < 6; ++c) {
      const std::size_t number = r * 6 + c;
      EXPECT_EQ(std::isnan(above.totals[number]), c <= r);
      EXPECT_EQ(std::isnan(above.gaps[number]), c <= r);
      EXPECT_TRUE(c <= r || above.totals[number] == all.totals[number]);
      for (std::size_t k = number * 6; k < number * 6 + 6; ++k) {
        EXPECT_EQ(above.columns[k], r < c ? all.columns[k] : poisoned<std::int32_t>(1)[0]);
      }
    }
  }
}

TEST(Match, NobodyNeedsTheColumns) {
  for (const Shape& shape : {Shape{49, 49}, {20, 9}, {70, 70}}) {
    const std::vector<float> values = mixed_batch(4, shape);
    const ProblemGrid grid = contiguous(values, shape);
    const Solution expected = solve(grid, Objective::minimize);
    std::vector<double> scratch(cuda::match_scratch(4, grid.rows, grid.cols) / sizeof(double));
    std::vector<double> totals = poisoned<double>(4);
    std::vector<double> gaps = poisoned<double>(4);
    unsigned long long not_finite = kNone;
    cuda::match(nullptr, grid, Objective::minimize, {nullptr, totals.data(), gaps.data()},
                &not_finite, scratch.data());
    EXPECT_EQ(totals, expected.totals);
    EXPECT_EQ(gaps, expected.gaps);
  }
}

TEST(Match, NoProblemsAreNoWork) {
  const std::vector<float> none;
  EXPECT_TRUE(solve(contiguous(none, {4, 4}), Objective::maximize).columns.empty());
}

// ---- What is proven --------------------------------------------------------------------------

TEST(Match, ProvesWhatIsOrdinary) {
  Random random(31);
  const std::set<std::string> extreme{"heavy tails", "outlier"};
  for (const Shape& shape : {Shape{5, 5}, {49, 49}, {64, 64}, {70, 70}, {30, 41}}) {
    for (const Family& family : families()) {
      if (extreme.contains(family.name)) continue;
      SCOPED_TRACE(family.name + " " + described(shape));
      for (const Objective objective : kObjectives) {
        const Rows a = family.make(shape.first, shape.second, random);
        EXPECT_EQ(solve<float>(a, objective).is_proven[0], 1);
        EXPECT_EQ(solve<double>(a, objective).is_proven[0], 1);
      }
    }
  }
}

TEST(Match, ProvesNothingOfGatesThatHideTheRest) {
  Random random(32);
  for (const Shape& shape : {Shape{20, 20}, {49, 49}, {70, 70}}) {
    const Rows a = gated(shape.first, shape.second, 0.97, 1e30, random);
    EXPECT_EQ(solve<float>(a, Objective::minimize).is_proven[0], 0);
    EXPECT_EQ(solve<double>(a, Objective::minimize).is_proven[0], 0);
  }
}

// ---- Entries that are not finite -------------------------------------------------------------

template <class T>
void expect_first_not_finite_is_reported(Shape shape) {
  constexpr std::size_t count = 6;
  const auto [rows, cols] = shape;
  std::vector<T> values(count * rows * cols, T{1});
  const auto number = [&](std::size_t b, std::size_t i, std::size_t j) {
    return (b * rows + i) * cols + j;
  };
  values[number(5, 0, 0)] = std::numeric_limits<T>::infinity();
  values[number(2, rows - 1, cols - 1)] = std::numeric_limits<T>::quiet_NaN();
  values[number(2, rows - 1, 0)] = -std::numeric_limits<T>::infinity();
  const Solution s = solve(contiguous(values, shape), Objective::minimize);
  EXPECT_EQ(s.not_finite, number(2, rows - 1, 0));
  for (std::size_t b = 0; b < count; ++b) {
    const bool is_finite = b != 2 && b != 5;
    EXPECT_EQ(s.is_proven[b], is_finite) << b;
    EXPECT_EQ(std::isnan(s.totals[b]), !is_finite) << b;
    EXPECT_EQ(std::isnan(s.gaps[b]), !is_finite) << b;
    for (std::size_t i = 0; i < rows && !is_finite; ++i) EXPECT_EQ(s.columns[b * rows + i], -1);
  }
}

TEST(Match, ReportsTheFirstEntryThatIsNotFinite) {
  for (const Shape& shape : {Shape{1, 2}, {9, 9}, {21, 9}, {33, 49}, {70, 66}}) {
    SCOPED_TRACE(described(shape));
    expect_first_not_finite_is_reported<float>(shape);
    expect_first_not_finite_is_reported<double>(shape);
  }
}

TEST(Match, LooksAtEveryEntry) {
  for (const Shape& shape : {Shape{2, 1}, {2, 7}, {3, 33}, {5, 49}, {3, 65}}) {
    std::vector<float> values(shape.first * shape.second, 1.0F);
    for (std::size_t k = 0; k < values.size(); ++k) {
      values[k] = k % 2 == 0 ? NAN : -INFINITY;
      EXPECT_EQ(solve(contiguous(values, shape), Objective::maximize).not_finite, k);
      values[k] = 1;
    }
  }
}

}  // namespace
