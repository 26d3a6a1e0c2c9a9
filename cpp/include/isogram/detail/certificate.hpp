// When a matching is proven to be good enough: the same on the host and on a GPU.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "isogram/detail/host_device.hpp"

namespace isogram::detail {

// A solution whose proven distance from the optimum is larger than this part of Σ|matched| is
// computed again with more digits: a float32 problem's total agrees with a float64 solver's to 6
// digits, a float64 problem's to 13. Most float32 data stay at 0 to 5e-8, rank-one and heavy-tailed
// affinities at 1e-7 to 3e-7.
template <class T>
inline constexpr double kTolerance = std::is_same_v<T, float> ? 0x1p-21 : 0x1p-44;

// Costs between 2^-exponent and 2^exponent are not scaled: sums of duals do not overflow, and the
// sweeps' thresholds, which are absolute, are far away.
inline constexpr int kSafeExponent = 24;

// Constants, because code of a GPU may use those but not the functions that they come from.
inline constexpr double kMostFinite = std::numeric_limits<double>::max();
inline constexpr double kInfinite = std::numeric_limits<double>::infinity();

inline constexpr double kUnit = 0x1p-53;  // a float64 result is rounded by at most this part of it

// How far matched costs are from the value of column duals v, as computed in float64.
struct Slack {
  double sum;      // Σ_i [(C_i,column(i) − v_column(i)) − min_j (C_ij − v_j)], terms ≥ 0
  double rounded;  // Σ_i of the magnitudes of both, which were rounded before
};

// The most that the matched costs of `rows` rows can exceed those of the best matching by.
ISOGRAM_HOST_DEVICE inline double gap_of(const Slack& slack, double rows) {
  return (slack.sum + kUnit * slack.rounded) * (1 + (rows + 4) * 2 * kUnit);
}

// Over matched entries: float64 sums in any order.
struct MatchedSums {
  double total = 0;
  double magnitude = 0;  // Σ|entry|
  double smallest = 0;   // |entry|
  double largest = 0;
  double rounded = 0;  // a bound of the rounding of the total

  // Sets `rounded`: adding `count` entries up rounds count − 1 times.
  ISOGRAM_HOST_DEVICE void round(double count) {
    rounded = count > 1 ? (count - 1) * kUnit * magnitude : 0;
  }
};

// An upper bound on |optimum − total|: the gap of the duals plus the rounding of the total. Rounded
// up; infinite where the total is.
ISOGRAM_HOST_DEVICE inline double gap_of_total(double gap, const MatchedSums& sums) {
  const double whole = (gap + sums.rounded) * (1 + 0x1p-20);
  const bool is_finite = sums.total - sums.total == 0;
  return is_finite ? whole : kInfinite;
}

// ---- Gates -----------------------------------------------------------------------------------
//
// Gates are costs beyond an empty span of magnitudes, kHole octaves or more: costs to be avoided,
// or to be paid whatever else is chosen. All other costs would drown in a tolerance that counts
// gates.

inline constexpr int kHole = 6;
inline constexpr double kGated = 64;  // 2^kHole: costs less far apart have no hole between them

// Octaves below the largest matched cost that are searched for a hole where 0 is matched, too,
// which may stand for any of them.
inline constexpr int kSearched = 10;

// floor(log2 |x|) + 1023; 0 for the least numbers and for 0.
ISOGRAM_HOST_DEVICE inline int octave_of(double x) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof x);
  return static_cast<int>(bits >> 52 & 0x7ff);
}

// The octaves of costs below that of the largest matched cost, kMost of them.
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

  // The octaves that other threads have included.
  ISOGRAM_HOST_DEVICE std::uint64_t seen() const { return seen_; }
  ISOGRAM_HOST_DEVICE void include_seen(std::uint64_t seen) { seen_ |= seen; }

  // Whether there is no hole down to the smallest matched cost, among the costs included so far.
  ISOGRAM_HOST_DEVICE bool have_no_hole() const {
    if (depth_ >= kMost - 1) return false;  // they do not tell
    std::uint64_t covered = seen_ | 1;
    for (int k = 1; k < kHole; ++k) covered |= covered << 1;
    return (~covered & ((std::uint64_t{2} << depth_) - 1)) == 0;
  }

  // The same of all costs: where 0 is matched, a hole is one only if there are costs below it.
  ISOGRAM_HOST_DEVICE bool show_no_gate() const {
    return have_no_hole() || (is_zero_matched_ && seen_ >> kHole == 0);
  }

 private:
  int last_;
  int depth_;
  bool is_zero_matched_;
  std::uint64_t seen_ = 0;
};

// Whether a gap is within the tolerance of the sums, or says that it depends on gates.
enum class Proof { none, complete, if_not_gated };

ISOGRAM_HOST_DEVICE inline Proof proof_of(double gap, const MatchedSums& sums, double tolerance) {
  // Sums beyond float64 prove nothing.
  if (!(gap <= tolerance * sums.magnitude) || !(sums.magnitude <= kMostFinite)) {
    return Proof::none;
  }
  const bool is_complete =
      gap <= tolerance * sums.smallest || sums.largest <= kGated * sums.smallest;
  return is_complete ? Proof::complete : Proof::if_not_gated;
}

}  // namespace isogram::detail
