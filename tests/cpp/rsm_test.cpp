#include "isogram/rsm.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "isogram/error.hpp"
#include "isogram_reference/rsm.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
namespace reference = isogram_reference;
using isogram::InputView;
using isogram::Matching;
using isogram::RsmOptions;

// Windows that do not divide the inputs, and one that is larger than most inputs.
std::vector<RsmOptions> all_options() {
  return {{Matching::exact, 0},  {Matching::none, 0},   {Matching::greedy, 0},
          {Matching::window, 1}, {Matching::window, 3}, {Matching::window, 32},
          {Matching::topk, 1},   {Matching::topk, 3},   {Matching::topk, 32}};
}

std::string name_of(const RsmOptions& options) {
  constexpr const char* kNames[] = {"exact", "window", "topk", "greedy", "none"};
  return std::string(kNames[static_cast<int>(options.matching)]) + " " +
         std::to_string(options.window_or_k);
}

// Whether the matching depends on the order of two numbers. If they are nearly equal, T and the
// reference may choose differently, and no tolerance covers the difference.
bool has_choices(const RsmOptions& options) {
  return options.matching == Matching::greedy || options.matching == Matching::topk;
}

// ---- The reference's RSM ---------------------------------------------------------------------

struct Pair {
  Real linear;
  Real cosine;
  Real squared_distance;
  Real error;  // of the matched sum
};

Real frobenius(const Matrix& z) {
  Real squares = 0;
  for (const Vec& token : z) squares += reference::inner(token, token);
  return std::sqrt(squares);
}

Matrix without_mean_token(Matrix z) {
  for (std::size_t c = 0; c < z[0].size(); ++c) {
    Real mean = 0;
    for (const Vec& token : z) mean += token[c] / static_cast<Real>(z.size());
    for (Vec& token : z) token[c] -= mean;
  }
  return z;
}

// The rounding of a matched sum is relative to the product of the norms of the packed tokens, which
// are less their mean where all inputs have equally many. The loss of an exact matching that
// rounding misled is at most twice that. float64 costs come from sums over whole inputs.
template <class T>
Real sum_tolerance(const Matrix& a, const Matrix& b, const RsmOptions& options, bool is_centered) {
  const std::size_t depth =
      options.matching == Matching::none ? a.size() * a[0].size() : a[0].size();
  const Real norms = is_centered
                         ? frobenius(without_mean_token(a)) * frobenius(without_mean_token(b))
                         : frobenius(a) * frobenius(b);
  return 3 * sum_error<T>(depth) * norms +
         static_cast<Real>(a.size() + a[0].size()) * eps<double>() * frobenius(a) * frobenius(b);
}

template <class T>
Pair pair_of(const Matrix& a, const Matrix& b, const RsmOptions& options, bool is_same,
             bool is_centered) {
  const Real m =
      is_same ? reference::identity_total(a, b) : reference::matched_total(a, b, options);
  const Real norm_a = frobenius(a);
  const Real norm_b = frobenius(b);
  const Real norms = norm_a * norm_b;
  return {m, norms == 0 ? 0 : m / norms,
          std::max(Real(0), norm_a * norm_a + norm_b * norm_b - 2 * m),
          sum_tolerance<T>(a, b, options, is_centered)};
}

template <class T>
void expect_pair(const Pair& want, Real norm_a, Real norm_b, T linear, T cosine, Real distance,
                 const std::string& where) {
  const auto limited = [](Real value) {
    return std::abs(value) > std::numeric_limits<T>::max() ? std::copysign(Real(INFINITY), value)
                                                           : value;
  };
  const Real tiny = std::numeric_limits<T>::min();
  const Real norms = norm_a * norm_b;
  expect_close(linear, limited(want.linear), want.error + eps<T>() * std::abs(want.linear) + tiny,
               where + " linear");
  expect_close(cosine, want.cosine, norms == 0 ? 0 : want.error / norms + 2 * eps<T>(),
               where + " cosine");
  // Where the sum would cancel, another matching of rounded affinities changes the distance.
  expect_close(distance * distance, want.squared_distance,
               2 * want.error + 4 * eps<T>() * want.squared_distance + tiny * tiny +
                   4 * eps<double>() * (norm_a * norm_a + norm_b * norm_b),
               where + " squared distance");
}

