#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "isogram/cuda/rsm.hpp"
#include "isogram_reference/rsm.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
namespace cuda = isogram::cuda;
namespace reference = isogram_reference;
using isogram::Precision;

using Lengths = std::vector<std::int32_t>;

// ---- Tokens ----------------------------------------------------------------------------------

// Inputs of `tokens` tokens each, one below the other in `rows`; of a shorter input only the first
// `lengths[i]` tokens count.
struct TokenArray {
  Input rows;
  std::int64_t tokens;
  Lengths lengths;  // empty: `tokens` each

  std::size_t inputs() const { return rows.view().rows / static_cast<std::size_t>(tokens); }
  std::size_t channels() const { return rows.view().cols; }
  std::size_t length(std::size_t input) const {
    return static_cast<std::size_t>(lengths.empty() ? tokens : lengths[input]);
  }
  cuda::Tokens view() const {
    const isogram::InputView x = rows.view();
    return {x.data,
            x.type,
            static_cast<std::int64_t>(inputs()),
            tokens,
            static_cast<std::int64_t>(x.cols),
            tokens * x.row_stride,
            x.row_stride,
            x.col_stride,
            lengths.empty() ? nullptr : lengths.data()};
  }
  // Tokens × channels of one input.
  Matrix input(std::size_t i) const {
    const Matrix all = rows.values();
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(i) * tokens;
    return Matrix(first, first + static_cast<std::ptrdiff_t>(length(i)));
  }
};

TokenArray normal_tokens(std::size_t inputs, std::size_t tokens, std::size_t channels,
                         unsigned seed, ElementType type = ElementType::float32,
                         Order order = Order::c, const Lengths& lengths = {}, double scale = 1,
                         double offset = 0) {
  return {Input(type, order, normal_matrix(inputs * tokens, channels, seed, scale, offset)),
          static_cast<std::int64_t>(tokens), lengths};
}

// ---- Summaries -------------------------------------------------------------------------------

struct Summary {
  std::vector<int> exponents;
  std::vector<double> squared_norms;
  std::vector<double> means;
  std::vector<std::int64_t> not_finite;

  cuda::TokenSummary view() {
    return {exponents.data(), squared_norms.data(), means.empty() ? nullptr : means.data(),
            not_finite.data()};
  }
};

Summary summary_of(const TokenArray& tokens, bool centered) {
  const auto inputs = static_cast<std::int64_t>(tokens.inputs());
  Summary s{poisoned<int>(inputs), poisoned<double>(inputs), {}, poisoned<std::int64_t>(inputs)};
  if (centered) {
    s.means = poisoned<double>(inputs * static_cast<std::int64_t>(tokens.channels()));
  }
  cuda::summarise_tokens(nullptr, tokens.view(), s.view());
  return s;
}

int exponent_for(const Matrix& z) {
  Real largest = 0;
  for (const Vec& token : z) {
    for (const Real x : token) largest = std::max(largest, std::abs(x));
  }
  int exponent = 0;
  std::frexp(largest, &exponent);
  return std::abs(exponent) <= 20 ? 0 : exponent;
}

void expect_summary(const TokenArray& tokens) {
  const Summary s = summary_of(tokens, true);
  const std::size_t channels = tokens.channels();
  for (std::size_t i = 0; i < tokens.inputs(); ++i) {
    const Matrix z = tokens.input(i);
    const int exponent = exponent_for(z);
    ASSERT_EQ(s.exponents[i], exponent);
    ASSERT_EQ(s.not_finite[i], -1);
    Real squares = 0;
    for (const Vec& token : z) squares += reference::inner(token, token);
    squares = std::ldexp(squares, -2 * exponent);
    expect_close(s.squared_norms[i], squares, 1e-14L * squares, "squared norm");
    for (std::size_t c = 0; c < channels; ++c) {
      Real mean = 0;
      Real magnitude = 0;
      for (const Vec& token : z) {
        mean += token[c] / static_cast<Real>(z.size());
        magnitude = std::max(magnitude, std::abs(token[c]));
      }
      expect_close(s.means[i * channels + c], std::ldexp(mean, -exponent),
                   1e-14L * std::ldexp(magnitude, -exponent), at(i, c));
    }
  }
}

