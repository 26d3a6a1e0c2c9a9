// Exact linear assignment of one problem after another, in memory that is allocated once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>

#include "buffer.hpp"
#include "isogram/match.hpp"
#include "isogram/matrix_view.hpp"
#include "simd/kernels.hpp"
#include "team.hpp"

namespace isogram {

// Thrown for an affinity that is NaN or infinite. Callers know the input's name and index.
class NotFinite : public std::exception {
 public:
  const char* what() const noexcept override { return "an affinity is not finite"; }
};

struct Assignment {
  const std::int32_t* columns;  // one per row, −1 where it stays unmatched; the solver's memory
  double total;                 // float64 sum of the matched affinities
  double gap;                   // total's distance from a proven bound on the optimum
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

// Σ and Σ |.| over matched entries.
struct MatchedSums {
  double total = 0;
  double magnitude = 0;
};

// One matrix of costs in T with at most `max_small` rows, at least as many columns, and at most
// `max_large` of those; and its solution by shortest augmenting paths.
template <class T>
class AssignmentProblem {
 public:
  AssignmentProblem(std::size_t max_small, std::size_t max_large);

  // costs = ±affinity · 2^-exponent. The exponent is zero unless the largest magnitude is far from
  // one: sums of duals must not overflow. False if that cost an entry some digits, one about 2^126
  // (float32) or 2^1022 times smaller than the largest. Throws NotFinite.
  template <class Source>
  bool fill(MatrixView<const Source> affinity, Objective objective);

  // The same in steps, rows ≤ cols: begin; take all rows, some at a time; scale.
  void begin(std::size_t rows, std::size_t cols, Objective objective);
  template <class Source>
  void take(MatrixView<const Source> affinity, std::size_t first);
  bool scale();

  void solve(Worker* worker);

  // Both, in less time than one after the other: for problems that may take turns.
  static void solve_two(AssignmentProblem& a, AssignmentProblem& b, Worker* worker);
  bool may_take_turns_with(const AssignmentProblem& other) const;

  // Σ_i [(C_i,column(i) − v_column(i)) − min_j (C_ij − v_j)], terms ≥ 0 in float64, on the scale
  // of the affinities: how far the matched costs are from the value of the dual solution. Columns
  // without a row have v = 0, and in a rectangular problem no v is positive, so duals are feasible.
  double gap() const;

  // Of the affinities as they came, if none has lost digits.
  MatchedSums matched() const;

  const std::int32_t* column_of() const { return column_of_.data(); }

 private:
  simd::AssignmentState<T> state();
  void require_all_matched() const;
  template <class Source>
  MatrixView<const T> gather(MatrixView<const Source> affinity, T* costs);

  const simd::AssignmentKernels<T>* kernels_;
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  std::size_t stride_ = 0;
  int exponent_ = 0;
  T sign_ = 1;
  T magnitude_ = 0;
  Buffer<T> costs_;
  Buffer<T> dual_;
  Buffer<T> row_minimum_;
  Buffer<std::int32_t> row_of_;
  Buffer<std::int32_t> column_of_;
  Buffer<std::uint64_t> taken_;
  Buffer<simd::Integer<T>> matched_;
  Buffer<simd::Integer<T>> label_;
  Buffer<simd::Integer<T>> predecessor_;
  Buffer<float> weights_;
  Buffer<float> block_;
  Buffer<float> lone_;
  Buffer<float> row_factor_;
  Buffer<float> column_factor_;
  Buffer<float> column_sum_;
  Buffer<float> start_dual_;
};

// Solves problems of at most max_rows × max_cols, both below 2^31. Everything is allocated by the
// constructor, except float64 costs for float32 problems: those come with the first that needs
// them. One solver serves one thread.
template <class T>
class AssignmentSolver {
 public:
  AssignmentSolver(std::size_t max_rows, std::size_t max_cols);

  // The affinity's entries must be finite: throws NotFinite. Between augmenting paths, about once
  // a millisecond, `worker` (may be null) is asked whether to go on.
  Assignment solve(MatrixView<const T> affinity, Objective objective, Worker* worker = nullptr);
  Assignment solve(const AffinityStrips<T>& strips, Objective objective, Worker* worker = nullptr);

  // Calls visit(k, assignment) for each of affinity(k), k < count, in order; small ones are solved
  // two at a time.
  template <class Affinity, class Visit>
  void solve_each(std::size_t count, Affinity affinity, Objective objective, Worker* worker,
                  Visit visit) {
    std::size_t k = 0;
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

  std::array<Assignment, 2> solve_two(MatrixView<const T> a, MatrixView<const T> b,
                                      Objective objective, Worker* worker);
  Assignment solve(Slot& slot, MatrixView<const T> affinity, Objective objective, Worker* worker);
  Assignment finish(Slot& slot, MatrixView<const T> affinity, Objective objective, Worker* worker);
  Assignment solve_precisely(MatrixView<const T> affinity, Objective objective, Worker* worker,
                             std::int32_t* columns);

  std::size_t max_small_;
  std::size_t max_large_;
  Slot first_;
  std::optional<Slot> second_;  // where problems are small
  std::optional<AssignmentProblem<double>> precise_;
};

}  // namespace isogram