// ---- Comparing -------------------------------------------------------------------------------

bool all_same_size(const std::vector<Input>& a, const std::vector<Input>& b) {
  const auto same = [&](const Input& input) { return input.view().rows == a[0].view().rows; };
  return std::all_of(a.begin(), a.end(), same) && std::all_of(b.begin(), b.end(), same);
}

template <class T>
struct Outputs {
  Outputs(std::size_t rows, std::size_t cols, Order order = Order::c)
      : linear(rows, cols, order), cosine(rows, cols, order), distance(rows, cols, order) {}
  isogram::RsmOutputs<T> views() { return {linear.view(), cosine.view(), distance.view()}; }
  Output<T> linear;
  Output<T> cosine;
  Output<T> distance;
};

template <class T>
struct Expected {
  Expected(const std::vector<Input>& a, const std::vector<Input>& b, const RsmOptions& options,
           bool is_symmetric)
      : is_symmetric(is_symmetric) {
    const bool is_centered = !has_choices(options) && all_same_size(a, b);
    std::vector<Matrix> b_values;
    for (const Input& input : b) {
      b_values.push_back(input.values());
      norms_b.push_back(frobenius(b_values.back()));
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
      const Matrix a_values = a[i].values();
      norms_a.push_back(frobenius(a_values));
      for (std::size_t j = 0; j < b.size(); ++j) {
        const bool is_same = is_symmetric && i == j;
        // Rows belong to the first input, i < j in one set.
        pairs.push_back(is_symmetric && j < i
                            ? pairs[j * b.size() + i]
                            : pair_of<T>(a_values, b_values[j], options, is_same, is_centered));
      }
    }
  }

  void expect(const Outputs<T>& out, int exponent) const {
    for (std::size_t i = 0; i < norms_a.size(); ++i) {
      for (std::size_t j = 0; j < norms_b.size(); ++j) {
        expect_pair(pairs[i * norms_b.size() + j], norms_a[i], norms_b[j], out.linear(i, j),
                    out.cosine(i, j), std::ldexp(Real(out.distance(i, j)), exponent), at(i, j));
        if (testing::Test::HasFailure()) return;
      }
      if (!is_symmetric) continue;
      EXPECT_EQ(out.cosine(i, i), T(norms_a[i] == 0 ? 0 : 1));
      EXPECT_EQ(out.distance(i, i), T(0));
    }
    if (!is_symmetric) return;
    out.linear.expect_exactly_symmetric();
    out.cosine.expect_exactly_symmetric();
    out.distance.expect_exactly_symmetric();
  }

  bool is_symmetric;
  std::vector<Pair> pairs;
  std::vector<Real> norms_a;
  std::vector<Real> norms_b;
};

template <class T>
void expect_rsm(const std::vector<Input>& a, const std::vector<Input>& b, const RsmOptions& options,
                Order order = Order::c) {
  SCOPED_TRACE(name_of(options) + (sizeof(T) == 4 ? ", float" : ", double"));
  const Expected<T> own(a, a, options, true);
  const Expected<T> cross(a, b, options, false);
  const std::vector<InputView> a_views = views_of(a);
  const std::vector<InputView> b_views = views_of(b);
  at_every_level([&] {
    Outputs<T> of_own(a.size(), a.size(), order);
    own.expect(of_own, isogram::semantic_rsm<T>(a_views, options, of_own.views()));
    Outputs<T> of_cross(a.size(), b.size(), order);
    cross.expect(of_cross, isogram::semantic_rsm<T>(a_views, b_views, options, of_cross.views()));
    of_cross.linear.expect_surroundings_untouched();
  });
}

