// Ranks of the entries of an RSM, and Kendall's correlation of two.
#pragma once

#include "isogram/parallel.hpp"
#include "ranks/entries.hpp"
#include "tiles/buffer.hpp"

namespace isogram {

// Values become their ranks from 1 on; ties share the mean of theirs.
Buffer<double> ranks_of(Entries entries, const Execution& execution);

// tau-b in O(m log m): sorted by (a, b), the exchanges that sorting by b takes are the discordant
// pairs (Knight 1966), less those between points that only rounding separates. All counts are exact
// for m < 2^32. NaN where all entries of one are ties.
double kendall(const Entries& a, const Entries& b, const Execution& execution);

}  // namespace isogram
