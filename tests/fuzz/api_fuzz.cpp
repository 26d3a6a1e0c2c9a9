// The public C++ API against the references on random inputs: shapes, types, strides, options, and
// features with the troubles that trained networks have.
//
//   api_fuzz [--seconds S] [--seed N] [GoogleTest's options]
//
// Every operation gets an equal share of the seconds. A failure names its seed: `--seed N
// --seconds 0` draws that case alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "center_expected.hpp"
#include "features.hpp"
#include "isogram/isogram.hpp"
#include "isogram_reference/cka.hpp"
#include "isogram_reference/communities.hpp"
#include "isogram_reference/compare.hpp"
#include "isogram_reference/gbs.hpp"
#include "isogram_reference/graph.hpp"
#include "isogram_reference/jsd.hpp"
#include "isogram_reference/match.hpp"
#include "isogram_reference/permuted_products.hpp"
#include "isogram_reference/rsm.hpp"
#include "match_expected.hpp"
#include "promises.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
namespace reference = isogram_reference;
using isogram::InputView;

double seconds = 20;
std::uint32_t first_seed = 0;

// ---- The loop --------------------------------------------------------------------------------

// Calls check(random) for one seed after another, each at a random SIMD level, until its share of
// the time is up or a check fails.
template <class Check>
void for_its_share(Check check) {
  using Clock = std::chrono::steady_clock;
  const int operations = testing::UnitTest::GetInstance()->test_to_run_count();
  const auto end = Clock::now() + std::chrono::duration<double>(seconds / operations);
  std::uint32_t seed = first_seed;
  do {
    Generator random(seed);
    isogram::simd::set_level(random.one_of(isogram::simd::available()));
    SCOPED_TRACE("--seed " + std::to_string(seed) + ", level " +
                 std::string(isogram::simd::name(isogram::simd::level())));
    check(random);
    ++seed;
  } while (Clock::now() < end && !testing::Test::HasFailure());
  std::printf("%u cases\n", seed - first_seed);
}

// Calls check.template operator()<T>(random) with T = float or double.
template <class Check>
void in_either_type(Check check) {
  for_its_share([&](Generator& random) {
    const bool is_wide = random.chance(0.4);
    SCOPED_TRACE(is_wide ? "double" : "float");
    is_wide ? check.template operator()<double>(random) : check.template operator()<float>(random);
  });
}

// ---- Gram matrices ---------------------------------------------------------------------------

template <class T>
void expect_gram_entries(const Output<T>& out, const Matrix& x, const Matrix& y,
                         const KernelOptions& options) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < y.size(); ++j) {
      const Real want = reference::kernel_of(x[i], y[j], options);
      if (std::abs(want) > std::numeric_limits<T>::max() / 16) continue;
      expect_close(out(i, j), want, promised::gram_entry<T>(x[i], y[j], options, want), at(i, j));
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(Fuzz, Gram) {
  in_either_type([]<class T>(Generator& random) {
    const std::size_t n = some_rows(random, 1);
    const Features all = some_features<T>(random, n + some_rows(random, 1), some_depth(random));
    const auto split = all.values.begin() + static_cast<std::ptrdiff_t>(n);
    const Input x = stored<T>(random, Matrix(all.values.begin(), split), "x");
    const Input y = stored<T>(random, Matrix(split, all.values.end()), "y");
    const KernelOptions options = some_kernel(random, x.values());
    SCOPED_TRACE(all.story + ", " + kernel_name(options) + ", " + name_of(x.view().type));
    Output<T> own(n, n, random.one_of(kDistinct));
    isogram::gram<T>(x.view(), options, own.view(), some_threads(random));
    expect_gram_entries(own, x.values(), x.values(), options);
    own.expect_exactly_symmetric();
    own.expect_surroundings_untouched();
    Output<T> cross(n, y.values().size(), random.one_of(kDistinct));
    isogram::gram<T>(x.view(), y.view(), options, cross.view(), some_threads(random));
    expect_gram_entries(cross, x.values(), y.values(), options);
    cross.expect_surroundings_untouched();
  });
}

TEST(Fuzz, Center) {
  in_either_type([]<class T>(Generator& random) {
    const std::size_t n = some_rows(random, 3);
    Features k = some_features<T>(random, n, n);
    if (random.chance(0.5)) k.values = symmetric(k.values);
    SCOPED_TRACE(k.story);
    Output<T> out(n, n, random.one_of(kDistinct));
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) out.view()(i, j) = static_cast<T>(k.values[i][j]);
    }
    const Matrix before = out.values();
    const Estimator estimator = random.one_of(kEstimators);
    const auto view = out.view();
    isogram::center<T>({view.data, n, n, view.row_stride, view.col_stride}, estimator, view,
                       some_threads(random));
    expect_centered(before, estimator, out);
    out.expect_surroundings_untouched();
  });
}

