// Exact linear assignment of one problem after another, in memory that is allocated once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <optional>

#include "isogram/detail/certificate.hpp"
#include "isogram/match.hpp"
#include "isogram/matrix_view.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"

namespace isogram {

// Thrown for an affinity that is NaN, or infinite and no forbidden pair. Callers know the input's
// name and index.
class NotFinite : public std::exception {
 public:
  const char* what() const noexcept override { return "an affinity is not finite"; }
};

// Thrown where every assignment takes a forbidden pair.
class Infeasible : public std::exception {
 public:
  const char* what() const noexcept override { return "every assignment takes a forbidden pair"; }
};

// The meaning of an affinity of infinite cost (−∞ to maximise, +∞ to minimise).
enum class InfiniteCost { is_refused, forbids_the_pair };

struct Assignment {
  const std::int32_t* columns;  // one per row, −1 where it stays unmatched; the solver's memory
  double total;                 // float64 sum of the matched affinities, by row
  double gap;                   // total's distance from a proven bound on the optimum
};

// What the matched costs are, and how far at most they are from the smallest there are:
// Σ_i [(C_i,column(i) − v_column(i)) − min_j (C_ij − v_j)] in float64, and all that was rounded on
// the way.
struct Certificate {
  detail::MatchedSums matched;
  double gap = 0;
};

// Affinities that are computed as they are needed, so that they need not leave the cache.
template <class T>
struct AffinityStrips {
  std::size_t rows;
  std::size_t cols;
  std::size_t height;  // rows asked for at once, but where all are needed together

  // Affinities of `count` rows from `first` on, valid until the next call.
  std::function<MatrixView<const T>(std::size_t first, std::size_t count)> strip;
};

// Rows of affinities that are read together: where these are adjacent, one cache line of float32,
// two of float64.
inline constexpr std::size_t kGatheredRows = 16;

// How a square problem may come to its first duals.
enum class Start { sweeps, minima };

// One matrix of costs in T and its solution by shortest augmenting paths. Rows ≤ columns, at most
// `max_small` rows and `max_large` columns.
template <class T>
class AssignmentProblem {
 public:
  AssignmentProblem(std::size_t max_small, std::size_t max_large);

  // Bytes that one of n × n takes at most.
  static std::size_t bytes_for(std::size_t n);

  // costs = ±affinity · 2^-exponent. The exponent is zero unless the largest magnitude is far from
  // one: sums of duals must not overflow, and sweeps need numbers near one. False if an affinity is
  // not finite, or lost digits: in float32 one about 2^126 times smaller than the largest.
  template <class Source>
  bool fill(const MatrixView<const Source>& affinity, Objective objective, Start start,
            Worker* worker);

  // The same in steps, rows ≤ cols: begin; read all rows, some at a time; scale.
  void begin(std::size_t rows, std::size_t cols, Objective objective, Start start);
  template <class Source>
  void read(const MatrixView<const Source>& affinity, std::size_t first);
  bool scale();

  void solve(Worker* worker);

  // Both, in less time than one after the other: for problems that may take turns.
  static void solve_two(AssignmentProblem& a, AssignmentProblem& b, Worker* worker);
  bool may_take_turns_with(const AssignmentProblem& other) const;

  // On the scale of the affinities, if none has lost digits. Columns without a row have v = 0, and
  // in a rectangular problem no v is positive, so any duals prove the gap.
  Certificate certificate() const;

  // Σ|matched| without gates, on the scale of the affinities.
  double ungated_magnitude(const detail::MatchedSums& matched) const;

  const std::int32_t* column_of() const { return column_of_; }
  std::int32_t* column_of() { return column_of_; }

  // v on the scale of the affinities; the problem is done with then.
  const T* unscaled_dual();

  // No partners, and duals of 0.
  void forget();

 private:
  std::size_t place_arrays(std::size_t max_small, std::size_t max_large);
  simd::AssignmentState<T> state();
  void require_all_matched() const;
  T matched_cost(std::size_t row) const;
  bool costs_nothing() const;  // the matching, and no other less
  bool any_between(bool of_magnitudes, double below, double above) const;  // of the costs
  template <class Source>
  MatrixView<const T> gather(const MatrixView<const Source>& affinity, T* costs);

  const simd::AssignmentKernels<T>* kernels_;
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  std::size_t stride_ = 0;
  int exponent_ = 0;
  T sign_ = 1;
  T magnitude_ = 0;
  bool may_sweep_ = false;
  std::size_t most_swept_;  // rows
  Buffer<T> costs_;
  Buffer<float> weights_;

  // In one allocation: small problems are solved in less time than a dozen of them take.
  Buffer<std::byte> arrays_;
  T* dual_ = nullptr;
  T* row_minimum_ = nullptr;
  std::int32_t* row_of_ = nullptr;
  std::int32_t* column_of_ = nullptr;
  std::uint64_t* taken_ = nullptr;
  simd::Integer<T>* matched_ = nullptr;
  simd::Integer<T>* label_ = nullptr;
  simd::Integer<T>* predecessor_ = nullptr;
  float* block_ = nullptr;
  float* last_column_ = nullptr;
  float* row_factor_ = nullptr;
  float* column_factor_ = nullptr;
  float* column_sum_ = nullptr;
  float* start_dual_ = nullptr;
};

// Solves problems of at most max_rows × max_cols, both below 2^31. Everything is allocated by the
// constructor, except for the second of two problems that take turns, and for problems that need
// more digits than T has: float64 costs twice, and integers of as many digits as the costs span.
// One solver serves one thread.
template <class T>
class AssignmentSolver {
 public:
  AssignmentSolver(std::size_t max_rows, std::size_t max_cols,
                   InfiniteCost infinite_cost = InfiniteCost::is_refused);

  // Bytes that problems of n × n take at most, but for those of integers.
  static std::size_t bytes_for(std::size_t n);

  // Throws NotFinite and Infeasible. About once a millisecond, but not within Sinkhorn sweeps,
  // `worker` (may be null) is asked whether to go on.
  Assignment solve(const MatrixView<const T>& affinity, Objective objective,
                   Worker* worker = nullptr);
  Assignment solve(const AffinityStrips<T>& strips, Objective objective, Worker* worker = nullptr);

  // Calls visit(k, assignment) for each of affinity(k), k < count, in order; small ones are solved
  // two at a time.
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
  // One problem and its solution, by rows of the affinity.
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
  bool takes_turns_;  // problems are small
  Slot first_;
  std::optional<Slot> second_;
  std::optional<AssignmentProblem<double>> precise_;
};

}  // namespace isogram
