// Linear assignment in integers, for costs so far apart that float64 loses the smaller ones.
#pragma once

#include <cstdint>

#include "isogram/matrix_view.hpp"
#include "threads/team.hpp"

namespace isogram {

// Finds the matching of rows with columns, rows ≤ cols, that has the smallest exact sum of costs,
// by shortest augmenting paths on multiples of the lowest bit set in any cost. A cost of +∞ forbids
// its pair; others are finite. The search starts from `column_of` (a column for each row, or −1)
// and from the column duals `dual`, best near the optimum; the result replaces column_of. Returns
// false if every matching takes a forbidden pair.
//
// Cost: O(rows² · cols) additions of as many words as the costs span, far fewer from good duals.
// Memory: O(cols) such numbers. `worker`, unless null, is checked for an interrupt about once a
// millisecond.
bool assign_exactly(MatrixView<const double> costs, const double* dual, std::int32_t* column_of,
                    Worker* worker);

}  // namespace isogram
