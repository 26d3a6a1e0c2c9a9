#include "isogram/cuda/rsm.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "cpp/match_expected.hpp"
#include "isogram_reference/rsm.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
namespace cuda = isogram::cuda;
namespace reference = isogram_reference;
using cuda::ProblemGrid;

using Lengths = std::vector<std::int32_t>;

// ---- Products of bytes -----------------------------------------------------------------------

void expect_scaled(std::int64_t rows, std::int64_t cols, std::int64_t gap, bool in_place) {
  std::mt19937 random(40);
  std::uniform_int_distribution<std::int32_t> product(-2000000000, 2000000000);
  const std::int64_t stride = cols + gap;
  std::vector<std::int32_t> products(static_cast<std::size_t>(rows * stride));
  for (std::int32_t& x : products) x = product(random);
  const std::vector<std::int32_t> before = products;
  std::vector<float> row_scales;
  std::vector<float> col_scales;
  for (std::int64_t i = 0; i < rows; ++i) row_scales.push_back(0.1F * static_cast<float>(i));
  for (std::int64_t j = 0; j < cols; ++j) col_scales.push_back(1.7F * static_cast<float>(j));
  std::vector<float> elsewhere(products.size(), -1);
  float* out = in_place ? reinterpret_cast<float*>(products.data()) : elsewhere.data();
  cuda::scale_products(nullptr, {products.data(), rows, cols, stride}, row_scales.data(),
                       col_scales.data(), {out, rows, cols, stride});
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < cols; ++j) {
      const auto at = static_cast<std::size_t>(i * stride + j);
      const float scale =
          row_scales[static_cast<std::size_t>(i)] * col_scales[static_cast<std::size_t>(j)];
      ASSERT_EQ(out[at], static_cast<float>(before[at]) * scale) << i << ", " << j;
    }
  }
}

TEST(ScaledProducts, InPlaceAndElsewhere) {
  for (const bool in_place : {false, true}) {
    expect_scaled(1, 1, 0, in_place);
    expect_scaled(33, 128, 4, in_place);
    expect_scaled(40, 131, 1, in_place);
  }
}

// ---- Rescoring -------------------------------------------------------------------------------

struct Sizes {
  std::int64_t down;
  std::int64_t across;
  std::int64_t rows;
  std::int64_t cols;
  std::int64_t channels;
};

std::string described(const Sizes& s) {
  return std::to_string(s.down) + "x" + std::to_string(s.across) + " of " + std::to_string(s.rows) +
         "x" + std::to_string(s.cols) + "x" + std::to_string(s.channels);
}

// Packed tokens: zeros between the channels and the stride, and windows longer than needed.
template <class T>
struct Packed {
  std::int64_t window;
  std::int64_t stride;
  std::vector<T> values;
  cuda::PackedTokens<const T> view() const { return {values.data(), window, stride}; }
  T at(std::int64_t input, std::int64_t token, std::int64_t channel) const {
    return values[static_cast<std::size_t>((input * window + token) * stride + channel)];
  }
};

template <class T>
Packed<T> normal_packed(std::int64_t inputs, std::int64_t window, std::int64_t channels,
                        unsigned seed) {
  Packed<T> p{window, (channels + 3) / 4 * 4 + 4, {}};
  p.values.resize(static_cast<std::size_t>(inputs * window * p.stride));
  Random random(seed);
  for (std::size_t k = 0; k < p.values.size(); ++k) {
    const auto channel = static_cast<std::int64_t>(k) % p.stride;
    if (channel < channels) p.values[k] = static_cast<T>(normal(random));
  }
  return p;
}

// Random matchings, in which every third row stays unmatched.
std::vector<std::int32_t> some_columns(const Sizes& s, unsigned seed) {
  Random random(seed);
  std::uniform_int_distribution<std::int32_t> column(0, static_cast<std::int32_t>(s.cols - 1));
  std::vector<std::int32_t> columns(static_cast<std::size_t>(s.down * s.across * s.rows));
  for (std::size_t k = 0; k < columns.size(); ++k) columns[k] = k % 3 == 2 ? -1 : column(random);
  return columns;
}

