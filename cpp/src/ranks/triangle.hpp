// The entries above the diagonal of an RSM (its triangle), and loops over its rows and entries.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "ranks/merge_sort.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"

namespace isogram {

// Rows per task of loops over rows.
inline constexpr std::size_t kRowsPerTask = 16;

inline std::size_t row_tasks(std::size_t rows) {
  return blocks_in(rows, kRowsPerTask);
}

// Calls body(task, worker, [begin, end)) for the rows of every task, in parallel.
template <class Body>
void for_each_task_of_rows(std::size_t rows, const Execution& execution, Body body) {
  const auto call = [&](std::size_t task, Worker& worker) {
    body(task, worker, block_span(task, rows, kRowsPerTask));
  };
  parallel_for(execution, row_tasks(rows), call, threads_for(rows * rows));
}

// Calls body(i, worker) for all rows in parallel.
template <class Body>
void for_each_row(std::size_t rows, const Execution& execution, Body body) {
  for_each_task_of_rows(rows, execution, [&](std::size_t, Worker& worker, Span task) {
    for (std::size_t i = task.begin; i < task.end; ++i) {
      worker.check();
      body(i, worker);
    }
  });
}

// Calls body(chunk, [begin, end)) for chunks of n entries, in parallel if there are several. A
// chunk is short enough for an interrupt, even if it touches new memory.
template <class Body>
void for_each_chunk(std::size_t n, const Execution& execution, Body body) {
  const std::size_t chunks = blocks_in(n, kSortChunk);
  if (chunks == 1) return body(std::size_t{0}, Span{0, n});
  parallel_for(execution, chunks,
               [&](std::size_t chunk, Worker&) { body(chunk, block_span(chunk, n, kSortChunk)); });
}

// The sum of part([begin, end)) over all chunks, in their order.
template <class Sum, class Part>
Sum sum_of_chunks(std::size_t n, const Execution& execution, Part part) {
  std::vector<Sum> parts(blocks_in(n, kSortChunk));
  for_each_chunk(n, execution, [&](std::size_t chunk, Span span) { parts[chunk] = part(span); });
  return std::accumulate(parts.begin(), parts.end(), Sum{});
}

// The place of row i in a triangle that is stored row by row.
inline std::size_t row_begin(std::size_t i, std::size_t n) {
  return i * (2 * n - i - 1) / 2;
}

// The entries above the diagonal, row by row. Entries on and below the diagonal are ignored. Throws
// std::invalid_argument that names the first entry that is not finite; where `has_missing` is
// given, NaN stands for a missing entry, and it says whether there are any.
Buffer<double> triangle_of(const InputView& x, const Execution& execution,
                           bool* has_missing = nullptr);

// Leaves out the pairs that are missing in both triangles. Throws std::invalid_argument that names
// the first pair that is missing in one alone, or where fewer than three are left.
void leave_out_missing(Buffer<double>& a, const InputView& of_a, Buffer<double>& b,
                       const InputView& of_b);

template <class Is>
bool any_of(const Buffer<double>& values, const Execution& execution, Is is) {
  const auto found = [&](Span span) {
    return std::any_of(values.begin() + span.begin, values.begin() + span.end, is) ? 1 : 0;
  };
  return sum_of_chunks<int>(values.size(), execution, found) > 0;
}

}  // namespace isogram
