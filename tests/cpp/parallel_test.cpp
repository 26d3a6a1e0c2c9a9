#include "isogram/parallel.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "isogram/center.hpp"
#include "isogram/cka.hpp"
#include "isogram/error.hpp"
#include "isogram/gram.hpp"
#include "isogram/rsm.hpp"
#include "support.hpp"
#include "threads/team.hpp"

namespace {

using namespace isogram_test;
using isogram::Execution;
using isogram::parallel_for;
using isogram::Worker;

constexpr int kThreadCounts[] = {1, 2, 3, 5};

Execution threads(int num_threads) {
  return {.num_threads = num_threads, .poll = {}};
}

void sleep_for(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

// ---- The loop itself -------------------------------------------------------------------------

TEST(ParallelFor, RunsEveryTaskOnce) {
  for (const int num_threads : {1, 2, 3, 5, 40}) {
    for (const std::size_t tasks : {0, 1, 2, 3, 100, 5000}) {
      std::vector<std::atomic<int>> runs(tasks);
      const std::size_t team = isogram::team_size(threads(num_threads), tasks);
      EXPECT_LE(team, static_cast<std::size_t>(num_threads));
      std::atomic<bool> is_index_in_range{true};
      parallel_for(threads(num_threads), tasks, [&](std::size_t task, Worker& worker) {
        ++runs[task];
        if (worker.index >= team) is_index_in_range = false;
      });
      EXPECT_TRUE(is_index_in_range);
      for (const auto& count : runs) ASSERT_EQ(count, 1);
    }
  }
}

// No two tasks run at the same time with one worker index.
TEST(ParallelFor, WorkersOfOneIndexNeverOverlap) {
  std::vector<std::atomic<int>> inside(5);
  std::atomic<bool> overlapped{false};
  for (int round = 0; round < 50; ++round) {
    parallel_for(threads(5), 200, [&](std::size_t, Worker& worker) {
      if (++inside[worker.index] != 1) overlapped = true;
      --inside[worker.index];
    });
  }
  EXPECT_FALSE(overlapped);
}

TEST(ParallelFor, ReallyUsesThreads) {
  std::mutex mutex;
  std::set<std::thread::id> ids;
  parallel_for(threads(3), 60, [&](std::size_t, Worker&) {
    {
      const std::lock_guard lock(mutex);
      ids.insert(std::this_thread::get_id());
    }
    sleep_for(2);
  });
  EXPECT_EQ(ids.size(), 3U);
}

TEST(ParallelFor, KeepsToTheCallersMaximum) {
  std::atomic<std::size_t> largest{0};
  parallel_for(
      threads(5), 100,
      [&](std::size_t, Worker& worker) {
        for (std::size_t seen = largest; worker.index > seen;) {
          largest.compare_exchange_weak(seen, worker.index);
        }
        sleep_for(1);
      },
      2);
  EXPECT_LT(largest, 2U);
}

TEST(ParallelFor, NestedLoopsAreSerial) {
  std::atomic<int> runs{0};
  std::atomic<bool> is_serial{true};
  parallel_for(threads(3), 8, [&](std::size_t, Worker&) {
    const std::thread::id outer = std::this_thread::get_id();
    if (isogram::team_size(threads(3), 50) != 1) is_serial = false;
    parallel_for(threads(3), 50, [&](std::size_t, Worker& worker) {
      ++runs;
      if (std::this_thread::get_id() != outer || worker.index != 0) is_serial = false;
    });
    if (isogram::team_size(threads(3), 50) != 1) is_serial = false;  // still in the outer loop
  });
  EXPECT_EQ(runs, 400);
  EXPECT_TRUE(is_serial);
  EXPECT_EQ(isogram::team_size(threads(3), 50), 3U);
}

TEST(ParallelFor, ExceptionsPropagateAndLeaveThePoolUsable) {
  for (const int num_threads : kThreadCounts) {
    for (const std::size_t bad : {0, 17, 99}) {
      std::atomic<int> runs{0};
      try {
        parallel_for(threads(num_threads), 100, [&](std::size_t task, Worker&) {
          ++runs;
          if (task == bad) throw std::runtime_error("task " + std::to_string(task));
        });
        FAIL() << "nothing was thrown";
      } catch (const std::runtime_error& error) {
        EXPECT_EQ(error.what(), "task " + std::to_string(bad));
      }
      std::atomic<int> later{0};
      parallel_for(threads(num_threads), 100, [&](std::size_t, Worker&) { ++later; });
      EXPECT_EQ(later, 100);
      EXPECT_EQ(isogram::team_size(threads(3), 50), 3U) << "left inside a loop";
    }
  }
}

TEST(ParallelFor, ExceptionsOfNestedLoopsPropagate) {
  EXPECT_THROW(parallel_for(threads(3), 10,
                            [](std::size_t, Worker&) {
                              parallel_for(threads(3), 10, [](std::size_t task, Worker&) {
                                if (task == 5) throw std::out_of_range("nested");
                              });
                            }),
               std::out_of_range);
  EXPECT_EQ(isogram::team_size(threads(3), 50), 3U);
}

// ---- Polling ---------------------------------------------------------------------------------

TEST(Poll, SeesProgressFromTheCallingThreadOnly) {
  for (const int num_threads : kThreadCounts) {
    const std::thread::id caller = std::this_thread::get_id();
    std::vector<std::pair<std::size_t, std::size_t>> seen;
    const Execution execution{num_threads, [&](std::size_t done, std::size_t total) {
                                EXPECT_EQ(std::this_thread::get_id(), caller);
                                seen.push_back({done, total});
                                return true;
                              }};
    parallel_for(execution, 60, [](std::size_t, Worker&) { sleep_for(10); });
    ASSERT_GE(seen.size(), 2U);
    EXPECT_LE(seen.size(), 9U);  // about ten times a second
    for (std::size_t i = 0; i < seen.size(); ++i) {
      EXPECT_EQ(seen[i].second, 60U);
      EXPECT_TRUE(i == 0 || seen[i - 1].first <= seen[i].first);
    }
    EXPECT_EQ(seen.back().first, 60U);
  }
}

// Total 0 while preparing, then progress that never goes backwards and ends at the total.
void expect_monotone_progress(const std::function<void(const Execution&)>& call) {
  std::vector<std::pair<std::size_t, std::size_t>> seen;
  call({2, [&](std::size_t done, std::size_t total) {
          seen.push_back({done, total});
          return true;
        }});
  ASSERT_FALSE(seen.empty());
  std::size_t done = 0;
  std::size_t total = 0;
  for (const auto& [now_done, now_total] : seen) {
    if (now_total == 0) {
      EXPECT_EQ(now_done, 0U);
      EXPECT_EQ(total, 0U) << "preparing again";
      continue;
    }
    EXPECT_TRUE(total == 0 || total == now_total);
    EXPECT_GE(now_done, done);
    done = now_done;
    total = now_total;
  }
  EXPECT_GT(total, 0U);
  EXPECT_EQ(done, total);
}

TEST(Poll, StopsTheCall) {
  for (const int num_threads : kThreadCounts) {
    std::atomic<int> runs{0};
    const Execution execution{num_threads, [](std::size_t, std::size_t) { return false; }};
    const auto before = std::chrono::steady_clock::now();
    EXPECT_THROW(parallel_for(execution, 1000,
                              [&](std::size_t, Worker&) {
                                ++runs;
                                sleep_for(5);
                              }),
                 isogram::Interrupted);
    EXPECT_LT(runs, 500);
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
  }
}

// One long task per thread: Worker::check() stops it, on the caller's thread and on others.
TEST(Poll, StopsLongTasksThatCheck) {
  for (const int num_threads : kThreadCounts) {
    const Execution execution{num_threads, [](std::size_t, std::size_t) { return false; }};
    const auto before = std::chrono::steady_clock::now();
    EXPECT_THROW(parallel_for(execution, static_cast<std::size_t>(num_threads),
                              [&](std::size_t, Worker& worker) {
                                for (int i = 0; i < 3000; ++i) {
                                  worker.check();
                                  sleep_for(1);
                                }
                              }),
                 isogram::Interrupted);
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
  }
}

// The caller has no tasks left, and polls while the others work.
TEST(Poll, IsAskedWhileOthersWork) {
  const std::thread::id caller = std::this_thread::get_id();
  const Execution execution{2, [](std::size_t, std::size_t) { return false; }};
  std::atomic<bool> has_helper{false};
  const auto before = std::chrono::steady_clock::now();
  EXPECT_THROW(parallel_for(execution, 2,
                            [&](std::size_t, Worker& worker) {
                              if (std::this_thread::get_id() == caller) {
                                while (!has_helper) std::this_thread::yield();
                                return;
                              }
                              has_helper = true;
                              for (int i = 0; i < 3000; ++i) {
                                worker.check();
                                sleep_for(1);
                              }
                            }),
               isogram::Interrupted);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
}

TEST(Poll, MayThrow) {
  for (const int num_threads : kThreadCounts) {
    const Execution execution{num_threads, [](std::size_t, std::size_t) -> bool {
                                throw std::domain_error("from poll");
                              }};
    EXPECT_THROW(parallel_for(execution, 100, [](std::size_t, Worker&) { sleep_for(3); }),
                 std::domain_error);
    EXPECT_THROW(parallel_for(execution, 1, [](std::size_t, Worker&) {}), std::domain_error);
  }
}

TEST(Poll, MayCallIsogram) {
  const Input x(ElementType::float32, Order::c, normal_matrix(200, 5, 1));
  int calls = 0;
  const Execution execution{2, [&](std::size_t, std::size_t) {
                              Output<float> out(200, 200);
                              isogram::gram<float>(x.view(), {}, out.view(), threads(2));
                              ++calls;
                              return true;
                            }};
  parallel_for(execution, 50, [](std::size_t, Worker&) { sleep_for(10); });
  EXPECT_GE(calls, 2);
}

// ---- How many --------------------------------------------------------------------------------

class NumThreads : public testing::Test {
 protected:
  void SetUp() override { clear(); }
  void TearDown() override { clear(); }
  static void clear() {
    isogram::set_num_threads(0);
    unsetenv("ISOGRAM_NUM_THREADS");
    unsetenv("OMP_NUM_THREADS");
  }
  static void set(const char* variable, const char* value) { setenv(variable, value, 1); }
};

TEST_F(NumThreads, ComeFromCallThenSettingThenEnvironment) {
  EXPECT_GE(isogram::get_num_threads(), 1);
  set("OMP_NUM_THREADS", "6");
  EXPECT_EQ(isogram::get_num_threads(), 6);
  set("ISOGRAM_NUM_THREADS", "7");
  EXPECT_EQ(isogram::get_num_threads(), 7);
  isogram::set_num_threads(8);
  EXPECT_EQ(isogram::get_num_threads(), 8);
  EXPECT_EQ(isogram::team_size({}, 100), 8U);
  EXPECT_EQ(isogram::team_size(threads(9), 100), 9U);
  EXPECT_EQ(isogram::team_size(threads(9), 4), 4U);
  EXPECT_EQ(isogram::team_size(threads(9), 0), 1U);
  isogram::set_num_threads(0);
  EXPECT_EQ(isogram::get_num_threads(), 7);
  unsetenv("ISOGRAM_NUM_THREADS");
  EXPECT_EQ(isogram::get_num_threads(), 6);
}

TEST_F(NumThreads, VariablesWithoutANumberAreSkipped) {
  const int usable = isogram::get_num_threads();
  for (const char* text : {"", "none", "0", "-3"}) {
    set("ISOGRAM_NUM_THREADS", text);
    EXPECT_EQ(isogram::get_num_threads(), usable) << text;
  }
  set("OMP_NUM_THREADS", "5,3,2");
  EXPECT_EQ(isogram::get_num_threads(), 5);
}

TEST_F(NumThreads, MustNotBeNegative) {
  expect_contains(complaint([] { isogram::set_num_threads(-1); }), "`num_threads`");
}

// ---- Operations ------------------------------------------------------------------------------

// The results of all operations on inputs that are large enough for several threads.
std::vector<double> all_results(const Execution& execution) {
  std::vector<double> results;
  const auto keep = [&](const auto& memory) {
    results.insert(results.end(), memory.begin(), memory.end());
  };
  const Matrix latent = normal_matrix(210, 5, 2);
  const Input x(ElementType::float32, Order::c, mixed_matrix(latent, 160, 3, 0.5));
  const Input wide(ElementType::float64, Order::fortran, mixed_matrix(latent, 300, 4, 0.5));
  using isogram::Kernel;
  for (const Kernel kernel : {Kernel::linear, Kernel::cosine, Kernel::correlation, Kernel::rbf,
                              Kernel::laplacian, Kernel::laplacian_l2, Kernel::polynomial}) {
    Output<float> out(210, 210);
    isogram::gram<float>(x.view(), {.kernel = kernel, .bandwidth = 3}, out.view(), execution);
    keep(out.memory());
  }
  std::vector<double> distances(210 * 209 / 2);
  isogram::distances(x.view(), distances.data(), execution);
  keep(distances);

  Output<double> gram(210, 210);
  isogram::gram<double>(wide.view(), {}, gram.view(), execution);
  const auto view = gram.view();
  for (const isogram::Estimator estimator :
       {isogram::Estimator::biased, isogram::Estimator::debiased}) {
    Output<double> centered(210, 210);
    isogram::center<double>({view.data, 210, 210}, estimator, centered.view(), execution);
    keep(centered.memory());
    for (const Kernel kernel : {Kernel::linear, Kernel::rbf}) {
      const std::vector<isogram::Layer> layers{{x.view(), {.kernel = kernel, .bandwidth = 3}},
                                               {wide.view(), {}}};
      for (const std::size_t count : {1, 2}) {
        const auto table =
            isogram::hsic_table(std::span(layers).first(count), estimator, execution);
        keep(table.hsic);
        keep(table.self_x);
      }
    }
  }
  std::vector<Input> inputs;
  for (unsigned i = 0; i < 120; ++i) {
    inputs.emplace_back(ElementType::float32, Order::c, normal_matrix(9, 32, 50 + i));
  }
  std::vector<isogram::InputView> tokens;
  for (const Input& input : inputs) tokens.push_back(input.view());
  using isogram::Matching;
  for (const Matching matching :
       {Matching::exact, Matching::window, Matching::topk, Matching::greedy, Matching::none}) {
    Output<float> out(120, 120);
    isogram::semantic_rsm<float>(tokens, {matching, 4}, {out.view(), {}, {}}, execution);
    keep(out.memory());
  }
  return results;
}

TEST(Operations, GiveTheSameBitsForAnyNumberOfThreads) {
  const std::vector<double> wanted = all_results(threads(1));
  for (const int num_threads : kThreadCounts) {
    EXPECT_EQ(all_results(threads(num_threads)), wanted) << num_threads << " threads";
  }
}

TEST(Operations, AreSafeToCallAtTheSameTime) {
  const std::vector<double> wanted = all_results(threads(1));
  std::vector<std::vector<double>> seen(4);
  std::vector<std::thread> callers;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    callers.emplace_back([&, i] { seen[i] = all_results(threads(1 + static_cast<int>(i))); });
  }
  for (std::thread& caller : callers) caller.join();
  for (const auto& results : seen) EXPECT_EQ(results, wanted);
}

// Settings that change while other threads compute may change speed, never results or memory.
TEST(Operations, SurviveSettingsThatChangeMeanwhile) {
  const std::vector<double> wanted = all_results(threads(1));
  std::atomic<bool> is_done{false};
  std::thread meddler([&] {
    for (int n = 1; !is_done; n = n % 7 + 1) {
      isogram::set_num_threads(n);
      sleep_for(0);
    }
  });
  EXPECT_EQ(all_results({}), wanted);
  is_done = true;
  meddler.join();
  isogram::set_num_threads(0);
}

#if defined(__SSE__)

// Sets the processor's flush-to-zero and denormals-are-zero while it lives.
class FlushedToZero {
 public:
  FlushedToZero() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
  ~FlushedToZero() { _mm_setcsr(before_); }
  static bool is_on() { return (_mm_getcsr() & 0x8040) == 0x8040; }