template <class T>
void expect_rescored_as(const Sizes& s, bool above_diagonal, const Lengths& down_rows) {
  SCOPED_TRACE(described(s));
  const auto a = normal_packed<T>(s.down, s.rows + 1, s.channels, 50);
  const auto b = normal_packed<T>(s.across, s.cols + 2, s.channels, 51);
  std::vector<std::int32_t> columns = some_columns(s, 52);
  const auto rows_of = [&](std::int64_t r) {
    return down_rows.empty() ? s.rows : down_rows[static_cast<std::size_t>(r)];
  };
  const auto is_asked_for = [&](std::int64_t r, std::int64_t c) {
    return !above_diagonal || r < c;
  };
  for (std::int64_t pair = 0; pair < s.down * s.across; ++pair) {  // poison entries to be ignored
    for (std::int64_t t = 0; t < s.rows; ++t) {
      const bool counts =
          is_asked_for(pair / s.across, pair % s.across) && t < rows_of(pair / s.across);
      if (!counts) columns[static_cast<std::size_t>(pair * s.rows + t)] = 1 << 30;
    }
  }
  const std::int64_t parts = cuda::rescore_parts(s.channels);
  std::vector<double> totals = poisoned<double>(parts * s.down * s.across + 1);
  ProblemGrid grid;
  grid.down = s.down;
  grid.across = s.across;
  grid.rows = s.rows;
  grid.cols = s.cols;
  grid.down_rows = down_rows.empty() ? nullptr : down_rows.data();
  grid.above_diagonal = above_diagonal;
  cuda::rescore<T>(nullptr, a.view(), b.view(), grid, s.channels, columns.data(), totals.data());
  EXPECT_TRUE(std::isnan(totals.back()));
  for (std::int64_t r = 0; r < s.down; ++r) {
    for (std::int64_t c = 0; c < s.across; ++c) {
      const std::int64_t pair = r * s.across + c;
      Real got = 0;
      for (std::int64_t p = 0; p < parts; ++p) {
        got += totals[static_cast<std::size_t>(p * s.down * s.across + pair)];
      }
      if (!is_asked_for(r, c)) {
        ASSERT_TRUE(std::isnan(got));
        continue;
      }
      Real want = 0;
      Real squares = 0;
      for (std::int64_t t = 0; t < rows_of(r); ++t) {
        const std::int32_t column = columns[static_cast<std::size_t>(pair * s.rows + t)];
        for (std::int64_t k = 0; column >= 0 && k < s.channels; ++k) {
          const Real product = Real(a.at(r, t, k)) * b.at(c, column, k);
          want += product;
          squares += product * product;
        }
      }
      expect_close(got, want, 8 * eps<T>() * std::sqrt(squares), at(r, c));
    }
  }
}

void expect_rescored(const Sizes& s, bool above_diagonal = false, const Lengths& down_rows = {}) {
  expect_rescored_as<float>(s, above_diagonal, down_rows);
  expect_rescored_as<double>(s, above_diagonal, down_rows);
}

TEST(Rescore, EveryNumberOfTokens) {
  for (const std::int64_t tokens : {1, 3, 4, 5, 31, 32, 33, 49, 64, 65, 100}) {
    expect_rescored({2, 3, tokens, tokens, 8});
  }
  expect_rescored({2, 2, 70, 9, 8});
  expect_rescored({2, 2, 9, 70, 8});
}

TEST(Rescore, EveryNumberOfChannels) {
  for (const std::int64_t channels : {1, 4, 31, 32, 33, 70}) {
    expect_rescored({2, 2, 5, 5, channels});
    expect_rescored({2, 2, 5, 66, channels});
  }
}

TEST(Rescore, EveryNumberOfInputs) {
  for (const std::int64_t down : {1, 7, 8, 9, 33}) {
    for (const std::int64_t across : {1, 5, 6, 7, 13}) {
      expect_rescored({down, across, 3, 3, 4});
      expect_rescored({down, across, 3, 3, 4}, true);
    }
  }
  expect_rescored({13, 40, 2, 66, 4}, true);
}