// ---- Distances -------------------------------------------------------------------------------

TEST(Fuzz, Distances) {
  for_its_share([](Generator& random) {
    const std::size_t n = some_rows(random, 2);
    const Features features = some_features<double>(random, n, some_depth(random));
    const Input x = stored<double>(random, features.values, "x");
    const Matrix values = x.values();
    SCOPED_TRACE(features.story + ", " + name_of(x.view().type));
    std::vector<double> out(n * (n - 1) / 2);
    isogram::distances(x.view(), out.data(), some_threads(random));
    EXPECT_EQ(isogram::median_distance(x.view(), nullptr, some_threads(random)),
              isogram::root_median_square(out.data(), out.size()));
    std::vector<double> entries = out;
    const double bandwidth = some_bandwidth(random, values, Kernel::rbf);
    isogram::rbf_from_distances<double>({entries.data(), 1, entries.size()}, bandwidth,
                                        some_threads(random));
    std::size_t pair = 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = i + 1; j < n; ++j, ++pair) {
        const Real want = std::sqrt(reference::squared_distance(values[i], values[j]));
        const Real entry = reference::kernel_of(values[i], values[j],
                                                {.kernel = Kernel::rbf, .bandwidth = bandwidth});
        using Limits = std::numeric_limits<double>;
        if (want < Limits::min() || want > Limits::max()) continue;
        expect_close(out[pair], want, sum_error<double>(values[i].size()) * want, at(i, j));
        expect_close(entries[pair], entry, promised::kEntry<double>, at(i, j));
        if (testing::Test::HasFailure()) return;
      }
    }
  });
}

// ---- HSIC and CKA ----------------------------------------------------------------------------

struct Known {
  Matrix gram;
  Real error;  // ‖computed K − K‖
  Real size;   // ‖K‖, not centred
};

template <class T>
Known known(const Input& x, const KernelOptions& options, Estimator estimator) {
  const Matrix values = x.values();
  const Matrix rows = options.kernel == Kernel::linear ? promised::less_medians(values) : values;
  Known result{reference::gram(rows, rows, options), 0, 0};
  result.error = promised::gram_norm<T>(values, options, estimator == Estimator::biased);
  Real squares = 0;
  for (const Vec& row : result.gram) squares += reference::inner(row, row);
  result.size = std::sqrt(squares);
  return result;
}

// A centred Gram matrix whose norm is less than kClear times the error of its entries may be called
// constant, and so may one whose squared norm is below the error of the sums that it is the
// difference of. The CKA of such a layer is NaN; its HSIC with another layer is known all the same.
constexpr Real kClear = 16;

