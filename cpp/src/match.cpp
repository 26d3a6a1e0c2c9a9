#include "isogram/match.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#include "assignment/assignment.hpp"
#include "isogram/error.hpp"
#include "threads/team.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

// Small problems share a task, so that its work outweighs its scheduling.
constexpr double kTaskWork = 1 << 18;

template <class T>
MatrixView<const T> problem_of(const ProblemBatch<T>& batch, std::size_t problem) {
  const T* data = batch.data + static_cast<std::ptrdiff_t>(problem) * batch.problem_stride;
  return {data, batch.rows, batch.cols, batch.row_stride, batch.col_stride};
}

// Throws std::invalid_argument for the first entry that is NaN, or infinite without forbidding its
// pair.
template <class T>
void require_finite(const ProblemBatch<T>& batch, Objective objective) {
  const T forbidden = objective == Objective::maximize ? -std::numeric_limits<T>::infinity()
                                                       : std::numeric_limits<T>::infinity();
  for (std::size_t b = 0; b < batch.count; ++b) {
    const MatrixView<const T> problem = problem_of(batch, b);
    for (std::size_t i = 0; i < batch.rows; ++i) {
      check_worker();
      for (std::size_t j = 0; j < batch.cols; ++j) {
        const T value = problem(i, j);
        if (std::isfinite(value) || value == forbidden) continue;
        if (batch.is_single) throw_not_finite("similarity", {i, j}, value);
        throw_not_finite("similarity", {b, i, j}, value);
      }
    }
  }
}

[[noreturn]] void throw_infeasible(std::size_t problem, bool is_single, Objective objective) {
  const std::string forbidden = objective == Objective::maximize ? "-inf" : "inf";
  const std::string which = is_single ? "" : " in problem " + std::to_string(problem);
  throw std::invalid_argument("`similarity` must have a matching that takes no forbidden pair (" +
                              forbidden + "), got none" + which +
                              ": give such pairs a finite value, or leave out rows or columns");
}

// Throws the reason why a problem could not be solved.
template <class T>
void throw_failure(const ProblemBatch<T>& batch, Objective objective, std::size_t problem,
                   AssignmentSolver<T>& solver, const Execution& execution) {
  parallel_for(preparing(execution), 1, [&](std::size_t, Worker& worker) {
    require_finite(batch, objective);
    try {
      solver.solve(problem_of(batch, problem), objective, &worker);
    } catch (const Infeasible&) {
      throw_infeasible(problem, batch.is_single, objective);
    } catch (const NotFinite&) {
    }
    throw InputChanged("similarity");
  });
}

// The first problem that could not be solved, whichever thread finds one first.
class FirstFailure {
 public:
  bool is_before(std::size_t problem) const { return first_.load() < problem; }
  std::optional<std::size_t> problem() const {
    return is_before(kNone) ? std::optional(first_.load()) : std::nullopt;
  }
  void take(std::size_t problem) {
    std::size_t known = first_.load();
    while (problem < known && !first_.compare_exchange_weak(known, problem)) {
    }
  }

 private:
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  std::atomic<std::size_t> first_{kNone};
};

std::size_t problems_per_task(std::size_t rows, std::size_t cols) {
  const double small = static_cast<double>(std::min(rows, cols));
  const double large = static_cast<double>(std::max(rows, cols));
  return static_cast<std::size_t>(std::max(1.0, kTaskWork / (small * small * large)));
}

}  // namespace

template <class T>
void match(const ProblemBatch<T>& problems, Objective objective, std::int32_t* columns,
           double* totals, double* gaps, const Execution& execution) {
  require(std::max(problems.rows, problems.cols) <= std::numeric_limits<std::int32_t>::max(),
          "`similarity` must have fewer than 2^31 rows and columns");
  if (problems.rows == 0 || problems.cols == 0) {
    std::fill_n(columns, product(problems.count, problems.rows), -1);
    std::fill_n(totals, problems.count, 0.0);
    std::fill_n(gaps, problems.count, 0.0);
    return;
  }
  const std::size_t per_task = problems_per_task(problems.rows, problems.cols);
  const std::size_t tasks = blocks_in(problems.count, per_task);
  const auto new_solver = [&] {
    return AssignmentSolver<T>(problems.rows, problems.cols, InfiniteCost::forbids_the_pair);
  };
  FirstFailure failure;
  const auto solve = [&](std::size_t first, std::size_t count, AssignmentSolver<T>& solver,
                         Worker& worker) {
    solver.solve_each(
        count, [&](std::size_t k) { return problem_of(problems, first + k); }, objective, &worker,
        [&](std::size_t k, const Assignment& found) {
          std::copy_n(found.columns, problems.rows, columns + (first + k) * problems.rows);
          totals[first + k] = found.total;
          gaps[first + k] = found.gap;
        });
  };
  // Returns whether all problems could be solved.
  const auto try_to_solve = [&](std::size_t first, std::size_t count, AssignmentSolver<T>& solver,
                                Worker& worker) {
    try {
      solve(first, count, solver, worker);
      return true;
    } catch (const NotFinite&) {
    } catch (const Infeasible&) {
    }
    return false;
  };
  PerWorker solvers(execution, tasks, new_solver);
  parallel_for(within(execution, 0, problems.count, per_task), tasks, solvers,
               [&](std::size_t task, AssignmentSolver<T>& solver, Worker& worker) {
                 const std::size_t first = task * per_task;
                 const std::size_t count = std::min(per_task, problems.count - first);
                 if (failure.is_before(first) || try_to_solve(first, count, solver, worker)) return;
                 std::size_t solved = 0;  // one by one, to find the problem that failed
                 while (solved < count && try_to_solve(first + solved, 1, solver, worker)) ++solved;
                 if (solved < count) failure.take(first + solved);
               });
  if (const auto problem = failure.problem()) {
    AssignmentSolver<T> solver = new_solver();
    throw_failure(problems, objective, *problem, solver, execution);
  }
}

template void match(const ProblemBatch<float>&, Objective, std::int32_t*, double*, double*,
                    const Execution&);
template void match(const ProblemBatch<double>&, Objective, std::int32_t*, double*, double*,
                    const Execution&);

}  // namespace isogram