TEST(Rescore, RowsOfDifferentLengths) {
  expect_rescored({4, 3, 9, 9, 40}, false, {9, 1, 0, 5});
  expect_rescored({4, 4, 50, 50, 40}, true, {33, 1, 50, 32});
}

// ---- Greedy matching -------------------------------------------------------------------------

template <class T>
ProblemGrid grid_of(const std::vector<T>& values, std::int64_t down, std::int64_t across,
                    std::int64_t rows, std::int64_t cols) {
  ProblemGrid grid;
  grid.data = values.data();
  grid.type = sizeof(T) == 4 ? cuda::Type::float32 : cuda::Type::float64;
  grid.down = down;
  grid.across = across;
  grid.rows = rows;
  grid.cols = cols;
  grid.across_stride = cols;
  grid.row_stride = across * cols;
  grid.down_stride = rows * grid.row_stride;
  return grid;
}

std::vector<double> greedy_totals(const ProblemGrid& grid) {
  std::vector<double> totals = poisoned<double>(grid.down * grid.across + 1);
  cuda::match_greedily(nullptr, grid, nullptr, totals.data());
  EXPECT_TRUE(std::isnan(totals.back()));
  totals.pop_back();
  return totals;
}

// The reference's greedy total of entries [0, rows) × [0, cols).
double greedy_reference(const Rows& a, std::size_t rows, std::size_t cols) {
  Matrix affinity(rows, Vec(cols));
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < cols; ++j) affinity[i][j] = a[i][j];
  }
  return static_cast<double>(reference::greedy_total(affinity));
}

Real magnitude_of(const Rows& a) {
  Real sum = 0;
  for (const auto& row : a) {
    for (const double x : row) sum = std::max(sum, std::abs(Real(x)));
  }
  return sum * static_cast<Real>(std::min(a.size(), a[0].size()));
}

template <class T>
void expect_greedy(const Rows& a) {
  const std::vector<T> values = flat<T>(a);
  const auto rows = static_cast<std::int64_t>(a.size());
  const auto cols = static_cast<std::int64_t>(a[0].size());
  const double got = greedy_totals(grid_of(values, 1, 1, rows, cols))[0];
  expect_close(got, greedy_reference(a, a.size(), a[0].size()),
               static_cast<Real>(rows) * eps<double>() * magnitude_of(a), "total");
}

template <class T>
void expect_families_greedy(const std::vector<std::pair<std::size_t, std::size_t>>& shapes) {
  Random random(60);
  for (const auto& [rows, cols] : shapes) {
    for (const Family& family : families()) {
      SCOPED_TRACE(family.name + " " + at(rows, cols));
      expect_greedy<T>(family.make(rows, cols, random));
    }
  }
}

TEST(Greedy, ByAWarp) {
  expect_families_greedy<float>(
      {{1, 1}, {2, 2}, {5, 5}, {31, 31}, {32, 32}, {33, 33}, {49, 49}, {64, 64}});
  expect_families_greedy<float>({{1, 40}, {40, 1}, {10, 64}, {64, 10}});
  expect_families_greedy<double>({{7, 7}, {33, 49}, {64, 33}});
}

TEST(Greedy, ByABlock) {
  expect_families_greedy<float>({{65, 65}, {3, 65}, {65, 3}});
  expect_families_greedy<double>({{5, 66}, {66, 5}});
}

TEST(Greedy, ManyRowsOfAThread) {
  Random random(61);
  for (const auto& [rows, cols] :
       {std::pair<std::size_t, std::size_t>{100, 90}, {300, 20}, {20, 300}, {1030, 4}, {4, 1030}}) {
    SCOPED_TRACE(at(rows, cols));
    for (const Family& family : families()) {
      if (family.name == "integers") expect_greedy<float>(family.make(rows, cols, random));
    }
    expect_greedy<double>(smooth(rows, cols, random));
  }
}

