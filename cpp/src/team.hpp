// The parallel loop every operation runs on.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>

#include "isogram/parallel.hpp"

namespace isogram {

class Team;

// One thread of a parallel loop, as the loop's body sees it.
class Worker {
 public:
  std::size_t index = 0;  // 0 … threads − 1, for the body's own working memory

  // Throws Interrupted when the call is to stop. A body whose tasks can take longer than a
  // tenth of a second calls this now and then.
  void check();

 private:
  friend class Team;
  Worker(Team& team, std::size_t index, bool is_caller)
      : index(index), team_(team), is_caller_(is_caller) {}
  Team& team_;
  bool is_caller_;
};

// The same for the loop that the calling thread is in, if any: for what lies deep inside a task,
// and takes long for the longest rows only.
void check_worker();

// The threads a loop over `tasks` tasks will use: the size of per-worker working memory.
std::size_t team_size(const Execution& execution, std::size_t tasks);

// Calls body(task, worker) once for every task in [0, tasks), dynamically scheduled over
// team_size() threads, the caller among them. The first exception stops the loop and is rethrown
// here. Inside a running loop a nested one is serial. Loops with memory per worker say for how
// many it is: set_num_threads() may have been called since they asked for team_size().
void parallel_for(const Execution& execution, std::size_t tasks,
                  const std::function<void(std::size_t task, Worker& worker)>& body,
                  std::size_t max_threads = std::numeric_limits<std::size_t>::max());

// `execution` for a loop that prepares the work: it can be stopped, but reports no progress.
Execution preparing(const Execution& execution);

// Tells execution.poll about work that is not one parallel loop; throws Interrupted if it says so.
void report(const Execution& execution, std::size_t done, std::size_t total);

}  // namespace isogram
