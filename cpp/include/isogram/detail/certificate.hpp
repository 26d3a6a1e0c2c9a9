// The proof that a matching is optimal up to a tolerance; shared by the host and GPUs.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "isogram/detail/host_device.hpp"

namespace isogram::detail {

// A matching whose gap is larger than this part of Σ|matched| is computed again with more digits.
// So the total of a float32 problem agrees with a float64 solver's in 6 digits, of a float64
// problem in 13. Most float32 data have gaps of 0 to 5e-8, rank-one and heavy-tailed affinities of
// 1e-7 to 3e-7.
template <class T>
inline constexpr double kTolerance = std::is_same_v<T, float> ? 0x1p-21 : 0x1p-44;

// Costs between 2^-kSafeExponent and 2^kSafeExponent are not scaled: sums of duals cannot overflow,
// and costs are far above the absolute thresholds of the sweeps.
inline constexpr int kSafeExponent = 24;

// Device code may read these constants but not call numeric_limits.
inline constexpr double kMostFinite = std::numeric_limits<double>::max();
inline constexpr double kInfinite = std::numeric_limits<double>::infinity();

inline constexpr double kUnit = 0x1p-53;  // a float64 result is rounded by at most this part of it

// The slack of matched costs C under column duals v, computed in float64.
struct Slack {
  double sum;      // Σ_i [(C_i,column(i) − v_column(i)) − min_j (C_ij − v_j)], terms ≥ 0
  double rounded;  // Σ_i |C_i,column(i) − v_column(i)| + |min_j (C_ij − v_j)|, each rounded once
};

// An upper bound on the matched costs of `rows` rows less the costs of the best matching.
ISOGRAM_HOST_DEVICE inline double gap_of(const Slack& slack, double rows) {
  return (slack.sum + kUnit * slack.rounded) * (1 + (rows + 4) * 2 * kUnit);
}

// Sums and extremes of the matched entries; float64 sums, in any order.
struct MatchedEntries {
  double total = 0;
  double magnitude = 0;  // Σ|entry|
  double smallest = 0;   // min |entry|
  double largest = 0;    // max |entry|
  double rounded = 0;    // a bound on the rounding of `total`

  // Sets `rounded`: a sum of `count` entries is rounded count − 1 times.
  ISOGRAM_HOST_DEVICE void round(double count) {
    rounded = count > 1 ? (count - 1) * kUnit * magnitude : 0;
  }
};

// An upper bound on |optimum − total|: the gap of the duals plus the rounding of the total, rounded
// up. Infinite with an infinite total.
ISOGRAM_HOST_DEVICE inline double gap_of_total(double gap, const MatchedEntries& matched) {
  const double whole = (gap + matched.rounded) * (1 + 0x1p-20);
  const bool is_finite = matched.total - matched.total == 0;
  return is_finite ? whole : kInfinite;
}

// ---- Gates -----------------------------------------------------------------------------------
//
// Gates are costs far above all others: no cost has a magnitude in the hole of kHole octaves or
// more below them. They stand for pairs to be avoided, or to be taken whatever else is chosen. A
// tolerance relative to sums that include gates would hide errors of all other costs.

inline constexpr int kHole = 6;
inline constexpr double kGated = 64;  // 2^kHole: the least ratio of two costs around a hole

// The number of octaves below the largest matched cost that are searched for a hole if 0 is
// matched, whose own octave says nothing.
inline constexpr int kSearched = 10;

// floor(log2 |x|) + 1023; 0 for subnormal numbers and 0.
ISOGRAM_HOST_DEVICE inline int octave_of(double x) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof x);
  return static_cast<int>(bits >> 52 & 0x7ff);
}

// The set of octaves that costs occupy, from the octave of the largest matched cost down; the last
// of kMost stands for all below.
class NearOctaves {
 public:
  static constexpr int kMost = 52;

  ISOGRAM_HOST_DEVICE NearOctaves(double largest, double smallest)
      : last_(octave_of(largest)),
        depth_(smallest > 0 ? last_ - octave_of(smallest) : kSearched),
        is_zero_matched_(smallest == 0) {}

  ISOGRAM_HOST_DEVICE void include(double cost) {
    const int below = last_ - octave_of(cost);
    if (below < 0 || cost == 0) return;
    seen_ |= std::uint64_t{1} << (below < kMost ? below : kMost - 1);
  }

  // The set as bits, to unite the sets of threads.
  ISOGRAM_HOST_DEVICE std::uint64_t seen() const { return seen_; }
  ISOGRAM_HOST_DEVICE void include_seen(std::uint64_t seen) { seen_ |= seen; }

  // Whether the costs included so far leave no hole down to the smallest matched cost.
  ISOGRAM_HOST_DEVICE bool have_no_hole() const {
    if (depth_ >= kMost - 1) return false;  // the last octave stands for several
    std::uint64_t covered = seen_ | 1;
    for (int k = 1; k < kHole; ++k) covered |= covered << 1;
    return (~covered & ((std::uint64_t{2} << depth_) - 1)) == 0;
  }

  // Whether all costs, once included, show that there is no gate: if 0 is matched, a hole counts
  // only if there are costs below it.
  ISOGRAM_HOST_DEVICE bool show_no_gate() const {
    return have_no_hole() || (is_zero_matched_ && seen_ >> kHole == 0);
  }

 private:
  int last_;
  int depth_;
  bool is_zero_matched_;
  std::uint64_t seen_ = 0;
};

// Whether a gap is within the tolerance: no, yes, or yes unless there are gates.
enum class Proof { none, complete, if_not_gated };

ISOGRAM_HOST_DEVICE inline Proof proof_of(double gap, const MatchedEntries& matched,
                                          double tolerance) {
  // Sums beyond float64 prove nothing.
  if (!(gap <= tolerance * matched.magnitude) || !(matched.magnitude <= kMostFinite)) {
    return Proof::none;
  }
  const bool is_complete =
      gap <= tolerance * matched.smallest || matched.largest <= kGated * matched.smallest;
  return is_complete ? Proof::complete : Proof::if_not_gated;
}

}  // namespace isogram::detail