 private:
  unsigned before_;
};

TEST(Operations, GiveTheSameBitsWhereOthersFlushToZero) {
  const Matrix small = normal_matrix(150, 20, 8, 0x1p-18);
  const Matrix smaller = normal_matrix(150, 20, 8, 0x1p-130);
  const Input half(ElementType::float16, Order::c, small);
  const Input tiny(ElementType::float32, Order::c, smaller);
  const auto results = [&](const Execution& execution) {
    std::vector<float> all;
    for (const Input* x : {&half, &tiny}) {
      for (const auto kernel : {isogram::Kernel::linear, isogram::Kernel::cosine}) {
        Output<float> out(150, 150);
        isogram::gram<float>(x->view(), {.kernel = kernel}, out.view(), execution);
        all.insert(all.end(), out.memory().begin(), out.memory().end());
      }
    }
    return all;
  };
  const std::vector<float> wanted = results(threads(1));
  const FlushedToZero flushed;
  for (const int num_threads : kThreadCounts) EXPECT_EQ(results(threads(num_threads)), wanted);
  EXPECT_TRUE(FlushedToZero::is_on());
}

TEST(ParallelFor, ComputesAsUsualOnEveryThread) {
  const FlushedToZero flushed;
  std::atomic<bool> is_usual{true};
  parallel_for(threads(9), 200, [&](std::size_t, Worker&) {
    if (FlushedToZero::is_on()) is_usual = false;
    sleep_for(1);
  });
  EXPECT_TRUE(is_usual);
}

#endif

TEST(Operations, ReportProgress) {
  const Matrix latent = normal_matrix(400, 5, 5);
  const Input narrow(ElementType::float32, Order::c, mixed_matrix(latent, 12, 6, 0.5));
  const Input wide(ElementType::float32, Order::c, mixed_matrix(latent, 900, 7, 0.5));
  for (const Input* input : {&narrow, &wide}) {
    expect_monotone_progress([&](const Execution& execution) {
      Output<float> out(400, 400);
      isogram::gram<float>(input->view(), {.kernel = isogram::Kernel::rbf}, out.view(), execution);
    });
    expect_monotone_progress([&](const Execution& execution) {
      const isogram::Layer layer{input->view(), {}};
      isogram::hsic_table({{layer, layer, layer}}, isogram::Estimator::debiased, execution);
    });
    expect_monotone_progress([&](const Execution& execution) {
      const isogram::Layer layer{input->view(), {}};
      isogram::hsic_table({{layer}}, isogram::Estimator::debiased, execution);
    });
    for (const isogram::Matching matching : {isogram::Matching::exact, isogram::Matching::none}) {
      expect_monotone_progress([&](const Execution& execution) {
        const std::vector<isogram::InputView> tokens(6, narrow.view());
        Output<float> out(6, 6);
        isogram::semantic_rsm<float>(tokens, {matching}, {out.view(), {}, {}}, execution);
      });
    }
  }
}

// Features whose debiased self-HSIC cancels are computed again as Gram matrices, with one progress
// for both.
TEST(Operations, ReportProgressOnceWhereHsicStartsAgain) {
  Matrix identity(300, Vec(300, 0));
  for (std::size_t i = 0; i < 300; ++i) identity[i][i] = 1;
  const Input orthogonal(ElementType::float32, Order::c, identity);
  const Input plain(ElementType::float32, Order::c, normal_matrix(300, 5, 8));
  expect_monotone_progress([&](const Execution& execution) {
    const isogram::Layer first{plain.view(), {}};
    isogram::hsic_table({{first, first, {orthogonal.view(), {}}}}, isogram::Estimator::debiased,
                        execution);
  });
}

TEST(Operations, StopWhenAsked) {
  const Input x(ElementType::float32, Order::c, normal_matrix(2000, 64, 9));
  std::vector<isogram::InputView> tokens;
  for (std::size_t i = 0; i < 20; ++i) {
    isogram::InputView input = x.view();
    input.rows = 400;
    input.data = static_cast<const float*>(input.data) + i * 64 * 80;
    tokens.push_back(input);
  }
  Output<float> out(2000, 2000);
  Output<float> rsm(20, 20);
  const Execution execution{2, [](std::size_t, std::size_t) { return false; }};
  const isogram::Layer layer{x.view(), {.kernel = isogram::Kernel::rbf}};
  EXPECT_THROW(isogram::gram<float>(x.view(), {}, out.view(), execution), isogram::Interrupted);
  EXPECT_THROW(isogram::hsic_table({{layer}}, isogram::Estimator::biased, execution),
               isogram::Interrupted);
  for (const isogram::Matching matching :
       {isogram::Matching::exact, isogram::Matching::window, isogram::Matching::topk,
        isogram::Matching::greedy, isogram::Matching::none}) {
    const auto before = std::chrono::steady_clock::now();
    EXPECT_THROW(
        isogram::semantic_rsm<float>(tokens, {matching, 30}, {rsm.view(), {}, {}}, execution),
        isogram::Interrupted);
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
  }
}

// ---- fork ------------------------------------------------------------------------------------

// The exit status of a child that runs `body`; −1 if it hangs or crashes.
int status_of_child(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body() ? 0 : 1);
  for (int waited = 0; waited < 2000; ++waited) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child) {
      return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    sleep_for(10);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return -1;
}

