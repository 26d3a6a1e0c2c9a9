// Large working memory that a thread has freed and keeps for its next call: new memory from the
// system is cleared page by page when it is touched, which costs as much as packing inputs there.
#pragma once

#include <cstddef>

namespace isogram {

// What a thread keeps at most, until it ends.
inline constexpr std::size_t kMostKept = std::size_t{1} << 25;

// As malloc() and free(), of blocks whose size the caller remembers: `bytes` becomes that of the
// block, which may be larger than asked for. Before more is asked of the system, as much of what is
// kept goes back: it does not add to the most that is used.
void* take_memory(std::size_t& bytes) noexcept;
void give_memory(void* block, std::size_t bytes) noexcept;

}  // namespace isogram
