// RSMs of tokens in one array, and tile by tile with a plan. Their bits are those of the RSM of
// views in one call, which rsm_test.cpp compares with the reference.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "isogram/rsm.hpp"
#include "isogram/tokens.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
using isogram::InputView;
using isogram::Matching;
using isogram::MatrixView;
using isogram::Precision;
using isogram::RsmOptions;
using isogram::RsmPlan;
using isogram::TokenFacts;
using isogram::TokenInputs;
using isogram::Tokens;

template <class T>
class RsmPlans : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(RsmPlans, Types);

template <class T>
constexpr ElementType kType = sizeof(T) == 4 ? ElementType::float32 : ElementType::float64;

template <class T>
std::vector<RsmOptions> all_options() {
  static const double kAxes[] = {0.6, 0, 0, 0.8, 0, 0, 0, 1, 0, 0};
  const MatrixView<const double> axes(kAxes, 2, 5);
  std::vector<RsmOptions> options = {{Matching::exact, 0},  {Matching::none, 0},
                                     {Matching::greedy, 0}, {Matching::window, 3},
                                     {Matching::topk, 2},   {Matching::window, 99}};
  options.push_back({Matching::exact, 0, Precision::float32, axes});
  if (sizeof(T) == 4) {
    for (const Precision precision : {Precision::bfloat16, Precision::int8}) {
      options.push_back({Matching::exact, 0, precision});
      options.push_back({Matching::exact, 0, precision, axes});
    }
  }
  return options;
}

// Inputs in one array (n, channels, tokens): some are near copies of others, one is 0, and all
// share an offset and a token of huge norm.
template <class T>
struct Array {
  Array(std::size_t n, std::size_t tokens, std::size_t channels, bool is_ragged, double scale)
      : values(n * tokens * channels), lengths(n, static_cast<std::int32_t>(tokens)) {
    std::mt19937 random(static_cast<unsigned>(n + tokens));
    std::normal_distribution<double> normal(3, 1);
    const auto at = [&](std::size_t i, std::size_t s, std::size_t c) -> T& {
      return values[(i * channels + c) * tokens + s];
    };
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t s = 0; s < tokens; ++s) {
        for (std::size_t c = 0; c < channels; ++c) {
          const double far = s == 1 ? 1e4 : 1;
          at(i, s, c) = static_cast<T>(i == 2 ? 0 : scale * far * normal(random));
          if (i % 4 == 3) at(i, s, c) = static_cast<T>(at(i - 1, s, c) * (1 + 1e-6 * double(s)));
        }
      }
      if (is_ragged) lengths[i] = static_cast<std::int32_t>(1 + (7 * i + 4) % tokens);
    }
    const auto signed_of = [](std::size_t size) { return static_cast<std::int64_t>(size); };
    all = {values.data(),
           kType<T>,
           signed_of(n),
           signed_of(tokens),
           signed_of(channels),
           signed_of(channels * tokens),
           1,
           signed_of(tokens),
           is_ragged ? lengths.data() : nullptr};
  }

  Tokens part(std::size_t begin, std::size_t end) const {
    Tokens tokens = all;
    tokens.data = static_cast<const T*>(all.data) + std::ptrdiff_t(begin) * all.input_stride;
    tokens.inputs = static_cast<std::int64_t>(end - begin);
    if (tokens.lengths) tokens.lengths += begin;
    return tokens;
  }

  std::vector<InputView> views() const {
    std::vector<InputView> result;
    for (std::size_t i = 0; i < static_cast<std::size_t>(all.inputs); ++i) {
      result.push_back(TokenInputs(all)[i]);
    }
    return result;
  }

  std::vector<T> values;
  std::vector<std::int32_t> lengths;
  Tokens all;
};

template <class T>
struct Matrices {
  Matrices(std::size_t rows, std::size_t cols)
      : rows(rows), cols(cols), entries(4 * rows * cols, T(-7)) {}

  // A block of each output; the loss for narrow tokens only.
  isogram::RsmOutputs<T> block(std::size_t row, std::size_t height, std::size_t col,
                               std::size_t width, const RsmOptions& options) {
    const auto view = [&](std::size_t k) {
      return MatrixView<T>(entries.data() + (k * rows + row) * cols + col, height, width,
                           static_cast<std::ptrdiff_t>(cols), 1);
    };
    const bool is_narrow = options.precision != Precision::float32 || options.axes.data;
    return {view(0), view(1), view(2), is_narrow ? view(3) : MatrixView<T>()};
  }
  isogram::RsmOutputs<T> all(const RsmOptions& options) { return block(0, rows, 0, cols, options); }

