#include "assignment.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <type_traits>

namespace isogram {

namespace {

// A float32 solution whose proven distance from the optimum is larger than this part of Σ|matched|
// is computed again in float64, so that every total agrees with a float64 solver's to 6 digits.
// Most data stay at 0 to 5e-8, rank-one and heavy-tailed affinities at 1e-7 to 3e-7.
constexpr double kTolerance = 0x1p-21;  // 4.8e-7

// Columns visited between two questions to the worker: about a millisecond.
constexpr std::size_t kVisitsPerCheck = std::size_t{1} << 22;

// Costs between 2^-exponent and 2^exponent are not scaled: sums of duals do not overflow, and the
// sweeps' thresholds, which are absolute, are far away.
constexpr int kSafeExponent = 24;

constexpr std::size_t kGatheredRows = 16;  // one cache line of float32, two of float64

std::size_t padded(std::size_t count, std::size_t granule) {
  return (count + granule - 1) / granule * granule;
}

std::size_t in_groups(std::size_t columns) {
  return padded(columns, simd::kAssignmentGroup);
}
std::size_t in_swept_rows(std::size_t rows) {
  return padded(rows, simd::kSweptRows);
}

template <class T>
MatrixView<const T> transposed(MatrixView<const T> view) {
  return {view.data, view.cols, view.rows, view.col_stride, view.row_stride};
}

template <class T>
MatchedSums matched_sums(MatrixView<const T> affinity, const std::int32_t* columns) {
  MatchedSums sums;
  for (std::size_t i = 0; i < affinity.rows; ++i) {
    if (columns[i] < 0) continue;
    const double entry = affinity(i, static_cast<std::size_t>(columns[i]));
    sums.total += entry;
    sums.magnitude += std::abs(entry);
  }
  return sums;
}

// Solutions by row of an affinity of any shape. Returns an assignment without a total.
template <class T>
Assignment by_row(const AssignmentProblem<T>& problem, std::size_t rows, std::size_t cols,
                  std::int32_t* columns) {
  if (rows <= cols) {
    std::copy_n(problem.column_of(), rows, columns);
  } else {
    std::fill_n(columns, rows, -1);
    for (std::size_t j = 0; j < cols; ++j) {
      columns[problem.column_of()[j]] = static_cast<std::int32_t>(j);
    }
  }
  return {columns, 0, problem.gap()};
}

// There is nothing to solve float64 problems in again.
template <class T>
bool is_enough(double gap, const MatchedSums& sums) {
  return std::is_same_v<T, double> || gap <= kTolerance * sums.magnitude;
}

}  // namespace

template <class T>
AssignmentProblem<T>::AssignmentProblem(std::size_t max_small, std::size_t max_large)
    : kernels_(&simd::kernels().of<T>().assignment),
      costs_(product(max_small, in_groups(max_large))),
      dual_(in_groups(max_large)),
      row_minimum_(in_swept_rows(max_small)),
      row_of_(in_groups(max_large) + 1),
      column_of_(in_groups(max_large)),
      taken_(padded(max_large, simd::kAssignmentWord) / simd::kAssignmentWord),
      matched_(in_groups(max_large)),
      label_(in_groups(max_large)),
      predecessor_(in_groups(max_large)),
      weights_(product(in_swept_rows(max_small), in_groups(max_large))),
      block_(std::max(simd::kSweptEntries, product(simd::kSweptRows, in_groups(max_large)))),
      lone_(simd::kAssignmentWord),
      row_factor_(in_swept_rows(max_small) + simd::kAssignmentGroup),
      column_factor_(in_groups(max_large)),
      column_sum_(in_groups(max_large)),
      start_dual_(in_groups(max_large)) {}

template <class T>
simd::AssignmentState<T> AssignmentProblem<T>::state() {
  return {.costs = costs_.data(),
          .stride = stride_,
          .rows = rows_,
          .cols = cols_,
          .magnitude = magnitude_,
          .dual = dual_.data(),
          .row_minimum = row_minimum_.data(),
          .row_of = row_of_.data(),
          .column_of = column_of_.data(),
          .taken = taken_.data(),
          .matched = matched_.data(),
          .label = label_.data(),
          .predecessor = predecessor_.data(),
          .sinkhorn = {.weights = weights_.data(),
                       .block = block_.data(),
                       .lone = lone_.data(),
                       .row_factor = row_factor_.data(),
                       .column_factor = column_factor_.data(),
                       .column_sum = column_sum_.data(),
                       .dual = start_dual_.data()}};
}

// The affinity with contiguous rows of T: itself, or copied to where its costs will be. A few rows
// at a time, so that a transposed affinity is read by whole cache lines.
template <class T>
template <class Source>
MatrixView<const T> AssignmentProblem<T>::gather(MatrixView<const Source> affinity, T* costs) {
  if constexpr (std::is_same_v<T, Source>) {
    if (affinity.col_stride == 1) return affinity;
  }
  for (std::size_t first = 0; first < affinity.rows; first += kGatheredRows) {
    const std::size_t end = std::min(affinity.rows, first + kGatheredRows);
    for (std::size_t j = 0; j < cols_; ++j) {
      for (std::size_t i = first; i < end; ++i) {
        costs[i * stride_ + j] = static_cast<T>(affinity(i, j));
      }
    }
  }
  return {costs, affinity.rows, cols_, static_cast<std::ptrdiff_t>(stride_), 1};
}

template <class T>
template <class Source>
bool AssignmentProblem<T>::fill(MatrixView<const Source> affinity, Objective objective) {
  if (affinity.rows > affinity.cols) affinity = transposed(affinity);
  begin(affinity.rows, affinity.cols, objective);
  take(affinity, 0);
  return scale();
}

template <class T>
void AssignmentProblem<T>::begin(std::size_t rows, std::size_t cols, Objective objective) {
  rows_ = rows;
  cols_ = cols;
  stride_ = in_groups(cols);
  sign_ = objective == Objective::maximize ? T{-1} : T{1};
  magnitude_ = 0;
}

template <class T>
template <class Source>
void AssignmentProblem<T>::take(MatrixView<const Source> affinity, std::size_t first) {
  T* costs = costs_.data() + first * stride_;
  const MatrixView<const T> entries = gather(affinity, costs);
  const T largest = kernels_->take_costs(entries.data, entries.row_stride, sign_, costs, stride_,
                                         entries.rows, cols_);
  if (!std::isfinite(largest)) throw NotFinite();
  magnitude_ = std::max(magnitude_, largest);
}

template <class T>
bool AssignmentProblem<T>::scale() {
  std::frexp(magnitude_, &exponent_);
  if (std::abs(exponent_) <= kSafeExponent) {
    exponent_ = 0;
    return true;
  }
  magnitude_ = 1;
  // 2^-exponent itself may overflow or underflow; its two halves do not.
  const int half = -exponent_ / 2;
  const T factors[2] = {std::ldexp(T{1}, half), std::ldexp(T{1}, -exponent_ - half)};
  return kernels_->scale(costs_.data(), stride_, factors, rows_);
}

template <class T>
void AssignmentProblem<T>::solve(Worker* worker) {
  const simd::AssignmentState<T> problem = state();
  if (worker != nullptr) worker->check();
  kernels_->start(problem);
  for (std::size_t row = 0; row < rows_;) {
    row = kernels_->augment(problem, row, kVisitsPerCheck);
    if (worker != nullptr && row < rows_) worker->check();
  }
  require_all_matched();
}

template <class T>
void AssignmentProblem<T>::solve_two(AssignmentProblem& a, AssignmentProblem& b, Worker* worker) {
  const simd::AssignmentState<T> states[2] = {a.state(), b.state()};
  if (worker != nullptr) worker->check();
  for (const simd::AssignmentState<T>& state : states) a.kernels_->start(state);
  a.kernels_->augment_two(states[0], states[1]);
  a.require_all_matched();
  b.require_all_matched();
}

template <class T>
bool AssignmentProblem<T>::may_take_turns_with(const AssignmentProblem& other) const {
  return stride_ == other.stride_ && stride_ <= simd::kAssignmentWord;
}

template <class T>
void AssignmentProblem<T>::require_all_matched() const {
  if (std::count(column_of_.data(), column_of_.data() + rows_, -1) == 0) return;
  throw std::logic_error("no augmenting path: please report this");
}

template <class T>
double AssignmentProblem<T>::gap() const {
  const double slack =
      kernels_->slack(costs_.data(), stride_, rows_, cols_, dual_.data(), column_of_.data());
  return std::ldexp(slack, exponent_);
}

template <class T>
MatchedSums AssignmentProblem<T>::matched() const {
  const MatrixView<const T> costs(costs_.data(), rows_, cols_, static_cast<std::ptrdiff_t>(stride_),
                                  1);
  const MatchedSums sums = matched_sums(costs, column_of_.data());
  return {std::ldexp(sums.total, exponent_) * sign_, std::ldexp(sums.magnitude, exponent_)};
}

template <class T>
AssignmentSolver<T>::Slot::Slot(std::size_t max_rows, std::size_t max_cols)
    : problem(std::min(max_rows, max_cols), std::max(max_rows, max_cols)), columns(max_rows) {}

template <class T>
AssignmentSolver<T>::AssignmentSolver(std::size_t max_rows, std::size_t max_cols)
    : max_small_(std::min(max_rows, max_cols)),
      max_large_(std::max(max_rows, max_cols)),
      first_(max_rows, max_cols) {
  if (max_large_ <= simd::kAssignmentWord) second_.emplace(max_rows, max_cols);
}

template <class T>
Assignment AssignmentSolver<T>::solve(MatrixView<const T> affinity, Objective objective,
                                      Worker* worker) {
  return solve(first_, affinity, objective, worker);
}

template <class T>
std::array<Assignment, 2> AssignmentSolver<T>::solve_two(MatrixView<const T> a,
                                                         MatrixView<const T> b, Objective objective,
                                                         Worker* worker) {
  Slot& second = *second_;
  const bool exact_a = first_.problem.fill(a, objective);
  const bool exact_b = second.problem.fill(b, objective);
  if (exact_a && exact_b && first_.problem.may_take_turns_with(second.problem)) {
    AssignmentProblem<T>::solve_two(first_.problem, second.problem, worker);
    return {finish(first_, a, objective, worker), finish(second, b, objective, worker)};
  }
  return {solve(first_, a, objective, worker), solve(second, b, objective, worker)};
}

template <class T>
Assignment AssignmentSolver<T>::solve(Slot& slot, MatrixView<const T> affinity, Objective objective,
                                      Worker* worker) {
  const bool exact = slot.problem.fill(affinity, objective);
  if (!exact && std::is_same_v<T, float>) {
    return solve_precisely(affinity, objective, worker, slot.columns.data());
  }
  slot.problem.solve(worker);
  return finish(slot, affinity, objective, worker);
}

// Of a problem that has been solved: what was found, or if that is not enough, a precise solution.
template <class T>
Assignment AssignmentSolver<T>::finish(Slot& slot, MatrixView<const T> affinity,
                                       Objective objective, Worker* worker) {
  std::int32_t* columns = slot.columns.data();
  Assignment found = by_row(slot.problem, affinity.rows, affinity.cols, columns);
  const MatchedSums sums = matched_sums(affinity, columns);
  found.total = sums.total;
  if (is_enough<T>(found.gap, sums)) return found;
  return solve_precisely(affinity, objective, worker, columns);
}

template <class T>
Assignment AssignmentSolver<T>::solve_precisely(MatrixView<const T> affinity, Objective objective,
                                                Worker* worker, std::int32_t* columns) {
  if (!precise_) precise_.emplace(max_small_, max_large_);
  precise_->fill(affinity, objective);
  precise_->solve(worker);
  Assignment found = by_row(*precise_, affinity.rows, affinity.cols, columns);
  found.total = matched_sums(affinity, columns).total;
  return found;
}

template <class T>
Assignment AssignmentSolver<T>::solve(const AffinityStrips<T>& strips, Objective objective,
                                      Worker* worker) {
  AssignmentProblem<T>& problem = first_.problem;
  if (strips.rows <= strips.cols) {
    problem.begin(strips.rows, strips.cols, objective);
    for (std::size_t first = 0; first < strips.rows; first += strips.height) {
      problem.take(strips.strip(first, std::min(strips.height, strips.rows - first)), first);
    }
    if (problem.scale()) {
      problem.solve(worker);
      Assignment found = by_row(problem, strips.rows, strips.cols, first_.columns.data());
      const MatchedSums sums = problem.matched();
      found.total = sums.total;
      if (is_enough<T>(found.gap, sums)) return found;
    }
  }
  return solve(strips.strip(0, strips.rows), objective, worker);
}

template class AssignmentSolver<float>;
template class AssignmentSolver<double>;

}  // namespace isogram
