// A crew: the threads that solve an assignment problem together, one warp, which needs no barriers,
// or a block of several.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

#include "launch.cuh"
#include "reduce.cuh"

namespace isogram::cuda {

template <class T>
inline constexpr T kInfinity = std::numeric_limits<T>::infinity();

// The smaller and the larger of two numbers, in one instruction for floats. With a NaN either may
// come out.
template <class T>
__device__ T smaller(T a, T b) {
  return a < b ? a : b;
}
__device__ inline float smaller(float a, float b) {
  return fminf(a, b);
}
template <class T>
__device__ T larger(T a, T b) {
  return a > b ? a : b;
}
__device__ inline float larger(float a, float b) {
  return fmaxf(a, b);
}

// ---- Minima of a warp ------------------------------------------------------------------------

// Unsigned integers in the same order as the numbers: a warp reduces integers in one instruction.
__device__ inline std::uint32_t ordered(float x) {
  const std::uint32_t bits = __float_as_uint(x);
  return bits ^ (bits >> 31 ? 0xffffffffU : 0x80000000U);
}
__device__ inline float number_of(std::uint32_t key) {
  return __uint_as_float(key ^ (key >> 31 ? 0x80000000U : 0xffffffffU));
}
__device__ inline std::uint64_t ordered(double x) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof x);
  return bits ^ (bits >> 63 ? ~std::uint64_t{0} : std::uint64_t{1} << 63);
}
__device__ inline double number_of(std::uint64_t key) {
  key ^= key >> 63 ? std::uint64_t{1} << 63 : ~std::uint64_t{0};
  double x = 0;
  std::memcpy(&x, &key, sizeof x);
  return x;
}

__device__ inline std::uint32_t warp_minimum(std::uint32_t key) {
  return __reduce_min_sync(kAllLanes, key);
}
__device__ inline std::uint64_t warp_minimum(std::uint64_t key) {
  const auto high = static_cast<std::uint32_t>(key >> 32);
  const std::uint32_t highest = warp_minimum(high);
  const std::uint32_t low = high == highest ? static_cast<std::uint32_t>(key) : ~0U;
  return std::uint64_t{highest} << 32 | warp_minimum(low);
}
__device__ inline float warp_minimum(float x) {
  return number_of(warp_minimum(ordered(x)));
}
__device__ inline double warp_minimum(double x) {
  return number_of(warp_minimum(ordered(x)));
}

// The nearest of the things considered so far, by distance, of equal distances by the smaller code.
template <class T>
struct Nearest {
  T distance = kInfinity<T>;
  std::uint32_t code = ~0U;

  __device__ void consider(T other, std::uint32_t its_code) {
    if (other > distance || (other == distance && its_code > code)) return;
    distance = other;
    code = its_code;
  }
};

template <class T>
__device__ Nearest<T> warp_nearest(const Nearest<T>& own) {
  Nearest<T> result;
  result.distance = warp_minimum(own.distance);
  result.code = warp_minimum(own.distance == result.distance ? own.code : ~0U);
  return result;
}

// ---- Crews -----------------------------------------------------------------------------------

inline constexpr int kMostWarps = 8;  // per crew

template <class T>
struct CrewMemory {
  double partial[kMostWarps];
  Nearest<T> nearest[2][kMostWarps];
};

// `memory` is shared memory.
template <class T, int threads>
class Crew {
 public:
  using Memory = CrewMemory<T>;
  static constexpr int kThreads = threads;
  static constexpr int kWarps = threads / kWarp;
  static_assert(kWarps <= kMostWarps);

  __device__ explicit Crew(Memory& memory) : memory_(memory) {}

  __device__ Crew<T, kWarp> first_warp() const { return Crew<T, kWarp>(memory_); }

  __device__ static int rank() { return static_cast<int>(threadIdx.x); }
  __device__ static int warp() { return rank() / kWarp; }
  __device__ static int lane() { return rank() % kWarp; }

  // A barrier: every thread sees the writes of the others before it.
  __device__ static void sync() {
    if constexpr (kWarps == 1) {
      __syncwarp();
    } else {
      __syncthreads();
    }
  }

  __device__ static bool any(bool vote) {
    if constexpr (kWarps == 1) {
      __syncwarp();
      return __any_sync(kAllLanes, vote);
    } else {
      return __syncthreads_or(vote);
    }
  }

  template <class Combine>
  __device__ double reduced(double value, Combine combine) const {
    if constexpr (kWarps == 1) {
      return warp_reduced(value, combine);
    } else {
      return block_reduced(value, combine, memory_.partial);
    }
  }

  // The nearest of all threads. One barrier suffices: two memories take turns, so that all threads
  // have read one before it is written again.
  __device__ Nearest<T> nearest(const Nearest<T>& own) {
    const Nearest<T> of_warp = warp_nearest(own);
    if constexpr (kWarps == 1) return of_warp;
    Nearest<T>* partial = memory_.nearest[turn_];
    turn_ = 1 - turn_;
    if (lane() == 0) partial[warp()] = of_warp;
    __syncthreads();
    return warp_nearest(lane() < kWarps ? partial[lane()] : Nearest<T>());
  }

 private:
  Memory& memory_;
  int turn_ = 0;
};

}  // namespace isogram::cuda
