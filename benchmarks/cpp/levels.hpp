// Benchmarks once per SIMD level that this machine runs.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "isogram/simd.hpp"
#include "simd/kernels.hpp"

namespace isogram {

// Registers `run(state, kernels)` as "<name>/<level>" for every level; returns the benchmarks, for
// arguments.
template <class Run>
std::vector<benchmark::internal::Benchmark*> register_per_level(const std::string& name, Run run) {
  std::vector<benchmark::internal::Benchmark*> registered;
  for (const simd::Level level : simd::available()) {
    const std::string full = name + "/" + std::string(simd::name(level));
    registered.push_back(
        benchmark::RegisterBenchmark(full.c_str(), [run, level](benchmark::State& state) {
          simd::set_level(level);
          run(state, simd::kernels());
        }));
  }
  return registered;
}

// Numbers in [-1, 1), the same every time.
template <class T>
std::vector<T> noise(std::size_t count, std::uint64_t seed = 1) {
  std::vector<T> values(count);
  for (T& value : values) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    value = static_cast<T>(static_cast<double>(seed >> 11) * 0x1p-52 - 1.0);
  }
  return values;
}

inline void count_flops(benchmark::State& state, double per_iteration) {
  state.counters["flops"] =
      benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

inline void count_bytes(benchmark::State& state, double per_iteration) {
  state.SetBytesProcessed(static_cast<std::int64_t>(per_iteration) * state.iterations());
}

}  // namespace isogram