// All rows prefer the same columns in the same order.
TEST(Greedy, RowsThatAreAllAlike) {
  for (const std::size_t side : {20, 70}) {
    expect_greedy<float>(
        made(side, side, [&](std::size_t, std::size_t j) { return static_cast<double>(j * j); }));
  }
}

TEST(Greedy, ZerosOfEitherSignAreEqual) {
  // The smaller row takes the smaller of its equal columns, and leaves the other row −1.
  const std::vector<float> values{-0.0F, 0.0F, 0.0F, -1.0F};
  EXPECT_EQ(greedy_totals(grid_of(values, 1, 1, 2, 2))[0], -1);
}

template <class T>
void expect_greedy_grid(std::int64_t rows, std::int64_t cols) {
  constexpr std::int64_t down = 3;
  constexpr std::int64_t across = 4;
  Random random(62);
  const Rows all = smooth(static_cast<std::size_t>(down * rows),
                          static_cast<std::size_t>(across * cols), random);
  const std::vector<T> values = flat<T>(all);
  const Lengths down_rows{static_cast<std::int32_t>(rows), 0, 2};
  const Lengths across_cols{3, static_cast<std::int32_t>(cols), 1, 0};
  ProblemGrid grid = grid_of(values, down, across, rows, cols);
  for (const bool ragged : {false, true}) {
    for (const bool above_diagonal : {false, true}) {
      grid.down_rows = ragged ? down_rows.data() : nullptr;
      grid.across_cols = ragged ? across_cols.data() : nullptr;
      grid.above_diagonal = above_diagonal;
      const std::vector<double> totals = greedy_totals(grid);
      for (std::size_t r = 0; r < down; ++r) {
        for (std::size_t c = 0; c < across; ++c) {
          const double got = totals[r * across + c];
          if (above_diagonal && r >= c) {
            EXPECT_TRUE(std::isnan(got));
            continue;
          }
          Rows a;
          for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
            const auto& row = all[r * static_cast<std::size_t>(rows) + i];
            const auto first = row.begin() + static_cast<std::ptrdiff_t>(c) * cols;
            a.emplace_back(first, first + cols);
          }
          const auto used_rows = static_cast<std::size_t>(ragged ? down_rows[r] : rows);
          const auto used_cols = static_cast<std::size_t>(ragged ? across_cols[c] : cols);
          const double want = greedy_reference(a, used_rows, used_cols);
          EXPECT_NEAR(got, want, 1e-14 * static_cast<double>(magnitude_of(a))) << at(r, c);
        }
      }
    }
  }
}

TEST(Greedy, BlocksOfOneMatrixWhereTheyAre) {
  for (const auto& [rows, cols] :
       {std::pair<std::int64_t, std::int64_t>{7, 9}, {33, 20}, {66, 5}, {5, 66}}) {
    SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(cols));
    expect_greedy_grid<float>(rows, cols);
    expect_greedy_grid<double>(rows, cols);
  }
}

TEST(Greedy, ReadsAnyStrides) {
  Random random(63);
  const Rows a = smooth(9, 7, random);
  const std::vector<double> values = flat<double>(a);
  ProblemGrid grid = grid_of(values, 1, 1, 9, 7);
  const double plain = greedy_totals(grid)[0];
  grid.data = values.data() + values.size() - 1;  // in reverse order; no two entries are equal
  grid.row_stride = -7;
  grid.col_stride = -1;
  EXPECT_NEAR(greedy_totals(grid)[0], plain, 1e-14 * std::abs(plain));
  std::swap(grid.rows, grid.cols);
  std::swap(grid.row_stride, grid.col_stride);
  EXPECT_NEAR(greedy_totals(grid)[0], plain, 1e-14 * std::abs(plain));
}