TEST(TokenSummary, EverySize) {
  for (const std::size_t tokens : {1, 2, 7, 8, 9, 49}) {
    for (const std::size_t channels : {1, 3, 31, 32, 33, 130}) {
      SCOPED_TRACE(at(tokens, channels));
      expect_summary(normal_tokens(3, tokens, channels, 1));
    }
  }
}

TEST(TokenSummary, MeansWithoutTokensOfHugeNorm) {
  for (const std::size_t huge : {0, 1, 4}) {
    TokenArray tokens = normal_tokens(3, 20, 33, 6, ElementType::float64, Order::c, {20, 17, 9});
    for (std::size_t row = 0; row < 60; ++row) {
      for (std::size_t c = 0; c < 33; ++c) {
        const Real value = tokens.rows.values()[row][c];
        const double factor = row % 20 < huge ? 1e4 : 1;
        tokens.rows.set(row, c, factor * static_cast<double>(value));
      }
    }
    Summary s{poisoned<int>(3), poisoned<double>(3), poisoned<double>(99),
              poisoned<std::int64_t>(3)};
    std::vector<double> left = poisoned<double>(99);
    cuda::TokenSummary view = s.view();
    view.means_left = left.data();
    cuda::summarise_tokens(nullptr, tokens.view(), view);
    for (std::size_t i = 0; i < 3; ++i) {
      const Matrix z = tokens.input(i);
      for (std::size_t c = 0; c < 33; ++c) {
        Real all = 0;
        Real others = 0;
        for (std::size_t t = 0; t < z.size(); ++t) {
          all += z[t][c] / static_cast<Real>(z.size());
          others += t < huge ? 0 : z[t][c] / static_cast<Real>(z.size() - huge);
        }
        expect_close(s.means[i * 33 + c], others, 1e-11L, at(i, c));
        expect_close(s.means[i * 33 + c] + Real(left[i * 33 + c]), all, 1e-11L, at(i, c));
        if (huge == 0) {
          EXPECT_EQ(left[i * 33 + c], 0) << at(i, c);
        }
      }
    }
  }
}

TEST(TokenSummary, NormsOfAllTokensButTheLargest) {
  for (const bool centered : {false, true}) {
    for (const double largest : {1.0, 1e12}) {
      for (const Lengths& lengths : {Lengths{}, Lengths{30, 1, 9}}) {
        TokenArray tokens = normal_tokens(3, 30, 33, 7, ElementType::float64, Order::c, lengths);
        for (std::size_t row : {7, 30, 88}) tokens.rows.set(row, 3, largest);
        Summary s{poisoned<int>(3), poisoned<double>(3), {}, poisoned<std::int64_t>(3)};
        if (centered) s.means = poisoned<double>(99);
        std::vector<double> bulk = poisoned<double>(3);
        cuda::TokenSummary view = s.view();
        view.bulk_norms = bulk.data();
        cuda::summarise_tokens(nullptr, tokens.view(), view);
        for (std::size_t i = 0; i < 3; ++i) {
          Vec norms;
          for (Vec token : tokens.input(i)) {
            for (std::size_t c = 0; c < 33; ++c) {
              token[c] = std::ldexp(token[c], -s.exponents[i]);
              if (centered) token[c] -= s.means[i * 33 + c];
            }
            norms.push_back(reference::inner(token, token));
          }
          std::sort(norms.begin(), norms.end());
          const Real expected = std::accumulate(norms.begin(), norms.end() - 1, Real(0));
          expect_close(bulk[i], expected, 1e-13L * expected, at(i, lengths.size()));
        }
      }
    }
  }
}

