// Linear assignment by shortest augmenting paths (Jonker and Volgenant 1987; Crouse 2016): reading
// of costs, tools for the start and the searches, and the certificate.
//
// Row duals are not stored: u_i = min_j (C_ij − v_j) for a free row, and C_ij − v_j at the column j
// of a matched row; so any column duals v are a legal start.
//
// Costs are only added, compared and blended, and minima are searched in column order: every
// instruction set finds the same matching.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels.hpp"
#include "lanes-inl.hpp"
#include "magnitude-inl.hpp"
#include "sum-inl.hpp"
#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

// The number of groups of columns as a compile-time constant; kAnyGroups if it is known at run time
// only.
template <std::size_t kCount>
struct Groups {
  static constexpr std::size_t count = kCount;
};
inline constexpr std::size_t kAnyGroups = 0;

// Calls visit(Groups<number of groups>) for a problem of up to 64 columns, which is worth code of
// its own: numbers of columns live in registers, and a set of columns is the bits of one word.
// Calls visit(Groups<kAnyGroups>) for a larger problem.
template <class Visit>
inline auto with_groups(std::size_t stride, Visit visit) {
  switch (stride / kAssignmentGroup) {
    case 1:
      return visit(Groups<1>{});
    case 2:
      return visit(Groups<2>{});
    case 3:
      return visit(Groups<3>{});
    case 4:
      return visit(Groups<4>{});
    default:
      return visit(Groups<kAnyGroups>{});
  }
}

template <class T, std::size_t kGroups>
inline constexpr std::size_t kVectors = kGroups * kAssignmentGroup / kLanes<T>;

// Distances from the nearest column, negative only by rounding. Bits of non-negative floats have
// the order of integers, and a minimum of 32-bit integers takes one cycle where a minimum of floats
// takes four. Not every processor has minima of 64-bit integers.
template <class T>
using Distances = std::conditional_t<sizeof(T) == sizeof(float), Bits<T>, Vector<T>>;

template <class T>
T read_costs(const T* entries, std::ptrdiff_t stride, T sign, T* costs, std::size_t costs_stride,
             std::size_t rows, std::size_t cols) noexcept {
  Magnitudes<T> magnitudes;
  const std::size_t whole = cols / kLanes<T> * kLanes<T>;
  T padding[kLanes<T>];  // added to the zeros of load_part()
  for (std::size_t l = 0; l < kLanes<T>; ++l) padding[l] = whole + l < cols ? T{0} : kInfinity<T>;
  const Vector<T> padded = load(padding);
  for (std::size_t i = 0; i < rows; ++i, entries += stride, costs += costs_stride) {
    const auto cost_of = [&](std::size_t n, Vector<T> loaded) {
      const Vector<T> entry = opaque(loaded);
      magnitudes.include(n, entry);
      return entry * sign;
    };
    std::size_t j = 0;
    for (; j + kLanes<T> < whole; j += 2 * kLanes<T>) {
      store(costs + j, cost_of(0, load(entries + j)));
      store(costs + j + kLanes<T>, cost_of(1, load(entries + j + kLanes<T>)));
    }
    if (j < whole) store(costs + j, cost_of(0, load(entries + j)));
    if (whole < cols) {
      store(costs + whole, cost_of(1, load_part(entries + whole, cols - whole)) + padded);
    }
    for (j = (cols + kLanes<T> - 1) / kLanes<T> * kLanes<T>; j < costs_stride; j += kLanes<T>) {
      store(costs + j, broadcast(kInfinity<T>));
    }
  }
  return magnitudes.largest();
}

template <class T>
bool scale(T* costs, std::size_t stride, const T (&factors)[2], std::size_t rows) noexcept {
  const T inverses[2] = {1 / factors[0], 1 / factors[1]};
  Bits<T> changed{};
  for (std::size_t k = 0; k < rows * stride; k += kLanes<T>) {
    const Vector<T> cost = load(costs + k);
    const Vector<T> scaled = cost * factors[0] * factors[1];
    changed |= scaled * inverses[1] * inverses[0] != cost;
    store(costs + k, scaled);
  }
  return lane_bits<T>(changed) == 0;
}