TEST(Greedy, EndsWhateverTheEntriesAre) {
  for (const std::int64_t side : {5, 70}) {
    const auto count = static_cast<std::size_t>(side);
    constexpr double lowest = std::numeric_limits<float>::lowest();
    std::vector<float> values(count * count, NAN);
    EXPECT_EQ(greedy_totals(grid_of(values, 1, 1, side, side))[0],
              static_cast<double>(side) * lowest);
    for (std::size_t k = 0; k < values.size(); k += 2) values[k] = k % 4 == 0 ? -INFINITY : 1.0F;
    for (std::size_t k = 0; k < count; ++k) values[k * count + k] = 5;
    EXPECT_EQ(greedy_totals(grid_of(values, 1, 1, side, side))[0], 5 * static_cast<double>(side));
    values[2] = INFINITY;
    EXPECT_EQ(greedy_totals(grid_of(values, 1, 1, side, side))[0], INFINITY);
  }
}

// ---- Entries ---------------------------------------------------------------------------------

// Matched sums and norms of a block; cosines are like those of real inputs, some beyond ±1.
struct BlockOfPairs {
  std::int64_t down;
  std::int64_t across;
  std::int64_t parts;
  std::vector<double> totals;
  std::vector<double> mean_products;
  std::vector<double> rounded_totals;
  std::vector<double> gaps;
  std::array<std::vector<int>, 2> exponents;  // rows, columns
  std::array<std::vector<double>, 2> squared_norms;
  std::array<std::vector<cuda::RoundedNorms>, 2> rounded_norms;

  cuda::MatchedSums sums(bool centered) const {
    return {down,
            across,
            totals.data(),
            parts,
            centered ? mean_products.data() : nullptr,
            centered ? kTokens : 0,
            rounded_totals.data(),
            gaps.data(),
            kChannels};
  }
  cuda::RsmSide side(std::size_t which) const {
    return {exponents[which].data(), squared_norms[which].data(), rounded_norms[which].data()};
  }
  std::size_t number(std::size_t r, std::size_t c) const {
    return r * static_cast<std::size_t>(across) + c;
  }

  static constexpr std::int64_t kTokens = 7;
  static constexpr std::int64_t kChannels = 1000;
};

BlockOfPairs some_pairs(std::int64_t down, std::int64_t across, std::int64_t parts, int reach) {
  Random random(70);
  BlockOfPairs b{down, across, parts, {}, {}, {}, {}, {}, {}, {}};
  for (std::size_t which = 0; which < 2; ++which) {
    for (std::int64_t i = 0; i < (which == 0 ? down : across); ++i) {
      b.exponents[which].push_back(static_cast<int>(i % 3 - 1) * reach);
      b.squared_norms[which].push_back(i % 5 == 4 ? 0 : 20 + uniform(random));
      const double size = uniform(random);
      b.rounded_norms[which].push_back({size, 30 * size, 0.3 * size, 5, 0.2 * size});
    }
  }
  for (std::int64_t k = 0; k < parts * down * across; ++k) {
    b.totals.push_back(9 * normal(random) / static_cast<double>(parts));
  }
  for (std::int64_t k = 0; k < down * across; ++k) {
    b.mean_products.push_back(normal(random));
    b.rounded_totals.push_back(9 * normal(random));
    b.gaps.push_back(0.1 * uniform(random));
  }
  return b;
}

struct Expected {
  Real linear;
  Real cosine;
  Real distance;
  Real loss;
};

