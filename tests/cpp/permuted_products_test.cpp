#include "isogram/permuted_products.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "isogram_reference/permuted_products.hpp"
#include "support.hpp"

namespace {

using namespace isogram_test;
using isogram::Execution;
using isogram::MatrixView;
using isogram_reference::norm;
using isogram_reference::permuted_product;

// Symmetric matrices of float32 numbers, of some magnitude.
std::vector<Matrix> symmetric(std::size_t count, std::size_t n, double scale, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, scale);
  std::vector<Matrix> matrices(count, Matrix(n, Vec(n)));
  for (Matrix& matrix : matrices) {
    for (std::size_t r = 0; r < n; ++r) {
      for (std::size_t s = r; s < n; ++s) {
        matrix[r][s] = matrix[s][r] = static_cast<float>(normal(random));
      }
    }
  }
  return matrices;
}

std::vector<std::vector<float>> stored(const std::vector<Matrix>& matrices) {
  std::vector<std::vector<float>> result;
  for (const Matrix& matrix : matrices) {
    result.emplace_back();
    for (const Vec& row : matrix) {
      for (const Real x : row) result.back().push_back(static_cast<float>(x));
    }
  }
  return result;
}

std::vector<MatrixView<const float>> views(const std::vector<std::vector<float>>& stored,
                                           std::size_t n) {
  std::vector<MatrixView<const float>> result;
  for (const std::vector<float>& matrix : stored) result.push_back({matrix.data(), n, n});
  return result;
}

// Permutations of n numbers, the first one the identity.
std::vector<std::int32_t> permutations(std::size_t count, std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::int32_t> all;
  for (std::size_t b = 0; b < count; ++b) {
    std::vector<std::int32_t> one(n);
    std::iota(one.begin(), one.end(), 0);
    if (b > 0) std::shuffle(one.begin(), one.end(), random);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

void expect_products(std::size_t p, std::size_t q, std::size_t n, std::size_t count, double scale) {
  SCOPED_TRACE(std::to_string(p) + " x " + std::to_string(q) + ", n " + std::to_string(n));
  const std::vector<Matrix> k = symmetric(p, n, scale, 1);
  const std::vector<Matrix> l = symmetric(q, n, 1, 2);
  const auto of_k = stored(k);
  const auto of_l = stored(l);
  const std::vector<std::int32_t> all = permutations(count, n, 3);
  at_every_level([&] {
    std::vector<double> one_thread;
    for (const int threads : {1, 3}) {
      std::vector<double> out(count * p * q);
      isogram::permuted_products(views(of_k, n), views(of_l, n), {all.data(), count, n}, false, out,
                                 {threads, {}});
      if (threads == 1) one_thread = out;
      EXPECT_EQ(out, one_thread);
    }
    for (std::size_t b = 0; b < count; ++b) {
      const std::vector<std::size_t> permutation(
          all.begin() + static_cast<std::ptrdiff_t>(b * n),
          all.begin() + static_cast<std::ptrdiff_t>((b + 1) * n));
      for (std::size_t i = 0; i < p; ++i) {
        for (std::size_t j = 0; j < q; ++j) {
          expect_close(one_thread[(b * p + i) * q + j], permuted_product(k[i], l[j], permutation),
                       3e-7L * norm(k[i]) * norm(l[j]), "permutation " + std::to_string(b));
        }
      }
    }
  });
}

TEST(PermutedProducts, AgreeWithTheReference) {
  expect_products(1, 1, 1, 1, 1);
  expect_products(1, 1, 2, 3, 1);
  expect_products(1, 2, 17, 9, 1);
  expect_products(3, 1, 33, 8, 1e-12);
  expect_products(5, 9, 50, 17, 1e12);
  expect_products(4, 8, 18, 2, 1);
}

TEST(PermutedProducts, OfLongRows) {
  expect_products(2, 5, 600, 2, 1);
}

TEST(PermutedProducts, DoNotDependOnOtherPermutations) {
  const std::size_t n = 40;
  const auto k = stored(symmetric(2, n, 1, 1));
  const auto l = stored(symmetric(3, n, 1, 2));
  const std::vector<std::int32_t> all = permutations(20, n, 3);
  std::vector<double> together(20 * 6);
  isogram::permuted_products(views(k, n), views(l, n), {all.data(), 20, n}, false, together);
  for (std::size_t b = 0; b < 20; ++b) {
    std::vector<double> alone(6);
    isogram::permuted_products(views(k, n), views(l, n), {&all[b * n], 1, n}, false, alone);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), &together[b * 6]));
  }
}

TEST(PermutedProducts, AboveTheDiagonalAlone) {
  for (const std::size_t count : {1, 2, 6, 9}) {
    const std::size_t n = 40;
    const auto k = stored(symmetric(count, n, 1, 1));
    const std::vector<std::int32_t> all = permutations(9, n, 3);
    std::vector<double> full(9 * count * count);
    std::vector<double> upper(9 * count * count);
    isogram::permuted_products(views(k, n), views(k, n), {all.data(), 9, n}, false, full);
    isogram::permuted_products(views(k, n), views(k, n), {all.data(), 9, n}, true, upper);
    for (std::size_t entry = 0; entry < full.size(); ++entry) {
      const bool is_below = entry / count % count > entry % count;
      EXPECT_EQ(upper[entry], is_below ? 0 : full[entry]);
    }
  }
}

TEST(PermutedProducts, RefuseWhatTheyCannotTake) {
  const std::vector<float> entries(12);
  const std::vector<MatrixView<const float>> square = {{entries.data(), 3, 3}};
  const std::vector<MatrixView<const float>> wide = {{entries.data(), 3, 4}};
  const std::vector<MatrixView<const float>> transposed = {{entries.data(), 3, 3, 1, 3}};
  const std::vector<std::int32_t> order = {2, 0, 1};
  const std::vector<std::int32_t> twice = {2, 0, 2};
  const std::vector<std::int32_t> beyond = {2, 0, 3};
  std::vector<double> out(1);
  const auto expect_refused = [&](const std::vector<MatrixView<const float>>& k,
                                  const std::vector<MatrixView<const float>>& l,
                                  MatrixView<const std::int32_t> permutations,
                                  std::span<double> result, const std::string& message,
                                  bool is_upper = false) {
    try {
      isogram::permuted_products(k, l, permutations, is_upper, result);
      ADD_FAILURE() << "expected: " << message;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  };
  const MatrixView<const std::int32_t> one(order.data(), 1, 3);
  expect_refused({}, square, one, out, "got none");
  expect_refused(square, {}, one, out, "got none");
  expect_refused(wide, square, one, out, "`k` must be of square matrices, 3 x 3, got 3 x 4");
  expect_refused(square, wide, one, out, "`l` must be of square matrices");
  expect_refused(square, transposed, one, out, "`l` must have rows of adjacent entries");
  expect_refused(square, square, {order.data(), 1, 2}, out, "`permutations` must be of 3 numbers");
  expect_refused(square, square, {order.data(), 1, 3, 3, -1}, out,
                 "`permutations` must have rows of adjacent entries");
  expect_refused(square, square, {twice.data(), 1, 3}, out, "once in row 0, got 2 at 2");
  expect_refused(square, square, {beyond.data(), 1, 3}, out, "once in row 0, got 3 at 2");
  expect_refused(square, {square[0], square[0]}, one, out, "`is_upper` must be false", true);
  expect_refused(square, square, one, {}, "`out` must have an entry");
}

}  // namespace