TEST(TokenSummary, EveryTypeAndOrder) {
  for (const ElementType type : kTypes) {
    for (const Order order : kOrders) {
      SCOPED_TRACE(std::string(name_of(type)) + ", " + name_of(order));
      expect_summary(normal_tokens(3, 5, 6, 2, type, order));
      expect_summary(normal_tokens(3, 5, 6, 3, type, order, {5, 1, 3}));
    }
  }
}

TEST(TokenSummary, EveryScale) {
  for (const double scale : {1e-30, 1e-6, 1.0, 1e6, 1e30}) {
    expect_summary(normal_tokens(2, 5, 6, 4, ElementType::float32, Order::c, {}, scale));
  }
  for (const double scale : {1e-305, 1e-200, 1e200, 1e305}) {
    expect_summary(normal_tokens(2, 5, 6, 4, ElementType::float64, Order::c, {}, scale));
  }
  expect_summary(normal_tokens(2, 5, 6, 4, ElementType::float32, Order::c, {}, 0));
  expect_summary(normal_tokens(2, 5, 6, 4, ElementType::float32, Order::c, {}, 1, 1e4));
}

TEST(TokenSummary, ScalesOnlyWhatIsFarFromOne) {
  for (const int exponent : {-22, -21, -20, -1, 0, 19, 20, 21}) {
    Matrix rows(4, Vec(3, 0));
    rows[1][2] = -std::ldexp(1.0L, exponent);  // starts the next exponent
    rows[2][1] = std::ldexp(0.999L, exponent);
    expect_summary({Input(ElementType::float32, Order::c, rows), 2, {}});
  }
}

TEST(TokenSummary, LeavesMeansAloneUnlessAskedFor) {
  const TokenArray tokens = normal_tokens(3, 4, 5, 5);
  const Summary with = summary_of(tokens, true);
  const Summary without = summary_of(tokens, false);
  EXPECT_EQ(with.exponents, without.exponents);
  EXPECT_EQ(with.squared_norms, without.squared_norms);
}

TEST(TokenSummary, NamesTheFirstItemThatIsNotFinite) {
  TokenArray tokens = normal_tokens(4, 9, 40, 6, ElementType::float32, Order::padded, {9, 9, 8, 9});
  tokens.rows.set(9 + 8, 3, INFINITY);
  tokens.rows.set(9 + 7, 38, -INFINITY);
  tokens.rows.set(9 + 7, 39, NAN);
  tokens.rows.set(2 * 9 + 8, 0, NAN);  // beyond the length
  tokens.rows.set(3 * 9, 0, NAN);
  const Summary s = summary_of(tokens, true);
  EXPECT_EQ(s.not_finite, (std::vector<std::int64_t>{-1, 7 * 40 + 38, -1, 0}));
}

// ---- Order -----------------------------------------------------------------------------------

std::vector<std::int32_t> order_of(const TokenArray& tokens) {
  const Summary s = summary_of(tokens, false);
  const auto rows = static_cast<std::int64_t>(tokens.inputs()) * tokens.tokens;
  std::vector<std::int32_t> order = poisoned<std::int32_t>(rows);
  std::vector<double> norms = poisoned<double>(rows);
  cuda::order_tokens(nullptr, tokens.view(), s.exponents.data(), norms.data(), order.data());
  return order;
}

// Integers: many norms are equal.
TokenArray whole_tokens(std::size_t inputs, std::size_t tokens, std::size_t channels, unsigned seed,
                        const Lengths& lengths = {}) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> whole(-2, 2);
  Matrix rows(inputs * tokens, Vec(channels));
  for (Vec& row : rows) {
    for (Real& x : row) x = whole(random);
  }
  return {Input(ElementType::float32, Order::c, rows), static_cast<std::int64_t>(tokens), lengths};
}