template <class T>
Expected expected_of(const BlockOfPairs& b, bool centered, std::size_t r, std::size_t c) {
  Real packed = 0;
  const std::size_t pairs = b.number(static_cast<std::size_t>(b.down), 0);
  for (std::size_t p = 0; p < static_cast<std::size_t>(b.parts); ++p) {
    packed += b.totals[p * pairs + b.number(r, c)];
  }
  const Real total =
      packed + (centered ? BlockOfPairs::kTokens * Real(b.mean_products[b.number(r, c)]) : 0);
  const Real norm_i = b.squared_norms[0][r];
  const Real norm_j = b.squared_norms[1][c];
  const int e = b.exponents[0][r];
  const int f = b.exponents[1][c];
  const Real norms = std::sqrt(norm_i) * std::sqrt(norm_j);
  const Real linear = std::ldexp(total, e + f);
  const Real squared = std::ldexp(norm_i, 2 * e) + std::ldexp(norm_j, 2 * f) - 2 * linear;
  const Real distance = std::sqrt(std::max(Real(0), squared));
  const cuda::RoundedNorms& x = b.rounded_norms[0][r];
  const cuda::RoundedNorms& y = b.rounded_norms[1][c];
  const Real of_sums = BlockOfPairs::kChannels * Real(eps<T>()) / 2 *
                       std::min(Real(x.rounded) * (Real(y.largest) + y.largest_error),
                                Real(y.rounded) * (Real(x.largest) + x.largest_error));
  const Real bound = b.rounded_totals[b.number(r, c)] + Real(b.gaps[b.number(r, c)]) +
                     std::min(Real(x.errors) * y.largest + Real(x.rounded) * y.largest_error,
                              Real(y.errors) * x.largest + Real(y.rounded) * x.largest_error) +
                     of_sums + Real(x.left_out) * y.left_out;
  if (norms == 0) return {linear, 0, distance, 0};
  return {linear, std::clamp(total / norms, Real(-1), Real(1)), distance,
          std::max(Real(0), bound - packed) / norms};
}

template <class T>
struct Outputs {
  Outputs(std::size_t rows, std::size_t cols, Order order)
      : linear(rows, cols, order),
        cosine(rows, cols, order),
        distance(rows, cols, order),
        loss(rows, cols, order) {}

  isogram::RsmOutputs<T> views() {
    return {linear.view(), cosine.view(), distance.view(), loss.view()};
  }
  void expect(std::size_t i, std::size_t j, const Expected& want) const {
    const auto close = [&](const Output<T>& got, Real value, Real size, const char* name) {
      expect_close(got(i, j), value, eps<T>() * std::abs(value) + 16 * eps<double>() * size,
                   at(i, j) + " " + name);
    };
    close(linear, want.linear, std::abs(want.linear), "linear");
    close(cosine, want.cosine, 1, "cosine");
    const Real size = want.distance > 0 ? want.distance + std::abs(want.linear) / want.distance : 0;
    close(distance, want.distance, size, "distance");
    close(loss, want.loss, 10 + want.loss, "loss");
  }
  void expect_untouched(std::size_t i, std::size_t j) const {
    for (const Output<T>* out : {&linear, &cosine, &distance, &loss}) {
      EXPECT_EQ((*out)(i, j), Output<T>::kPoison) << at(i, j);
    }
  }

  Output<T> linear;
  Output<T> cosine;
  Output<T> distance;
  Output<T> loss;
};

template <class T>
void expect_block_of_two_sets(const BlockOfPairs& b, bool centered, Order order) {
  const cuda::Place place{2, 3};
  const auto rows = static_cast<std::size_t>(b.down);
  const auto cols = static_cast<std::size_t>(b.across);
  Outputs<T> out(rows + 3, cols + 5, order);
  cuda::write_entries<T>(nullptr, b.sums(centered), b.side(0), b.side(1), false, place,
                         out.views());
  for (std::size_t i = 0; i < rows + 3; ++i) {
    for (std::size_t j = 0; j < cols + 5; ++j) {
      if (i >= 2 && j >= 3 && i - 2 < rows && j - 3 < cols) {
        out.expect(i, j, expected_of<T>(b, centered, i - 2, j - 3));
      } else {
        out.expect_untouched(i, j);
      }
    }
  }
}

TEST(Entries, OfTwoSets) {
  for (const Order order : {Order::c, Order::fortran, Order::padded, Order::negative}) {
    for (const bool centered : {false, true}) {
      const BlockOfPairs b = some_pairs(9, 11, 1, 30);
      expect_block_of_two_sets<float>(b, centered, order);
      expect_block_of_two_sets<double>(b, centered, order);
    }
  }
  expect_block_of_two_sets<float>(some_pairs(1, 1, 1, 0), false, Order::c);
  expect_block_of_two_sets<float>(some_pairs(17, 65, 1, 0), false, Order::c);
}