void expect_hsic(const isogram::HsicTable& table, const std::vector<Known>& layers,
                 Estimator estimator) {
  const std::size_t count = layers.size();
  const Real n = static_cast<Real>(layers[0].gram.size());
  const Real parts = estimator == Estimator::biased ? (n - 1) * (n - 1) : n * (n - 3);
  std::vector<Real> norms;
  for (const Known& layer : layers) {
    const Real self = reference::hsic(layer.gram, layer.gram, estimator);
    norms.push_back(std::sqrt(std::max(Real(0), self * parts)));
  }
  const auto is_clear = [&](std::size_t k) {
    const Real sums = std::sqrt(promised::kSum) * layers[k].size;  // a promise of 1, or of more
    return norms[k] > kClear * layers[k].error && norms[k] > sums;
  };
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t b = 0; b < count; ++b) {
      const Known& k = layers[a];
      const Known& l = layers[b];
      const Real want = reference::hsic(k.gram, l.gram, estimator);
      const Real error = 2 * (k.error * norms[b] + l.error * norms[a] + k.error * l.error) +
                         promised::kSum * k.size * l.size;
      if (std::abs(want) < std::numeric_limits<double>::max()) {
        expect_close(table.hsic[a * count + b], want,
                     error / parts + std::numeric_limits<double>::denorm_min(), "hsic " + at(a, b));
      }
      if (!is_clear(a) || !is_clear(b)) continue;
      const auto relative = [](const Known& layer, Real norm) {
        return 2 * layer.error / norm + promised::kSum * (layer.size / norm) * (layer.size / norm);
      };
      const Real cka = want * parts / (norms[a] * norms[b]);
      expect_close(table.cka[a * count + b], cka,
                   relative(k, norms[a]) + relative(l, norms[b]) + promised::kSum,
                   "cka " + at(a, b));
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(Fuzz, HsicTable) {
  in_either_type([]<class T>(Generator& random) {
    const std::size_t n = some_rows(random, 4);
    std::vector<Input> inputs;
    std::vector<KernelOptions> options;
    std::string story;
    for (std::size_t count = random.between(1, 3); count > 0; --count) {
      const Features features = some_features<T>(random, n, some_depth(random));
      inputs.push_back(stored<T>(random, features.values, "x"));
      options.push_back(some_kernel(random, inputs.back().values()));
      if (sizeof(T) == 4 && options.back().kernel == Kernel::polynomial) {
        options.back().kernel = Kernel::linear;  // a polynomial makes all layers float64
      }
      story += features.story + ", " + kernel_name(options.back()) + "; ";
    }
    SCOPED_TRACE(story);
    bool is_wide = false;
    std::vector<isogram::Layer> layers;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      layers.push_back({inputs[k].view(), options[k]});
      is_wide |=
          inputs[k].view().type == ElementType::float64 || options[k].kernel == Kernel::polynomial;
    }
    const Estimator estimator = random.one_of(kEstimators);
    std::vector<Known> all;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      all.push_back(is_wide ? known<double>(inputs[k], options[k], estimator)
                            : known<float>(inputs[k], options[k], estimator));
    }
    SCOPED_TRACE(isogram_test::name_of(estimator));
    expect_hsic(isogram::hsic_table(layers, estimator, some_threads(random)), all, estimator);
  });
}

TEST(Fuzz, HsicTableOfGrams) {
  in_either_type([]<class T>(Generator& random) {
    const std::size_t n = some_rows(random, 4);
    std::vector<Input> inputs;
    std::vector<InputView> grams;
    std::vector<Known> all;
    std::string story;
    for (std::size_t count = random.between(1, 3); count > 0; --count) {
      const Features entries = some_features<T>(random, n, n);
      inputs.push_back(stored<T>(random, symmetric(entries.values), "x"));
      story += entries.story + "; ";
    }
    SCOPED_TRACE(story);
    for (const Input& input : inputs) {
      grams.push_back(input.view());
      Known known{input.values(), 0, 0};
      Real squares = 0;
      for (const Vec& row : known.gram) squares += reference::inner(row, row);
      known.size = std::sqrt(squares);
      known.error = 8 * Real(eps<double>()) * known.size;
      all.push_back(std::move(known));
    }
    const Estimator estimator = random.one_of(kEstimators);
    SCOPED_TRACE(isogram_test::name_of(estimator));
    expect_hsic(isogram::hsic_table_of_grams(grams, {}, estimator, some_threads(random)), all,
                estimator);
  });
}

