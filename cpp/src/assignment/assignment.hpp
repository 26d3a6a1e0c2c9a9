// Exact linear assignment of one problem after another, in memory that is allocated once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>

#include "isogram/detail/certificate.hpp"
#include "isogram/match.hpp"
#include "isogram/matrix_view.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"

namespace isogram {

// Thrown for an affinity that is NaN, or infinite and no forbidden pair. Callers know its name and
// index.
class NotFinite : public std::exception {
 public:
  const char* what() const noexcept override { return "an affinity is not finite"; }
};

// Thrown where every assignment takes a forbidden pair.
class Infeasible : public std::exception {
 public:
  const char* what() const noexcept override { return "every assignment takes a forbidden pair"; }
};

// The meaning of an affinity of −∞ (maximising) or +∞ (minimising).
enum class InfiniteCost { is_refused, forbids_the_pair };

struct Assignment {
  const std::int32_t* columns;  // one per row, −1 if unmatched; in the solver's memory
  double total;                 // float64 sum of the matched affinities, row by row
  double gap;                   // an upper bound on |optimum − total|
};

// Sums over the matched costs, and an upper bound on their excess over the optimum: Σ_i
// [(C_i,column(i) − v_column(i)) − min_j (C_ij − v_j)] in float64, plus all rounding.
struct Certificate {
  detail::MatchedEntries matched;
  double gap = 0;
};

// Affinities that are computed strip by strip when the solver reads them, so that they stay in the
// cache.
template <class T>
struct AffinityStrips {
  std::size_t rows;
  std::size_t cols;
  std::size_t height;  // rows per strip; all rows may be requested as one strip too

  // The affinities of `count` rows from `first` on, valid until the next call.
  std::function<MatrixView<const T>(std::size_t first, std::size_t count)> strip;
};

// Rows of affinities that are read together: in a transposed affinity one cache line of float32,
// two of float64.
inline constexpr std::size_t kGatheredRows = 16;

// The sources of a square problem's first duals.
enum class Start { sweeps, minima };

// One matrix of costs in T and its solution by shortest augmenting paths. Rows ≤ columns, at most
// `max_small` rows and `max_large` columns.
template <class T>
class AssignmentProblem {
 public:
  AssignmentProblem(std::size_t max_small, std::size_t max_large);

  // An upper bound on the bytes of an n × n problem.
  static std::size_t bytes_for(std::size_t n);

  // costs = ±affinity · 2^-exponent. The exponent is 0 unless the largest magnitude is far from 1:
  // sums of duals must not overflow, and sweeps need numbers near 1. Returns false if an affinity
  // is not finite, or lost digits (in float32 if it is about 2^126 times smaller than the largest).
  template <class Source>
  bool fill(const MatrixView<const Source>& affinity, Objective objective, Start start,
            Worker* worker);

  // fill() in steps, for rows ≤ cols: begin(), read() for all rows, scale().
  void begin(std::size_t rows, std::size_t cols, Objective objective, Start start);
  template <class Source>
  void read(const MatrixView<const Source>& affinity, std::size_t first);
  bool scale();

  void solve(Worker* worker);

  // Solves two problems that may take turns, in less time than one after the other.
  static void solve_two(AssignmentProblem& a, AssignmentProblem& b, Worker* worker);
  bool may_take_turns_with(const AssignmentProblem& other) const;

  // The certificate on the scale of the affinities, if none has lost digits. The bound holds for
  // any duals of a square problem; in a rectangular one unmatched columns have v = 0 and no v is
  // positive.
  Certificate certificate() const;

  // An upper bound on the matched affinities of any assignment of a problem that was filled to be
  // maximised: the value of the duals that solve() would start from. The problem is not solved.
  double bound();

  // Σ|matched| without gates, on the scale of the affinities.
  double ungated_magnitude(const detail::MatchedEntries& matched) const;

  const std::int32_t* column_of() const { return column_of_; }
  std::int32_t* column_of() { return column_of_; }

  // v on the scale of the affinities. Overwrites the duals: the problem cannot be used afterwards.
  const T* unscaled_dual();

  // Sets all rows free and all duals to 0.
  void forget();

 private:
  std::size_t place_arrays(std::size_t max_small, std::size_t max_large);
  simd::AssignmentState<T> state();
  void require_all_matched() const;
  T matched_cost(std::size_t row) const;
  bool costs_nothing() const;
  bool any_between(bool of_magnitudes, double below, double above) const;
  template <class Source>
  MatrixView<const T> gather(const MatrixView<const Source>& affinity, T* costs);
  template <class Source>
  void gather_rows(const MatrixView<const Source>& affinity, T* costs);

