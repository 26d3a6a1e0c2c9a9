#include "isogram/cuda/distances.hpp"

#include <cmath>

#include "detail/launch.cuh"
#include "detail/norm.cuh"
#include "detail/number.cuh"
#include "detail/reduce.cuh"

namespace isogram::cuda {

namespace {

struct Pair {
  std::int64_t i;
  std::int64_t j;
};

// The p-th of all pairs i < j < rows, row by row. The two loops correct the rounding of the
// quadratic formula.
__device__ Pair pair_at(std::int64_t p, std::int64_t rows) {
  const auto first_of = [=](std::int64_t i) { return i * (2 * rows - i - 1) / 2; };
  const double half = static_cast<double>(2 * rows - 1) / 2;
  auto i = static_cast<std::int64_t>(half - sqrt(half * half - 2 * static_cast<double>(p)));
  while (i > 0 && first_of(i) > p) --i;
  while (first_of(i + 1) <= p) ++i;
  return {i, i + 1 + p - first_of(i)};
}

constexpr int kDistanceWarps = 8;

template <class X>
__global__ void __launch_bounds__(kWarp* kDistanceWarps)
    distances_of_pairs(X x, std::int64_t rows, std::int64_t cols, const std::int64_t* pairs,
                       std::int64_t count, double* out) {
  const std::int64_t p = std::int64_t{blockIdx.x} * kDistanceWarps + threadIdx.x / kWarp;
  if (p >= count) return;
  const Pair pair = pairs ? Pair{pairs[2 * p], pairs[2 * p + 1]} : pair_at(p, rows);
  const Scaled distance =
      warp_norm(cols, [&](std::int64_t k) { return double{x(pair.i, k)} - x(pair.j, k); });
  if (threadIdx.x % kWarp == 0) out[p] = ldexp(distance.value, distance.exponent);
}

}  // namespace

void distances(Stream stream, const Input& x, const std::int64_t* pairs, std::int64_t count,
               double* out) {
  with_reader(x, [&](auto reader) {
    launch(distances_of_pairs<decltype(reader)>, dim3(blocks_for(count, kDistanceWarps)),
           dim3(kWarp * kDistanceWarps), 0, stream, reader, x.rows, x.cols, pairs, count, out);
  });
}

}  // namespace isogram::cuda
