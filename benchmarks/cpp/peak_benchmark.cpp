// Multiply-adds in registers, with which the flops of the other benchmarks are compared.
#include <benchmark/benchmark.h>

#include "multiply_adds.hpp"

namespace {

template <class T>
void machine_peak(benchmark::State& state) {
  double flops = 0;
  for (auto _ : state) flops = multiply_adds<T>();
  state.counters["flops"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK_TEMPLATE(machine_peak, float);
BENCHMARK_TEMPLATE(machine_peak, double);

}  // namespace
