#include "isogram/parallel.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "isogram/arithmetic.hpp"
#include "isogram/detail/clock.hpp"
#include "isogram/error.hpp"
#include "threads/cpu_quota.hpp"
#include "threads/team.hpp"

namespace isogram {

namespace {

using detail::Clock;  // Team::poll() reads it at least once per row

constexpr auto kPollInterval = std::chrono::milliseconds(100);

thread_local Worker* current_worker = nullptr;  // inside a running loop
std::atomic<int> chosen_num_threads{0};
std::atomic<unsigned> forks{0};  // from the first process to this one

constexpr long kMostThreads = 1 << 16;

// The first number of a variable such as OMP_NUM_THREADS=4,2; 0 if it is no number of threads.
int from_environment(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return 0;
  char* end = nullptr;
  const long number = std::strtol(text, &end, 10);
  const bool is_number = end != text && (*end == '\0' || *end == ',');
  return is_number && number > 0 && number <= kMostThreads ? static_cast<int>(number) : 0;
}

}  // namespace

int get_num_threads() {
  if (const int chosen = chosen_num_threads.load(); chosen > 0) return chosen;
  if (const int own = from_environment("ISOGRAM_NUM_THREADS"); own > 0) return own;
  if (const int openmp = from_environment("OMP_NUM_THREADS"); openmp > 0) return openmp;
  // An atomic, because a child forked during the initialisation of another static would wait for
  // ever.
  static std::atomic<int> allowed{0};
  if (allowed == 0) allowed = usable_cpus();
  return allowed;
}

void set_num_threads(int num_threads) {
  require(num_threads >= 0, "`num_threads` must be at least 0");
  chosen_num_threads = num_threads;
}

// One running loop: the counter from which its threads take tasks, and its first error.
class Team {
 public:
  Team(const Execution& execution, std::size_t tasks, const LoopBody& body)
      : execution_(execution), tasks_(tasks), body_(body) {}

  void work(std::size_t index, bool is_caller) noexcept {
    const UsualArithmetic usual;
    Worker worker(*this, index, is_caller);
    Worker* const outer = std::exchange(current_worker, &worker);
    try {
      for (std::size_t task; (task = next_.fetch_add(1)) < tasks_;) {
        worker.check();
        body_(task, worker);
        done_.fetch_add(1);
      }
    } catch (...) {
      fail(std::current_exception());
    }
    current_worker = outer;
  }

  // Called on the calling thread only: calls execution.poll, at most every kPollInterval.
  void poll() {
    if (!execution_.poll || Clock::now() - last_poll_ < kPollInterval) return;
    last_poll_ = Clock::now();
    report(execution_, done_.load(), tasks_);
    if (is_orphaned()) throw Forked();
  }

  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }

  // Whether execution.poll forked and this is the child, which lacks the pool's threads.
  bool is_orphaned() const { return seats_granted > 0 && forks.load() != forks_; }

  // Without a lock: in a forked child, a thread that no longer exists might hold it.
  void fail(std::exception_ptr error) noexcept {
    if (!has_failed_.exchange(true)) error_ = std::move(error);
    stopped_ = true;
    next_ = tasks_;
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

  std::size_t seats_granted = 0;  // pool threads that were invited

  // Guarded by the pool's mutex.
  std::size_t seats = 0;   // pool threads still wanted
  std::size_t inside = 0;  // pool threads now in work()
  std::size_t joined = 0;  // pool threads that have been in work()

 private:
  const Execution& execution_;
  const std::size_t tasks_;
  const LoopBody& body_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> done_{0};
  std::atomic<bool> stopped_{false};
  Clock::time_point last_poll_ = Clock::now();
  const unsigned forks_ = forks.load();
  std::atomic<bool> has_failed_{false};
  std::exception_ptr error_;  // the first error; read after all threads have left
};

void Worker::check() {
  if (is_caller_) team_.poll();
  if (team_.stopped()) throw Interrupted();
}

void check_worker() {
  if (current_worker) current_worker->check();
}

namespace {

// Threads that wait for teams to join. Never destroyed: its threads end with the process.
class Pool {
 public:
  static Pool& instance() {
    Pool* pool = current_.load();
    if (pool == nullptr) {
      auto* fresh = new Pool;
      if (current_.compare_exchange_strong(pool, fresh)) return *fresh;
      delete fresh;
    }
    return *pool;
  }

