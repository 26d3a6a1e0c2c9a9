// Tiles of inner products and of L1 distances, from packed panels in cache.

#include "levels.hpp"
#include "tiles/buffer.hpp"
#include "tiles/tile.hpp"

namespace isogram {
namespace {

template <class T, class Kernel>
void run_tile(benchmark::State& state, Kernel kernel) {
  const auto depth = static_cast<std::size_t>(state.range(0));
  Buffer<T> a(kTileEdge * depth);  // aligned, as packed rows are
  Buffer<T> b(kTileEdge * depth);
  Buffer<T> tile(kTileSize);
  std::ranges::copy(noise<T>(a.size(), 1), a.begin());
  std::ranges::copy(noise<T>(b.size(), 2), b.begin());
  for (auto _ : state) {
    kernel(a.data(), kTileEdge, b.data(), kTileEdge, depth, tile.data(), kTileEdge, {});
    benchmark::DoNotOptimize(tile.data());
    benchmark::ClobberMemory();
  }
  count_flops(state, 2.0 * kTileSize * static_cast<double>(depth));
}

template <class T>
void register_tiles(const std::string& type) {
  auto products = register_per_level("inner_products_" + type,
                                     [](benchmark::State& state, const simd::Kernels& kernels) {
                                       run_tile<T>(state, kernels.of<T>().inner_products);
                                     });
  auto distances = register_per_level("l1_distances_" + type,
                                      [](benchmark::State& state, const simd::Kernels& kernels) {
                                        run_tile<T>(state, kernels.of<T>().l1_distances);
                                      });
  for (auto* benchmark : products) benchmark->Arg(256)->Arg(1280);
  for (auto* benchmark : distances) benchmark->Arg(256);
}

const bool registered = [] {
  register_tiles<float>("float32");
  register_tiles<double>("float64");
  return true;
}();

}  // namespace
}  // namespace isogram