// ---- Graphs ----------------------------------------------------------------------------------

TEST(Fuzz, Graph) {
  in_either_type([]<class T>(Generator& random) {
    const std::size_t n = some_rows(random, 2);
    const Features features = some_features<T>(random, n, some_depth(random));
    const Input x = stored<T>(random, features.values, "x");
    SCOPED_TRACE(features.story + ", " + name_of(x.view().type));
    const Matrix cosines = reference::dense_graph(x.values(), false);
    Output<T> out(n, n, random.one_of(kDistinct));
    isogram::dense_graph<T>(x.view(), false, out.view(), isogram::Kernel::cosine,
                            some_threads(random));
    const std::size_t k = random.between(1, std::min<std::size_t>(n - 1, 12));
    const isogram::Csr<T> chosen = isogram::knn_graph<T>(
        x.view(), k, false, false, isogram::Kernel::cosine, some_threads(random));
    ASSERT_EQ(chosen.indices.size(), n * k);
    for (std::size_t i = 0; i < n; ++i) {
      Vec sorted = cosines[i];
      sorted.erase(sorted.begin() + static_cast<std::ptrdiff_t>(i));
      std::sort(sorted.begin(), sorted.end(), std::greater<>());
      for (std::size_t j = 0; j < n; ++j) {
        expect_close(out(i, j), cosines[i][j], promised::kEntry<T>, at(i, j));
      }
      for (std::size_t e = i * k; e < (i + 1) * k; ++e) {
        const auto j = static_cast<std::size_t>(chosen.indices[e]);
        expect_close(chosen.data[e], cosines[i][j], promised::kEntry<T>, at(i, j));
        EXPECT_GE(cosines[i][j], sorted[k - 1] - promised::kRank) << at(i, j) << " is no neighbour";
      }
      if (testing::Test::HasFailure()) return;
    }
  });
}

// The tolerance of an entry for float64 or float32 features.
Real entry_of(bool is_wide) {
  return is_wide ? promised::kEntry<double> : promised::kEntry<float>;
}
bool is_wide(const Input& x) {
  return x.view().type == ElementType::float64;
}

// Whether no rounding can change the neighbours.
bool is_clear(const Matrix& x, std::size_t k) {
  const Matrix cosines = reference::dense_graph(x, false);
  for (std::size_t i = 0; i < cosines.size(); ++i) {
    Vec sorted = cosines[i];
    sorted.erase(sorted.begin() + static_cast<std::ptrdiff_t>(i));
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    if (k < sorted.size() && sorted[k - 1] - sorted[k] <= promised::kRank) return false;
  }
  return true;
}

TEST(Fuzz, GbsTable) {
  in_either_type([]<class T>(Generator& random) {
    const std::size_t n = random.between(2, 24);
    const Features one = some_features<T>(random, n, some_depth(random));
    const Features other = some_features<T>(random, n, some_depth(random));
    const Input x = stored<T>(random, one.values, "x");
    const Input y = stored<T>(random, other.values, "y");
    SCOPED_TRACE(one.story + "; " + other.story);
    const std::size_t k = random.up_to(n - 1);
    const Real entry = entry_of(is_wide(x) || is_wide(y));
    if (k != 0 && !(is_clear(x.values(), k) && is_clear(y.values(), k))) {
      return;
    }
    const auto graph_of = [k](const Input& input) {
      return k == 0 ? reference::dense_graph(input.values(), false)
                    : reference::knn_graph(input.values(), k, false, true);
    };
    const std::vector<InputView> layers{x.view(), y.view()};
    const std::vector<double> gbs = isogram::gbs_table(layers, k, false, some_threads(random)).gbs;
    expect_close(gbs[1], reference::gbs(x.values(), y.values(), k, false),
                 promised::gbs(graph_of(x), entry) + promised::gbs(graph_of(y), entry), "gbs");
  });
}