template <class T>
constexpr ElementType kWidest = sizeof(T) == 4 ? ElementType::float32 : ElementType::float64;

// Small integers: every affinity is exact in any type, so that ties are exact and every choice is
// the reference's.
Matrix whole_numbers(std::size_t tokens, std::size_t channels, unsigned seed, int reach = 3) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> whole(-reach, reach);
  Matrix z(tokens, Vec(channels));
  for (Vec& token : z) {
    for (Real& value : token) value = whole(random);
  }
  return z;
}

std::vector<Input> inputs_of(ElementType type, Order order, const std::vector<std::size_t>& tokens,
                             std::size_t channels, unsigned seed, bool is_whole,
                             double offset = 0) {
  std::vector<Input> inputs;
  for (const std::size_t count : tokens) {
    ++seed;
    inputs.emplace_back(type, order,
                        is_whole ? whole_numbers(count, channels, seed)
                                 : normal_matrix(count, channels, seed, 1, offset),
                        "tokens");
  }
  return inputs;
}

template <class T>
class Rsm : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Rsm, Types);

// ---- Sizes, types, orders --------------------------------------------------------------------

TYPED_TEST(Rsm, EverySize) {
  using T = TypeParam;
  for (const std::size_t tokens : {1, 2, 7, 49, 60}) {
    for (const std::size_t channels : {1, 3, 130}) {
      SCOPED_TRACE(std::to_string(tokens) + " x " + std::to_string(channels));
      const std::size_t count = tokens < 10 ? 9 : 3;
      const auto a =
          inputs_of(kWidest<T>, Order::c, std::vector(count, tokens), channels, 10, true);
      const auto b = inputs_of(kWidest<T>, Order::c, std::vector(2, tokens), channels, 40, true);
      for (const RsmOptions& options : all_options()) expect_rsm<T>(a, b, options);
    }
  }
}

// Real numbers, for the matchings that do not depend on single comparisons.
TYPED_TEST(Rsm, RealNumbers) {
  using T = TypeParam;
  for (const std::size_t tokens : {5, 20, 49}) {
    const auto a = inputs_of(kWidest<T>, Order::c, std::vector(4, tokens), 30, 100, false);
    const auto b = inputs_of(kWidest<T>, Order::c, std::vector(3, tokens), 30, 200, false);
    for (const RsmOptions& options : all_options()) {
      if (!has_choices(options) || sizeof(T) == 8) expect_rsm<T>(a, b, options);
    }
  }
}

TYPED_TEST(Rsm, ManyInputs) {  // several groups, and several tiles
  using T = TypeParam;
  for (const std::size_t tokens : {1, 3}) {
    const auto a =
        inputs_of(kWidest<T>, Order::c, std::vector(tokens == 1 ? 400 : 130, tokens), 2, 300, true);
    const auto b = inputs_of(kWidest<T>, Order::c, std::vector(5, tokens), 2, 900, true);
    for (const RsmOptions& options : all_options()) expect_rsm<T>(a, b, options);
  }
}

TYPED_TEST(Rsm, Ragged) {
  using T = TypeParam;
  const auto a = inputs_of(kWidest<T>, Order::c, {7, 1, 4, 12, 3, 33, 2, 6, 40}, 5, 400, true);
  const auto b = inputs_of(kWidest<T>, Order::c, {2, 9, 1, 5, 50}, 5, 500, true);
  for (const RsmOptions& options : all_options()) expect_rsm<T>(a, b, options);
}

// Each input is a group: affinities are computed in strips, or as a whole if rows outnumber
// columns.
TYPED_TEST(Rsm, LargeInputs) {
  using T = TypeParam;
  const RsmOptions exact{Matching::exact, 0};
  for (const bool is_whole : {true, false}) {
    const auto ragged = inputs_of(kWidest<T>, Order::c, {201, 290, 97}, 5, 1000, is_whole);
    const auto others = inputs_of(kWidest<T>, Order::c, {230, 193}, 5, 1100, is_whole);
    expect_rsm<T>(ragged, others, exact);
    const auto equal = inputs_of(kWidest<T>, Order::c, {208, 208, 208}, 5, 1200, is_whole);
    expect_rsm<T>(equal, {equal[0], equal[2]}, exact);
  }
}

