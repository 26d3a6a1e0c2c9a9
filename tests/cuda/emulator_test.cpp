// Tests of the emulator: its results, and the code that it refuses.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "cpp/support.hpp"
#include "cuda_on_host.hpp"
#include "detail/launch.cuh"
#include "detail/number.cuh"
#include "detail/reduce.cuh"

namespace {

using isogram::cuda::kAllLanes;
using isogram::cuda::launch;
using isogram::cuda::shared_memory;
using isogram_test::expect_contains;

template <class Error, class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

template <class... Parameters, class... Arguments>
std::string refusal(void (*kernel)(Parameters...), unsigned threads, Arguments... arguments) {
  return message_of<std::logic_error>(
      [&] { launch(kernel, dim3(1), dim3(threads), 64, nullptr, arguments...); });
}

// ---- Threads, blocks and shared memory -------------------------------------------------------

void note_thread(int* counts) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  ++counts[block * blockDim.x * blockDim.y * blockDim.z + thread];
}

TEST(Emulator, RunsEveryThreadOfEveryBlockOnce) {
  std::vector<int> counts(2 * 3 * 4 * 5 * 6 * 7);
  launch(note_thread, dim3(2, 3, 4), dim3(5, 6, 7), 0, nullptr, counts.data());
  EXPECT_EQ(counts, std::vector<int>(counts.size(), 1));
}

void note_order(int* order, int* next) {
  order[(*next)++] = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}

TEST(Emulator, RunsThreadsInARepeatableDisorder) {
  std::vector<int> order(256);
  int next = 0;
  launch(note_order, dim3(4), dim3(64), 0, nullptr, order.data(), &next);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::vector<int> again(256);
  next = 0;
  launch(note_order, dim3(4), dim3(64), 0, nullptr, again.data(), &next);
  EXPECT_EQ(order, again);
}