template <class T>
bool any_between(const T* costs, std::size_t count, bool of_magnitudes, T below, T above) noexcept {
  constexpr std::size_t kPart = 8 * kAssignmentGroup;  // costs between two looks at `found`
  const Bits<T> sign = (Bits<T>)broadcast(of_magnitudes ? T{-0.0} : T{0});
  for (std::size_t first = 0; first < count; first += kPart) {
    const std::size_t end = first + kPart < count ? first + kPart : count;
    Bits<T> found{};
    for (std::size_t k = first; k < end; k += kLanes<T>) {
      const auto cost = (Vector<T>)((Bits<T>)load(costs + k) & ~sign);
      found |= (cost > below) & (cost < above);
    }
    if (lane_bits<T>(found) != 0) return true;
  }
  return false;
}

// Four rows from row i on; the last row stands for rows beyond it.
template <class T>
struct FourRows {
  FourRows(const T* costs, std::size_t stride, std::size_t rows, std::size_t i) {
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) {
      row[r] = costs + (i + r < rows ? i + r : rows - 1) * stride;
    }
  }
  const T* row[4];
};

// Calls visit(first column) for the vectors that cover [0, cols), unrolled for a known number of
// groups.
template <class T, std::size_t kGroups, class Visit>
inline void for_vectors(std::size_t cols, Visit visit) {
  if constexpr (kGroups != kAnyGroups) {
    unrolled<kVectors<T, kGroups>>([&](std::size_t n) {
      if (kLanes<T> >= kAssignmentGroup || n * kLanes<T> < cols) visit(n * kLanes<T>);
    });
  } else {
    for (std::size_t j = 0; j < cols; j += kLanes<T>) visit(j);
  }
}

template <class T>
inline void mark_taken(const AssignmentState<T>& s, std::int32_t column) {
  const auto j = static_cast<std::size_t>(column);
  s.taken[j / kAssignmentWord] |= std::uint64_t{1} << j % kAssignmentWord;
}

template <class T>
inline void clear_taken(const AssignmentState<T>& s) {
  for (std::size_t j = 0; j < s.cols; j += kAssignmentWord) s.taken[j / kAssignmentWord] = 0;
}

// The first column that is not taken and whose bit is set in lanes(first column of its vector), or
// −1.
template <class T, class Lanes>
inline std::int32_t first_free(const AssignmentState<T>& s, Lanes lanes) {
  for (std::size_t begin = 0; begin < s.cols; begin += kAssignmentWord) {
    const std::uint64_t free = ~s.taken[begin / kAssignmentWord];
    if (free == 0) continue;
    std::uint64_t within = 0;
    if (s.cols - begin >= kAssignmentWord) {
      unrolled<kAssignmentWord / kLanes<T>>(
          [&](std::size_t n) { within |= lanes(begin + n * kLanes<T>) << (n * kLanes<T>); });
    } else {
      for (std::size_t j = begin; j < s.cols; j += kLanes<T>) within |= lanes(j) << (j - begin);
    }
    within &= free;
    if (within != 0) return static_cast<std::int32_t>(begin) + __builtin_ctzll(within);
  }
  return -1;
}

// The first column that is not taken and whose reduced cost in the row is at most `limit`, or −1.
template <class T>
inline std::int32_t first_free_within(const AssignmentState<T>& s, std::size_t row, T limit) {
  const T* costs = s.costs + row * s.stride;
  return first_free(s, [&](std::size_t j) {
    return lanes_within<T>(load(costs + j) - load(s.dual + j), broadcast(limit));
  });
}

// The smallest element of the vectors visit(row, first column), in each of four rows.
template <class T, std::size_t kGroups, class Visit>
inline void four_minima(std::size_t cols, T (&smallest)[4], Visit visit) {
  Vector<T> least[4];
  unrolled<4>([&](std::size_t r) { least[r] = broadcast(kInfinity<T>); });
  for_vectors<T, kGroups>(cols, [&](std::size_t j) {
    unrolled<4>([&](std::size_t r) { least[r] = minimum<Vector<T>>(visit(r, j), least[r]); });
  });
  smallest_of_each(least, smallest);
}

