// Entries of an RSM for ranks, with the rule for ties.
#pragma once

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "ranks/ties.hpp"
#include "ranks/triangle.hpp"
#include "tiles/buffer.hpp"

namespace isogram {

// The entries above the diagonal, and their rounding.
struct Entries {
  Buffer<double> values;
  double eps;
  double scale = 0;  // of the terms of the sums that entries are; 0 if unknown
};

// The entries of x, where entries that may be rounding of 0 become 0; missing ones as
// triangle_of().
Entries entries_of(const InputView& x, const Execution& execution, bool* has_missing = nullptr);

// Calls visit(chunk, [begin, end)) for all ties. Chunks run in parallel; a tie belongs to the chunk
// in which it begins.
template <class Value, class Visit>
void for_each_tie(const SortedTies<Value>& ties, std::size_t n, const Execution& execution,
                  Visit visit) {
  for_each_chunk(n, execution, [&](std::size_t chunk, Span span) {
    for (std::size_t begin = ties.next_begin(span.begin); begin < span.end;) {
      const std::size_t end = ties.end(begin);
      visit(chunk, Span{begin, end});
      begin = end;
    }
  });
}

}  // namespace isogram
