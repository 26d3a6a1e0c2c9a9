// Launches of kernels, and their shared memory. All launches go through this header, so that tests
// can run the same sources on a CPU (tests/cuda/emulator).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "isogram/cuda/device.hpp"

namespace isogram::cuda {

// The compute capability that device code is compiled for.
#ifdef __CUDA_ARCH__
inline constexpr int kCapability = __CUDA_ARCH__ / 10;
#else
inline constexpr int kCapability = 80;
#endif
inline constexpr bool kIsDataCenterBlackwell = kCapability / 10 == 10;

// The number of blocks that fit into a multiprocessor's shared memory; the system reserves a
// kilobyte per block.
inline constexpr std::size_t kSharedKilobytes = kCapability == 80 || kCapability == 87 ? 164
                                                : kCapability / 10 == 9 || kIsDataCenterBlackwell
                                                    ? 228
                                                    : 100;
template <class Shared>
inline constexpr int blocks_in_shared =
    static_cast<int>((kSharedKilobytes << 10) / (sizeof(Shared) + (std::size_t{1} << 10)));

#ifdef __CUDACC__  // the emulator has its own
// The block's shared memory, of the size in its launch.
template <class Layout>
__device__ Layout& shared_memory() {
  extern __shared__ __align__(16) unsigned char memory[];
  return *reinterpret_cast<Layout*>(memory);
}
#endif

inline void check(cudaError_t status) {
  if (status == cudaSuccess) return;
  throw Error(std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status));
}

// Enqueues `kernel`. CUDA refuses a grid without blocks; here it does nothing.
template <class... Parameters>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
            Stream stream, const std::type_identity_t<Parameters>&... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, arguments...));
}

// The number of blocks that cover `items`.
inline unsigned blocks_for(std::int64_t items, std::int64_t per_block) {
  return static_cast<unsigned>((items + per_block - 1) / per_block);
}

}  // namespace isogram::cuda
