// Fixed pieces of work with the same number of instructions on every run, which
// instruction_counts.py counts under valgrind.
//
//     isogram_counted_work            lists the names
//     isogram_counted_work <name> <level>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "assignment/assignment.hpp"
#include "isogram/isogram.hpp"
#include "tokens.hpp"

namespace isogram {
namespace {

const Execution kOneThread{.num_threads = 1, .poll = {}};

std::vector<float> features(std::size_t rows, std::size_t columns) {
  std::vector<float> values(rows * columns);
  std::uint64_t state = 1;
  for (float& value : values) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    value = static_cast<float>(static_cast<double>(state >> 11) * 0x1p-52 - 1.0);
  }
  return values;
}

// Each function makes its data and returns the work to be counted.
using Work = std::function<void()>;

Work gram_of(Kernel kernel) {
  constexpr std::size_t kRows = 192;
  constexpr std::size_t kColumns = 256;
  return
      [kernel, x = features(kRows, kColumns), out = std::vector<float>(kRows * kRows)]() mutable {
        const InputView view(MatrixView<const float>(x.data(), kRows, kColumns));
        gram(view, {.kernel = kernel, .bandwidth = 10.0},
             MatrixView<float>(out.data(), kRows, kRows), kOneThread);
      };
}

Work linear_gram() {
  return gram_of(Kernel::linear);
}
Work rbf_gram() {
  return gram_of(Kernel::rbf);
}

Work centring() {
  constexpr std::size_t kRows = 256;
  return [k = features(kRows, kRows)]() mutable {
    center(MatrixView<const float>(k.data(), kRows, kRows), Estimator::biased,
           MatrixView<float>(k.data(), kRows, kRows), kOneThread);
  };
}

Work assignments(std::size_t tokens, std::size_t count) {
  std::vector<std::vector<float>> problems;
  for (std::size_t p = 0; p < count; ++p) {
    problems.push_back(smooth_affinities(tokens, 0.3 + 0.1 * static_cast<double>(p)));
  }
  return [tokens, problems] {
    AssignmentSolver<float> solver(tokens, tokens);
    for (const std::vector<float>& affinity : problems) {
      solver.solve(MatrixView<const float>(affinity.data(), tokens, tokens), Objective::maximize);
    }
  };
}

Work assignments_49() {
  return assignments(49, 16);
}
Work assignments_196() {
  return assignments(196, 2);
}

Work semantic_rsm_49_of(Precision precision) {
  constexpr std::size_t kInputs = 6;
  constexpr std::size_t kTokens = 49;
  constexpr std::size_t kChannels = 64;
  return [precision, values = features(kInputs * kTokens, kChannels)] {
    std::vector<InputView> inputs;
    for (std::size_t i = 0; i < kInputs; ++i) {
      inputs.emplace_back(
          MatrixView<const float>(values.data() + i * kTokens * kChannels, kTokens, kChannels));
    }
    std::vector<float> rsm(kInputs * kInputs);
    RsmOutputs<float> outputs;
    outputs.cosine = MatrixView<float>(rsm.data(), kInputs, kInputs);
    semantic_rsm(std::span<const InputView>(inputs), RsmOptions{.precision = precision}, outputs,
                 kOneThread);
  };
}

Work semantic_rsm_49() {
  return semantic_rsm_49_of(Precision::float32);
}

Work semantic_rsm_49_int8() {
  return semantic_rsm_49_of(Precision::int8);
}

Work permutations_of_6_layers() {
  constexpr std::size_t kLayers = 6;
  constexpr std::size_t kRows = 96;
  constexpr std::size_t kPermutations = 4;
  std::vector<std::int32_t> orders;
  for (std::size_t b = 0; b < kPermutations; ++b) {
    // 7, 19, 31 and 43 share no factor with 96: the multiples of each are a permutation.
    for (std::size_t r = 0; r < kRows; ++r) {
      orders.push_back(static_cast<std::int32_t>(r * (12 * b + 7) % kRows));
    }
  }
  return [orders, entries = features(kLayers * kRows, kRows),
          out = std::vector<double>(kPermutations * kLayers * kLayers)]() mutable {
    std::vector<MatrixView<const float>> layers;
    for (std::size_t i = 0; i < kLayers; ++i) {
      layers.push_back({entries.data() + i * kRows * kRows, kRows, kRows});
    }
    permuted_products(layers, layers, {orders.data(), kPermutations, kRows}, true, out, kOneThread);
  };
}

struct NamedWork {
  const char* name;
  Work (*make)();
};

constexpr NamedWork kWork[] = {
    {"linear_gram", &linear_gram},
    {"rbf_gram", &rbf_gram},
    {"centring", &centring},
    {"assignments_49", &assignments_49},
    {"assignments_196", &assignments_196},
    {"semantic_rsm_49", &semantic_rsm_49},
    {"semantic_rsm_49_int8", &semantic_rsm_49_int8},
    {"permutations_of_6_layers", &permutations_of_6_layers},
};

}  // namespace
}  // namespace isogram

// Not inlined and with a plain name: valgrind counts from its entry to its exit.
extern "C" [[gnu::noinline]] void isogram_counted_work(const std::function<void()>& work) {
  work();
  asm volatile("" ::: "memory");
}

int main(int argc, char** argv) {
  if (argc == 1) {
    for (const isogram::NamedWork& work : isogram::kWork) std::puts(work.name);
    return 0;
  }
  if (argc != 3) {
    std::fputs("usage: isogram_counted_work [<name> <level>]\n", stderr);
    return 2;
  }
  try {
    isogram::simd::set_level(argv[2]);
    for (const isogram::NamedWork& work : isogram::kWork) {
      if (std::strcmp(work.name, argv[1]) != 0) continue;
      isogram_counted_work(work.make());
      return 0;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  std::fprintf(stderr, "no work is called %s\n", argv[1]);
  return 2;
}
