// Exponentials of rows, for RBF and Laplacian kernels, and squared distances.
#include <algorithm>

#include "levels.hpp"

namespace isogram {
namespace {

constexpr std::size_t kRow = 4096;

// Every iteration copies the row first, because the kernels work in place.
template <class T>
void run_exponentials(benchmark::State& state, const simd::KernelTable<T>& kernels) {
  const std::vector<T> values = noise<T>(kRow);
  std::vector<T> row(kRow);
  for (auto _ : state) {
    std::copy(values.begin(), values.end(), row.begin());
    kernels.exponentials(row.data(), kRow, T{4});
    benchmark::DoNotOptimize(row.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(kRow) * state.iterations());
}

template <class T>
void run_squared_distances(benchmark::State& state, const simd::KernelTable<T>& kernels) {
  const std::vector<T> products = noise<T>(kRow);
  const std::vector<T> squares(kRow, T{4});
  std::vector<T> row(kRow);
  for (auto _ : state) {
    std::copy(products.begin(), products.end(), row.begin());
    auto close = kernels.squared_distances(row.data(), kRow, T{4}, squares.data(), T(1e-3));
    benchmark::DoNotOptimize(close);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(kRow) * state.iterations());
}

template <class T>
void register_type(const std::string& type) {
  register_per_level("exponentials_" + type,
                     [](benchmark::State& state, const simd::Kernels& kernels) {
                       run_exponentials(state, kernels.of<T>());
                     });
  register_per_level("squared_distances_" + type,
                     [](benchmark::State& state, const simd::Kernels& kernels) {
                       run_squared_distances(state, kernels.of<T>());
                     });
}

const bool registered = [] {
  register_type<float>("float32");
  register_type<double>("float64");
  return true;
}();

}  // namespace
}  // namespace isogram