TEST(Fuzz, GbsTableOfGrams) {
  in_either_type([]<class T>(Generator& random) {
    const std::size_t n = random.between(2, 24);
    std::vector<Input> inputs;
    std::vector<Matrix> graphs;
    std::string story;
    for (int side = 0; side < 2; ++side) {
      const Features features = some_features<T>(random, n, some_depth(random));
      const Matrix gram = reference::gram(features.values, features.values, {});
      if (!(largest_of(gram) < std::numeric_limits<T>::max())) return;
      inputs.push_back(stored<T>(random, gram, "x"));
      story += features.story + "; ";
      Matrix graph = inputs.back().values();
      for (std::size_t i = 0; i < n; ++i) {
        if (graph[i][i] < std::numeric_limits<T>::min()) return;  // is refused, or has few digits
      }
      const Matrix values = graph;
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
          graph[i][j] = values[i][j] / std::sqrt(values[i][i]) / std::sqrt(values[j][j]);
        }
      }
      graphs.push_back(std::move(graph));
    }
    SCOPED_TRACE(story);
    const std::vector<InputView> grams{inputs[0].view(), inputs[1].view()};
    const auto table = isogram::gbs_table_of_grams(grams, {}, 0, false, some_threads(random));
    expect_close(table.gbs[1], reference::mean_row_cosine(graphs[0], graphs[1]),
                 promised::kComparison, "gbs");
  });
}

TEST(Fuzz, ModularityAndMotifs) {
  in_either_type([]<class T>(Generator& random) {
    const std::size_t n = random.between(2, 24);
    const Features features = some_features<T>(random, n, some_depth(random));
    const Input x = stored<T>(random, features.values, "x");
    SCOPED_TRACE(features.story);
    const std::size_t k = random.between(1, n - 1);
    const Real entry = entry_of(is_wide(x));
    if (!is_clear(x.values(), k)) return;
    std::vector<std::int64_t> labels(n);
    for (std::int64_t& label : labels) label = static_cast<std::int64_t>(random.up_to(3));
    EXPECT_EQ(isogram::motifs(x.view(), labels, k, some_threads(random)),
              reference::motifs(x.values(), labels, k));
    const Matrix graph = reference::knn_graph(x.values(), k, false, true);
    const Real tolerance = promised::modularity(graph, entry);
    if (!(tolerance < 0.1L)) return;  // NaN if all weights are 0
    expect_close(isogram::modularity(x.view(), labels, k, some_threads(random)),
                 reference::modularity(x.values(), labels, k), tolerance, "modularity");
  });
}

// ---- Assignment ------------------------------------------------------------------------------

TEST(Fuzz, Match) {
  in_either_type([]<class T>(Generator& random) {
    std::mt19937 engine(static_cast<std::uint32_t>(random.up_to(1U << 30)));
    const Family family = random.one_of(families());
    const std::size_t rows = random.between(1, 40);
    const std::size_t cols = random.chance(0.5) ? rows : random.between(1, 40);
    const bool is_maximum = random.chance(0.5);
    const bool is_turned = random.chance(0.5);
    SCOPED_TRACE(family.name + " " + at(rows, cols) + (is_turned ? " in columns" : " in rows"));
    const std::size_t count = random.between(1, 4);
    std::vector<Rows> problems;
    std::vector<T> memory;
    for (std::size_t b = 0; b < count; ++b) {
      problems.push_back(family.make(rows, cols, engine));
      const auto values = flat<T>(is_turned ? reference::transposed(problems[b]) : problems[b]);
      memory.insert(memory.end(), values.begin(), values.end());
    }
    isogram::ProblemBatch<T> batch{memory.data(), count, rows, cols};
    batch.problem_stride = static_cast<std::ptrdiff_t>(rows * cols);
    batch.row_stride = is_turned ? 1 : static_cast<std::ptrdiff_t>(cols);
    batch.col_stride = is_turned ? static_cast<std::ptrdiff_t>(rows) : 1;
    std::vector<std::int32_t> columns(count * rows);
    std::vector<double> totals(count);
    std::vector<double> gaps(count);
    isogram::match<T>(batch,
                      is_maximum ? isogram::Objective::maximize : isogram::Objective::minimize,
                      columns.data(), totals.data(), gaps.data(), some_threads(random));
    for (std::size_t b = 0; b < count; ++b) {
      const auto first = columns.begin() + static_cast<std::ptrdiff_t>(b * rows);
      const auto last = first + static_cast<std::ptrdiff_t>(rows);
      expect_solution<T>(problems[b], {first, last}, totals[b], gaps[b],
                         reference::best_total(problems[b], is_maximum));
    }
  });
}