void expect_order(const TokenArray& tokens) {
  const std::vector<std::int32_t> order = order_of(tokens);
  const auto most = static_cast<std::size_t>(tokens.tokens);
  for (std::size_t i = 0; i < tokens.inputs(); ++i) {
    const Matrix z = tokens.input(i);
    const Matrix sorted = reference::by_norm(z);
    std::vector<bool> seen(most);
    for (std::size_t p = 0; p < most; ++p) {
      const auto token = static_cast<std::size_t>(order[i * most + p]);
      ASSERT_LT(token, most);
      EXPECT_FALSE(seen[token]);
      seen[token] = true;
      if (p >= z.size()) {
        EXPECT_EQ(token, p);
        continue;
      }
      EXPECT_EQ(z[token], sorted[p]) << at(i, p);
      if (p == 0) continue;
      const auto before = static_cast<std::size_t>(order[i * most + p - 1]);
      const bool is_tie =
          reference::inner(z[before], z[before]) == reference::inner(z[token], z[token]);
      EXPECT_TRUE(!is_tie || before < token) << at(i, p);
    }
  }
}

TEST(TokenOrder, DescendsByNormEqualOnesByIndex) {
  expect_order(whole_tokens(5, 1, 3, 10));
  expect_order(whole_tokens(5, 33, 3, 11));
  expect_order(whole_tokens(2, 300, 2, 12));
  expect_order(whole_tokens(4, 40, 3, 13, {40, 1, 17, 39}));
  expect_order(normal_tokens(3, 20, 40, 14, ElementType::float64, Order::negative));
  expect_order(normal_tokens(3, 20, 40, 14, ElementType::float64, Order::c, {}, 1e-300));
}

TEST(TokenOrder, IsOneWithNaNToo) {
  TokenArray tokens = whole_tokens(1, 7, 3, 15);
  for (const std::size_t bad : {1, 4}) tokens.rows.set(bad, 2, NAN);
  std::vector<std::int32_t> order = order_of(tokens);
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, (std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 6}));
}

// ---- Packing ---------------------------------------------------------------------------------

// The packed value of a token's channel, by the summary.
double scaled(Real value, const Summary& s, std::size_t input, std::size_t channels,
              std::size_t channel) {
  const double mean = s.means.empty() ? 0 : s.means[input * channels + channel];
  return std::ldexp(static_cast<double>(value), -s.exponents[input]) - mean;
}

template <class T>
void expect_packed(const TokenArray& tokens, std::int64_t window, std::int64_t stride,
                   bool centered, bool ordered) {
  SCOPED_TRACE("window " + std::to_string(window) + ", stride " + std::to_string(stride));
  Summary s = summary_of(tokens, centered);
  const std::vector<std::int32_t> order = ordered ? order_of(tokens) : std::vector<std::int32_t>();
  const auto inputs = static_cast<std::int64_t>(tokens.inputs());
  const std::int64_t pieces = (tokens.tokens + window - 1) / window;
  std::vector<T> packed = poisoned<T>(pieces * inputs * window * stride + 1);
  cuda::pack_tokens<T>(nullptr, tokens.view(), s.view(), ordered ? order.data() : nullptr,
                       {packed.data(), window, stride});
  const std::size_t channels = tokens.channels();
  for (std::int64_t row = 0; row < pieces * inputs * window; ++row) {
    const auto i = static_cast<std::size_t>(row / window % inputs);
    const auto position = static_cast<std::size_t>(row / (window * inputs) * window + row % window);
    const Matrix z = tokens.input(i);
    for (std::int64_t k = 0; k < stride; ++k) {
      const auto c = static_cast<std::size_t>(k);
      const T got = packed[static_cast<std::size_t>(row * stride + k)];
      if (position >= z.size() || c >= channels) {
        ASSERT_EQ(got, 0) << at(static_cast<std::size_t>(row), c);
        continue;
      }
      const std::size_t token =
          ordered ? static_cast<std::size_t>(
                        order[i * static_cast<std::size_t>(tokens.tokens) + position])
                  : position;
      ASSERT_EQ(got, static_cast<T>(scaled(z[token][c], s, i, channels, c)))
          << at(static_cast<std::size_t>(row), c);
    }
  }
  EXPECT_TRUE(std::isnan(packed.back()));
}

