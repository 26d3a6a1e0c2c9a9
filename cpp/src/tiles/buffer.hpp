// Working memory, aligned for the widest vectors; its error names the bytes that were asked for.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "isogram/error.hpp"
#include "tiles/kept_memory.hpp"

namespace isogram {

inline constexpr std::size_t kAlignment = 64;  // one cache line, one AVX-512 register

// Large memory is taken in large pages where the system has them: packed inputs are read across
// many pages, and with small ones the lookup of pages costs more than the reads.
inline constexpr std::size_t kLargePage = std::size_t{1} << 21;

inline std::size_t alignment_for(std::size_t bytes) {
  return bytes < 2 * kLargePage ? kAlignment : kLargePage;
}

inline void prefer_large_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__)
  if (bytes >= 2 * kLargePage) madvise(memory, bytes, MADV_HUGEPAGE);  // refusal does no harm
#endif
}

// count * sizeof(T), or OutOfMemory of the largest size if that overflows.
template <class T>
std::size_t bytes_of(std::size_t count) {
  if (count > std::numeric_limits<std::size_t>::max() / 2 / sizeof(T)) {
    throw OutOfMemory(std::numeric_limits<std::size_t>::max());
  }
  return count * sizeof(T);
}

// a * b, or OutOfMemory if that overflows; for sizes of memory.
inline std::size_t product(std::size_t a, std::size_t b) {
  if (b != 0 && a > std::numeric_limits<std::size_t>::max() / b) {
    throw OutOfMemory(std::numeric_limits<std::size_t>::max());
  }
  return a * b;
}

// `count` elements, aligned and zeroed.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t count) : Buffer(count, Content::zeros) {}

  // Not zeroed: for memory that is written before it is read.
  static Buffer unset(std::size_t count) { return Buffer(count, Content::unset); }

  // Not zeroed, and taken from memory that the thread keeps between calls (kept_memory.hpp): for
  // memory that a call needs once.
  static Buffer kept(std::size_t count) { return Buffer(count, Content::kept); }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  T& operator[](std::size_t i) { return data_.get()[i]; }
  const T& operator[](std::size_t i) const { return data_.get()[i]; }
  std::size_t size() const { return size_; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }

 private:
  enum class Content { zeros, unset, kept };
  Buffer(std::size_t count, Content content) : size_(count) {
    const std::size_t bytes = bytes_of<T>(count);
    if (bytes == 0) return;
    const std::size_t alignment = alignment_for(bytes);
    std::size_t space = bytes + alignment;
    // The system zeroes large memory page by page when it is touched. Zeroing it all here
    // would take long, without a check for an interrupt.
    void* const block = content == Content::kept ? take_memory(space)
                                                 : new_memory(space, content == Content::zeros);
    if (block == nullptr) throw OutOfMemory(bytes);
    const Free free{block, space, content == Content::kept};
    void* memory = block;
    std::align(alignment, bytes, memory, space);
    prefer_large_pages(memory, bytes);
    data_ = {static_cast<T*>(memory), free};
  }

  struct Free {
    void* block = nullptr;
    std::size_t bytes = 0;
    bool is_kept = false;
    void operator()(T*) const { is_kept ? give_memory(block, bytes) : free_memory(block, bytes); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace isogram
