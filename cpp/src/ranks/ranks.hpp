// Ranks of the entries of an RSM, and Kendall's tau of two RSMs.
#pragma once

#include "isogram/parallel.hpp"
#include "ranks/entries.hpp"
#include "tiles/buffer.hpp"

namespace isogram {

// The ranks of the entries, from 1 on; ties share their mean rank.
Buffer<double> ranks_of(Entries entries, const Execution& execution);

// Kendall's tau-a divides by the number of pairs, tau-b by the mean (geometric) of the numbers of
// pairs without a tie in a, and without one in b.
enum class Tau { a, b };

// In O(m log m): after sorting by (a, b), the exchanges of sorting by b are the discordant
// pairs (Knight 1966), less the exchanges of ties that differ by rounding. All counts are exact for
// m < 2^32. If all entries of one side are ties, tau-a is 0 and tau-b NaN.
double kendall(const Entries& a, const Entries& b, Tau tau, const Execution& execution);

}  // namespace isogram
