// The parallel loop every operation runs on.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

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

// The threads that a loop over `tasks` tasks will use.
std::size_t team_size(const Execution& execution, std::size_t tasks);

// Calls body(task, worker) once for every task in [0, tasks), dynamically scheduled over
// team_size() threads, the caller among them, and never over more than `max_threads`. The first
// exception stops the loop and is rethrown here. Inside a running loop a nested one is serial.
void parallel_for(const Execution& execution, std::size_t tasks,
                  const std::function<void(std::size_t task, Worker& worker)>& body,
                  std::size_t max_threads = std::numeric_limits<std::size_t>::max());

// Working memory of a loop's threads, or of several loops one after another: one State for each
// thread, made by make() when the thread has its first task.
template <class State>
class PerWorker {
 public:
  // For loops over at most `tasks` tasks.
  PerWorker(const Execution& execution, std::size_t tasks, std::function<State()> make)
      : states_(team_size(execution, tasks)), make_(std::move(make)) {}

  State& of(const Worker& worker) {
    std::unique_ptr<State>& own = states_[worker.index];
    if (!own) own.reset(new State(make_()));  // in place: a State need not be movable
    return *own;
  }

  // The threads that there is room for.
  std::size_t size() const { return states_.size(); }

  // Calls visit(state) for every state that was made.
  template <class Visit>
  void for_each(Visit visit) {
    for (const std::unique_ptr<State>& own : states_) {
      if (own) visit(*own);
    }
  }

 private:
  std::vector<std::unique_ptr<State>> states_;
  std::function<State()> make_;
};

template <class Make>
PerWorker(const Execution&, std::size_t, Make) -> PerWorker<std::invoke_result_t<Make>>;

// Calls body(task, state, worker) once for every task, with the state of the worker's thread.
template <class State, class Body>
void parallel_for(const Execution& execution, std::size_t tasks, PerWorker<State>& states,
                  Body body) {
  const auto with_state = [&](std::size_t task, Worker& worker) {
    body(task, states.of(worker), worker);
  };
  // set_num_threads() may have been called since `states` were counted.
  parallel_for(execution, tasks, with_state, states.size());
}

// `execution` for one of several loops that report their progress as one: each of its tasks stands
// for `per_task` of `total` pieces of work, of which `done` came before.
Execution within(const Execution& execution, std::size_t done, std::size_t total,
                 std::size_t per_task = 1);

// `execution` for a loop that prepares the work: it can be stopped, but reports no progress.
Execution preparing(const Execution& execution);

// Tells execution.poll about work that is not one parallel loop; throws Interrupted if it says so.
void report(const Execution& execution, std::size_t done, std::size_t total);

}  // namespace isogram
