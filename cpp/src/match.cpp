#include "isogram/match.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "assignment.hpp"
#include "input.hpp"
#include "isogram/error.hpp"
#include "team.hpp"

namespace isogram {

namespace {

// Small problems are taken several at a time, so that a task outweighs its scheduling.
constexpr double kTaskWork = 1 << 18;

template <class T>
MatrixView<const T> problem_of(const ProblemBatch<T>& batch, std::size_t problem) {
  const T* data = batch.data + static_cast<std::ptrdiff_t>(problem) * batch.problem_stride;
  return {data, batch.rows, batch.cols, batch.row_stride, batch.col_stride};
}

template <class T>
[[noreturn]] void throw_first_not_finite(const ProblemBatch<T>& batch) {
  for (std::size_t b = 0; b < batch.count; ++b) {
    const MatrixView<const T> problem = problem_of(batch, b);
    for (std::size_t i = 0; i < batch.rows; ++i) {
      for (std::size_t j = 0; j < batch.cols; ++j) {
        const T value = problem(i, j);
        if (std::isfinite(value)) continue;
        if (batch.is_single) throw_not_finite("similarity", {i, j}, value);
        throw_not_finite("similarity", {b, i, j}, value);
      }
    }
  }
  throw std::logic_error("an entry was not finite and is now");
}

std::size_t problems_per_task(std::size_t rows, std::size_t cols) {
  const double small = static_cast<double>(std::min(rows, cols));
  const double large = static_cast<double>(std::max(rows, cols));
  return static_cast<std::size_t>(std::max(1.0, kTaskWork / (small * small * large)));
}

// The caller asked about problems, the loop counts tasks.
Execution counting_problems(const Execution& execution, std::size_t per_task, std::size_t count) {
  Execution result = execution;
  if (execution.poll) {
    result.poll = [&execution, per_task, count](std::size_t done, std::size_t) {
      return execution.poll(std::min(done * per_task, count), count);
    };
  }
  return result;
}

}  // namespace

template <class T>
void match(const ProblemBatch<T>& problems, Objective objective, std::int32_t* columns,
           double* totals, double* gaps, const Execution& execution) {
  require(problems.rows > 0 && problems.cols > 0, "`similarity` must have rows and columns");
  require(std::max(problems.rows, problems.cols) <= std::numeric_limits<std::int32_t>::max(),
          "`similarity` must have fewer than 2^31 rows and columns");
  const std::size_t per_task = problems_per_task(problems.rows, problems.cols);
  const std::size_t tasks = (problems.count + per_task - 1) / per_task;
  const Execution counted = counting_problems(execution, per_task, problems.count);
  std::vector<AssignmentSolver<T>> solvers;
  for (std::size_t worker = team_size(counted, tasks); worker > 0; --worker) {
    solvers.emplace_back(problems.rows, problems.cols);
  }
  try {
    parallel_for(
        counted, tasks,
        [&](std::size_t task, Worker& worker) {
          const std::size_t first = task * per_task;
          solvers[worker.index].solve_each(
              std::min(per_task, problems.count - first),
              [&](std::size_t k) { return problem_of(problems, first + k); }, objective, &worker,
              [&](std::size_t k, const Assignment& found) {
                std::copy_n(found.columns, problems.rows, columns + (first + k) * problems.rows);
                totals[first + k] = found.total;
                gaps[first + k] = found.gap;
              });
        },
        solvers.size());
  } catch (const NotFinite&) {
    throw_first_not_finite(problems);  // whichever thread met one: the first is named
  }
}

template void match(const ProblemBatch<float>&, Objective, std::int32_t*, double*, double*,
                    const Execution&);
template void match(const ProblemBatch<double>&, Objective, std::int32_t*, double*, double*,
                    const Execution&);

}  // namespace isogram
