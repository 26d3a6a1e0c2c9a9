// Reductions over warps and blocks, in an order that depends on nothing but the number of threads.
#pragma once

#include <cstdint>

#include "launch.cuh"

namespace isogram::cuda {

inline constexpr int kWarp = 32;
inline constexpr std::uint32_t kAllLanes = 0xffffffffU;
inline constexpr int kMaxWarps = 32;  // per block

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

// NaN stays NaN.
struct Maximum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};

// The values of all lanes combined, in every lane.
template <class T, class Combine>
__device__ T warp_reduced(T value, Combine combine) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    value = combine(value, __shfl_xor_sync(kAllLanes, value, distance));
  }
  return value;
}

// The values of all threads of a one-dimensional block of whole warps combined, in every thread.
// `partial` is shared memory for kMaxWarps values; the caller may use it again at once.
template <class T, class Combine>
__device__ T block_reduced(T value, Combine combine, T* partial) {
  value = warp_reduced(value, combine);
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  if (warps == 1) return value;
  __syncthreads();  // all threads have read `partial` of an earlier call
  if (threadIdx.x % kWarp == 0) partial[threadIdx.x / kWarp] = value;
  __syncthreads();
  value = partial[0];
  for (int warp = 1; warp < warps; ++warp) value = combine(value, partial[warp]);
  return value;
}

}  // namespace isogram::cuda