void expect_packed(const TokenArray& tokens, std::int64_t window, std::int64_t stride) {
  for (const bool centered : {false, true}) {
    for (const bool ordered : {false, true}) {
      expect_packed<float>(tokens, window, stride, centered, ordered);
      expect_packed<double>(tokens, window, stride, centered, ordered);
    }
  }
}

TEST(PackedTokens, PiecesAndStrides) {
  for (const std::int64_t window : {1, 3, 4, 8, 9}) {
    expect_packed(normal_tokens(3, 8, 5, 20), window, 5);
    expect_packed(normal_tokens(3, 8, 5, 20), window, 8);
    expect_packed(normal_tokens(3, 8, 5, 20, ElementType::float32, Order::c, {8, 1, 5}), window, 6);
  }
  expect_packed(normal_tokens(2, 3, 70, 21), 3, 72);
}

TEST(PackedTokens, EveryTypeAndOrder) {
  for (const ElementType type : kTypes) {
    for (const Order order : kOrders) {
      SCOPED_TRACE(std::string(name_of(type)) + ", " + name_of(order));
      expect_packed(normal_tokens(2, 4, 6, 22, type, order, {}, 1, 3), 4, 8);
    }
  }
}

TEST(PackedTokens, EveryScale) {
  expect_packed(normal_tokens(2, 4, 6, 23, ElementType::float32, Order::c, {}, 1e30), 4, 6);
  for (const double scale : {1e-305, 1e305}) {
    expect_packed(normal_tokens(2, 4, 6, 23, ElementType::float64, Order::c, {}, scale), 4, 6);
  }
}

TEST(PackedTokens, EqualTokensLessTheirMeanAreNothing) {
  for (const double value : {0.1, 3.0, -7.7e9, 1e-30}) {
    const TokenArray tokens{
        Input(ElementType::float64, Order::c, Matrix(2 * 7, Vec(5, value))), 7, {}};
    Summary s = summary_of(tokens, true);
    std::vector<float> packed = poisoned<float>(2 * 7 * 5);
    cuda::pack_tokens<float>(nullptr, tokens.view(), s.view(), nullptr, {packed.data(), 7, 5});
    EXPECT_EQ(packed, std::vector<float>(2 * 7 * 5, 0)) << value;
  }
}

// ---- Rounding --------------------------------------------------------------------------------

template <class Stored>
struct Rounded {
  std::int64_t packed_stride;
  std::int64_t stride;
  std::vector<float> packed;
  std::vector<Stored> stored;
  std::vector<float> scales;
  std::vector<cuda::RoundedNorms> norms;

  Real value(std::size_t row, std::size_t c) const {
    const Stored x = stored[row * static_cast<std::size_t>(stride) + c];
    if constexpr (sizeof(Stored) == 2) return value_of_bits(x, ElementType::bfloat16);
    return static_cast<Real>(x) * scales[row];
  }
  float as_packed(std::size_t row, std::size_t c) const {
    return packed[row * static_cast<std::size_t>(packed_stride) + c];
  }
};

template <class Stored>
Rounded<Stored> rounded(const TokenArray& tokens, Summary& s, std::int64_t packed_stride,
                        std::int64_t stride) {
  const bool is_int8 = sizeof(Stored) == 1;
  const auto rows = static_cast<std::int64_t>(tokens.inputs()) * tokens.tokens;
  Rounded<Stored> r{packed_stride,
                    stride,
                    poisoned<float>(rows * packed_stride + 1),
                    poisoned<Stored>(rows * stride + 1),
                    poisoned<float>(is_int8 ? rows + 1 : 0),
                    std::vector<cuda::RoundedNorms>(tokens.inputs())};
  cuda::round_tokens(
      nullptr, tokens.view(), s.view(), is_int8 ? Precision::int8 : Precision::bfloat16,
      {r.packed.data(), tokens.tokens, packed_stride},
      {r.stored.data(), stride, is_int8 ? r.scales.data() : nullptr, r.norms.data()});
  EXPECT_TRUE(std::isnan(r.packed.back()));
  EXPECT_EQ(r.stored.back(), static_cast<Stored>(-77));
  EXPECT_TRUE(!is_int8 || std::isnan(r.scales.back()));
  return r;
}

