// Ranks of the entries of an RSM, and Kendall's tau-b of two RSMs.
#pragma once

#include "isogram/parallel.hpp"
#include "ranks/entries.hpp"
#include "tiles/buffer.hpp"

namespace isogram {

// The ranks of the entries, from 1 on; ties share their mean rank.
Buffer<double> ranks_of(Entries entries, const Execution& execution);

// tau-b in O(m log m): after sorting by (a, b), the exchanges of sorting by b are the discordant
// pairs (Knight 1966), less the exchanges of ties that differ by rounding. All counts are exact for
// m < 2^32. NaN if all entries of one side are ties.
double kendall(const Entries& a, const Entries& b, const Execution& execution);

}  // namespace isogram