// A vector with one number of each of four rows.
template <class T>
struct OfFour {
  typedef T type __attribute__((vector_size(4 * sizeof(T))));
};
using FourDoubles = OfFour<double>::type;

inline FourDoubles magnitudes_of(FourDoubles x) {
  using Words = OfFour<std::uint64_t>::type;
  return (FourDoubles)((Words)x & (~Words{} >> 1));
}

inline double sum_of(FourDoubles x) {
  return (x[0] + x[1]) + (x[2] + x[3]);
}

// The sums of a certificate. Four rows are added at a time, so that additions need not wait for
// each other; the total is added row by row.
template <std::size_t kGroups, class T>
class CertificateSums {
 public:
  CertificateSums(std::size_t stride, std::size_t cols, const T* dual)
      : stride_(stride), cols_(cols), dual_(dual) {}

  // Adds the next `rows` ≤ 4 rows.
  void include(const T* costs, const std::int32_t* column_of, std::size_t rows) {
    const FourRows<T> four(costs, stride_, rows, 0);
    double minima[4];
    four_minima<double, kGroups>(cols_, minima, [&](std::size_t r, std::size_t j) {
      return widened(four.row[r] + j) - widened(dual_ + j);
    });
    typename OfFour<T>::type matched;
    typename OfFour<T>::type dual;
    unrolled<4>([&](std::size_t r) {
      const std::int32_t j = column_of[r < rows ? r : rows - 1];
      matched[r] = four.row[r][j];
      dual[r] = dual_[j];
    });
    FourDoubles cost = __builtin_convertvector(matched, FourDoubles);
    FourDoubles reduced = cost - __builtin_convertvector(dual, FourDoubles);
    FourDoubles least{minima[0], minima[1], minima[2], minima[3]};
    smallest_ = minimum(magnitudes_of(cost), smallest_);
    largest_ = maximum(magnitudes_of(cost), largest_);
    if (rows < 4) {
      unrolled<4>([&](std::size_t r) {
        if (r >= rows) cost[r] = reduced[r] = least[r] = 0;
      });
    }
    above_ += reduced - least;
    rounded_ += magnitudes_of(reduced) + magnitudes_of(least);
    unrolled<4>([&](std::size_t r) { total_ += cost[r]; });
    magnitude_ += magnitudes_of(cost);
  }

  SlackAndSums all() const {
    return {{.sum = sum_of(above_), .rounded = sum_of(rounded_)},
            {.total = total_,
             .magnitude = sum_of(magnitude_),
             .smallest = minimum_everywhere(smallest_)[0],
             .largest = -minimum_everywhere(-largest_)[0]}};
  }

 private:
  std::size_t stride_;
  std::size_t cols_;
  const T* dual_;
  FourDoubles above_{};
  FourDoubles rounded_{};
  double total_ = 0;
  FourDoubles magnitude_{};
  FourDoubles smallest_ = kInfinity<double> - FourDoubles{};
  FourDoubles largest_{};
};

template <std::size_t kGroups, class T>
inline SlackAndSums slack(const T* costs, std::size_t stride, std::size_t rows, std::size_t cols,
                          const T* dual, const std::int32_t* column_of) {
  CertificateSums<kGroups, T> sums(stride, cols, dual);
  for (std::size_t i = 0; i < rows; i += 4) {
    sums.include(costs + i * stride, column_of + i, i + 4 <= rows ? 4 : rows - i);
  }
  return sums.all();
}

template <class T>
SlackAndSums slack(const T* costs, std::size_t stride, std::size_t rows, std::size_t cols,
                   const T* dual, const std::int32_t* column_of) noexcept {
  return with_groups(stride, [&](auto groups) {
    return slack<groups.count>(costs, stride, rows, cols, dual, column_of);
  });
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