// The scale of a token by its definition.
Real scale_for(const Vec& token) {
  Real largest = 0;
  for (const Real x : token) largest = std::max(largest, std::abs(x));
  const auto scale = static_cast<float>(largest / 127);
  return scale < std::numeric_limits<float>::min() ? 0 : scale;
}

template <class Stored>
Real half_step(Real x, Real scale) {
  if (sizeof(Stored) == 1) return scale > 0 ? scale / 2 : std::abs(x);
  int exponent = 0;
  std::frexp(x, &exponent);
  return std::ldexp(Real(1), exponent - 9);
}

template <class Stored>
void expect_rounded(const TokenArray& tokens, bool centered, std::int64_t packed_stride,
                    std::int64_t stride) {
  Summary s = summary_of(tokens, centered);
  const Rounded<Stored> r = rounded<Stored>(tokens, s, packed_stride, stride);
  const std::size_t channels = tokens.channels();
  const auto most = static_cast<std::size_t>(tokens.tokens);
  for (std::size_t i = 0; i < tokens.inputs(); ++i) {
    const Matrix z = tokens.input(i);
    Real errors = 0;
    Real norms = 0;
    Real largest_error = 0;
    Real largest = 0;
    for (std::size_t t = 0; t < most; ++t) {
      const std::size_t row = i * most + t;
      Vec token(channels, 0);
      Vec error(channels, 0);
      Vec value(channels, 0);
      if (t < z.size()) {
        for (std::size_t c = 0; c < channels; ++c) token[c] = scaled(z[t][c], s, i, channels, c);
      }
      const Real scale = scale_for(token);
      ASSERT_TRUE(sizeof(Stored) != 1 || r.scales[row] == scale);
      for (std::size_t c = 0; c < channels; ++c) {
        ASSERT_EQ(r.as_packed(row, c), static_cast<float>(token[c]));
        value[c] = r.value(row, c);
        error[c] = r.as_packed(row, c) - value[c];
        ASSERT_LE(std::abs(error[c]), half_step<Stored>(token[c], scale) * (1 + 1e-6L))
            << at(row, c);
      }
      errors += reference::norm(error);
      norms += reference::norm(value);
      largest_error = std::max(largest_error, reference::norm(error));
      largest = std::max(largest, reference::norm(token));
      for (std::size_t c = channels; c < static_cast<std::size_t>(packed_stride); ++c) {
        ASSERT_EQ(r.as_packed(row, c), 0);
      }
      for (std::size_t c = channels; c < static_cast<std::size_t>(stride); ++c) {
        ASSERT_EQ(r.stored[row * static_cast<std::size_t>(stride) + c], 0);
      }
    }
    expect_close(r.norms[i].errors, errors, 1e-12L * errors, "errors");
    expect_close(r.norms[i].rounded, norms, 1e-12L * norms, "rounded");
    expect_close(r.norms[i].largest_error, largest_error, 1e-12L * errors, "largest error");
    expect_close(r.norms[i].largest, largest, 1e-7L * largest, "largest");
  }
}

void expect_rounded(const TokenArray& tokens) {
  const auto channels = static_cast<std::int64_t>(tokens.channels());
  for (const bool centered : {false, true}) {
    expect_rounded<std::int8_t>(tokens, centered, channels, channels);
    expect_rounded<std::int8_t>(tokens, centered, (channels + 3) / 4 * 4,
                                (channels + 15) / 16 * 16);
    expect_rounded<std::uint16_t>(tokens, centered, (channels + 3) / 4 * 4, channels + 5);
  }
}