#if defined(__SANITIZE_THREAD__)
constexpr bool kForksWithThreads = false;  // the thread sanitizer cannot follow such a child
#else
constexpr bool kForksWithThreads = true;
#endif

TEST(Fork, ChildrenWorkWithThreadsOfTheirOwn) {
  if (!kForksWithThreads) GTEST_SKIP() << "not under the thread sanitizer";
  const auto works = [] {
    std::atomic<int> runs{0};
    std::mutex mutex;
    std::set<std::thread::id> ids;
    parallel_for(threads(3), 60, [&](std::size_t, Worker&) {
      ++runs;
      sleep_for(1);
      const std::lock_guard lock(mutex);
      ids.insert(std::this_thread::get_id());
    });
    return runs == 60 && ids.size() == 3;
  };
  ASSERT_TRUE(works());  // the parent has threads now
  EXPECT_EQ(status_of_child(works), 0);
  EXPECT_EQ(status_of_child([&] { return works() && status_of_child(works) == 0; }), 0);
  EXPECT_TRUE(works());
}

TEST(Fork, ChildrenOfABusyParentWork) {
  if (!kForksWithThreads) GTEST_SKIP() << "not under the thread sanitizer";
  std::atomic<bool> is_done{false};
  std::thread busy([&] {
    while (!is_done) parallel_for(threads(4), 50, [](std::size_t, Worker&) {});
  });
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(status_of_child([] {
                std::atomic<int> runs{0};
                parallel_for(threads(4), 50, [&](std::size_t, Worker&) { ++runs; });
                return runs == 50;
              }),
              0);
  }
  is_done = true;
  busy.join();
}

