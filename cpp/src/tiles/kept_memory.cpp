#include "tiles/kept_memory.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace isogram {

namespace {

// Smaller blocks are not kept: malloc() reuses them without a system call.
constexpr std::size_t kLeastKept = std::size_t{1} << 16;

// The sanitizer finds uses of freed memory only if malloc() and free() have all of it.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kKeeps = false;
[[maybe_unused]] constexpr std::size_t kLeastOfSystem = std::numeric_limits<std::size_t>::max();
#else
constexpr bool kKeeps = true;
[[maybe_unused]] constexpr std::size_t kLeastOfSystem = std::size_t{1} << 23;
#endif

struct Block {
  void* memory;
  std::size_t bytes;
};

// Trivially destructible, so that it can be used until the thread's last destructor.
struct Kept {
  std::array<Block, 8> blocks;  // the oldest first
  std::size_t count;
  std::size_t bytes;
  bool is_closed;

  Block removed(std::size_t index) {
    const Block block = blocks[index];
    std::copy(blocks.begin() + index + 1, blocks.begin() + count, blocks.begin() + index);
    --count;
    bytes -= block.bytes;
    return block;
  }

  void release_oldest() {
    const Block oldest = removed(0);
    free_memory(oldest.memory, oldest.bytes);
  }
};

thread_local Kept kept{};

struct Closing {
  bool is_needed = false;
  ~Closing() {
    while (kept.count > 0) kept.release_oldest();
    kept.is_closed = true;
  }
};
thread_local Closing closing;

}  // namespace

void* new_memory(std::size_t bytes, bool is_zeroed) noexcept {
#if defined(__linux__)
  if (bytes >= kLeastOfSystem) {
    void* const block =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block == MAP_FAILED ? nullptr : block;
  }
#endif
  return is_zeroed ? std::calloc(bytes, 1) : std::malloc(bytes);
}

void free_memory(void* block, std::size_t bytes) noexcept {
#if defined(__linux__)
  if (bytes >= kLeastOfSystem) {
    munmap(block, bytes);
    return;
  }
#endif
  std::free(block);
}

void* take_memory(std::size_t& bytes) noexcept {
  if (bytes < kLeastKept) return std::malloc(bytes);
  std::size_t best = kept.count;
  for (std::size_t i = 0; i < kept.count; ++i) {
    const std::size_t own = kept.blocks[i].bytes;
    const bool fits = own >= bytes && own - own / 8 <= bytes;
    if (fits && (best == kept.count || own < kept.blocks[best].bytes)) best = i;
  }
  if (best < kept.count) {
    const Block block = kept.removed(best);
    bytes = block.bytes;
    return block.memory;
  }
  for (std::size_t released = 0; kept.count > 0 && released < bytes;) {
    released += kept.blocks[0].bytes;
    kept.release_oldest();
  }
  return new_memory(bytes, false);
}

void give_memory(void* block, std::size_t bytes) noexcept {
  if (!kKeeps || kept.is_closed || bytes < kLeastKept || bytes > kMostKept) {
    return free_memory(block, bytes);
  }
  closing.is_needed = true;  // constructs this thread's `closing`
  while (kept.count == kept.blocks.size() || kept.bytes + bytes > kMostKept) kept.release_oldest();
  kept.blocks[kept.count++] = {block, bytes};
  kept.bytes += bytes;
}

}  // namespace isogram
