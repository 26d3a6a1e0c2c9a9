// Working memory: aligned for the widest vectors, and an error that names the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

#include "isogram/error.hpp"

namespace isogram {

inline constexpr std::size_t kAlignment = 64;  // one cache line, one AVX-512 register

// count * sizeof(T), or OutOfMemory of the largest size if that overflows.
template <class T>
std::size_t bytes_of(std::size_t count) {
  if (count > std::numeric_limits<std::size_t>::max() / 2 / sizeof(T)) {
    throw OutOfMemory(std::numeric_limits<std::size_t>::max());
  }
  return count * sizeof(T);
}

// a * b, or OutOfMemory if that overflows: only sizes are multiplied here.
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
  explicit Buffer(std::size_t count) : size_(count) {
    const std::size_t bytes = bytes_of<T>(count);
    if (bytes == 0) return;
    void* memory = ::operator new(bytes, std::align_val_t{kAlignment}, std::nothrow);
    if (memory == nullptr) throw OutOfMemory(bytes);
    std::memset(memory, 0, bytes);
    data_.reset(static_cast<T*>(memory));
  }
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
  struct Free {
    void operator()(T* memory) const { ::operator delete(memory, std::align_val_t{kAlignment}); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace isogram
