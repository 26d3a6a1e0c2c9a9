// The limits of this machine, measured without isogram's code: multiply-adds per second in
// registers, bytes per second read, or read and written back, in memory, and bytes per second of
// new memory from the system.
//
// Reads lines "<kind> <threads> <bytes>" and answers each with one number: flops or bytes per
// second. Kinds: fma32, fma64 (bytes are ignored), read, update, fresh. With the argument `cpu`,
// seconds are processor time, for one thread on a busy machine. Compile for the machine it runs on
// (-O3 -march=native).
#include <chrono>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <iostream>
#include <new>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "multiply_adds.hpp"

namespace {

constexpr double kSeconds = 0.02;

bool processor_time = false;

double now() {
  if (processor_time) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class T>
double multiply_adds_per_second() {
  double flops = 0;
  const double begin = now();
  double elapsed = 0;
  do {
    flops += multiply_adds<T>();
    elapsed = now() - begin;
  } while (elapsed < kSeconds);
  return flops / elapsed;
}

double read_bytes_per_second(const std::vector<float>& memory) {
  using V = Vector<float>;
  constexpr std::size_t kLanes = kVectorBytes / sizeof(float);
  V sums[8] = {};
  double bytes = 0;
  const double begin = now();
  double elapsed = 0;
  do {
    for (std::size_t i = 0; i + 8 * kLanes <= memory.size(); i += 8 * kLanes) {
#pragma GCC unroll 8
      for (std::size_t c = 0; c < 8; ++c) {
        V loaded;
        __builtin_memcpy(&loaded, &memory[i + c * kLanes], sizeof loaded);
        sums[c] += loaded;
      }
    }
    bytes += static_cast<double>(memory.size() * sizeof(float));
    elapsed = now() - begin;
  } while (elapsed < kSeconds);
  for (V& sum : sums) touch(sum);
  return bytes / elapsed;
}

// Counts a byte once when it is read and once when it is written back.
double update_bytes_per_second(std::vector<float>& memory) {
  double bytes = 0;
  const double begin = now();
  double elapsed = 0;
  do {
    for (float& value : memory) value = value * 0.999F + 0.001F;
    bytes += 2.0 * static_cast<double>(memory.size() * sizeof(float));
    elapsed = now() - begin;
  } while (elapsed < kSeconds);
  touch(memory[0]);
  return bytes / elapsed;
}

// The system zeroes new memory when it is first written; in large pages where it has them, which
// NumPy asks for as well.
double fresh_bytes_per_second(std::size_t bytes) {
  constexpr std::size_t large_page = std::size_t{1} << 21;
  constexpr std::size_t small_page = 4096;
  constexpr std::align_val_t alignment{large_page};
  const std::size_t whole = (bytes + large_page - 1) / large_page * large_page;
  double total = 0;
  const double begin = now();
  double elapsed = 0;
  do {
    auto* memory = static_cast<volatile char*>(::operator new(whole, alignment));
#if defined(__linux__)
    madvise(const_cast<char*>(memory), whole, MADV_HUGEPAGE);
#endif
    for (std::size_t i = 0; i < whole; i += small_page) memory[i] = 1;
    ::operator delete(const_cast<char*>(memory), alignment);
    total += static_cast<double>(whole);
    elapsed = now() - begin;
  } while (elapsed < kSeconds);
  return total / elapsed;
}

double rate(const std::string& kind, std::vector<float>& memory) {
  if (kind == "fma32") return multiply_adds_per_second<float>();
  if (kind == "fma64") return multiply_adds_per_second<double>();
  if (kind == "read") return read_bytes_per_second(memory);
  if (kind == "update") return update_bytes_per_second(memory);
  if (kind == "fresh") return fresh_bytes_per_second(memory.size() * sizeof(float));
  return 0;
}

// The sum over threads that run together, each with memory of its own.
double total_rate(const std::string& kind, std::size_t threads,
                  std::vector<std::vector<float>>& memories) {
  std::vector<double> rates(threads);
  std::vector<std::thread> workers;
  for (std::size_t t = 1; t < threads; ++t) {
    workers.emplace_back([&, t] { rates[t] = rate(kind, memories[t]); });
  }
  rates[0] = rate(kind, memories[0]);
  for (std::thread& worker : workers) worker.join();
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

}  // namespace

int main(int argc, char** argv) {
  processor_time = argc > 1 && std::strcmp(argv[1], "cpu") == 0;
  std::string kind;
  std::size_t threads = 1;
  std::size_t bytes = 0;
  std::vector<std::vector<float>> memories;
  while (std::cin >> kind >> threads >> bytes) {
    const std::size_t length = bytes / sizeof(float) / threads + 1;
    if (memories.size() != threads || memories[0].size() != length) {
      memories.assign(threads, std::vector<float>(length, 1.0F));
    }
    std::cout << total_rate(kind, threads, memories) << std::endl;
  }
}