  void mirror(std::size_t row, std::size_t height, std::size_t col, std::size_t width) {
    for (std::size_t k = 0; k < 4; ++k) {
      for (std::size_t i = row; i < row + height; ++i) {
        for (std::size_t j = col; j < col + width; ++j) {
          entries[(k * rows + j) * cols + i] = entries[(k * rows + i) * cols + j];
        }
      }
    }
  }

  std::size_t rows;
  std::size_t cols;
  std::vector<T> entries;
};

std::string name_of(const RsmOptions& options, bool is_ragged, double scale) {
  return "matching " + std::to_string(static_cast<int>(options.matching)) + ", precision " +
         std::to_string(static_cast<int>(options.precision)) +
         (options.axes.data ? ", along axes" : "") + (is_ragged ? ", ragged" : "") + ", scale " +
         std::to_string(scale);
}

template <class T, class Test>
void for_each_case(Test test) {
  const double extreme = sizeof(T) == 4 ? 1e-36 : 1e-290;
  for (const bool is_ragged : {false, true}) {
    for (const double scale : {1.0, extreme, 1e-4 / extreme}) {
      const Array<T> a(13, 9, 5, is_ragged, scale);
      const Array<T> b(6, 9, 5, is_ragged, scale);
      for (const RsmOptions& options : all_options<T>()) {
        SCOPED_TRACE(name_of(options, is_ragged, scale));
        test(a, b, options);
      }
    }
  }
}

TYPED_TEST(RsmPlans, AnArrayIsAsGoodAsViews) {
  using T = TypeParam;
  for_each_case<T>([](const Array<T>& a, const Array<T>& b, const RsmOptions& options) {
    Matrices<T> want(13, 13);
    Matrices<T> got(13, 13);
    const int exponent = isogram::semantic_rsm<T>(a.views(), options, want.all(options));
    EXPECT_EQ(isogram::semantic_rsm<T>(a.all, options, got.all(options)), exponent);
    EXPECT_EQ(got.entries, want.entries);
    Matrices<T> cross(13, 6);
    Matrices<T> got_cross(13, 6);
    isogram::semantic_rsm<T>(a.views(), b.views(), options, cross.all(options));
    isogram::semantic_rsm<T>(a.all, b.all, options, got_cross.all(options));
    EXPECT_EQ(got_cross.entries, cross.entries);
  });
}

TYPED_TEST(RsmPlans, TilesHaveTheBitsOfTheWhole) {
  using T = TypeParam;
  for_each_case<T>([](const Array<T>& a, const Array<T>& b, const RsmOptions& options) {
    at_every_level([&] {
      Matrices<T> own(13, 13);
      Matrices<T> cross(13, 6);
      const int own_exponent = isogram::semantic_rsm<T>(a.all, options, own.all(options));
      const int exponent = isogram::semantic_rsm<T>(a.all, b.all, options, cross.all(options));
      const TokenFacts facts = isogram::survey_tokens(a.all);
      const RsmPlan of_own = isogram::plan_rsm<T>(options, facts);
      const RsmPlan of_cross =
          isogram::plan_rsm<T>(options, merged(facts, isogram::survey_tokens(b.all)));
      EXPECT_EQ(of_own.distance_exponent, own_exponent);
      EXPECT_EQ(of_cross.distance_exponent, exponent);
      for (const std::size_t edge : {1, 4, 5, 13}) {
        Matrices<T> tiles(13, 13);
        Matrices<T> of_others(13, 6);
        for (std::size_t row = 0; row < 13; row += edge) {
          const std::size_t height = std::min(edge, 13 - row);
          const Tokens rows = a.part(row, row + height);
          const isogram::RsmRows<T> packed(of_own, rows);
          isogram::semantic_rsm_tile<T>(packed, tiles.block(row, height, row, height, options));
          for (std::size_t col = row + edge; col < 13; col += edge) {
            const std::size_t width = std::min(edge, 13 - col);
            isogram::semantic_rsm_tile<T>(packed, a.part(col, col + width),
                                          tiles.block(row, height, col, width, options));
            tiles.mirror(row, height, col, width);
          }
          for (std::size_t col = 0; col < 6; col += edge) {
            const std::size_t width = std::min(edge, 6 - col);
            isogram::semantic_rsm_tile<T>(of_cross, rows, b.part(col, col + width),
                                          of_others.block(row, height, col, width, options));
          }
        }
        EXPECT_EQ(tiles.entries, own.entries) << edge;
        EXPECT_EQ(of_others.entries, cross.entries) << edge;
      }
    });
  });
}

