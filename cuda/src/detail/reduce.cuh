// Reductions over warps and blocks, in an order that depends on nothing but the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "launch.cuh"

namespace isogram::cuda {

inline constexpr int kWarp = 32;
inline constexpr std::uint32_t kAllLanes = 0xffffffffU;
inline constexpr int kMaxWarps = 32;  // of a block

using WarpPartials = double[kMaxWarps];

struct Sum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

struct Minimum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return b < a ? b : a;
  }
};

// NaN, once met, stays.
struct Maximum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};

// Of the values of all lanes, in every lane.
template <class T, class Combine>
__device__ T warp_reduced(T value, Combine combine) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    value = combine(value, __shfl_xor_sync(kAllLanes, value, distance));
  }
  return value;
}

// Of the values of all threads of a one-dimensional block of whole warps, in every thread.
// `partial` is shared memory for kMaxWarps values; it can be used again at once.
template <class T, class Combine>
__device__ T block_reduced(T value, Combine combine, T* partial) {
  value = warp_reduced(value, combine);
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  if (warps == 1) return value;
  __syncthreads();  // everybody is done with an earlier use of `partial`
  if (threadIdx.x % kWarp == 0) partial[threadIdx.x / kWarp] = value;
  __syncthreads();
  value = partial[0];
  for (int warp = 1; warp < warps; ++warp) value = combine(value, partial[warp]);
  return value;
}

}  // namespace isogram::cuda
