// A range of rows or columns.
#pragma once

#include <cstddef>

namespace isogram {

// [begin, end).
struct Span {
  std::size_t begin;
  std::size_t end;
  std::size_t size() const { return end - begin; }
};

// A tile of an n × n Gram matrix. For a tile on the diagonal rows and columns are equal.
struct SampleTile {
  Span rows;
  Span cols;
};

}  // namespace isogram
