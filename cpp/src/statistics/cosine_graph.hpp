// Helpers for cosine graphs: diagonals, rows of sparse graphs, and checks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isogram/graph.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "tiles/gram_facts.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"

namespace isogram {

// Sets the entries of a tile on the graph's diagonal.
template <class T>
void set_diagonal(Cell cell, T value, T* tile) {
  if (cell.row != cell.col) return;
  for (std::size_t i = 0; i < kTileEdge; ++i) tile[i * kTileEdge + i] = value;
}

template <class T>
std::size_t nodes_of(const Csr<T>& graph) {
  return graph.indptr.size() - 1;
}

// Calls in_a(e), in_b(f) or in_both(e, f) for each column of row i in ascending order; e and f are
// the places of the edge in a and b.
template <class T, class InA, class InB, class InBoth>
void merge_row(const Csr<T>& a, const Csr<T>& b, std::size_t i, InA in_a, InB in_b,
               InBoth in_both) {
  std::int64_t e = a.indptr[i];
  std::int64_t f = b.indptr[i];
  while (e < a.indptr[i + 1] || f < b.indptr[i + 1]) {
    if (f == b.indptr[i + 1] || (e < a.indptr[i + 1] && a.indices[e] < b.indices[f])) {
      in_a(e++);
    } else if (e == a.indptr[i + 1] || b.indices[f] < a.indices[e]) {
      in_b(f++);
    } else {
      in_both(e++, f++);
    }
  }
}

// The facts of the cosines or correlations of the rows of x; `center` subtracts the columns' means
// first.
template <class T>
GramFacts survey_cosines(const InputView& x, bool center, Kernel kernel,
                         const Execution& execution) {
  return survey_gram<T>(x, nullptr, {.kernel = kernel},
                        center ? Columns::centered : Columns::as_given, execution);
}

inline bool is_float64(const InputView& x) {
  return x.type == ElementType::float64;
}

// Throws std::invalid_argument unless edges of that kernel are cosines or correlations.
void require_cosines(Kernel kernel);

// Throws std::invalid_argument for fewer than 2 rows, and unless 1 ≤ k < rows.
void require_neighbours(std::size_t k, const InputView& x);

}  // namespace isogram
