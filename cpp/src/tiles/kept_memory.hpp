// Large working memory that a thread keeps between calls. The system clears new memory page by page
// when it is touched, which costs as much as packing inputs there.
#pragma once

#include <cstddef>

namespace isogram {

// The most bytes that a thread keeps. It frees them when it ends.
inline constexpr std::size_t kMostKept = std::size_t{1} << 25;

// Like malloc() and free(), but the caller remembers the size: take_memory() sets `bytes` to the
// size of the block, which may be larger than asked for. Before it asks the system for a new block,
// it frees as much kept memory, so that kept memory does not raise the peak.
void* take_memory(std::size_t& bytes) noexcept;
void give_memory(void* block, std::size_t bytes) noexcept;

// Like malloc(), or calloc() if it is to be zeroed, and free(), but large blocks come from the
// system and go back there. In the heap of malloc() a block that was freed stays in memory, and may
// have no room for the next: calls with a limit would take more.
void* new_memory(std::size_t bytes, bool is_zeroed) noexcept;
void free_memory(void* block, std::size_t bytes) noexcept;

}  // namespace isogram
