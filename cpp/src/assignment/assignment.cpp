#include "assignment/assignment.hpp"

#include <algorithm>
#include <bitset>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <type_traits>

#include "assignment/exact_assignment.hpp"
#include "assignment/wide_costs.hpp"
#include "tiles/grid.hpp"

namespace isogram {

namespace {

using detail::MatchedEntries;
using detail::Proof;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Edges relaxed between two checks for an interrupt: about a millisecond.
constexpr std::size_t kEdgesPerCheck = std::size_t{1} << 22;

// Entries read between two checks for an interrupt.
constexpr std::size_t kEntriesPerCheck = std::size_t{1} << 20;

// Sweeps cannot be interrupted: with more rows than this an interrupt would have to wait for them.
constexpr std::size_t kMostSwept = 4096;

// Without sweeps, float64 costs below 2^kSafeWithoutSweeps are not scaled: sums of 2^32 duals do
// not overflow.
constexpr int kSafeWithoutSweeps = 990;

// A sum beyond float64 is computed again from entries divided by 2^kExponentOfSums: 2^32 of them
// cannot overflow.
constexpr int kExponentOfSums = 40;

std::size_t in_groups(std::size_t columns) {
  return padded(columns, simd::kAssignmentGroup);
}
std::size_t in_swept_rows(std::size_t rows) {
  return padded(rows, simd::kSweptRows);
}

template <class T>
MatrixView<const T> rows_of(MatrixView<const T> view, std::size_t first, std::size_t count) {
  return {view.data + static_cast<std::ptrdiff_t>(first) * view.row_stride, count, view.cols,
          view.row_stride, view.col_stride};
}

// The number of rows read between two checks for an interrupt.
std::size_t rows_per_check(std::size_t cols) {
  return padded(kEntriesPerCheck / cols + 1, kGatheredRows);
}

void add(MatchedEntries& matched, double entry) {
  const double size = std::abs(entry);
  matched.smallest = size < matched.smallest ? size : matched.smallest;
  matched.largest = size > matched.largest ? size : matched.largest;
  matched.total += entry;
  matched.magnitude += size;
}

// ldexp takes a noticeable part of a small problem's time: not called for exponent 0.
double times_power_of_two(double x, int exponent) {
  return exponent == 0 ? x : std::ldexp(x, exponent);
}

MatchedEntries times_power_of_two(const MatchedEntries& matched, int exponent) {
  if (exponent == 0) return matched;
  return {std::ldexp(matched.total, exponent), std::ldexp(matched.magnitude, exponent),
          std::ldexp(matched.smallest, exponent), std::ldexp(matched.largest, exponent),
          std::ldexp(matched.rounded, exponent)};
}

template <class T>
MatchedEntries matched_entries(const MatrixView<const T>& affinity, const std::int32_t* columns,
                               int exponent = 0) {
  MatchedEntries matched{.smallest = kInfinity};
  const double unit = std::ldexp(1.0, -exponent);
  for (std::size_t i = 0; i < affinity.rows; ++i) {
    if (columns[i] < 0) continue;
    add(matched, unit * static_cast<double>(affinity(i, static_cast<std::size_t>(columns[i]))));
  }
  matched.round(static_cast<double>(std::min(affinity.rows, affinity.cols)));
  if (std::isfinite(matched.magnitude)) return times_power_of_two(matched, exponent);
  // A partial sum may overflow where the total does not.
  return exponent == 0 ? matched_entries(affinity, columns, kExponentOfSums) : matched;
}

// The column of each row of an affinity, from the partners of its smaller side.
void copy_by_row(const std::int32_t* column_of, std::size_t rows, std::size_t cols,
                 std::int32_t* columns) {
  if (rows <= cols) {
    std::copy_n(column_of, rows, columns);
    return;
  }
  std::fill_n(columns, rows, -1);
  for (std::size_t j = 0; j < cols; ++j) columns[column_of[j]] = static_cast<std::int32_t>(j);
}

Assignment assignment(const std::int32_t* columns, const Certificate& certificate) {
  const auto& [matched, gap] = certificate;
  return {columns, matched.total, detail::gap_of_total(gap, matched)};
}

template <class T>
Assignment reported(const std::int32_t* column_of, double gap, const MatrixView<const T>& affinity,
                    std::int32_t* columns) {
  copy_by_row(column_of, affinity.rows, affinity.cols, columns);
  return assignment(columns, {matched_entries(affinity, columns), gap});
}

// The set of octaves that costs occupy.
class Octaves {
 public:
  template <class T>
  void include(const T* costs, std::size_t count) {
    for (std::size_t j = 0; j < count; ++j) {
      if (costs[j] != 0) seen_.set(static_cast<std::size_t>(detail::octave_of(costs[j])));
    }
  }