void reverse(const int* in, int* out) {
  auto& shared = shared_memory<int[256]>();
  shared[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
}

TEST(Emulator, PassesSharedMemoryAcrossABarrier) {
  std::vector<int> in(256);
  std::iota(in.begin(), in.end(), 0);
  std::vector<int> out(256);
  launch(reverse, dim3(1), dim3(256), 256 * sizeof(int), nullptr, in.data(), out.data());
  EXPECT_TRUE(std::equal(in.begin(), in.end(), out.rbegin()));
}

void reverse_without_barrier(const int* in, int* out) {
  auto& shared = shared_memory<int[256]>();
  shared[threadIdx.x] = in[threadIdx.x];
  out[threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
}

TEST(Emulator, AMissingBarrierShows) {
  std::vector<int> in(256, 7);
  std::vector<int> out(256);
  launch(reverse_without_barrier, dim3(1), dim3(256), 256 * sizeof(int), nullptr, in.data(),
         out.data());
  EXPECT_NE(in, out);
}

void read_shared(float* as_float, double* as_double) {
  as_float[blockIdx.x] = shared_memory<float>();
  as_double[blockIdx.x] = shared_memory<double>();
  shared_memory<double>() = 1;
}

TEST(Emulator, SharedMemoryStartsAsNanInEveryBlock) {
  std::vector<float> as_float(3);
  std::vector<double> as_double(3);
  launch(read_shared, dim3(3), dim3(1), 8, nullptr, as_float.data(), as_double.data());
  for (int block = 0; block < 3; ++block) {
    EXPECT_TRUE(std::isnan(as_float[block]));
    EXPECT_TRUE(std::isnan(as_double[block]));
  }
}

// ---- Warps -----------------------------------------------------------------------------------

struct WarpResults {
  int from_five, in_groups, swapped, down, up, sum, least, largest, any, all;
  std::uint32_t ballot;
};

void use_warp(WarpResults* results) {
  const int lane = static_cast<int>(threadIdx.x);
  WarpResults& r = results[lane];
  r.from_five = __shfl_sync(kAllLanes, lane, 5);
  r.in_groups = __shfl_sync(kAllLanes, lane, 3, 8);
  r.swapped = __shfl_xor_sync(kAllLanes, lane, 1);
  r.down = __shfl_down_sync(kAllLanes, lane, 4);
  r.up = __shfl_up_sync(kAllLanes, lane, 4);
  r.sum = __reduce_add_sync(kAllLanes, lane);
  r.least = __reduce_min_sync(kAllLanes, lane + 2);
  r.largest = __reduce_max_sync(kAllLanes, lane);
  r.any = __any_sync(kAllLanes, lane == 9);
  r.all = __all_sync(kAllLanes, lane != 9);
  r.ballot = __ballot_sync(kAllLanes, lane % 2);
}

TEST(Emulator, WarpOperations) {
  std::vector<WarpResults> results(32);
  launch(use_warp, dim3(1), dim3(32), 0, nullptr, results.data());
  for (int lane = 0; lane < 32; ++lane) {
    const WarpResults& r = results[lane];
    EXPECT_EQ(r.from_five, 5);
    EXPECT_EQ(r.in_groups, lane / 8 * 8 + 3);
    EXPECT_EQ(r.swapped, lane ^ 1);
    EXPECT_EQ(r.down, lane < 28 ? lane + 4 : lane);
    EXPECT_EQ(r.up, lane < 4 ? lane : lane - 4);
    EXPECT_EQ(r.sum, 31 * 32 / 2);
    EXPECT_EQ(r.least, 2);
    EXPECT_EQ(r.largest, 31);
    EXPECT_EQ(r.any, 1);
    EXPECT_EQ(r.all, 0);
    EXPECT_EQ(r.ballot, 0xaaaaaaaaU);
  }
}

void use_half_warps(double* sums) {
  const std::uint32_t mask = threadIdx.x < 16 ? 0x0000ffffU : 0xffff0000U;
  double value = threadIdx.x;
  if (threadIdx.x < 16) {  // the halves are at different places and need not wait for each other
    value = __reduce_add_sync(mask, value);
  } else {
    value = __reduce_add_sync(mask, value);
  }
  __syncwarp();
  sums[threadIdx.x] = value;
}

TEST(Emulator, WarpOperationsOfSomeLanes) {
  std::vector<double> sums(32);
  launch(use_half_warps, dim3(1), dim3(32), 0, nullptr, sums.data());
  EXPECT_EQ(sums[3], 120);
  EXPECT_EQ(sums[20], 376);
}

void count_votes(int* results) {
  results[threadIdx.x] = __syncthreads_count(threadIdx.x < 40);
  results[threadIdx.x] += 1000 * __syncthreads_or(threadIdx.x == 99);
  results[threadIdx.x] += 2000 * __syncthreads_and(threadIdx.x != 99);
}

TEST(Emulator, VotesOfBlocks) {
  std::vector<int> results(128);
  launch(count_votes, dim3(1), dim3(128), 0, nullptr, results.data());
  EXPECT_EQ(results, std::vector<int>(128, 1040));
}

void use_atomics(int* sum, float* sum_of_floats, unsigned* largest, int* least, int* swaps) {
  atomicAdd(sum, 2);
  atomicAdd(sum_of_floats, 0.5F);
  atomicMax(largest, threadIdx.x);
  atomicMin(least, -static_cast<int>(threadIdx.x));
  if (atomicCAS(swaps, 0, 1) == 0) atomicAdd(swaps, 10);
  if (threadIdx.x == 77) atomicExch(least + 1, 5);
}

TEST(Emulator, Atomics) {
  int sum = 0, swaps = 0;
  int least[2] = {0, 0};
  float sum_of_floats = 0;
  unsigned largest = 0;
  launch(use_atomics, dim3(3), dim3(100), 0, nullptr, &sum, &sum_of_floats, &largest, least,
         &swaps);
  EXPECT_EQ(sum, 600);
  EXPECT_EQ(sum_of_floats, 150);
  EXPECT_EQ(largest, 99U);
  EXPECT_EQ(least[0], -99);
  EXPECT_EQ(least[1], 5);
  EXPECT_EQ(swaps, 11);
}

// ---- What is refused -------------------------------------------------------------------------

void barrier_of_some() {
  if (threadIdx.x < 40) __syncthreads();
}
void barriers_in_two_places() {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}
void shuffle_of_some() {
  if (threadIdx.x < 5) __shfl_sync(kAllLanes, 1, 0);
}
void barrier_beside_shuffle() {
  if (threadIdx.x < 5) {
    __syncwarp();
  } else {
    __syncthreads();
  }
}
void mask_without_caller() {
  __any_sync(0x1U, 1);
}
void value_of_an_outsider() {
  if (threadIdx.x < 16) __shfl_sync(0xffffU, 1, 20);
}

TEST(Emulator, ReportsThreadsThatWaitInVain) {
  const std::string message = refusal(barrier_of_some, 64);
  expect_contains(message, "thread (39, 0, 0) is at the barrier in");
  expect_contains(message, "emulator_test.cpp:");
  expect_contains(message, "thread (40, 0, 0) has returned");
  expect_contains(refusal(barriers_in_two_places, 64), "wait for others that do not come");
  expect_contains(refusal(shuffle_of_some, 32), "thread (4, 0, 0) is in");
  expect_contains(refusal(barrier_beside_shuffle, 32), "wait for others that do not come");
  std::vector<WarpResults> results(32);
  expect_contains(refusal(use_warp, 24, results.data()),
                  "wait for others that do not come");  // lanes 24 to 31 do not exist
}

TEST(Emulator, ReportsWrongMasks) {
  expect_contains(refusal(mask_without_caller, 32), "mask lacks its caller");
  expect_contains(refusal(value_of_an_outsider, 32), "mask lacks lane 20");
}

TEST(Emulator, GoesOnAfterARefusal) {
  refusal(barrier_of_some, 64);
  std::vector<int> results(128);
  launch(count_votes, dim3(1), dim3(128), 0, nullptr, results.data());
  EXPECT_EQ(results[0], 1040);
}

TEST(Launch, ThrowsWhatTheRuntimeSays) {
  const auto failure = [](dim3 grid, dim3 block, std::size_t shared) {
    return message_of<isogram::cuda::Error>(
        [&] { launch(barrier_of_some, grid, block, shared, nullptr); });
  };
  const std::string invalid = "cudaErrorInvalidConfiguration: invalid configuration argument";
  EXPECT_EQ(failure(dim3(1), dim3(1025), 0), invalid);
  EXPECT_EQ(failure(dim3(1, 65536), dim3(32), 0), invalid);
  EXPECT_EQ(failure(dim3(1), dim3(32), 49153), "cudaErrorInvalidValue: invalid argument");
}

TEST(Launch, OfNoBlocksDoesNothing) {
  launch(barrier_of_some, dim3(0), dim3(64), 0, nullptr);
  launch(barrier_of_some, dim3(1, 0), dim3(64), 0, nullptr);
}

// ---- What kernels share ----------------------------------------------------------------------

template <class Combine>
void reduce_block(const float* in, float* out) {
  auto& partial = shared_memory<float[isogram::cuda::kMaxWarps]>();
  const float once = block_reduced(in[threadIdx.x], Combine(), partial);
  out[threadIdx.x] = block_reduced(once, Combine(), partial);
}

TEST(Reduce, OverBlocksOfAnyNumberOfWarps) {
  for (const unsigned threads : {32U, 64U, 96U, 512U, 1024U}) {
    std::vector<float> in(threads, 1);
    std::vector<float> out(threads);
    const std::size_t shared = isogram::cuda::kMaxWarps * sizeof(float);
    launch(reduce_block<isogram::cuda::Sum>, dim3(1), dim3(threads), shared, nullptr, in.data(),
           out.data());
    const auto n = static_cast<float>(threads);
    EXPECT_EQ(out, std::vector<float>(threads, n * n));
    in[threads / 3] = 5;
    launch(reduce_block<isogram::cuda::Maximum>, dim3(1), dim3(threads), shared, nullptr, in.data(),
           out.data());
    EXPECT_EQ(out, std::vector<float>(threads, 5));
    in[threads / 2] = NAN;
    launch(reduce_block<isogram::cuda::Maximum>, dim3(1), dim3(threads), shared, nullptr, in.data(),
           out.data());
    for (const float value : out) EXPECT_TRUE(std::isnan(value));
  }
}

TEST(Number, WidensEveryPatternOf16Bits) {
  for (unsigned pattern = 0; pattern <= 0xffff; ++pattern) {
    const auto bits = static_cast<std::uint16_t>(pattern);
    const double half = isogram::cuda::widened(isogram::Half{bits});
    const double bfloat = isogram::cuda::widened(isogram::BFloat16{bits});
    const double want_half = isogram_test::value_of_bits(bits, isogram::ElementType::float16);
    const double want_bfloat = isogram_test::value_of_bits(bits, isogram::ElementType::bfloat16);
    EXPECT_TRUE(half == want_half || (std::isnan(half) && std::isnan(want_half))) << pattern;
    EXPECT_TRUE(bfloat == want_bfloat || (std::isnan(bfloat) && std::isnan(want_bfloat)))
        << pattern;
  }
}

}  // namespace
