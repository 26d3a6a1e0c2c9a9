// Entries above the diagonal of an RSM, and loops over its rows and over its entries.
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

// Rows per task where each row is read.
inline constexpr std::size_t kRowsPerTask = 16;

inline std::size_t row_tasks(std::size_t rows) {
  return (rows + kRowsPerTask - 1) / kRowsPerTask;
}

// Calls body(task, worker, [begin, end)) for the rows of every task, in parallel.
template <class Body>
void for_each_task_of_rows(std::size_t rows, const Execution& execution, Body body) {
  const auto call = [&](std::size_t task, Worker& worker) {
    body(task, worker, Span{task * kRowsPerTask, std::min(rows, (task + 1) * kRowsPerTask)});
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

// Calls body(chunk, [begin, end)) for chunks of n entries, in parallel where there are several:
// each is short enough for Ctrl-C, also where the memory that it touches is new.
template <class Body>
void for_each_chunk(std::size_t n, const Execution& execution, Body body) {
  const std::size_t chunks = (n + kSortChunk - 1) / kSortChunk;
  if (chunks == 1) return body(std::size_t{0}, Span{0, n});
  parallel_for(execution, chunks, [&](std::size_t chunk, Worker&) {
    body(chunk, Span{chunk * kSortChunk, std::min(n, (chunk + 1) * kSortChunk)});
  });
}

// The sum of part(chunk's entries) over all chunks, in their order.
template <class Sum, class Part>
Sum sum_of_chunks(std::size_t n, const Execution& execution, Part part) {
  std::vector<Sum> parts((n + kSortChunk - 1) / kSortChunk);
  for_each_chunk(n, execution, [&](std::size_t chunk, Span span) { parts[chunk] = part(span); });
  return std::accumulate(parts.begin(), parts.end(), Sum{});
}

// Where row i of a triangle begins: the entries above the diagonal, row by row.
inline std::size_t row_begin(std::size_t i, std::size_t n) {
  return i * (2 * n - i - 1) / 2;
}

// The entries above the diagonal, row by row: what is on and below it is not read. Throws
// std::invalid_argument that names the first that is not finite.
Buffer<double> triangle_of(const InputView& x, const Execution& execution);

template <class Is>
bool any_of(const Buffer<double>& values, const Execution& execution, Is is) {
  const auto found = [&](Span span) {
    return std::any_of(values.begin() + span.begin, values.begin() + span.end, is) ? 1 : 0;
  };
  return sum_of_chunks<int>(values.size(), execution, found) > 0;
}

}  // namespace isogram
