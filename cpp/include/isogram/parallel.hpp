// The number of threads of a call, its progress and its interruption.
#pragma once

#include <cstddef>
#include <functional>

namespace isogram {

// How a call runs. `poll(done, total)` is called from the calling thread only, about ten times a
// second, with the tasks finished so far (total 0: still preparing), and once at the end; when it
// returns false the call stops and throws isogram::Interrupted. `poll` may fork: the call goes on
// in the parent, and in the child a call on several threads throws isogram::Forked.
struct Execution {
  int num_threads = 0;  // 0: get_num_threads()
  std::function<bool(std::size_t done, std::size_t total)> poll;
};

// The number of threads of calls with Execution::num_threads = 0: that of set_num_threads(), else
// ISOGRAM_NUM_THREADS, else OMP_NUM_THREADS, else what affinity and the cgroup's quota allow.
int get_num_threads();

// num_threads ≥ 1, or 0 to go back to the environment's choice. Throws std::invalid_argument:
// num_threads < 0.
void set_num_threads(int num_threads);

}  // namespace isogram
