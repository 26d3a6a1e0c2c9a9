// Sums over entries in float64: in the L1 cache, and from memory.
#include "levels.hpp"

namespace isogram {
namespace {

template <class T>
void run_sum(benchmark::State& state, const simd::KernelTable<T>& kernels) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::vector<T> row = noise<T>(n);
  for (auto _ : state) benchmark::DoNotOptimize(kernels.sum(row.data(), n));
  count_bytes(state, static_cast<double>(n * sizeof(T)));
}

template <class T>
void run_dot(benchmark::State& state, const simd::KernelTable<T>& kernels) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::vector<T> a = noise<T>(n, 1);
  const std::vector<T> b = noise<T>(n, 2);
  for (auto _ : state) benchmark::DoNotOptimize(kernels.dot(a.data(), b.data(), n));
  count_bytes(state, static_cast<double>(2 * n * sizeof(T)));
}

template <class T>
void run_add_row(benchmark::State& state, const simd::KernelTable<T>& kernels) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::vector<T> row = noise<T>(n);
  std::vector<double> sums(n);
  for (auto _ : state) {
    benchmark::DoNotOptimize(kernels.add_row(row.data(), n, sums.data()));
    benchmark::ClobberMemory();
  }
  count_bytes(state, static_cast<double>(n * (sizeof(T) + 2 * sizeof(double))));
}

template <class T>
void run_subtract_shifts(benchmark::State& state, const simd::KernelTable<T>& kernels) {
  const auto n = static_cast<std::size_t>(state.range(0));
  std::vector<T> row = noise<T>(n);
  const std::vector<double> shifts(n);
  for (auto _ : state) {
    kernels.subtract_shifts(row.data(), row.data(), n, 0.0, shifts.data());
    benchmark::ClobberMemory();
  }
  count_bytes(state, static_cast<double>(n * (2 * sizeof(T) + sizeof(double))));
}

template <class T>
using Run = void (*)(benchmark::State&, const simd::KernelTable<T>&);

template <class T>
void register_one(const std::string& name, Run<T> run) {
  auto all = register_per_level(name, [run](benchmark::State& state, const simd::Kernels& kernels) {
    run(state, kernels.of<T>());
  });
  for (auto* benchmark : all) benchmark->Arg(4 << 10)->Arg(16 << 20);
}

template <class T>
void register_type(const std::string& type) {
  register_one<T>("sum_" + type, &run_sum<T>);
  register_one<T>("dot_" + type, &run_dot<T>);
  register_one<T>("add_row_" + type, &run_add_row<T>);
  register_one<T>("subtract_shifts_" + type, &run_subtract_shifts<T>);
}

const bool registered = [] {
  register_type<float>("float32");
  register_type<double>("float64");
  return true;
}();

}  // namespace
}  // namespace isogram
