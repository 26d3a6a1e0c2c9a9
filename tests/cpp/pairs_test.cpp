// Products of pairs of bfloat16: by the processor's instruction if it has one, and on every
// processor by the same micro-kernels with plain vectors in its place.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#define ISOGRAM_LEVEL plain_pairs  // vectors and registers as at the baseline
#include "isogram/simd.hpp"
#include "simd/gram-inl.hpp"
#include "simd/kernels.hpp"
#include "simd/pairs-inl.hpp"
#include "simd/transpose-inl.hpp"
#include "support.hpp"
#include "tokens/tokens.hpp"

namespace isogram::simd::plain_pairs {

namespace {
constexpr PairKernels kTable{kPanel<std::int32_t>, &pair_products, &transpose<std::int32_t>};
}  // namespace

}  // namespace isogram::simd::plain_pairs

namespace {

using isogram::simd::PairKernels;

std::vector<const PairKernels*> tables() {
  std::vector<const PairKernels*> result{&isogram::simd::plain_pairs::kTable};
  const auto* own = isogram::simd::pair_kernels_beside(isogram::simd::kernels());
  if (own) result.push_back(own);
  return result;
}

std::uint16_t bfloat16_bits(float x) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16);
}

double value_of(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

// Rows of 2 * words numbers of 8 bits, packed as panels of words.
struct PairRows {
  PairRows(std::size_t count, std::size_t words, std::size_t panel, bool whole_numbers,
           unsigned seed)
      : words_per_row(words),
        rows_per_panel(panel),
        words((count + panel - 1) / panel * panel * words) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> whole(-9, 9);
    std::normal_distribution<float> real;
    const auto drawn = [&] {
      return std::uint32_t{
          bfloat16_bits(whole_numbers ? static_cast<float>(whole(random)) : real(random))};
    };
    for (std::int32_t& word : this->words) {
      word = static_cast<std::int32_t>(drawn() | drawn() << 16);
    }
  }

  double at(std::size_t row, std::size_t k) const {
    const std::size_t first = row / rows_per_panel * words_per_row * rows_per_panel;
    const auto word =
        static_cast<std::uint32_t>(words[first + k / 2 * rows_per_panel + row % rows_per_panel]);
    return value_of(static_cast<std::uint16_t>(k % 2 == 0 ? word : word >> 16));
  }

  std::size_t words_per_row;
  std::size_t rows_per_panel;
  std::vector<std::int32_t> words;
};

void expect_products(const PairKernels& table, std::size_t rows, std::size_t cols,
                     std::size_t words, bool whole_numbers) {
  SCOPED_TRACE(isogram_test::at(rows, cols) + " words " + std::to_string(words));
  const PairRows a(rows, words, table.panel, whole_numbers, 1);
  const PairRows b(cols, words, table.panel, whole_numbers, 2);
  const std::size_t stride = (cols + table.panel - 1) / table.panel * table.panel;
  std::vector<float> out((rows + table.panel - 1) / table.panel * table.panel * stride);
  table.inner_products(a.words.data(), rows, b.words.data(), cols, words, out.data(), stride);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < cols; ++j) {
      double want = 0;
      double magnitude = 0;
      for (std::size_t k = 0; k < 2 * words; ++k) {
        want += a.at(i, k) * b.at(j, k);
        magnitude += std::abs(a.at(i, k) * b.at(j, k));
      }
      // Panels of 256 products, and the sums of panels.
      const double ulps = 256 + static_cast<double>(words) / 128;
      const double allowed = whole_numbers ? 0 : ulps * 0x1p-24 * magnitude;
      ASSERT_NEAR(out[i * stride + j], want, allowed) << isogram_test::at(i, j);
    }
  }
}

TEST(PairProducts, OfWholeNumbersAreExact) {
  for (const PairKernels* table : tables()) {
    for (const std::size_t words : {1, 2, 127, 128, 129, 320}) {
      expect_products(*table, 50, 50, words, true);
    }
    for (const std::size_t n : {1, 8, 9, 16, 17, 47, 48, 49}) {
      expect_products(*table, n, 97 - n, 5, true);
    }
  }
}

TEST(PairProducts, KeepTheirDigits) {
  for (const PairKernels* table : tables()) {
    for (const std::size_t words : {3, 640}) expect_products(*table, 33, 49, words, false);
  }
}

// The words that semantic_rsm() passes to the kernels, if the processor has them.
TEST(PairProducts, OfPackedTokensAreThoseOfRoundedOnes) {
  const auto before = isogram::simd::level();
  isogram::simd::set_level(isogram::simd::Level::baseline);
  const PairKernels& table = isogram::simd::plain_pairs::kTable;
  const auto& kernels = isogram::simd::kernels().float32;
  ASSERT_EQ(kernels.panel, table.panel);
  constexpr std::size_t tokens = 7;
  constexpr std::size_t inputs = 5;
  for (const std::size_t channels : {1, 2, 5, 64}) {
    std::vector<float> values(inputs * tokens * channels);
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    for (float& value : values) value = normal(random);
    std::vector<isogram::InputView> views;
    for (std::size_t i = 0; i < inputs; ++i) {
      views.emplace_back(values.data() + i * tokens * channels, isogram::ElementType::float32,
                         tokens, channels, static_cast<std::ptrdiff_t>(channels), 1, "tokens");
    }
    isogram::TokenLayout layout;
    layout.max_tokens = tokens;
    layout.group = inputs;
    layout.precision = isogram::Precision::bfloat16;
    layout.pair_kernels = &table;
    const isogram::TokenSets<float> sets(kernels, views, layout, {});
    constexpr std::size_t rows = inputs * tokens;
    constexpr std::size_t stride = rows + 13;
    std::vector<float> products(stride * stride);
    table.inner_products(sets.words(0), rows, sets.words(0), rows, sets.word_depth(),
                         products.data(), stride);
    const auto rounded = [&](std::size_t row, std::size_t c) {
      const auto bits = std::bit_cast<std::uint32_t>(values[row * channels + c]);
      return value_of(static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16));
    };
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < rows; ++j) {
        double want = 0;
        double magnitude = 0;
        for (std::size_t c = 0; c < channels; ++c) {
          want += rounded(i, c) * rounded(j, c);
          magnitude += std::abs(rounded(i, c) * rounded(j, c));
        }
        ASSERT_NEAR(products[i * stride + j], want, 70 * 0x1p-24 * magnitude)
            << isogram_test::at(i, j);
      }
    }
  }
  isogram::simd::set_level(before);
}

}  // namespace