  // Runs `team` on the calling thread and on up to `helpers` pool threads.
  void run(Team& team, std::size_t helpers) {
    const auto place = invite(team, helpers);
    team.work(0, true);
    require_threads(team);
    dismiss(team, place);
  }

 private:
  // A forked child has none of its parent's threads, and its copy of the mutex may be locked: the
  // next loop makes a new pool.
  static void renew() {
    current_ = nullptr;
    ++forks;
  }

  // A forked child must not wait for threads that it lacks, nor take a lock that they might hold;
  // their tasks will not be finished.
  static void require_threads(const Team& team) {
    if (team.is_orphaned()) throw Forked();
  }

  std::list<Team*>::iterator invite(Team& team, std::size_t helpers) {
    const std::lock_guard lock(mutex_);
    grow(helpers);
    team.seats = team.seats_granted = helpers;
    const auto place = waiting_.insert(waiting_.end(), &team);
    if (helpers > 0) wake_.notify_all();
    return place;
  }

  // If the system refuses more threads, the existing ones do the work.
  void grow(std::size_t threads) {
    try {
      for (; threads_ < threads; ++threads_) std::thread([this] { serve(); }).detach();
    } catch (const std::system_error&) {
      return;
    }
  }

  void dismiss(Team& team, std::list<Team*>::iterator place) {
    std::unique_lock lock(mutex_);
    waiting_.erase(place);
    while (team.inside > 0) {
      left_.wait_for(lock, kPollInterval);
      lock.unlock();
      try {
        if (!team.stopped()) team.poll();
      } catch (...) {
        team.fail(std::current_exception());
      }
      require_threads(team);
      lock.lock();
    }
  }

  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto place = std::find_if(waiting_.begin(), waiting_.end(),
                                      [](const Team* team) { return team->seats > 0; });
      if (place == waiting_.end()) {
        wake_.wait(lock);
        continue;
      }
      Team& team = **place;
      --team.seats;
      ++team.inside;
      const std::size_t index = ++team.joined;
      lock.unlock();
      team.work(index, false);
      lock.lock();
      --team.inside;
      left_.notify_all();
    }
  }

  static inline std::atomic<Pool*> current_{nullptr};
  // Registered when the library is loaded. If it were registered at the first use, a child forked
  // meanwhile would wait for a thread of its parent.
  [[maybe_unused]] static inline const bool is_registered_ =
      pthread_atfork(nullptr, nullptr, &Pool::renew) == 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable left_;
  std::list<Team*> waiting_;
  std::size_t threads_ = 0;
};

}  // namespace

std::size_t team_size(const Execution& execution, std::size_t tasks) {
  if (current_worker || tasks <= 1) return 1;
  const int wanted = execution.num_threads > 0 ? execution.num_threads : get_num_threads();
  return std::min(static_cast<std::size_t>(wanted), tasks);
}

void parallel_for(const Execution& execution, std::size_t tasks, const LoopBody& body,
                  std::size_t max_threads) {
  const bool nested = current_worker != nullptr;
  Team team(execution, tasks, body);
  const std::size_t helpers = team_size(execution, std::min(max_threads, tasks)) - 1;
  if (helpers == 0) {
    team.work(0, !nested);
  } else {
    Pool::instance().run(team, helpers);
  }
  team.rethrow();
  if (!nested) report(execution, tasks, tasks);
}

Execution within(const Execution& execution, std::size_t done, std::size_t total,
                 std::size_t per_task) {
  Execution part{execution.num_threads, {}};
  if (execution.poll) {
    part.poll = [&execution, done, total, per_task](std::size_t tasks, std::size_t) {
      return execution.poll(std::min(done + per_task * tasks, total), total);
    };
  }
  return part;
}

Execution preparing(const Execution& execution) {
  Execution quiet{execution.num_threads, {}};
  if (execution.poll) {
    quiet.poll = [&execution](std::size_t, std::size_t) { return execution.poll(0, 0); };
  }
  return quiet;
}

void report(const Execution& execution, std::size_t done, std::size_t total) {
  if (execution.poll && !execution.poll(done, total)) throw Interrupted();
}

}  // namespace isogram