  // The lowest octave up to `last` with a hole below it and a cost below the hole; or last + 1.
  int lowest_gate(int last) const {
    int below = last;
    for (int octave = 0; octave <= last; ++octave) {
      if (!seen_[static_cast<std::size_t>(octave)]) continue;
      if (octave - below > detail::kHole) return octave;
      below = octave;
    }
    return last + 1;
  }

 private:
  std::bitset<2048> seen_;
};

template <class T>
bool is_enough(const Certificate& certificate, const AssignmentProblem<T>& problem,
               double tolerance) {
  const auto& [matched, gap] = certificate;
  const Proof proof = detail::proof_of(gap, matched, tolerance);
  if (proof != Proof::if_not_gated) return proof == Proof::complete;
  return gap <= tolerance * problem.ungated_magnitude(matched);
}

}  // namespace

template <class T>
AssignmentProblem<T>::AssignmentProblem(std::size_t max_small, std::size_t max_large)
    : kernels_(&simd::kernels().of<T>().assignment),
      most_swept_(std::min(max_small, kMostSwept)),
      costs_(Buffer<T>::unset(product(max_small, in_groups(max_large)))),
      weights_(Buffer<float>::unset(product(in_swept_rows(most_swept_), in_groups(most_swept_)))) {
  arrays_ = Buffer<std::byte>(place_arrays(max_small, max_large));
  place_arrays(max_small, max_large);
}

template <class T>
std::size_t AssignmentProblem<T>::bytes_for(std::size_t n) {
  const std::size_t swept = std::min(n, kMostSwept);
  const std::size_t weights = product(in_swept_rows(swept), in_groups(swept));
  const std::size_t block = std::max(simd::kSweptEntries, simd::kSweptRows * in_groups(swept));
  const std::size_t of_shortlist = simd::kAssignmentGroup * (sizeof(T) + sizeof(std::int32_t));
  return sizeof(T) * product(n, in_groups(n)) + sizeof(float) * (weights + block) +
         (64 + (n > simd::kAssignmentWord ? of_shortlist : 0)) * (in_groups(n) + 64);
}

// Places all arrays in arrays_, each at the beginning of a cache line, unless arrays_ is empty.
// Returns the bytes needed.
template <class T>
std::size_t AssignmentProblem<T>::place_arrays(std::size_t max_small, std::size_t max_large) {
  std::size_t bytes = 0;
  const auto place = [&]<class Element>(Element*& array, std::size_t count) {
    if (arrays_.size() > 0) array = reinterpret_cast<Element*>(arrays_.data() + bytes);
    bytes += padded(bytes_of<Element>(count), kAlignment);
  };
  const std::size_t columns = in_groups(max_large);
  const std::size_t swept = in_groups(most_swept_);
  place(dual_, columns);
  place(row_minimum_, in_swept_rows(max_small));
  place(row_of_, columns + 1);
  place(column_of_, columns);
  place(taken_, padded(max_large, simd::kAssignmentWord) / simd::kAssignmentWord);
  place(matched_, columns);
  place(label_, columns);
  place(predecessor_, columns);
  if (max_large > simd::kAssignmentWord) {
    place(shortlists_.costs, product(max_small, simd::kAssignmentGroup));
    place(shortlists_.columns, product(max_small, simd::kAssignmentGroup));
    place(shortlists_.limits, max_small);
  }
  place(block_, std::max(std::min(simd::kSweptEntries, weights_.size()), simd::kSweptRows * swept));
  place(last_column_, simd::kAssignmentWord);
  place(row_factor_, in_swept_rows(most_swept_) + simd::kAssignmentGroup);
  place(column_factor_, swept);
  place(column_sum_, swept);
  place(start_dual_, swept);
  return bytes;
}

template <class T>
simd::AssignmentState<T> AssignmentProblem<T>::state() {
  return {.costs = costs_.data(),
          .stride = stride_,
          .rows = rows_,
          .cols = cols_,
          .magnitude = magnitude_,
          .may_sweep = may_sweep_,
          .dual = dual_,
          .row_minimum = row_minimum_,
          .row_of = row_of_,
          .column_of = column_of_,
          .taken = taken_,
          .matched = matched_,
          .label = label_,
          .predecessor = predecessor_,
          .shortlists = shortlists_,
          .sinkhorn = {.weights = weights_.data(),
                       .block = block_,
                       .last_column = last_column_,
                       .row_factor = row_factor_,
                       .column_factor = column_factor_,
                       .column_sum = column_sum_,
                       .dual = start_dual_}};
}

// The affinity with contiguous rows of T: itself, or a copy at the place of its costs. Copied a few
// rows at a time, so that a transposed affinity is read by whole cache lines.
template <class T>
template <class Source>
MatrixView<const T> AssignmentProblem<T>::gather(const MatrixView<const Source>& affinity,
                                                 T* costs) {
  if constexpr (std::is_same_v<T, Source>) {
    if (affinity.col_stride == 1) return affinity;
  }
  for (std::size_t first = 0; first < affinity.rows; first += kGatheredRows) {
    const std::size_t count = std::min(affinity.rows - first, kGatheredRows);
    gather_rows(rows_of(affinity, first, count), costs + first * stride_);
  }
  return {costs, affinity.rows, cols_, static_cast<std::ptrdiff_t>(stride_), 1};
}

template <class T>
template <class Source>
void AssignmentProblem<T>::gather_rows(const MatrixView<const Source>& affinity, T* costs) {
  if constexpr (std::is_same_v<T, Source>) {
    if (affinity.row_stride == 1 && affinity.col_stride > 0) {
      return simd::kernels().of<T>().transpose(affinity.data,
                                               static_cast<std::size_t>(affinity.col_stride), cols_,
                                               affinity.rows, costs, stride_);
    }
  }
  for (std::size_t j = 0; j < cols_; ++j) {
    for (std::size_t i = 0; i < affinity.rows; ++i) {
      costs[i * stride_ + j] = static_cast<T>(affinity(i, j));
    }
  }
}

template <class T>
template <class Source>
bool AssignmentProblem<T>::fill(const MatrixView<const Source>& affinity, Objective objective,
                                Start start, Worker* worker) {
  if (affinity.rows > affinity.cols) return fill(affinity.transposed(), objective, start, worker);
  begin(affinity.rows, affinity.cols, objective, start);
  if (rows_ * cols_ <= kEntriesPerCheck) {
    read(affinity, 0);
    return scale();
  }
  const std::size_t height = rows_per_check(affinity.cols);
  for (std::size_t first = 0; first < affinity.rows; first += height) {
    if (worker != nullptr && first > 0) worker->check();
    read(rows_of(affinity, first, std::min(height, affinity.rows - first)), first);
  }
  return scale();
}

template <class T>
void AssignmentProblem<T>::begin(std::size_t rows, std::size_t cols, Objective objective,
                                 Start start) {
  rows_ = rows;
  cols_ = cols;
  stride_ = in_groups(cols);
  sign_ = objective == Objective::maximize ? T{-1} : T{1};
  magnitude_ = 0;
  may_sweep_ = start == Start::sweeps && rows <= most_swept_;
}

template <class T>
template <class Source>
void AssignmentProblem<T>::read(const MatrixView<const Source>& affinity, std::size_t first) {
  T* costs = costs_.data() + first * stride_;
  const MatrixView<const T> entries = gather(affinity, costs);
  const T largest = kernels_->read_costs(entries.data, entries.row_stride, sign_, costs, stride_,
                                         entries.rows, cols_);
  magnitude_ = std::max(magnitude_, largest);
}

template <class T>
bool AssignmentProblem<T>::scale() {
  if (!std::isfinite(magnitude_)) return false;
  std::frexp(magnitude_, &exponent_);
  const bool is_safe = std::is_same_v<T, float> || may_sweep_
                           ? std::abs(exponent_) <= detail::kSafeExponent
                           : exponent_ <= kSafeWithoutSweeps;
  if (is_safe) {
    exponent_ = 0;
    return true;
  }
  magnitude_ = 1;
  // 2^-exponent may overflow or underflow; its two factors do not.
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
    row = kernels_->augment(problem, row, kEdgesPerCheck);
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
  if (std::count(column_of_, column_of_ + rows_, -1) == 0) return;
  throw std::logic_error("no augmenting path: please report this");
}

// Whether all matched costs are 0 and no cost is negative: then 0 is the optimum, without a proof
// by duals.
template <class T>
bool AssignmentProblem<T>::costs_nothing() const {
  for (std::size_t i = 0; i < rows_; ++i) {
    if (matched_cost(i) != 0) return false;
  }
  return !any_between(false, -std::numeric_limits<T>::infinity(), 0);
}

template <class T>
Certificate AssignmentProblem<T>::certificate() const {
  if (costs_nothing()) return {};
  const auto [slack, costs] =
      kernels_->slack(costs_.data(), stride_, rows_, cols_, dual_, column_of_);
  const double rows = static_cast<double>(rows_);
  MatchedEntries matched = costs;
  matched.total = sign_ * matched.total + 0.0;  // no −0
  matched.round(rows);
  const double gap = detail::gap_of(slack, rows);
  return {times_power_of_two(matched, exponent_), times_power_of_two(gap, exponent_)};
}

// The certificate of any assignment bounds the optimum from its other side: the identity's will do.
template <class T>
double AssignmentProblem<T>::bound() {
  kernels_->find_duals(state());
  std::iota(column_of_, column_of_ + rows_, 0);
  const auto [matched, gap] = certificate();
  return matched.total + detail::gap_of_total(gap, matched);
}

template <class T>
const T* AssignmentProblem<T>::unscaled_dual() {
  for (std::size_t j = 0; j < cols_; ++j) dual_[j] = std::ldexp(dual_[j], exponent_);
  return dual_;
}

template <class T>
void AssignmentProblem<T>::forget() {
  std::fill_n(dual_, cols_, T{0});
  std::fill_n(column_of_, rows_, -1);
}

template <class T>
double AssignmentProblem<T>::ungated_magnitude(const MatchedEntries& matched) const {
  const double largest = times_power_of_two(matched.largest, -exponent_);
  if (matched.smallest == 0) {
    // Two cheap tests suffice for most data: no cost other than 0 lies more than 6 octaves below
    // the largest, so that no hole counts; or a cost lies 5 or 6 octaves below it, so that the
    // searched octaves have no hole.
    if (!any_between(true, 0, largest / detail::kGated)) return matched.magnitude;
    const double octave = std::ldexp(1.0, std::ilogb(largest));
    if (any_between(true, octave / 64, octave / 16)) return matched.magnitude;
  }
  // In most data the matched costs alone, or with a few rows, leave no hole.
  detail::NearOctaves near(largest, std::ldexp(matched.smallest, -exponent_));
  for (std::size_t i = 0; i < rows_; ++i) near.include(matched_cost(i));
  for (std::size_t i = 0; i < rows_ && !near.have_no_hole(); ++i) {
    for (std::size_t j = 0; j < cols_; ++j) near.include(costs_[i * stride_ + j]);
  }
  if (near.have_no_hole()) return matched.magnitude;
  Octaves octaves;
  for (std::size_t i = 0; i < rows_; ++i) {
    check_worker();
    octaves.include(costs_.data() + i * stride_, cols_);
  }
  const int gate = octaves.lowest_gate(detail::octave_of(largest));
  double sum = 0;
  for (std::size_t i = 0; i < rows_; ++i) {
    const double cost = std::abs(static_cast<double>(matched_cost(i)));
    if (detail::octave_of(cost) < gate) sum += cost;
  }
  return std::ldexp(sum, exponent_);
}

template <class T>
bool AssignmentProblem<T>::any_between(bool of_magnitudes, double below, double above) const {
  return kernels_->any_between(costs_.data(), rows_ * stride_, of_magnitudes, static_cast<T>(below),
                               static_cast<T>(above));
}

template <class T>
T AssignmentProblem<T>::matched_cost(std::size_t row) const {
  return costs_[row * stride_ + static_cast<std::size_t>(column_of_[row])];
}

// ---- Any problem, with as many digits as it needs --------------------------------------------

template <class T>
AssignmentSolver<T>::Slot::Slot(std::size_t max_rows, std::size_t max_cols)
    : problem(std::min(max_rows, max_cols), std::max(max_rows, max_cols)), columns(max_rows) {}

template <class T>
std::size_t AssignmentSolver<T>::bytes_for(std::size_t n) {
  const std::size_t of_slot = AssignmentProblem<T>::bytes_for(n) + 4 * n;
  return (n <= simd::kAssignmentWord ? 2 : 1) * of_slot + AssignmentProblem<double>::bytes_for(n);
}

template <class T>
AssignmentSolver<T>::AssignmentSolver(std::size_t max_rows, std::size_t max_cols,
                                      InfiniteCost infinite_cost)
    : max_rows_(max_rows),
      max_cols_(max_cols),
      infinite_cost_(infinite_cost),
      takes_turns_(std::max(max_rows, max_cols) <= simd::kAssignmentWord),
      first_(max_rows, max_cols) {}

template <class T>
Assignment AssignmentSolver<T>::solve(const MatrixView<const T>& affinity, Objective objective,
                                      Worker* worker) {
  return solve(first_, affinity, objective, worker);
}

template <class T>
double AssignmentSolver<T>::bound(const MatrixView<const T>& affinity, Worker* worker) {
  AssignmentProblem<T>& problem = first_.problem;
  const bool is_filled = problem.fill(affinity, Objective::maximize, Start::minima, worker);
  return is_filled ? problem.bound() : kInfinity;
}

template <class T>
std::array<Assignment, 2> AssignmentSolver<T>::solve_two(const MatrixView<const T>& a,
                                                         const MatrixView<const T>& b,
                                                         Objective objective, Worker* worker) {
  Slot& second = *second_;
  const bool exact_a = first_.problem.fill(a, objective, Start::sweeps, worker);
  const bool exact_b = second.problem.fill(b, objective, Start::sweeps, worker);
  if (exact_a && exact_b && first_.problem.may_take_turns_with(second.problem)) {
    AssignmentProblem<T>::solve_two(first_.problem, second.problem, worker);
    return {finish(first_, a, objective, worker), finish(second, b, objective, worker)};
  }
  return {solve(first_, a, objective, worker), solve(second, b, objective, worker)};
}

template <class T>
Assignment AssignmentSolver<T>::solve(Slot& slot, const MatrixView<const T>& affinity,
                                      Objective objective, Worker* worker) {
  if (!slot.problem.fill(affinity, objective, Start::sweeps, worker)) {
    return solve_again(affinity, objective, worker, slot.columns.data());
  }
  slot.problem.solve(worker);
  return finish(slot, affinity, objective, worker);
}

// The solution of a solved problem, or a solution with more digits if its gap is too large.
template <class T>
Assignment AssignmentSolver<T>::finish(Slot& slot, const MatrixView<const T>& affinity,
                                       Objective objective, Worker* worker) {
  std::int32_t* columns = slot.columns.data();
  copy_by_row(slot.problem.column_of(), affinity.rows, affinity.cols, columns);
  Certificate certificate = slot.problem.certificate();
  // A problem with more rows than columns was transposed, but its total is added row by row.
  if (affinity.rows > affinity.cols) certificate.matched = matched_entries(affinity, columns);
  if (is_enough(certificate, slot.problem, detail::kTolerance<T>)) {
    return assignment(columns, certificate);
  }
  return solve_again(affinity, objective, worker, columns);
}

// Solves in float64 if that suffices, else in integers.
template <class T>
Assignment AssignmentSolver<T>::solve_again(const MatrixView<const T>& affinity,
                                            Objective objective, Worker* worker,
                                            std::int32_t* columns) {
  const WideCosts wide(affinity, objective, infinite_cost_, worker);
  if (!precise_) {
    precise_.emplace(std::min(max_rows_, max_cols_), std::max(max_rows_, max_cols_));
  }
  bool is_solved = false;
  for (const Start start : {Start::sweeps, Start::minima}) {
    // Sweeps help where float32 nearly sufficed. A float64 problem has had them already.
    if (start == Start::sweeps && (std::is_same_v<T, double> || wide.forbids())) continue;
    is_solved = wide.fill(*precise_, start, worker);
    if (!is_solved) continue;
    precise_->solve(worker);
    if (wide.uses_forbidden(precise_->column_of())) continue;
    const Certificate certificate = precise_->certificate();
    if (is_enough(certificate, *precise_, detail::kTolerance<T>)) {
      return reported(precise_->column_of(), certificate.gap, affinity, columns);
    }
  }
  if (!is_solved) precise_->forget();
  if (!assign_exactly(wide.view(), precise_->unscaled_dual(), precise_->column_of(), worker)) {
    throw Infeasible();
  }
  return reported(precise_->column_of(), 0, affinity, columns);
}

template <class T>
Assignment AssignmentSolver<T>::solve(const AffinityStrips<T>& strips, Objective objective,
                                      Worker* worker) {
  AssignmentProblem<T>& problem = first_.problem;
  if (strips.rows <= strips.cols) {
    problem.begin(strips.rows, strips.cols, objective, Start::sweeps);
    for (std::size_t first = 0; first < strips.rows; first += strips.height) {
      problem.read(strips.strip(first, std::min(strips.height, strips.rows - first)), first);
    }
    if (problem.scale()) {
      problem.solve(worker);
      const Certificate certificate = problem.certificate();
      if (is_enough(certificate, problem, detail::kTolerance<T>)) {
        copy_by_row(problem.column_of(), strips.rows, strips.cols, first_.columns.data());
        return assignment(first_.columns.data(), certificate);
      }
    }
  }
  return solve(strips.strip(0, strips.rows), objective, worker);
}

template class AssignmentProblem<double>;
template bool AssignmentProblem<double>::fill(const MatrixView<const double>&, Objective, Start,
                                              Worker*);
template void AssignmentProblem<double>::read(const MatrixView<const double>&, std::size_t);
template class AssignmentSolver<float>;
template class AssignmentSolver<double>;

}  // namespace isogram
