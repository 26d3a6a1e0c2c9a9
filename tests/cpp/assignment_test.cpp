#include "assignment.hpp"

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

// Strips in memory of their own, which the next one overwrites.
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

}  // namespace