TEST(RoundedTokens, EverySize) {
  for (const std::size_t channels : {1, 5, 32, 70}) {
    SCOPED_TRACE(channels);
    expect_rounded(normal_tokens(2, 9, channels, 30));
    expect_rounded(normal_tokens(3, 9, channels, 31, ElementType::float32, Order::c, {9, 1, 4}));
  }
}

TEST(RoundedTokens, EveryTypeAndScale) {
  for (const ElementType type : kTypes) {
    SCOPED_TRACE(name_of(type));
    expect_rounded(normal_tokens(2, 3, 6, 32, type, Order::fortran, {}, 1, 2));
  }
  for (const double scale : {1e-30, 0.0, 1e30}) {
    expect_rounded(normal_tokens(2, 3, 6, 33, ElementType::float32, Order::c, {}, scale));
  }
}

TEST(RoundedTokens, TiesGoToEven) {
  // The largest entry is 127, so that the unit is 1.
  Matrix rows{{127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5}};
  TokenArray tokens{Input(ElementType::float32, Order::c, rows), 1, {}};
  Summary s = summary_of(tokens, false);
  EXPECT_EQ(rounded<std::int8_t>(tokens, s, 8, 7).stored,
            (std::vector<std::int8_t>{127, 0, 2, 2, 0, -2, -2, -77}));
  // Numbers with more than eight bits.
  rows = {{0x1.01p0, 0x1.03p0, 0x1.0101p0, -0x1.01p0, 0x1.ffp0}};
  tokens.rows = Input(ElementType::float32, Order::c, rows);
  s = summary_of(tokens, false);
  const auto got = rounded<std::uint16_t>(tokens, s, 8, 5);
  const Vec want{0x1.00p0, 0x1.04p0, 0x1.02p0, -0x1.00p0, 0x1.0p1};
  for (std::size_t c = 0; c < want.size(); ++c) EXPECT_EQ(got.value(0, c), want[c]) << c;
}

TEST(RoundedTokens, NegligibleTokensAreNothing) {
  Matrix rows(2, Vec(4, 1));
  rows[1] = {1e-38, -1e-38, 0, 1e-40};
  const TokenArray tokens{Input(ElementType::float32, Order::c, rows), 2, {}};
  Summary s = summary_of(tokens, false);
  const auto got = rounded<std::int8_t>(tokens, s, 4, 4);
  EXPECT_EQ(got.scales[1], 0);
  for (std::size_t c = 0; c < 4; ++c) EXPECT_EQ(got.value(1, c), 0);
}

// ---- Rounding along axes ---------------------------------------------------------------------