// ---- Semantic RSMs ---------------------------------------------------------------------------

// The same token of huge norm in every input, as vision transformers have them.
void add_register_token(Generator& random, std::vector<Matrix>& inputs) {
  Vec token(inputs[0][0].size());
  const double size = random.power_of_ten(1, 4);
  for (Real& value : token) value = size * random.normal();
  for (Matrix& input : inputs) input[random.up_to(input.size() - 1)] = token;
}

std::vector<Matrix> some_inputs(Generator& random, Matrix tokens, bool are_equal) {
  std::vector<Matrix> inputs;
  const std::size_t most = random.between(1, 20);
  auto next = tokens.begin();
  while (next != tokens.end()) {
    const auto left = static_cast<std::size_t>(tokens.end() - next);
    const std::size_t size = are_equal ? most : random.between(1, most);
    if (size > left) break;
    inputs.emplace_back(next, next + static_cast<std::ptrdiff_t>(size));
    next += static_cast<std::ptrdiff_t>(size);
  }
  if (inputs.empty()) inputs.push_back(tokens);
  if (random.chance(0.3)) add_register_token(random, inputs);
  return inputs;
}

TEST(Fuzz, SemanticRsm) {
  in_either_type([]<class T>(Generator& random) {
    const Features tokens = some_features<T>(random, random.between(1, 80), some_depth(random));
    std::vector<Input> inputs;
    std::vector<InputView> views;
    for (const Matrix& input : some_inputs(random, tokens.values, random.chance(0.5))) {
      inputs.push_back(stored<T>(random, input, "tokens"));
    }
    for (const Input& input : inputs) views.push_back(input.view());
    constexpr isogram::Matching kMatchings[] = {isogram::Matching::exact, isogram::Matching::none};
    const isogram::RsmOptions options{.matching = random.one_of(kMatchings)};
    SCOPED_TRACE(tokens.story + ", matching " + std::to_string(static_cast<int>(options.matching)));
    const std::size_t n = inputs.size();
    Output<T> linear(n, n, random.one_of(kDistinct));
    Output<T> cosine(n, n, random.one_of(kDistinct));
    Output<T> distance(n, n, random.one_of(kDistinct));
    const int exponent = isogram::semantic_rsm<T>(
        views, options, {linear.view(), cosine.view(), distance.view()}, some_threads(random));
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        const Matrix a = inputs[i].values();
        const Matrix b = inputs[j].values();
        const Real m =
            i == j ? reference::identity_total(a, b) : reference::matched_total(a, b, options);
        const Real squares_a = reference::identity_total(a, a);
        const Real squares_b = reference::identity_total(b, b);
        const Real norms = std::sqrt(squares_a) * std::sqrt(squares_b);
        if (squares_a + squares_b > std::numeric_limits<T>::max() / 16) continue;
        const Real error = promised::matched_sum<T>(a, b);
        const Real tiny = std::numeric_limits<T>::min();
        expect_close(linear(i, j), m, error + tiny, "linear " + at(i, j));
        expect_close(cosine(i, j), norms == 0 ? 0 : m / norms,
                     norms == 0 ? 0 : error / norms + 2 * Real(eps<T>()), "cosine " + at(i, j));
        const Real of_pair = std::ldexp(Real(distance(i, j)), exponent);
        expect_close(of_pair * of_pair, squares_a + squares_b - 2 * m,
                     2 * error + promised::squares<T>(a) * (squares_a + squares_b) + tiny,
                     "squared distance " + at(i, j));
        if (testing::Test::HasFailure()) return;
      }
    }
    linear.expect_exactly_symmetric();
    cosine.expect_surroundings_untouched();
  });
}