// With affinities that span many orders of magnitude.
TYPED_TEST(Rsm, LargeInputsWithHeavyTails) {
  using T = TypeParam;
  std::mt19937 random(17);
  std::normal_distribution<double> normal;
  std::vector<Input> inputs;
  for (int i = 0; i < 3; ++i) {
    Matrix z(205, Vec(4));
    for (Vec& token : z) {
      for (Real& value : token) value = static_cast<float>(std::exp(8 * normal(random)));
    }
    inputs.emplace_back(kWidest<T>, Order::c, z, "tokens");
  }
  expect_rsm<T>(inputs, {inputs[1]}, {Matching::exact, 0});
}

TYPED_TEST(Rsm, EveryTypeAndOrder) {
  using T = TypeParam;
  for (const ElementType type : kTypes) {
    if (type == ElementType::float64 && sizeof(T) == 4) continue;
    for (const Order order : kOrders) {
      SCOPED_TRACE(std::string(isogram_test::name_of(type)) + ", " + isogram_test::name_of(order));
      const auto a = inputs_of(type, order, {8, 8, 8}, 6, 600, true);
      const auto b = inputs_of(type, Order::c, {8, 8}, 6, 700, true);
      for (const RsmOptions& options : all_options()) expect_rsm<T>(a, b, options);
    }
  }
}

TYPED_TEST(Rsm, OutputsOfEveryOrder) {
  using T = TypeParam;
  const auto a = inputs_of(kWidest<T>, Order::c, {4, 4, 4, 4}, 3, 800, true);
  const auto b = inputs_of(kWidest<T>, Order::c, {4, 4}, 3, 850, true);
  for (const Order order : {Order::fortran, Order::padded, Order::negative}) {
    for (const RsmOptions& options : all_options()) expect_rsm<T>(a, b, options, order);
  }
}

TYPED_TEST(Rsm, OutputsNotAskedForAreLeftAlone) {
  using T = TypeParam;
  const auto a = inputs_of(kWidest<T>, Order::c, {4, 4, 4}, 3, 860, true);
  for (const RsmOptions& options : all_options()) {
    Outputs<T> all(3, 3);
    isogram::semantic_rsm<T>(views_of(a), options, all.views());
    for (int one = 0; one < 3; ++one) {
      Outputs<T> some(3, 3);
      isogram::RsmOutputs<T> asked;
      if (one == 0) asked.linear = some.linear.view();
      if (one == 1) asked.cosine = some.cosine.view();
      if (one == 2) asked.distance = some.distance.view();
      isogram::semantic_rsm<T>(views_of(a), options, asked);
      const Outputs<T> none(3, 3);
      EXPECT_EQ(some.linear.values(), (one == 0 ? all : none).linear.values());
      EXPECT_EQ(some.cosine.values(), (one == 1 ? all : none).cosine.values());
      EXPECT_EQ(some.distance.values(), (one == 2 ? all : none).distance.values());
    }
    isogram::semantic_rsm<T>(views_of(a), options, {});  // no outputs at all
  }
}

// ---- Numbers ---------------------------------------------------------------------------------

// A common offset takes the digits of float32 affinities, but not of the matching.
TYPED_TEST(Rsm, OffsetTokens) {
  using T = TypeParam;
  for (const double offset : {20.0, 1e3, 1e5}) {
    SCOPED_TRACE(offset);
    const auto a = inputs_of(kWidest<T>, Order::c, {30, 30, 30}, 16, 1000, false, offset);
    const auto b = inputs_of(kWidest<T>, Order::c, {30, 30}, 16, 1100, false, -offset);
    for (const RsmOptions& options : {RsmOptions{Matching::exact, 0}, {Matching::none, 0}}) {
      expect_rsm<T>(a, b, options);
    }
  }
}

