// Runs CUDA C++ on the CPU, for tests. Included before a .cu file that is compiled as C++, it
// replaces nvcc's extensions and the CUDA runtime.
//
// Every thread of a block is a fiber, which runs until it waits: at a barrier for its block, in a
// warp operation for the lanes of its mask. Blocks run one after another. To find code that depends
// on luck, blocks and the threads of a block run in a random but repeatable order, and shared
// memory starts as NaN. Code that would hang or be undefined on a device throws std::logic_error: a
// barrier or warp operation that only some of its threads reach (threads that have returned count
// as missing), a mask without its caller, a value read from a lane outside the mask.
//
// Shared memory is dynamic only: isogram::cuda::shared_memory(). __shared__ is not defined, because
// such variables could not be filled with NaN.
#pragma once

#include <math.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <source_location>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

inline thread_local constinit dim3 threadIdx;
inline thread_local constinit dim3 blockIdx;
inline thread_local constinit dim3 blockDim;
inline thread_local constinit dim3 gridDim;

// ---- The runtime -----------------------------------------------------------------------------

struct CUstream_st;
using cudaStream_t = CUstream_st*;

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorInvalidConfiguration = 9,
};
const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);

struct cudaLaunchConfig_t {
  dim3 gridDim;
  dim3 blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};

namespace cuda_on_host {

using Where = std::source_location;

// Runs `thread` once for every thread of the grid.
cudaError_t launch(const cudaLaunchConfig_t& config, const std::function<void()>& thread);

// The functions below are called from emulated threads.

unsigned char* shared_memory();

// Waits for the whole block; returns the number of threads with a true `vote`.
int wait_for_block(bool vote, const Where& where);

// Waits for all lanes of `mask`, and gives access to the value of each.
class Exchange {
 public:
  template <class T>
  Exchange(std::uint32_t mask, T value, const Where& where) : mask_(mask) {
    static_assert(sizeof(T) <= sizeof(std::uint64_t) && std::is_trivially_copyable_v<T>);
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    wait(bits, where);
  }
  template <class T>
  T from(unsigned lane) const {
    const std::uint64_t bits = bits_from(lane);
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  // The values of all lanes combined.
  template <class T, class Combine>
  T reduced(Combine combine) const {
    auto lane = static_cast<unsigned>(std::countr_zero(mask_));
    T result = from<T>(lane);
    for (++lane; lane < 32; ++lane) {
      if (mask_ >> lane & 1) result = combine(result, from<T>(lane));
    }
    return result;
  }

 private:
  void wait(std::uint64_t bits, const Where& where) const;
  std::uint64_t bits_from(unsigned lane) const;
  std::uint32_t mask_;
};

unsigned lane();

}  // namespace cuda_on_host

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments... arguments) {
  return cuda_on_host::launch(*config, [&] { kernel(arguments...); });
}

namespace isogram::cuda {

template <class Layout>
Layout& shared_memory() {
  return *reinterpret_cast<Layout*>(cuda_on_host::shared_memory());
}

inline float approximate_exp2(float x) {
  return exp2f(x);
}
inline float approximate_log2(float x) {
  return log2f(x);
}
inline float approximate_reciprocal(float x) {
  return 1 / x;
}

}  // namespace isogram::cuda

// ---- Barriers and warp operations ------------------------------------------------------------

inline void __syncthreads(cuda_on_host::Where where = cuda_on_host::Where::current()) {
  cuda_on_host::wait_for_block(true, where);
}
inline int __syncthreads_count(int vote,
                               cuda_on_host::Where where = cuda_on_host::Where::current()) {
  return cuda_on_host::wait_for_block(vote != 0, where);
}
inline int __syncthreads_or(int vote, cuda_on_host::Where where = cuda_on_host::Where::current()) {
  return cuda_on_host::wait_for_block(vote != 0, where) > 0;
}
inline int __syncthreads_and(int vote, cuda_on_host::Where where = cuda_on_host::Where::current()) {
  return cuda_on_host::wait_for_block(vote == 0, where) == 0;
}

inline void __syncwarp(std::uint32_t mask = ~0U,
                       cuda_on_host::Where where = cuda_on_host::Where::current()) {
  cuda_on_host::Exchange(mask, 0, where);
}

