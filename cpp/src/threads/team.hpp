// The parallel loop of all operations.
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

// Work on fewer entries takes too little time for a check.
inline constexpr std::size_t kEntriesBetweenChecks = 4096;

// One thread of a parallel loop, passed to the loop's body.
class Worker {
 public:
  std::size_t index = 0;  // 0 … threads − 1, for the body's own working memory

  // Checks for an interrupt: throws Interrupted if the call has to stop. A body whose tasks may
  // take longer than a tenth of a second calls it from time to time.
  void check();

  // check() before work on `entries` entries, for rows that may be short: reads the clock once in
  // kEntriesBetweenChecks entries.
  void check(std::size_t entries) {
    unchecked_ += entries;
    if (unchecked_ < kEntriesBetweenChecks) return;
    unchecked_ = 0;
    check();
  }

 private:
  friend class Team;
  Worker(Team& team, std::size_t index, bool is_caller)
      : index(index), team_(team), is_caller_(is_caller) {}
  Team& team_;
  bool is_caller_;
  std::size_t unchecked_ = 0;  // entries since the last check
};

// Worker::check() of the loop that this thread runs, if any: for code deep inside a task that takes
// long for very long rows only.
void check_worker();

// check_worker() before work on `entries` entries, unless that is short.
inline void check_worker(std::size_t entries) {
  if (entries >= kEntriesBetweenChecks) check_worker();
}

// The number of threads of a loop over `tasks` tasks.
std::size_t team_size(const Execution& execution, std::size_t tasks);

// The most threads that are worth waking for a loop that reads `entries` entries once: waking a
// thread takes as long as reading some ten thousand entries.
inline std::size_t threads_for(std::size_t entries) {
  return 1 + (entries >> 15);
}

// The body of a loop: a reference to a callable, where a std::function would be a copy of all that
// it captures.
class LoopBody {
 public:
  template <class Body>
  LoopBody(const Body& body)  // NOLINT: conversion is the point
      : body_(&body), call_([](const void* callable, std::size_t task, Worker& worker) {
          (*static_cast<const Body*>(callable))(task, worker);
        }) {}
  void operator()(std::size_t task, Worker& worker) const { call_(body_, task, worker); }

 private:
  const void* body_;
  void (*call_)(const void* callable, std::size_t task, Worker& worker);
};

// Calls body(task, worker) once for every task in [0, tasks), dynamically scheduled over
// team_size() threads, including the caller, but at most `max_threads`. The first exception stops
// the loop and is rethrown. A loop nested in another is serial.
void parallel_for(const Execution& execution, std::size_t tasks, const LoopBody& body,
                  std::size_t max_threads = std::numeric_limits<std::size_t>::max());

// The working memory of the threads of a loop, or of several loops one after another: one State per
// thread, made by make() when the thread gets its first task.
template <class State>
class PerWorker {
 public:
  // Memory for loops over at most `tasks` tasks.
  PerWorker(const Execution& execution, std::size_t tasks, std::function<State()> make)
      : states_(team_size(execution, tasks)), make_(std::move(make)) {}

  State& of(const Worker& worker) {
    std::unique_ptr<State>& own = states_[worker.index];
    if (!own) own.reset(new State(make_()));  // in place: a State need not be movable
    return *own;
  }

  // The most threads of a loop that uses this memory.
  std::size_t size() const { return states_.size(); }

  // Calls visit(state) for every state that exists.
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

// `execution` for one of several loops with a common progress: each task is `per_task` of `total`
// pieces of work, after `done` pieces of earlier loops.
Execution within(const Execution& execution, std::size_t done, std::size_t total,
                 std::size_t per_task = 1);

// `execution` for a loop that prepares the work: it can be interrupted, but reports no progress.
Execution preparing(const Execution& execution);

// Calls execution.poll(done, total) for work outside a parallel loop; throws Interrupted if that
// returns false.
void report(const Execution& execution, std::size_t done, std::size_t total);

}  // namespace isogram