TYPED_TEST(Rsm, EveryInputAtItsOwnScale) {
  using T = TypeParam;
  const int reach = sizeof(T) == 4 ? 100 : 660;  // 2^100 ≈ 1e30, 2^660 ≈ 1e200
  std::vector<Input> a;
  std::vector<Input> b;
  for (int i = 0; i < 6; ++i) {
    Matrix values = whole_numbers(7, 5, 1200 + static_cast<unsigned>(i));
    for (Vec& token : values) {
      for (Real& value : token) value = std::ldexp(value, (i % 3 - 1) * reach);
    }
    (i < 4 ? a : b).emplace_back(kWidest<T>, Order::c, values);
  }
  for (const RsmOptions& options : all_options()) expect_rsm<T>(a, b, options);
}

TYPED_TEST(Rsm, ZeroInputsAndTokens) {
  using T = TypeParam;
  for (const std::vector<std::size_t>& sizes :
       {std::vector<std::size_t>{6, 6, 6, 6}, std::vector<std::size_t>{6, 2, 5, 6}}) {
    std::vector<Input> a;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      Matrix values = whole_numbers(sizes[i], 4, 1300 + static_cast<unsigned>(i));
      for (std::size_t s = 0; s < values.size(); ++s) {
        if (i == 1 || s % 2 == i % 2) values[s] = Vec(4, 0);
      }
      a.emplace_back(kWidest<T>, Order::c, values);
    }
    for (const RsmOptions& options : all_options()) expect_rsm<T>(a, a, options);
  }
}

// Equal tokens: every matching is optimal, and the result is exact.
TYPED_TEST(Rsm, EqualTokens) {
  using T = TypeParam;
  std::vector<Input> a;
  for (const double value : {0.1, 3.0, -7.7}) {
    a.emplace_back(kWidest<T>, Order::c, Matrix(10, Vec(6, value)));
  }
  for (const RsmOptions& options : all_options()) expect_rsm<T>(a, a, options);
}

// ---- Properties ------------------------------------------------------------------------------

TYPED_TEST(Rsm, ExactFindsEveryPermutation) {
  using T = TypeParam;
  const Matrix base = normal_matrix(49, 20, 1400, 1, 5);
  Matrix shuffled = base;
  std::mt19937 random(1);
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  const std::vector<Input> inputs{Input(kWidest<T>, Order::c, base),
                                  Input(kWidest<T>, Order::c, shuffled)};
  at_every_level([&] {
    Outputs<T> out(2, 2);
    isogram::semantic_rsm<T>(views_of(inputs), {Matching::exact, 0}, out.views());
    EXPECT_NEAR(out.cosine(0, 1), 1, 4 * eps<T>());
    const Real squares = frobenius(base) * frobenius(base);
    EXPECT_LE(Real(out.distance(0, 1)) * out.distance(0, 1), 4 * sum_error<T>(20) * squares);
  });
}

// With integer affinities, the order of the matchings by their sums holds exactly.
TYPED_TEST(Rsm, ExactIsNeverBeaten) {
  using T = TypeParam;
  const auto inputs =
      inputs_of(kWidest<T>, Order::c, std::vector<std::size_t>(6, 24), 9, 1500, true);
  Outputs<T> best(6, 6);
  isogram::semantic_rsm<T>(views_of(inputs), {Matching::exact, 0}, best.views());
  for (const RsmOptions& options : all_options()) {
    Outputs<T> out(6, 6);
    isogram::semantic_rsm<T>(views_of(inputs), options, out.views());
    for (std::size_t i = 0; i < 6; ++i) {
      for (std::size_t j = 0; j < 6; ++j) {
        EXPECT_LE(out.linear(i, j), best.linear(i, j) * (1 + 4 * eps<T>())) << name_of(options);
      }
    }
  }
}

