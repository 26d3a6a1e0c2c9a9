// Exact assignments one after another by one solver: affinities of tokens of feature maps, and
// noise, which is the easy case.
#include "assignment/assignment.hpp"
#include "levels.hpp"
#include "tokens.hpp"

namespace isogram {
namespace {

constexpr std::size_t kProblems = 8;  // different ones: branch prediction must not learn one

void run(benchmark::State& state, const std::vector<std::vector<float>>& problems) {
  const auto size = static_cast<std::size_t>(state.range(0));
  AssignmentSolver<float> solver(size, size);
  std::size_t next = 0;
  for (auto _ : state) {
    const MatrixView<const float> affinity(problems[next].data(), size, size);
    benchmark::DoNotOptimize(solver.solve(affinity, Objective::maximize));
    next = (next + 1) % kProblems;
  }
}

void run_smooth(benchmark::State& state, const simd::Kernels&) {
  std::vector<std::vector<float>> problems;
  for (std::size_t p = 0; p < kProblems; ++p) {
    const auto size = static_cast<std::size_t>(state.range(0));
    problems.push_back(smooth_affinities(size, 0.3 + 0.1 * static_cast<double>(p)));
  }
  run(state, problems);
}

void run_noise(benchmark::State& state, const simd::Kernels&) {
  std::vector<std::vector<float>> problems;
  for (std::size_t p = 0; p < kProblems; ++p) {
    const auto size = static_cast<std::size_t>(state.range(0));
    problems.push_back(noise<float>(size * size, p + 1));
  }
  run(state, problems);
}

const bool registered = [] {
  for (auto* benchmark : register_per_level("assignment_smooth", &run_smooth)) {
    benchmark->Arg(16)->Arg(49)->Arg(196)->Arg(784)->Unit(benchmark::kMicrosecond);
  }
  for (auto* benchmark : register_per_level("assignment_noise", &run_noise)) {
    benchmark->Arg(16)->Arg(49)->Arg(196)->Arg(784)->Unit(benchmark::kMicrosecond);
  }
  return true;
}();

}  // namespace
}  // namespace isogram