// Pairs in no order, turned and repeated.
struct PairList {
  PairList(std::size_t pairs, std::size_t n, std::size_t m) {
    std::mt19937 random(static_cast<unsigned>(pairs));
    for (std::size_t k = 0; k < pairs; ++k) {
      rows.push_back(static_cast<std::int64_t>(random() % n));
      cols.push_back(static_cast<std::int64_t>(random() % m));
    }
  }
  isogram::RsmPairs view() const { return {rows, cols}; }

  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> cols;
};

template <class T>
void expect_entries(const Matrices<T>& got, const Matrices<T>& whole, const PairList& pairs) {
  for (std::size_t k = 0; k < pairs.rows.size(); ++k) {
    const auto i = static_cast<std::size_t>(pairs.rows[k]);
    const auto j = static_cast<std::size_t>(pairs.cols[k]);
    for (std::size_t output = 0; output < 4; ++output) {
      EXPECT_EQ(got.entries[output * got.rows + k],
                whole.entries[(output * whole.rows + i) * whole.cols + j])
          << "output " << output << " of (" << i << ", " << j << ")";
    }
  }
}

template <class T>
void expect_pairs_of_the_whole(const Array<T>& a, const Array<T>& b, const RsmOptions& options,
                               std::size_t count) {
  const std::size_t n = TokenInputs(a.all).size();
  const std::size_t m = TokenInputs(b.all).size();
  Matrices<T> own(n, n);
  Matrices<T> cross(n, m);
  isogram::semantic_rsm<T>(a.all, options, own.all(options));
  isogram::semantic_rsm<T>(a.all, b.all, options, cross.all(options));
  const TokenFacts facts = isogram::survey_tokens(a.all);
  const RsmPlan of_own = isogram::plan_rsm<T>(options, facts);
  const RsmPlan of_cross =
      isogram::plan_rsm<T>(options, merged(facts, isogram::survey_tokens(b.all)));
  const PairList own_pairs(count, n, n);
  const PairList cross_pairs(count, n, m);
  for (const int threads : {1, 3}) {
    Matrices<T> of_own_pairs(count, 1);
    Matrices<T> of_cross_pairs(count, 1);
    isogram::semantic_rsm_pairs<T>(of_own, a.all, own_pairs.view(), of_own_pairs.all(options),
                                   {threads, {}});
    isogram::semantic_rsm_pairs<T>(of_cross, a.all, b.all, cross_pairs.view(),
                                   of_cross_pairs.all(options), {threads, {}});
    expect_entries(of_own_pairs, own, own_pairs);
    expect_entries(of_cross_pairs, cross, cross_pairs);
  }
}

TYPED_TEST(RsmPlans, PairsHaveTheBitsOfTheWhole) {
  using T = TypeParam;
  for_each_case<T>([](const Array<T>& a, const Array<T>& b, const RsmOptions& options) {
    at_every_level([&] {
      for (const std::size_t count : {1, 7, 60}) expect_pairs_of_the_whole(a, b, options, count);
    });
  });
}

TYPED_TEST(RsmPlans, PairsOfManyTokensHaveTheBitsOfTheWhole) {
  using T = TypeParam;
  for (const std::size_t tokens : {150, 230}) {  // two in a group, and one
    const Array<T> a(4, tokens, 5, true, 1);
    const Array<T> b(3, tokens, 5, false, 1);
    for (const RsmOptions& options : all_options<T>()) {
      SCOPED_TRACE(name_of(options, true, 1));
      expect_pairs_of_the_whole(a, b, options, 9);
    }
  }
}

// The last tokens of an input lie in panels of 6 to 48 rows: few enough to share them with those of
// other inputs, or as many as half a panel.
TYPED_TEST(RsmPlans, PairsOfInputsWithTailsHaveTheBitsOfTheWhole) {
  using T = TypeParam;
  for (const std::size_t tokens : {13, 26, 49, 52, 53, 98}) {
    const Array<T> a(9, tokens, 130, tokens == 26, 1);
    const Array<T> b(7, tokens, 130, false, 1);
    at_every_level([&] {
      for (const Matching matching :
           {Matching::exact, Matching::greedy, Matching::window, Matching::none}) {
        const RsmOptions options{matching, 30};
        SCOPED_TRACE(name_of(options, true, 1) + " " + std::to_string(tokens) + " tokens");
        expect_pairs_of_the_whole(a, b, options, 40);
      }
    });
  }
}