// ---- Comparisons -----------------------------------------------------------------------------

struct Comparing {
  isogram::Comparison method;
  Real (*of)(const Matrix& a, const Matrix& b);
};

constexpr Comparing kComparisons[] = {
    {isogram::Comparison::pearson,
     [](const Matrix& a, const Matrix& b) {
       return reference::pearson(reference::triangle(a), reference::triangle(b));
     }},
    {isogram::Comparison::spearman,
     [](const Matrix& a, const Matrix& b) {
       return reference::spearman(reference::triangle(a), reference::triangle(b));
     }},
    {isogram::Comparison::kendall,
     [](const Matrix& a, const Matrix& b) {
       return reference::kendall(reference::triangle(a), reference::triangle(b));
     }},
    {isogram::Comparison::cosine,
     [](const Matrix& a, const Matrix& b) {
       return reference::cosine_of(reference::triangle(a), reference::triangle(b));
     }},
    {isogram::Comparison::cka, reference::cka},
    {isogram::Comparison::gbs,
     [](const Matrix& a, const Matrix& b) { return reference::mean_row_cosine(a, b); }},
};

// An RSM whose entries are exactly equal or well apart.
Matrix some_rsm(Generator& random, std::size_t n) {
  Matrix k(n, Vec(n));
  const double step = random.one_of(std::vector{1.0, 0.25, 1.0 / 1024});
  const double offset = random.chance(0.3) ? std::round(random.power_of_ten(0, 5)) : 0;
  const int exponent = static_cast<int>(random.up_to(80)) - 40;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double value = step * std::round(random.normal() / step) + offset;
      k[i][j] = k[j][i] = std::ldexp(value, exponent);
    }
  }
  return k;
}

// Whether the entries above the diagonal are constant up to rounding: most comparisons are
// undefined.
bool is_flat(const Matrix& k) {
  return reference::is_constant(reference::triangle(k));
}

TEST(Fuzz, Compare) {
  for_its_share([](Generator& random) {
    const std::size_t n = random.between(4, 20);
    const Input a(ElementType::float64, random.one_of(kDistinct), some_rsm(random, n), "a");
    const Input b(ElementType::float64, random.one_of(kDistinct), some_rsm(random, n), "b");
    for (const Comparing& comparison : kComparisons) {
      const Real want = comparison.of(a.values(), b.values());
      const double got =
          isogram::compare(a.view(), b.view(), comparison.method, some_threads(random));
      if (!std::isfinite(want) || is_flat(a.values()) || is_flat(b.values())) continue;
      expect_close(got, want, promised::kComparison,
                   "method " + std::to_string(static_cast<int>(comparison.method)));
    }
  });
}

Matrix some_probabilities(Generator& random, std::size_t n, std::size_t classes) {
  Matrix p(n, Vec(classes));
  const double sharpness = random.power_of_ten(-3, 1);
  for (Vec& row : p) {
    Real sum = 0;
    for (Real& x : row) sum += x = random.chance(0.1) ? 0 : std::exp(sharpness * random.normal());
    if (sum == 0) sum = row[0] = 1;
    for (Real& x : row) x /= sum;
  }
  return p;
}

TEST(Fuzz, Jsd) {
  in_either_type([]<class T>(Generator& random) {
    const std::size_t n = random.between(1, 30);
    const std::size_t classes = random.between(1, 60);
    const Input p = stored<T>(random, some_probabilities(random, n, classes), "p");
    const Input q = stored<T>(random, some_probabilities(random, n + 1, classes), "q");
    SCOPED_TRACE(name_of(p.view().type));
    Output<T> own(n, n, random.one_of(kDistinct));
    Output<T> cross(n, n + 1, random.one_of(kDistinct));
    isogram::jsd<T>(p.view(), own.view(), some_threads(random));
    isogram::jsd<T>(p.view(), q.view(), cross.view(), some_threads(random));
    const Matrix a = p.values();
    const Matrix b = q.values();
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        expect_close(own(i, j), reference::jensen_shannon(a[i], a[j]), promised::kDivergence<T>,
                     at(i, j));
        expect_close(cross(i, j), reference::jensen_shannon(a[i], b[j]), promised::kDivergence<T>,
                     at(i, j));
      }
    }
    own.expect_exactly_symmetric();
    cross.expect_surroundings_untouched();
  });
}

