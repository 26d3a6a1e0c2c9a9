// How alike two RSMs are.
#pragma once

#include <cstddef>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// The statistics of compare(a, b):
//   pearson, cosine  correlation or cosine of the entries above the diagonal; others are ignored
//   spearman         Pearson's correlation of their ranks; ties share their mean rank
//   kendall          tau-b (Kendall 1945), counted in O(m log m) for m entries (Knight 1966)
//   kendall_a        tau-a: concordant less discordant pairs of entries, over all m(m − 1)/2,
//   counted
//                    in the same way
//   rho_a            the mean of Spearman's correlations over all orders of ties (Schütt et al.
//                    2023): 12 Σ r_a r_b / (m³ − m) − 3(m + 1)/(m − 1) with the ranks of spearman
//   cka              debiased CKA (cka.hpp) with the RSMs, taken to be symmetric, as Gram matrices;
//                    diagonals are ignored
//   gbs              mean cosine of rows with zero diagonals (gbs.hpp); diagonals are ignored; a
//                    zero row gives 0
enum class Comparison { pearson, spearman, kendall, cosine, cka, gbs, kendall_a, rho_a };

// When different entries are ties of ranks: computed similarities that are equal by definition may
// differ by a few units in the last place. `spread`, `isolation`, `zero` and `same_scale` are in
// units of eps times the scale of the entries. compare() describes the rule.
struct TieRule {
  double spread = 16;         // of a group: the rounding of dot products of 1000 channels
  double isolation = 256;     // least distance of a group from all other entries
  double by_chance = 1e-4;    // largest expected number of such groups by chance
  double largest_power = 64;  // largest exponent of the probability in that expectation
  double zero = 4;            // largest |entry| that may stand for 0
  double same_scale = 64;     // entries of the scale are at least scale / same_scale
  std::size_t few = 4;        // n / few samples that own all entries of a scale do not show it
};
inline constexpr TieRule kTieRule;

// How alike two n × n RSMs are, in [−1, 1]. NaN where that is undefined: the entries of a matrix
// are constant (for cosine all 0; for ranks and cka, up to rounding), where kendall_a and rho_a are
// 0. Entries that are NaN in both RSMs are missing, and left out of all but cka and gbs. Only
// rounding can leave [−1, 1]: the result is clamped to it. Entries are shifted (where a common
// offset does not count) and scaled by powers of two, so that neither huge nor tiny entries nor an
// offset cost digits. The same bits for any number of threads.
//
// Ties: entries of ranks are ties where they are equal, and where only rounding separates them (all
// correlations of two features are ±1, for example). Rounding is taken to separate the entries of a
// group that
//   lies within 16 eps,
//   is 256 eps away from all other entries, and
//   is not likely by chance: m of n entries with gaps of `room` lie as close with a probability of
//   (16 eps / room)^(m − 1), and n times that is at most 1e-4. `room` is the least of the range of
//   all entries / n, the gaps on both sides of the group, and its magnitude.
// eps is the matrix type's, float32 or float64, times the magnitude of the group's entries. Two
// kinds of matrices with negative entries show the scale of the sums that their entries were:
//   cosines and correlations: the largest entry is 1 within 16 eps, and the scale is 1;
//   levels: the scale is the median of the samples' largest entries; some entries lie within 4 eps
//   of 0 and no others within 64; at least half of the others share their values, and rounding
//   separates some of the equal ones.
// In both kinds, the entries above 1/64 of the scale must not all belong to a quarter of the
// samples. The eps of a group is then at least the type's times a quarter of the scale. Entries
// within 4 eps of 0 are 0 where no others lie within 64 eps, with eps the type's times the scale
// or, where that is less, the largest entry of either sample (unless all entries of a sample are
// such zeros). In a chain of close values longer than 16 eps, only equal values are ties. Entries
// of 16-bit types were rounded from wider ones: only equal entries are ties.
//
// Types: any → float64; Kendall's counts are exact integers.
// Cost: n²; ranks: n² log n. Memory: two triangles, 8 n² bytes; ranks: 16 n² bytes
// more for sorting; cka, gbs: a few rows per thread.
// Throws std::invalid_argument: not square, different sizes, n < 3 (cka: n < 4), an infinity or a
// NaN on one side alone among the entries that are not ignored (cka, gbs: any NaN), fewer than
// three entries that are not missing.
double compare(const InputView& a, const InputView& b, Comparison method,
               const Execution& execution = {});

// The ranks of the entries above the diagonal of an n × n RSM, row by row, written to `ranks`
// (n(n − 1)/2): from 1 on, and ties (see compare()) share their mean rank. Spearman's correlation
// of two RSMs is Pearson's of their ranks; with many RSMs each is sorted once.
// Types: any → float64. Cost: n² log n. Memory: 24 n² bytes beside `ranks`. Throws
// std::invalid_argument as compare() does.
void rank_entries(const InputView& rsm, double* ranks, const Execution& execution = {});

}  // namespace isogram