template <class T>
void entries_of_pairs(const RsmOptions& options, std::size_t most, const Array<T>& a,
                      const std::vector<std::int64_t>& rows, const std::vector<std::int64_t>& cols,
                      Matrices<T>& out) {
  const RsmPlan plan = isogram::plan_rsm<T>(options, {most, most});
  isogram::RsmOutputs<T> asked;
  asked.cosine = out.all({}).cosine;
  isogram::semantic_rsm_pairs<T>(plan, a.all, {rows, cols}, asked);
}

TYPED_TEST(RsmPlans, OnlyInputsInPairsAreRead) {
  using T = TypeParam;
  Array<T> a(6, 9, 5, false, 1);
  a.values[2 * 45] = std::numeric_limits<T>::quiet_NaN();  // of input 2
  Matrices<T> out(1, 1);
  entries_of_pairs<T>({}, 9, a, {5}, {1}, out);
  EXPECT_TRUE(std::isfinite(out.entries[1]));
  try {
    entries_of_pairs<T>({}, 9, a, {5}, {2}, out);
    FAIL() << "a NaN was taken";
  } catch (const isogram::NotFiniteToken& error) {
    EXPECT_EQ(error.input, 2U);
    EXPECT_EQ(error.token, 0U);
  }
}

TYPED_TEST(RsmPlans, PairsThatAreRefused) {
  using T = TypeParam;
  const Array<T> a(3, 9, 5, false, 1);
  const auto refused = [&](const RsmOptions& options, std::size_t most,
                           const std::vector<std::int64_t>& rows,
                           const std::vector<std::int64_t>& cols, const std::string& message) {
    Matrices<T> out(2, 1);
    try {
      entries_of_pairs(options, most, a, rows, cols, out);
      FAIL() << "expected: " << message;
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(std::string(error.what()), message);
    }
  };
  const std::vector<std::int64_t> good{0, 2};
  refused({}, 9, good, {0, 3}, "`pairs` must be of inputs from 0 to 2, got 3");
  refused({}, 9, {-1, 0}, good, "`pairs` must be of inputs from 0 to 2, got -1");
  refused({}, 9, good, {0}, "pairs must have as many rows as columns");
  refused({}, 9, {0}, {0}, "`cosine` must be 1 x 1, got 2 x 1");
  refused({}, 8, good, good, "inputs must not have more tokens than those of the plan");
}

TYPED_TEST(RsmPlans, FactsOfPartsMakeThoseOfAll) {
  using T = TypeParam;
  const Array<T> a(13, 9, 5, true, 1e-30);
  const TokenFacts all = isogram::survey_tokens(a.all);
  for (const std::size_t cut : {1, 2, 3, 12}) {
    const TokenFacts facts =
        merged(isogram::survey_tokens(a.part(0, cut)), isogram::survey_tokens(a.part(cut, 13)));
    EXPECT_EQ(facts.fewest, all.fewest);
    EXPECT_EQ(facts.most, all.most);
    EXPECT_EQ(facts.largest_norm, all.largest_norm);
  }
  EXPECT_EQ(all.fewest, 1U);
  EXPECT_EQ(all.most, 9U);
  EXPECT_EQ(isogram::survey_tokens(a.part(2, 3)).largest_norm, std::nullopt);  // all zeros
}

TYPED_TEST(RsmPlans, MoreOfAnythingTakesMoreBytes) {
  using T = TypeParam;
  const TokenFacts facts{.fewest = 9, .most = 60};
  const TokenFacts longer{.fewest = 9, .most = 90};
  for (const RsmOptions& options : all_options<T>()) {
    SCOPED_TRACE(name_of(options, true, 1));
    const RsmPlan plan = isogram::plan_rsm<T>(options, facts);
    const auto bytes = [](const RsmPlan& plan, std::size_t channels, std::size_t rows,
                          std::size_t cols, bool has_distances, int threads) {
      return isogram::rsm_tile_bytes<T>(plan, channels, rows, cols, has_distances,
                                        {.num_threads = threads, .poll = {}});
    };
    const std::size_t least = bytes(plan, 64, 100, 0, false, 1);
    EXPECT_GE(least, 100U * 64 * 60 * (options.precision == Precision::float32 ? sizeof(T) : 4));
    EXPECT_GT(bytes(isogram::plan_rsm<T>(options, longer), 64, 100, 0, false, 1), least);
    EXPECT_GT(bytes(plan, 128, 100, 0, false, 1), least);
    EXPECT_GT(bytes(plan, 64, 200, 0, false, 1), least);
    EXPECT_GT(bytes(plan, 64, 100, 1, false, 1), least);
    EXPECT_GT(bytes(plan, 64, 100, 0, true, 1), least);
    EXPECT_GT(bytes(plan, 64, 100, 0, false, 2), least);
  }
}