template <class T>
T __shfl_sync(std::uint32_t mask, T value, int lane, int width = 32,
              cuda_on_host::Where where = cuda_on_host::Where::current()) {
  const unsigned group = cuda_on_host::lane() & ~(unsigned(width) - 1);
  return cuda_on_host::Exchange(mask, value, where)
      .template from<T>(group + (unsigned(lane) & (unsigned(width) - 1)));
}
template <class T>
T __shfl_xor_sync(std::uint32_t mask, T value, int lane_mask, int width = 32,
                  cuda_on_host::Where where = cuda_on_host::Where::current()) {
  const cuda_on_host::Exchange exchange(mask, value, where);
  const unsigned source = cuda_on_host::lane() ^ unsigned(lane_mask);
  const bool is_beyond = source / unsigned(width) > cuda_on_host::lane() / unsigned(width);
  return is_beyond ? value : exchange.template from<T>(source);
}
template <class T>
T __shfl_down_sync(std::uint32_t mask, T value, unsigned delta, int width = 32,
                   cuda_on_host::Where where = cuda_on_host::Where::current()) {
  const cuda_on_host::Exchange exchange(mask, value, where);
  const unsigned in_group = cuda_on_host::lane() % unsigned(width);
  return in_group + delta < unsigned(width)
             ? exchange.template from<T>(cuda_on_host::lane() + delta)
             : value;
}
template <class T>
T __shfl_up_sync(std::uint32_t mask, T value, unsigned delta, int width = 32,
                 cuda_on_host::Where where = cuda_on_host::Where::current()) {
  const cuda_on_host::Exchange exchange(mask, value, where);
  const unsigned in_group = cuda_on_host::lane() % unsigned(width);
  return in_group >= delta ? exchange.template from<T>(cuda_on_host::lane() - delta) : value;
}

inline std::uint32_t __ballot_sync(std::uint32_t mask, int vote,
                                   cuda_on_host::Where where = cuda_on_host::Where::current()) {
  const std::uint32_t own = vote != 0 ? 1U << cuda_on_host::lane() : 0U;
  return cuda_on_host::Exchange(mask, own, where).reduced<std::uint32_t>(std::bit_or<>());
}
inline int __any_sync(std::uint32_t mask, int vote,
                      cuda_on_host::Where where = cuda_on_host::Where::current()) {
  return __ballot_sync(mask, vote, where) != 0;
}
inline int __all_sync(std::uint32_t mask, int vote,
                      cuda_on_host::Where where = cuda_on_host::Where::current()) {
  return __ballot_sync(mask, vote, where) == mask;
}
template <class T>
T __reduce_add_sync(std::uint32_t mask, T value,
                    cuda_on_host::Where where = cuda_on_host::Where::current()) {
  return cuda_on_host::Exchange(mask, value, where).template reduced<T>(std::plus<>());
}
template <class T>
T __reduce_or_sync(std::uint32_t mask, T value,
                   cuda_on_host::Where where = cuda_on_host::Where::current()) {
  return cuda_on_host::Exchange(mask, value, where).template reduced<T>(std::bit_or<>());
}
template <class T>
T __reduce_min_sync(std::uint32_t mask, T value,
                    cuda_on_host::Where where = cuda_on_host::Where::current()) {
  return cuda_on_host::Exchange(mask, value, where).template reduced<T>([](T a, T b) {
    return std::min(a, b);
  });
}
template <class T>
T __reduce_max_sync(std::uint32_t mask, T value,
                    cuda_on_host::Where where = cuda_on_host::Where::current()) {
  return cuda_on_host::Exchange(mask, value, where).template reduced<T>([](T a, T b) {
    return std::max(a, b);
  });
}

// ---- Atomics: fibers switch only where they wait, so that plain code is atomic ---------------

template <class T, class Combine>
T atomic_update(T* place, Combine combine) {
  const T old = *place;
  *place = combine(old);
  return old;
}
template <class T>
T atomicAdd(T* place, std::type_identity_t<T> value) {
  return atomic_update(place, [=](T old) { return T(old + value); });
}
template <class T>
T atomicMin(T* place, std::type_identity_t<T> value) {
  return atomic_update(place, [=](T old) { return std::min(old, value); });
}
template <class T>
T atomicMax(T* place, std::type_identity_t<T> value) {
  return atomic_update(place, [=](T old) { return std::max(old, value); });
}
template <class T>
T atomicExch(T* place, std::type_identity_t<T> value) {
  return atomic_update(place, [=](T) { return value; });
}
template <class T>
T atomicCAS(T* place, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return atomic_update(place, [=](T old) { return old == expected ? value : old; });
}

// ---- Arithmetic ------------------------------------------------------------------------------

inline int __ffs(int x) {
  return __builtin_ffs(x);
}
inline int __ffsll(long long x) {
  return x == 0 ? 0 : std::countr_zero(static_cast<unsigned long long>(x)) + 1;
}
inline int __popc(unsigned x) {
  return std::popcount(x);
}
template <class T>
T __ldg(const T* place) {
  return *place;
}
inline float __uint_as_float(unsigned bits) {
  return std::bit_cast<float>(bits);
}
inline unsigned __float_as_uint(float x) {
  return std::bit_cast<unsigned>(x);
}