TEST(Fork, AChildOfPollHasNoThreadsToWaitFor) {
  if (!kForksWithThreads) GTEST_SKIP() << "not under the thread sanitizer";
  for (const int num_threads : {1, 3}) {
    std::atomic<int> runs{0};
    pid_t child = -1;
    const auto fork_once = [&](std::size_t, std::size_t) {
      if (child < 0) child = fork();
      return true;
    };
    const auto works = [&] {
      // The last task of a pool's thread outlasts the caller's tasks: the caller polls while it
      // waits.
      const Execution execution{num_threads, fork_once};
      parallel_for(execution, 40, [&](std::size_t, Worker& worker) {
        sleep_for(worker.index == 0 ? 5 : 300);
        ++runs;
      });
      return runs == 40;
    };
    if (num_threads == 1) {
      EXPECT_TRUE(works());
      if (child == 0) _exit(0);
    } else {
      try {
        EXPECT_TRUE(works());
        if (child == 0) _exit(1);
      } catch (const isogram::Forked&) {
        ASSERT_EQ(child, 0);
        child = 1;  // forks no more
        runs = 0;
        _exit(works() ? 0 : 1);
      }
    }
    ASSERT_GT(child, 0);
    const auto status = [&] {
      int result = 0;
      return waitpid(child, &result, 0) == child && result == 0;
    };
    EXPECT_TRUE(status());
  }
}

}  // namespace