TEST(Entries, OfSumsInParts) {
  for (const std::int64_t parts : {2, 40}) {
    expect_block_of_two_sets<double>(some_pairs(9, 3, parts, 0), true, Order::c);
  }
}

// A block on the diagonal of a larger matrix, and one beside it, with their mirror images.
template <class T>
void expect_blocks_of_one_set(Order order) {
  constexpr std::size_t n = 9;
  const BlockOfPairs diagonal = some_pairs(n, n, 1, 30);
  const BlockOfPairs beside = some_pairs(n, 4, 1, 30);
  Outputs<T> out(n + 6, n + 6, order);
  cuda::write_entries<T>(nullptr, diagonal.sums(true), diagonal.side(0), diagonal.side(0), true,
                         {1, 1}, out.views());
  cuda::write_entries<T>(nullptr, beside.sums(true), beside.side(0), beside.side(1), true,
                         {1, n + 1}, out.views());
  BlockOfPairs same = diagonal;
  same.exponents[1] = same.exponents[0];
  same.squared_norms[1] = same.squared_norms[0];
  same.rounded_norms[1] = same.rounded_norms[0];
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t c = r + 1; c < n; ++c) {
      out.expect(r + 1, c + 1, expected_of<T>(same, true, r, c));
      out.expect(c + 1, r + 1, expected_of<T>(same, true, r, c));
    }
    for (std::size_t c = 0; c < 4; ++c) {
      out.expect(r + 1, n + 1 + c, expected_of<T>(beside, true, r, c));
      out.expect(n + 1 + c, r + 1, expected_of<T>(beside, true, r, c));
    }
    const double norm = same.squared_norms[0][r];
    out.expect(r + 1, r + 1,
               {std::ldexp(Real(norm), 2 * same.exponents[0][r]), norm > 0 ? 1.0L : 0, 0, 0});
    out.expect_untouched(0, r);
  }
  out.expect_untouched(n + 2, n + 3);
}

TEST(Entries, OfOneSet) {
  for (const Order order : {Order::c, Order::fortran, Order::negative}) {
    expect_blocks_of_one_set<float>(order);
    expect_blocks_of_one_set<double>(order);
  }
}

TEST(Entries, FarFromOneInfinityIsTheLimit) {
  const BlockOfPairs b = some_pairs(4, 4, 1, 600);
  Outputs<float> out(4, 4, Order::c);
  cuda::write_entries<float>(nullptr, b.sums(false), b.side(0), b.side(1), false, {0, 0},
                             out.views());
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      const Expected want = expected_of<float>(b, false, i, j);
      const bool is_small = std::abs(want.linear) < 1e-50L;
      const bool is_large = std::abs(want.linear) > 1e50L;
      EXPECT_EQ(std::isinf(out.linear(i, j)), is_large) << at(i, j);
      EXPECT_TRUE(!is_small || out.linear(i, j) == 0) << at(i, j);
      EXPECT_EQ(std::isinf(out.distance(i, j)), want.distance > std::numeric_limits<float>::max())
          << at(i, j);
      EXPECT_FALSE(std::isnan(out.distance(i, j)));
      expect_close(out.cosine(i, j), want.cosine, eps<float>(), at(i, j));
    }
  }
}

TEST(Entries, OnlyThoseThatAreAskedFor) {
  const BlockOfPairs b = some_pairs(3, 3, 1, 0);
  Outputs<float> all(3, 3, Order::c);
  cuda::write_entries<float>(nullptr, b.sums(true), b.side(0), b.side(1), false, {0, 0},
                             all.views());
  Outputs<float> some(3, 3, Order::c);
  cuda::MatchedSums sums = b.sums(true);
  sums.rounded_totals = nullptr;
  sums.gaps = nullptr;
  cuda::write_entries<float>(nullptr, sums, {b.side(0).exponents, b.side(0).squared_norms},
                             {b.side(1).exponents, b.side(1).squared_norms}, false, {0, 0},
                             {{}, some.cosine.view(), {}, {}});
  EXPECT_EQ(some.cosine.values(), all.cosine.values());
}

}  // namespace