// Of whole numbers, of unequal inputs, and of inputs that are groups of their own.
TYPED_TEST(Rsm, BoundsAreAboveTheOptimum) {
  using T = TypeParam;
  const RsmOptions bound{Matching::bound, 0};
  for (const bool is_whole : {true, false}) {
    for (const std::vector<std::size_t>& tokens :
         {std::vector<std::size_t>(12, 9), {1, 7, 49, 16, 17, 33}, {230, 193, 230}}) {
      const auto inputs = inputs_of(kWidest<T>, Order::c, tokens, 6, 1550, is_whole);
      const std::size_t n = inputs.size();
      Outputs<T> best(n, n);
      Output<T> above(n, n);
      isogram::semantic_rsm<T>(views_of(inputs), {Matching::exact, 0}, best.views());
      isogram::semantic_rsm<T>(views_of(inputs), bound, {above.view(), {}, {}});
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
          const T norms = std::sqrt(best.linear(i, i) * best.linear(j, j));
          EXPECT_GE(above(i, j), best.linear(i, j) - 4 * eps<T>() * norms);
          EXPECT_LE(above(i, j), best.linear(i, j) + static_cast<T>(0.6) * norms);
        }
      }
    }
  }
}

// ---- Refused ---------------------------------------------------------------------------------

template <class T>
std::string rsm_complaint(const std::vector<InputView>& inputs, const RsmOptions& options,
                          const isogram::RsmOutputs<T>& outputs) {
  return complaint(
      [&] { isogram::semantic_rsm<T>(inputs, options, outputs, {.num_threads = 3, .poll = {}}); });
}

TYPED_TEST(Rsm, NamesTheFirstEntryThatIsNotFinite) {
  using T = TypeParam;
  for (const ElementType type : kTypes) {
    for (const RsmOptions& options : all_options()) {
      auto inputs = inputs_of(type, Order::padded, std::vector<std::size_t>(40, 5), 3, 1600, true);
      Outputs<T> out(40, 40);
      inputs[39].set(0, 0, INFINITY);
      EXPECT_EQ(rsm_complaint(views_of(inputs), options, out.views()),
                "`tokens` must be finite, got inf at index (39, 0, 0)");
      for (std::size_t i = 8; i < 39; ++i) inputs[i].set(4, 2, -INFINITY);
      inputs[7].set(4, 1, NAN);
      inputs[7].set(4, 2, INFINITY);
      EXPECT_EQ(rsm_complaint(views_of(inputs), options, out.views()),
                "`tokens` must be finite, got nan at index (7, 4, 1)");
    }
  }
}

TYPED_TEST(Rsm, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  const auto inputs = inputs_of(kWidest<T>, Order::c, {4, 4}, 3, 1700, true);
  const std::vector<InputView> views = views_of(inputs);
  Outputs<T> out(2, 2);
  const RsmOptions exact{Matching::exact, 0};
  expect_contains(rsm_complaint<T>({}, exact, {}), "at least one input");
  expect_contains(complaint([&] { isogram::semantic_rsm<T>(views, {}, exact, {}); }),
                  "at least one input");
  for (const Matching matching : {Matching::window, Matching::topk}) {
    expect_contains(rsm_complaint(views, {matching, 0}, out.views()), "`window_or_k`");
  }
  std::vector<InputView> bad = views;
  bad[1].rows = 0;
  expect_contains(rsm_complaint(bad, exact, out.views()),
                  "`tokens[1]` must have at least one token");
  bad = views;
  bad[1].cols = 2;
  expect_contains(rsm_complaint(bad, exact, out.views()), "`tokens[1]` must have 3 channels");
  bad[0].cols = bad[1].cols = 0;
  expect_contains(rsm_complaint(bad, exact, out.views()), "`tokens[0]` must have at least one");
  Output<T> wide(2, 3);
  expect_contains(rsm_complaint<T>(views, exact, {wide.view(), {}, {}}),
                  "`linear` must be 2 x 2, got 2 x 3");
  expect_contains(rsm_complaint<T>(views, exact, {{}, wide.view(), {}}), "`cosine`");
  expect_contains(rsm_complaint<T>(views, exact, {{}, {}, wide.view()}), "`distance`");
  expect_contains(rsm_complaint(views, {Matching::bound, 0}, out.views()), "`distance`");
}