// ---- Permuted products -----------------------------------------------------------------------

// Symmetric matrices of entries of any size, and the same ones with NaN where nothing is read.
struct Symmetric {
  Symmetric(Generator& random, std::size_t count, std::size_t n, bool has_lower)
      : exact(count, Matrix(n, Vec(n))), stride(n + random.up_to(3)) {
    for (Matrix& matrix : exact) {
      const double scale = random.power_of_ten(-8, 8);
      std::vector<float>& entries = stored.emplace_back(n * stride, kNan);
      for (std::size_t r = 0; r < n; ++r) {
        for (std::size_t s = r; s < n; ++s) {
          const auto entry = static_cast<float>(scale * random.normal());
          matrix[r][s] = matrix[s][r] = entries[r * stride + s] = entry;
          if (has_lower) entries[s * stride + r] = entry;
        }
      }
    }
    for (const std::vector<float>& entries : stored) {
      views.push_back({entries.data(), n, n, static_cast<std::ptrdiff_t>(stride), 1});
    }
  }

  static constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  std::vector<Matrix> exact;
  std::size_t stride;
  std::vector<std::vector<float>> stored;
  std::vector<isogram::MatrixView<const float>> views;
};

std::vector<std::int32_t> some_order(Generator& random, std::size_t n) {
  std::vector<std::int32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t r = n; r > 1; --r) std::swap(order[r - 1], order[random.up_to(r - 1)]);
  return order;
}

TEST(Fuzz, PermutedProducts) {
  for_its_share([](Generator& random) {
    const bool is_long = random.chance(0.05);  // rows are multiplied in parts of 512 entries
    const std::size_t n = is_long ? random.between(500, 530) : some_rows(random, 1);
    const bool is_upper = random.chance(0.4);
    const std::size_t p = random.between(1, is_long ? 2 : 9);
    const std::size_t q = is_upper ? p : random.between(1, is_long ? 2 : 9);
    const std::size_t count = random.between(1, is_long ? 2 : 17);
    SCOPED_TRACE(std::to_string(p) + " x " + std::to_string(q) + ", n " + std::to_string(n));
    const Symmetric k(random, p, n, false);
    const Symmetric l(random, q, n, true);
    std::vector<std::int32_t> all;
    for (std::size_t b = 0; b < count; ++b) {
      const std::vector<std::int32_t> order = some_order(random, n);
      all.insert(all.end(), order.begin(), order.end());
    }
    std::vector<double> out(count * p * q);
    isogram::permuted_products(k.views, l.views, {all.data(), count, n}, is_upper, out,
                               some_threads(random));
    for (std::size_t entry = 0; entry < out.size(); ++entry) {
      const std::size_t i = entry / q % p;
      const std::size_t j = entry % q;
      if (is_upper && i > j) {
        EXPECT_EQ(out[entry], 0) << at(i, j);
        continue;
      }
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(entry / (p * q) * n);
      const std::vector<std::size_t> permutation(begin, begin + static_cast<std::ptrdiff_t>(n));
      expect_close(
          out[entry], reference::permuted_product(k.exact[i], l.exact[j], permutation),
          promised::kPermutedProduct * reference::norm(k.exact[i]) * reference::norm(l.exact[j]),
          at(i, j));
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--seconds") seconds = std::stod(argv[i + 1]);
    if (option == "--seed") first_seed = static_cast<std::uint32_t>(std::stoul(argv[i + 1]));
  }
  return RUN_ALL_TESTS();
}
