// Prefetches of rows that are read or written soon.
#pragma once

#include <cstddef>

#include "kernels.hpp"
#include "level-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

inline constexpr std::size_t kLine = 64;

// Prefetches the lines of expected rows, an equal share during each of some steps.
class Expecting {
 public:
  Expecting(const ExpectedRows& rows, std::size_t steps)
      : rows_(rows), share_((rows.count * lines_per_row() + steps - 1) / steps) {}

  std::size_t share() const { return share_; }

  void fetch() {
    if (row_ == rows_.count) return;
    __builtin_prefetch(static_cast<const char*>(rows_.starts[row_]) + byte_, 1, 2);
    byte_ += kLine;
    if (byte_ < rows_.bytes + kLine - 1) return;
    byte_ = 0;
    ++row_;
  }

 private:
  // At most: rows may begin and end within a line.
  std::size_t lines_per_row() const { return (rows_.bytes + 2 * kLine - 2) / kLine; }

  const ExpectedRows& rows_;
  std::size_t share_;
  std::size_t row_ = 0;
  std::size_t byte_ = 0;
};

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