TYPED_TEST(Rsm, RefusesAxesThatDoNotFit) {
  using T = TypeParam;
  const auto inputs = inputs_of(kWidest<T>, Order::c, {4, 4}, 3, 1700, true);
  const std::vector<InputView> views = views_of(inputs);
  Outputs<T> out(2, 2);
  const auto complaint_of = [&](const std::vector<double>& axes, std::size_t cols,
                                Matching matching = Matching::exact) {
    const isogram::MatrixView<const double> view(axes.data(), axes.size() / cols, cols);
    return rsm_complaint(views, {matching, 1, {}, view}, out.views());
  };
  expect_contains(complaint_of({0, 0.8, 0.6, 1, 0, 0.001}, 3), "`axes` must be orthonormal");
  expect_contains(complaint_of({NAN, 0, 0}, 3), "`axes` must be orthonormal");
  expect_contains(complaint_of({1, 0}, 2), "`axes` must have as many columns");
  expect_contains(complaint_of({1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}, 3), "no more than");
  expect_contains(complaint_of({1, 0, 0}, 3, Matching::window), "`axes` are of the exact matching");
}

// Tokens in a low-dimensional span: axes of that span are as good as all channels.
TYPED_TEST(Rsm, AxesOfTheSpanLoseNothing) {
  using T = TypeParam;
  at_every_level([&] {
    const std::size_t tokens = 20, channels = 9;
    std::mt19937 random(3);
    std::normal_distribution<double> normal;
    std::vector<std::vector<T>> values(6, std::vector<T>(tokens * channels));
    std::vector<InputView> views;
    for (std::vector<T>& input : values) {
      for (std::size_t s = 0; s < tokens; ++s) {
        const double x = normal(random), y = normal(random);
        for (std::size_t c = 0; c < channels; ++c) {
          input[s * channels + c] = static_cast<T>(c % 2 == 0 ? x : y);
        }
      }
      views.emplace_back(isogram::MatrixView<const T>(input.data(), tokens, channels));
    }
    std::vector<double> axes(2 * channels);
    for (std::size_t c = 0; c < channels; ++c) {
      axes[c % 2 * channels + c] = 1 / std::sqrt(c % 2 == 0 ? 5.0 : 4.0);
    }
    const isogram::MatrixView<const double> view(axes.data(), 2, channels);
    Outputs<T> all(6, 6), along(6, 6);
    Output<T> loss(6, 6);
    isogram::semantic_rsm<T>(views, {Matching::exact, 0}, all.views());
    isogram::RsmOutputs<T> outputs = along.views();
    outputs.loss = loss.view();
    isogram::semantic_rsm<T>(views, {Matching::exact, 0, {}, view}, outputs);
    for (std::size_t i = 0; i < 6; ++i) {
      for (std::size_t j = 0; j < 6; ++j) {
        EXPECT_NEAR(along.cosine(i, j), all.cosine(i, j), 20 * eps<T>());
        EXPECT_LE(loss(i, j), 1e-8 + 1000 * eps<T>());
      }
    }
  });
}

TYPED_TEST(Rsm, SizesBeyondMemoryAreNoCrash) {
  using T = TypeParam;
  const T one = 1;
  Outputs<T> out(2, 2);
  for (const int exponent : {34, 40, 62}) {
    const InputView endless(&one, kWidest<T>, std::size_t{1} << exponent, 4096, 0, 0);
    for (const RsmOptions& options : all_options()) {
      EXPECT_THROW(isogram::semantic_rsm<T>({{endless, endless}}, options, out.views()),
                   isogram::OutOfMemory)
          << name_of(options) << ", 2^" << exponent;
    }
  }
}

}  // namespace
