// A semantic RSM, a CKA and a matching whose numbers can be checked by hand.
#include <isogram/isogram.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace {

int failures = 0;

void expect_near(const char* what, double got, double expected) {
  if (std::abs(got - expected) <= 1e-6) return;
  std::printf("%s: expected %g, got %g\n", what, expected, got);
  ++failures;
}

isogram::InputView view(const std::vector<float>& values, std::size_t rows) {
  return isogram::MatrixView<const float>(values.data(), rows, values.size() / rows);
}

// The second image is the first with its object moved; the third shows something else.
void semantic_rsm() {
  const std::vector<float> left{3, 4, 0, 0, 0, 1}, right{0, 1, 0, 0, 3, 4},
      other{4, -3, 0, 0, 0, 0};
  const std::vector<isogram::InputView> images{view(left, 3), view(right, 3), view(other, 3)};
  std::array<float, 9> cosine;
  isogram::RsmOutputs<float> outputs;
  outputs.cosine = {cosine.data(), 3, 3};
  isogram::semantic_rsm<float>(images, {}, outputs);
  expect_near("semantic_rsm (0, 1)", cosine[0 * 3 + 1], 1);
  expect_near("semantic_rsm (1, 0)", cosine[1 * 3 + 0], 1);
  expect_near("semantic_rsm (0, 2)", cosine[0 * 3 + 2], 0);

  isogram::semantic_rsm<float>(images, {.matching = isogram::Matching::none}, outputs);
  expect_near("spatial rsm (0, 1)", cosine[0 * 3 + 1], 8.0 / 26);
}

// Debiased linear CKA does not change under rotation, and has a closed form for one feature.
void cka() {
  const std::vector<float> x{0, 0, 1, 0, 0, 2, 3, 1, -1, 4};
  const std::vector<float> rotated{0, 0, 0, 1, -2, 0, -1, 3, -4, -1};
  const std::vector<isogram::Layer> layers{{view(x, 5), {}}, {view(rotated, 5), {}}};
  const auto table = isogram::hsic_table(layers, isogram::Estimator::debiased);
  expect_near("cka (0, 0)", table.cka[0], 1);
  expect_near("cka (0, 1)", table.cka[1], 1);

  // Features ±1 against themselves, n = 4: Σ K∘K = 12, K1 = −1, so [12 + 16/6 − 2·4/2] / 4.
  const std::vector<float> signs{1, 1, -1, -1};
  const std::vector<isogram::Layer> one{{view(signs, 4), {}}};
  const auto hsic = isogram::hsic_table(one, isogram::Estimator::debiased).hsic;
  expect_near("hsic", hsic[0], (12.0 + 16.0 / 6 - 4) / 4);
}

void match() {
  const std::array<double, 9> affinity{1, 9, 8, 9, 9, 1, 2, 8, 3};
  std::array<std::int32_t, 3> columns;
  double total, gap;
  isogram::match<double>(
      {.data = affinity.data(), .count = 1, .rows = 3, .cols = 3, .row_stride = 3},
      isogram::Objective::maximize, columns.data(), &total, &gap);
  expect_near("total", total, 8 + 9 + 8);
  expect_near("gap", gap, 0);
  expect_near("column of row 0", columns[0], 2);
  expect_near("column of row 1", columns[1], 0);
  expect_near("column of row 2", columns[2], 1);
}

}  // namespace

int main() {
  semantic_rsm();
  cka();
  match();
  if (failures == 0) std::printf("isogram %s: all numbers agree\n", ISOGRAM_VERSION);
  return failures;
}