TYPED_TEST(RsmPlans, ATokenThatIsNotFiniteIsSaidByItsIndex) {
  using T = TypeParam;
  Array<T> a(13, 9, 5, false, 1);
  a.values[(7 * 5 + 3) * 9 + 8] = -INFINITY;
  Matrices<T> out(13, 13);
  const auto expect_named = [](auto call) {
    try {
      call();
      FAIL() << "nothing thrown";
    } catch (const isogram::NotFiniteToken& error) {
      EXPECT_EQ(error.name, "tokens");
      EXPECT_EQ(error.input, 7U);
      EXPECT_EQ(error.token, 8U);
      EXPECT_EQ(error.channel, 3U);
      EXPECT_EQ(error.value, -INFINITY);
      EXPECT_STREQ(error.what(), "`tokens` must be finite, got -inf at index (7, 8, 3)");
    }
  };
  expect_named([&] { isogram::survey_tokens(a.all); });
  for (const RsmOptions& options : all_options<T>()) {
    expect_named([&] { isogram::semantic_rsm<T>(a.all, options, out.all(options)); });
  }
}

TYPED_TEST(RsmPlans, RefusesWhatIsNotOfThePlan) {
  using T = TypeParam;
  const Array<T> a(3, 4, 2, false, 1);
  const Array<T> longer(3, 5, 2, false, 1);
  Matrices<T> out(3, 3);
  const RsmOptions exact;
  const RsmPlan plan = isogram::plan_rsm<T>(exact, isogram::survey_tokens(a.all));
  const auto tile_of = [&](const TokenInputs& rows) {
    return complaint([&] { isogram::semantic_rsm_tile<T>(plan, rows, out.all(exact)); });
  };
  const isogram::RsmRows<T> packed(plan, a.all);
  const auto with = [&](const TokenInputs& cols, const isogram::RsmOutputs<T>& outputs) {
    return complaint([&] { isogram::semantic_rsm_tile<T>(packed, cols, outputs); });
  };
  Matrices<T> too_wide(3, 4);
  expect_contains(with(longer.all, out.all(exact)), "must not have more tokens than those of the");
  expect_contains(with(a.all, too_wide.all(exact)), "must be 3 x 3");
  expect_contains(tile_of(longer.all), "must not have more tokens than those of the plan");
  expect_contains(tile_of({}), "`tokens` must hold at least one input");
  Tokens none = a.all;
  none.tokens = 0;
  expect_contains(complaint([&] { isogram::survey_tokens(none); }), "at least one token");
  Tokens beyond = longer.all;
  beyond.tokens = 4;
  beyond.lengths = longer.lengths.data();
  expect_contains(complaint([&] { isogram::survey_tokens(beyond); }),
                  "`tokens[0]` must have no more tokens than the array, 4, got 5");
}

// A length of −1 must not be taken for 2^64 − 1 tokens.
TYPED_TEST(RsmPlans, RefusesNegativeSizes) {
  using T = TypeParam;
  const Array<T> a(3, 4, 2, false, 1);
  const auto refused = [](const Tokens& tokens, const std::string& message) {
    const RsmOptions exact;
    Matrices<T> out(3, 3);
    expect_contains(complaint([&] { isogram::survey_tokens(tokens); }), message);
    expect_contains(complaint([&] { isogram::semantic_rsm<T>(tokens, exact, out.all(exact)); }),
                    message);
  };
  const std::vector<std::int32_t> lengths = {4, -1, 4};
  Tokens bad = a.all;
  bad.lengths = lengths.data();
  refused(bad, "`tokens[1]` must have at least one token and one channel, got -1 x 2");
  bad = a.all;
  bad.tokens = -4;
  refused(bad, "`tokens[0]` must have at least one token and one channel, got -4 x 2");
  bad = a.all;
  bad.channels = -2;
  refused(bad, "`tokens[0]` must have at least one token and one channel, got 4 x -2");
  bad = a.all;
  bad.inputs = -3;
  refused(bad, "`tokens` must hold at least one input, got -3");
}

}  // namespace
