#include "isogram/simd.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "simd/kernels.hpp"

namespace {

using isogram::simd::available;
using isogram::simd::kernels;
using isogram::simd::KernelTable;
using isogram::simd::level;
using isogram::simd::Level;
using isogram::simd::name;
using isogram::simd::set_level;

// The levels that the processor offers, found without isogram.
std::vector<Level> offered() {
  std::vector<Level> levels{Level::baseline};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    levels.push_back(Level::avx2);
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    levels.push_back(Level::avx512);
  }
#elif defined(__aarch64__)
  levels.push_back(Level::neon);
#endif
  return levels;
}

// The addresses of all kernels of a table: a table with a new kernel does not compile here until it
// is added.
template <class T>
std::vector<const void*> addresses(const KernelTable<T>& table) {
  const auto& [panel, inner_products, folded_product, l1_distances, squared_differences, transpose,
               squared_distance, matched_products, squared_distances, exponentials, polynomials,
               sum, dot, squared_deviations, add_row, add_rows, add_differences, center_columns,
               add_products, subtract_shifts, subtract_means, shift_rows, divide, shift_and_scale,
               widen, first_reaching, largest_magnitude, row_products, assignment] = table;
  const auto& [read_costs, scale, find_duals, start, augment, augment_two, any_between, slack] =
      assignment;
  const auto list = [](auto... kernel) {
    return std::vector<const void*>{reinterpret_cast<const void*>(kernel)...};
  };
  return list(inner_products, folded_product, l1_distances, squared_differences, transpose,
              squared_distance, matched_products, squared_distances, exponentials, polynomials, sum,
              dot, squared_deviations, add_row, add_rows, add_differences, center_columns,
              add_products, subtract_shifts, subtract_means, shift_rows, divide, shift_and_scale,
              widen, first_reaching, largest_magnitude, row_products, read_costs, scale, find_duals,
              start, augment, augment_two, any_between, slack);
}

template <class T>
void expect_inner_products() {
  const KernelTable<T>& table = kernels().of<T>();
  constexpr std::size_t kDepth = 37;
  const std::size_t n = table.panel;
  std::vector<T> packed(n * kDepth), out(n * n);
  for (std::size_t i = 0; i < packed.size(); ++i) packed[i] = static_cast<T>(i % 13) - T{5};
  table.inner_products(packed.data(), n, packed.data(), n, kDepth, out.data(), n, {});
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      T expected = 0;  // small integers: every sum is exact
      for (std::size_t k = 0; k < kDepth; ++k) expected += packed[k * n + i] * packed[k * n + j];
      EXPECT_EQ(out[i * n + j], expected) << name(level()) << " (" << i << ", " << j << ")";
    }
  }
}

class Simd : public ::testing::Test {
 protected:
  void TearDown() override { set_level(before_); }

 private:
  Level before_ = level();
};

// GoogleTest runs death tests first, so that the child chooses its level as a new process does.
void print_level_chosen_by(const char* environment) {
  setenv("ISOGRAM_SIMD_LEVEL", environment, 1);
  try {
    std::cerr << "level " << name(level());
  } catch (const std::invalid_argument& error) {
    std::cerr << error.what();
  }
  std::exit(0);
}

TEST(SimdEnvironmentDeathTest, ChoosesTheLevel) {
  for (const Level one : offered()) {
    const std::string text(name(one));
    EXPECT_EXIT(print_level_chosen_by(text.c_str()), ::testing::ExitedWithCode(0),
                "^level " + text + "$");
  }
}

TEST(SimdEnvironmentDeathTest, EmptyMeansTheHighestLevel) {
  EXPECT_EXIT(print_level_chosen_by(""), ::testing::ExitedWithCode(0),
              "^level " + std::string(name(offered().back())) + "$");
}

TEST(SimdEnvironmentDeathTest, RefusesAnUnknownLevel) {
  EXPECT_EXIT(print_level_chosen_by("avx1024"), ::testing::ExitedWithCode(0),
              "must be one of .*baseline.*got \"avx1024\"");
}

TEST_F(Simd, OffersWhatTheProcessorHas) {
  EXPECT_EQ(available(), offered());
}

TEST_F(Simd, EveryLevelRunsItsOwnCode) {
  std::set<Level> ran;
  std::set<const void*> seen;
  std::size_t kernel_count = 0;
  for (const Level one : offered()) {
    set_level(one);
    ASSERT_EQ(level(), one);
    ASSERT_EQ(kernels().level, one);
    for (const auto& list : {addresses(kernels().float32), addresses(kernels().float64)}) {
      seen.insert(list.begin(), list.end());
      kernel_count += list.size();
    }
    seen.insert(reinterpret_cast<const void*>(kernels().logarithms));
    seen.insert(reinterpret_cast<const void*>(kernels().bytes.inner_products));
    seen.insert(reinterpret_cast<const void*>(kernels().bytes.scale));
    seen.insert(reinterpret_cast<const void*>(kernels().divergence));
    seen.insert(reinterpret_cast<const void*>(kernels().subtract_axis));
    seen.insert(reinterpret_cast<const void*>(kernels().divide_residuals));
    kernel_count += 6;
    expect_inner_products<float>();
    expect_inner_products<double>();
    ran.insert(level());
  }
  EXPECT_EQ(ran.size(), offered().size());
  EXPECT_EQ(seen.size(), kernel_count);
}

TEST_F(Simd, SetsALevelByName) {
  for (const Level one : offered()) {
    set_level(name(one));
    EXPECT_EQ(level(), one);
  }
}

TEST_F(Simd, RefusesWhatIsNotOffered) {
  set_level(Level::baseline);
  for (const char* unknown : {"avx1024", "", "AVX2 ", "Baseline"}) {
    EXPECT_THROW(set_level(std::string_view(unknown)), std::invalid_argument) << unknown;
  }
  for (const Level one : {Level::neon, Level::avx2, Level::avx512}) {
    const auto levels = offered();
    if (std::find(levels.begin(), levels.end(), one) == levels.end()) {
      EXPECT_THROW(set_level(one), std::invalid_argument) << name(one);
    }
  }
  EXPECT_EQ(level(), Level::baseline);
}

}  // namespace
