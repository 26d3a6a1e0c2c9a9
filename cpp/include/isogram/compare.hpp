// How alike two RSMs are.
#pragma once

#include <cstddef>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// pearson, cosine  of the entries above the diagonal; others are not read
// spearman         Pearson's of their ranks, ties sharing the mean of theirs
// kendall          tau-b of them (Kendall 1945), by counting in O(m log m) (Knight 1966)
// cka              debiased CKA (see cka.hpp) with both RSMs, taken to be symmetric, as the Gram
//                  matrices; diagonals are not read
// gbs              mean cosine of rows with zero diagonals, which are not read; a zero row gives 0
//                  (see gbs.hpp)
enum class Comparison { pearson, spearman, kendall, cosine, cka, gbs };

// When entries that differ are ties of ranks: similarities that are equal by definition differ by a
// few units in the last place once they are computed. In units of eps times the entries' scale.
struct TieRule {
  double spread = 16;  // of a group: the rounding of dot products of unit vectors of 1000 channels
  double isolation = 256;     // how far all other entries must be
  double by_chance = 1e-4;    // how many such groups chance may be expected to make
  double largest_power = 64;  // of the probability in that expectation
  double zero = 4;            // what a sum of 0 may leave, of the scale of its terms
  double same_scale = 64;     // how much less than the scale entries may be that show it
  std::size_t few = 4;        // entries that n / few samples own alone show no scale
};
inline constexpr TieRule kTieRule;

// One number in [−1, 1] for two n × n matrices; NaN where it is undefined: a constant triangle (for
// cosine, one of zeros; for ranks and cka, up to rounding). Only rounding is ever clamped.
// Everything is float64, shifted and scaled by powers of two so that neither huge nor tiny entries
// nor a common offset (where it does not count) spoil the result; Kendall's counts are exact
// integers.
//
// Entries are ties of ranks where they are equal, and where only rounding separates them (all
// correlations of two features are ±1). Rounding is taken to separate a group of entries that
//   lies within 16 eps,
//   is 256 eps away from all other entries, and
//   is no work of chance: m of n entries with gaps of `room` would be as close with a probability
//   of (16 eps / room)^(m − 1), and n times that is at most 1e-4. `room` is the least of the range
//   of all entries / n, the gaps on both sides of the group, and its magnitude.
// eps is that of the matrix's type, float32 or float64, times the magnitude of the group's entries,
// however large other entries are. Two kinds of matrices with negative entries tell the scale of
// the sums that they hold:
//   cosines and correlations: the largest entry is 1 within 16 eps, and the scale is 1;
//   levels: the scale is the median of the samples' largest entries; some entries are within 4 eps
//   of 0 and no others within 64; and at least half of the others share their values, where
//   rounding separates some of those.
// In both, a quarter of the samples must not have all the entries above 1/64 of the scale. The eps
// of groups is then at least that of the type times a quarter of the scale; and entries within 4
// eps of 0 are 0 where no others are within 64, with eps that of the type times the scale or, where
// that is less, the largest entry of either sample (unless it has nothing but such zeros).
//
// Entries of 16-bit types were rounded from wider ones: only equal ones are ties. Close values that
// go on beyond 16 eps are distinct.
//
// Cost n² (spearman, kendall: n² log n). Memory: two triangles, 8 n² bytes (spearman, kendall: and
// 16 n² for sorting); cka, gbs: a few rows per thread. Bit-identical for any number of threads.
// Throws std::invalid_argument: not square, different sizes, n < 3 (cka: n < 4), a NaN or infinity
// among the entries that are read.
double compare(const InputView& a, const InputView& b, Comparison method,
               const Execution& execution = {});

// Writes the ranks of the entries above the diagonal of an n × n matrix, row by row, into n(n −
// 1)/2 doubles: from 1 on, and ties as above share the mean of theirs. Spearman's correlation of
// many matrices is Pearson's of these, so that each is sorted once.
//
// Cost n² log n. Memory: 24 n² bytes besides. Throws as compare() does.
void rank_entries(const InputView& rsm, double* ranks, const Execution& execution = {});

}  // namespace isogram