// Coordinates along the first channels, so that all others are left out.
template <class Stored, class T = float>
void expect_rounded_along_axes(const Matrix& tokens, std::size_t window, std::size_t axes,
                               std::size_t stride) {
  const std::size_t channels = tokens[0].size();
  const std::size_t inputs = tokens.size() / window;
  const bool is_int8 = sizeof(Stored) == 1;
  std::vector<double> packed;
  std::vector<double> coordinates;
  for (const Vec& token : tokens) {
    for (const Real x : token) packed.push_back(static_cast<double>(x));
    coordinates.insert(coordinates.end(), packed.end() - static_cast<std::ptrdiff_t>(channels),
                       packed.end() - static_cast<std::ptrdiff_t>(channels - axes));
  }
  const auto rows = static_cast<std::int64_t>(tokens.size());
  std::vector<Stored> stored = poisoned<Stored>(rows * static_cast<std::int64_t>(stride) + 1);
  std::vector<float> scales = poisoned<float>(rows);
  std::vector<cuda::RoundedNorms> norms(inputs);
  const Precision precision = is_int8               ? Precision::int8
                              : sizeof(Stored) == 2 ? Precision::bfloat16
                                                    : Precision::float32;
  const auto length = static_cast<std::int64_t>(window);
  cuda::round_coordinates<T>(nullptr, static_cast<std::int64_t>(inputs),
                             {packed.data(), length, static_cast<std::int64_t>(channels)},
                             {coordinates.data(), length, static_cast<std::int64_t>(axes)},
                             precision,
                             {stored.data(), static_cast<std::int64_t>(stride),
                              is_int8 ? scales.data() : nullptr, norms.data()});
  const auto value = [&](std::size_t row, std::size_t c) -> Real {
    const Stored x = stored[row * stride + c];
    if constexpr (sizeof(Stored) == 2) return value_of_bits(x, ElementType::bfloat16);
    return is_int8 ? static_cast<Real>(x) * scales[row] : static_cast<Real>(x);
  };
  const auto step = [&](Real x, Real scale) {
    return sizeof(Stored) <= 2 ? half_step<Stored>(x, scale) : std::abs(x) * eps<Stored>() / 2;
  };
  for (std::size_t i = 0; i < inputs; ++i) {
    Real errors = 0;
    Real rounded = 0;
    Real largest_error = 0;
    Real largest = 0;
    Real left_out = 0;
    for (std::size_t row = i * window; row < (i + 1) * window; ++row) {
      const Vec seen(tokens[row].begin(), tokens[row].begin() + static_cast<std::ptrdiff_t>(axes));
      const Vec rest(tokens[row].begin() + static_cast<std::ptrdiff_t>(axes), tokens[row].end());
      const Real scale = scale_for(seen);
      Vec values(axes);
      Vec error(axes);
      for (std::size_t c = 0; c < axes; ++c) {
        values[c] = value(row, c);
        error[c] = static_cast<double>(seen[c]) - values[c];
        ASSERT_LE(std::abs(error[c]), step(seen[c], scale) * (1 + 1e-6L)) << at(row, c);
      }
      for (std::size_t c = axes; c < stride; ++c) ASSERT_EQ(stored[row * stride + c], Stored{0});
      ASSERT_TRUE(!is_int8 || scales[row] == scale);
      errors += reference::norm(error);
      rounded += reference::norm(values);
      largest_error = std::max(largest_error, reference::norm(error));
      largest = std::max(largest, reference::norm(seen));
      left_out += reference::inner(rest, rest);
      left_out += std::ldexp(reference::inner(tokens[row], tokens[row]), -30);
    }
    left_out = std::sqrt(left_out);
    expect_close(norms[i].errors, errors, 1e-12L * errors, "errors");
    expect_close(norms[i].rounded, rounded, 1e-12L * rounded, "rounded");
    expect_close(norms[i].largest_error, largest_error, 1e-12L * errors, "largest error");
    expect_close(norms[i].largest, largest, 1e-12L * largest, "largest");
    expect_close(norms[i].left_out, left_out, 1e-9L * left_out, "left out");
  }
  EXPECT_TRUE(stored.back() == static_cast<Stored>(-77) || std::isnan(value(tokens.size(), 0)));
}

TEST(RoundedCoordinates, EverySizeAndPrecision) {
  for (const std::size_t channels : {1, 5, 33, 70}) {
    for (const std::size_t axes : {std::size_t{1}, (channels + 1) / 2, channels}) {
      SCOPED_TRACE(std::to_string(channels) + " channels, " + std::to_string(axes) + " axes");
      Matrix tokens = normal_matrix(3 * 11, channels, 40, 1, 0);
      tokens[4] = Vec(channels, 0);
      for (Vec& token : tokens) {  // as the kernel has them
        for (Real& x : token) x = static_cast<double>(x);
      }
      expect_rounded_along_axes<std::int8_t>(tokens, 11, axes, axes + 3);
      expect_rounded_along_axes<std::uint16_t>(tokens, 11, axes, axes);
      expect_rounded_along_axes<float>(tokens, 11, axes, axes + 1);
      expect_rounded_along_axes<double, double>(tokens, 11, axes, axes + 1);
    }
  }
}

}  // namespace
