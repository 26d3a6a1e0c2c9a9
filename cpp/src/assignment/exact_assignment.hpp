// Linear assignment in integers, for costs so far apart that float64 rounds the smaller ones away.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isogram/matrix_view.hpp"
#include "threads/team.hpp"

namespace isogram {

// Finds the assignment of rows to columns, rows ≤ cols, with the smallest exact sum of costs:
// shortest augmenting paths as in float64, on multiples of the lowest bit that any cost has. A cost
// of +∞ forbids its pair; others are finite. The search starts from `column_of` (a column for each
// row, or −1) and from duals of the columns as near the optimum as may be; the result replaces
// column_of. Returns false if every assignment takes a forbidden pair.
//
// Cost O(rows² · cols) additions of as many words as the costs span, far fewer from good duals.
// Memory O(cols) such numbers. `worker` (may be null) is asked about once a millisecond whether to
// go on.
bool assign_exactly(MatrixView<const double> costs, const double* dual, std::int32_t* column_of,
                    Worker* worker);

}  // namespace isogram
