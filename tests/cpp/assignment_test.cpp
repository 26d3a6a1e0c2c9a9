#include "assignment/assignment.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "match_expected.hpp"

namespace {

using namespace isogram_test;
using isogram::AffinityStrips;
using isogram::Assignment;
using isogram::AssignmentSolver;
using isogram::MatrixView;
using isogram::Objective;

template <class T>
class AssignmentTest : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(AssignmentTest, Types);

// Strips in one memory, which the next strip overwrites.
template <class T>
class Strips {
 public:
  Strips(const Rows& a, std::size_t height)
      : values_(flat<T>(a)),
        strips_{a.size(), a[0].size(), height,
                [this](std::size_t first, std::size_t count) { return strip(first, count); }} {}

  const AffinityStrips<T>& get() const { return strips_; }
  MatrixView<const T> whole() const { return {values_.data(), strips_.rows, strips_.cols}; }

 private:
  MatrixView<const T> strip(std::size_t first, std::size_t count) {
    EXPECT_TRUE(count == strips_.rows || count <= strips_.height);
    const T* begin = values_.data() + first * strips_.cols;
    strip_.assign(begin, begin + count * strips_.cols);
    return {strip_.data(), count, strips_.cols};
  }

  std::vector<T> values_;
  std::vector<T> strip_;
  AffinityStrips<T> strips_;
};

struct Solution {
  std::vector<std::int32_t> columns;
  double total;
  double gap;
  bool operator==(const Solution&) const = default;
};

Solution kept(const Assignment& found, std::size_t rows) {
  return {{found.columns, found.columns + rows}, found.total, found.gap};
}

TYPED_TEST(AssignmentTest, OfStripsIsThatOfTheWhole) {
  using T = TypeParam;
  Random random(21);
  std::vector<Family> all = families();
  all.push_back({"skew", skew});  // float32 is not enough
  AssignmentSolver<T> solver(80, 80);
  for (const Family& family : all) {
    for (const auto& [rows, cols] :
         {std::pair<std::size_t, std::size_t>{49, 49}, {80, 80}, {30, 61}, {61, 30}}) {
      const Rows a = family.make(rows, cols, random);
      for (const std::size_t height : {1, 7, 96}) {
        SCOPED_TRACE(family.name + ", height " + std::to_string(height));
        const Strips<T> strips(a, height);
        for (const Objective objective : {Objective::maximize, Objective::minimize}) {
          const Solution whole = kept(solver.solve(strips.whole(), objective), rows);
          EXPECT_EQ(kept(solver.solve(strips.get(), objective), rows), whole);
        }
      }
    }
  }
}

TYPED_TEST(AssignmentTest, LooksAtEveryStrip) {
  using T = TypeParam;
  Random random(22);
  AssignmentSolver<T> solver(20, 20);
  Rows a = smooth(20, 20, random);
  a[19][3] = std::numeric_limits<double>::quiet_NaN();
  const Strips<T> strips(a, 8);
  EXPECT_THROW(solver.solve(strips.get(), Objective::maximize), isogram::NotFinite);
}

// Problems of every family: some neighbours have one shape, others different shapes.
std::vector<Rows> many_problems(Random& random) {
  std::vector<Family> all = families();
  all.push_back({"skew", skew});  // float32 is not enough
  std::vector<Rows> problems;
  for (const auto& [rows, cols] : {std::pair<std::size_t, std::size_t>{49, 49},
                                   {49, 49},
                                   {49, 64},
                                   {20, 49},
                                   {49, 20},
                                   {17, 31},
                                   {1, 1},
                                   {3, 16}}) {
    for (const Family& family : all) problems.push_back(family.make(rows, cols, random));
  }
  problems.push_back(smooth(64, 64, random));  // without a partner
  return problems;
}

TYPED_TEST(AssignmentTest, OfEachIsThatOfOneAlone) {
  using T = TypeParam;
  Random random(23);
  const std::vector<Rows> problems = many_problems(random);
  ASSERT_EQ(problems.size() % 2, 1U);
  std::vector<std::vector<T>> values;
  for (const Rows& problem : problems) values.push_back(flat<T>(problem));
  const auto view = [&](std::size_t k) {
    return MatrixView<const T>(values[k].data(), problems[k].size(), problems[k][0].size());
  };
  for (const std::size_t largest : {64, 65}) {  // up to 64 columns, two at a time
    AssignmentSolver<T> solver(largest, largest);
    for (const Objective objective : {Objective::maximize, Objective::minimize}) {
      std::vector<Solution> found;
      solver.solve_each(problems.size(), view, objective, nullptr,
                        [&](std::size_t k, const Assignment& assignment) {
                          EXPECT_EQ(k, found.size());
                          found.push_back(kept(assignment, problems[k].size()));
                        });
      ASSERT_EQ(found.size(), problems.size());
      for (std::size_t k = 0; k < problems.size(); ++k) {
        EXPECT_EQ(found[k], kept(solver.solve(view(k), objective), problems[k].size())) << k;
      }
    }
  }
}

TYPED_TEST(AssignmentTest, LooksAtBothOfTwo) {
  using T = TypeParam;
  Random random(24);
  AssignmentSolver<T> solver(20, 20);
  Rows bad = smooth(20, 20, random);
  bad[19][3] = std::numeric_limits<double>::infinity();
  const std::vector<T> values[2] = {flat<T>(smooth(20, 20, random)), flat<T>(bad)};
  for (const std::size_t first : {0, 1}) {
    const auto view = [&](std::size_t k) {
      return MatrixView<const T>(values[(first + k) % 2].data(), 20, 20);
    };
    EXPECT_THROW(solver.solve_each(2, view, Objective::maximize, nullptr, [](auto...) {}),
                 isogram::NotFinite);
  }
}

}  // namespace