  const simd::AssignmentKernels<T>* kernels_;
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  std::size_t stride_ = 0;
  int exponent_ = 0;
  T sign_ = 1;
  T magnitude_ = 0;
  bool may_sweep_ = false;
  std::size_t most_swept_;  // most rows of a problem that is swept
  Buffer<T> costs_;
  Buffer<float> weights_;

  // The arrays below, in one allocation: a dozen allocations take longer than a small problem.
  Buffer<std::byte> arrays_;
  T* dual_ = nullptr;
  T* row_minimum_ = nullptr;
  std::int32_t* row_of_ = nullptr;
  std::int32_t* column_of_ = nullptr;
  std::uint64_t* taken_ = nullptr;
  simd::Integer<T>* matched_ = nullptr;
  simd::Integer<T>* label_ = nullptr;
  simd::Integer<T>* predecessor_ = nullptr;
  simd::Shortlists<T> shortlists_{};
  float* block_ = nullptr;
  float* last_column_ = nullptr;
  float* row_factor_ = nullptr;
  float* column_factor_ = nullptr;
  float* column_sum_ = nullptr;
  float* start_dual_ = nullptr;
};

// Solves problems of at most max_rows × max_cols, both below 2^31. The constructor allocates all
// memory, except for the second of two problems that take turns and for problems that need more
// digits than T has. These are solved with float64 costs and, if that does not suffice, with
// integers. One solver serves one thread.
template <class T>
class AssignmentSolver {
 public:
  AssignmentSolver(std::size_t max_rows, std::size_t max_cols,
                   InfiniteCost infinite_cost = InfiniteCost::is_refused);

  // An upper bound on the bytes for n × n problems, except those solved in integers.
  static std::size_t bytes_for(std::size_t n);

  // Checks `worker`, unless null, for an interrupt about once a millisecond, but not within
  // Sinkhorn sweeps. Throws NotFinite and Infeasible.
  Assignment solve(const MatrixView<const T>& affinity, Objective objective,
                   Worker* worker = nullptr);
  Assignment solve(const AffinityStrips<T>& strips, Objective objective, Worker* worker = nullptr);

  // An upper bound on the total of solve() and of any other assignment, in a fifth of the time;
  // infinite where the affinities span too many octaves for T. Its duals are those of row and
  // column reduction: Sinkhorn sweeps would bring it nearer, and double the time.
  double bound(const MatrixView<const T>& affinity, Worker* worker = nullptr);

  // Calls visit(k, assignment) for affinity(k), k < count, in order. Small problems are solved two
  // at a time.
  template <class Affinity, class Visit>
  void solve_each(std::size_t count, Affinity affinity, Objective objective, Worker* worker,
                  Visit visit) {
    std::size_t k = 0;
    if (takes_turns_ && !second_ && count > 1) second_.emplace(max_rows_, max_cols_);
    for (; second_ && k + 1 < count; k += 2) {
      const std::array<Assignment, 2> found =
          solve_two(affinity(k), affinity(k + 1), objective, worker);
      visit(k, found[0]);
      visit(k + 1, found[1]);
    }
    for (; k < count; ++k) visit(k, solve(affinity(k), objective, worker));
  }

 private:
  // One problem, and the column of each row of its affinity.
  struct Slot {
    Slot(std::size_t max_rows, std::size_t max_cols);
    AssignmentProblem<T> problem;
    Buffer<std::int32_t> columns;
  };

  std::array<Assignment, 2> solve_two(const MatrixView<const T>& a, const MatrixView<const T>& b,
                                      Objective objective, Worker* worker);
  Assignment solve(Slot& slot, const MatrixView<const T>& affinity, Objective objective,
                   Worker* worker);
  Assignment finish(Slot& slot, const MatrixView<const T>& affinity, Objective objective,
                    Worker* worker);
  Assignment solve_again(const MatrixView<const T>& affinity, Objective objective, Worker* worker,
                         std::int32_t* columns);

  std::size_t max_rows_;
  std::size_t max_cols_;
  InfiniteCost infinite_cost_;
  bool takes_turns_;  // all problems are small enough
  Slot first_;
  std::optional<Slot> second_;
  std::optional<AssignmentProblem<double>> precise_;
};

}  // namespace isogram
