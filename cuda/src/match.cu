#include "isogram/cuda/match.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "detail/assign_paths.cuh"
#include "detail/assign_problem.cuh"
#include "detail/assign_start.cuh"
#include "detail/assign_team.cuh"
#include "detail/launch.cuh"
#include "detail/number.cuh"

namespace isogram::cuda {

namespace {

using Count = unsigned long long;

// A float32 solution whose proven distance from the optimum is larger than this part of Σ|matched|
// is computed again in float64, so that every total agrees with a float64 solver's to 6 digits.
constexpr double kTolerance = 0x1p-21;  // 4.8e-7

// Costs between 2^-exponent and 2^exponent are not scaled: sums of duals do not overflow.
constexpr int kSafeExponent = 24;

// Rows and columns of problems for which the working memory of a block is shared memory.
constexpr int kMostInShared = 256;

// More blocks than processors hold at once: each takes problems until there are none. A block with
// working memory in scratch fills a processor or half of one. Problems to be solved again are few.
constexpr std::int64_t kBlocks = 8192;
constexpr std::int64_t kBlocksInScratch = 256;
constexpr std::int64_t kBlocksAgain = 512;

// Blocks that a processor holds at least: as many as leave threads the registers that they need.
template <int side>
constexpr int blocks_of = side <= 64              ? 8
                          : side <= kMostInShared ? 4
                                                  : 1;

constexpr Count kNone = ~Count{0};

// ---- Which problems --------------------------------------------------------------------------

// Hands out the numbers 0 to length − 1.
struct Queue {
  Count next;
  Count length;
};

// At the beginning of scratch: all problems; those to be solved again, in a list that follows.
struct Queues {
  Queue all;
  Queue again;
  __device__ std::uint32_t* list() { return reinterpret_cast<std::uint32_t*>(this + 1); }
  __device__ void add(std::uint32_t problem) {
    list()[atomicAdd(&again.length, Count{1})] = problem;
  }
};

__global__ void reset(Queues* queues, Count problems) {
  queues->all = {0, problems};
  queues->again = {0, 0};
}

// The same number for all threads of a block; `length` or more when there are no more. There is a
// barrier before whatever was in `slot` is overwritten.
template <class Team>
__device__ Count take(const Team& team, Queue& queue, Count& slot) {
  team.sync();
  if (team.rank() == 0) slot = atomicAdd(&queue.next, Count{1});
  team.sync();
  return slot;
}

// ---- What a launch solves --------------------------------------------------------------------

// A problem as it is solved: with no more rows than columns, so others are transposed.
struct Problem {
  std::int64_t number;
  std::int64_t down;
  std::int64_t across;
  int rows;
  int cols;
  bool is_transposed;
};

struct Task {
  ProblemGrid grid;
  Objective objective;
  Matchings matchings;
  Count* not_finite;
  Queues* queues;

  __device__ Problem problem(std::int64_t number) const {
    const std::int64_t down = number / grid.across;
    const std::int64_t across = number % grid.across;
    const auto rows = grid.down_rows ? grid.down_rows[down] : static_cast<int>(grid.rows);
    const auto cols = grid.across_cols ? grid.across_cols[across] : static_cast<int>(grid.cols);
    if (rows > cols) return {number, down, across, cols, rows, true};
    return {number, down, across, rows, cols, false};
  }
  __device__ bool is_asked_for(const Problem& problem) const {
    return !grid.above_diagonal || problem.down < problem.across;
  }
  // Of costs, which are minimised.
  template <class T>
  __device__ T sign() const {
    return objective == Objective::maximize ? T(-1) : T(1);
  }
  template <class T>
  __device__ Affinities<T> affinities(const Problem& problem) const {
    const std::int64_t first =
        problem.down * grid.down_stride + problem.across * grid.across_stride;
    const std::int64_t item = grid.type == Type::float64 ? sizeof(double) : sizeof(float);
    const void* data = static_cast<const unsigned char*>(grid.data) + first * item;
    if (problem.is_transposed) return {data, grid.type, grid.col_stride, grid.row_stride};
    return {data, grid.type, grid.row_stride, grid.col_stride};
  }
  // Number of an entry in C order of all problems.
  __device__ Count number_of(const Problem& problem, int i, int j) const {
    const int row = problem.is_transposed ? j : i;
    const int col = problem.is_transposed ? i : j;
    return static_cast<Count>((problem.number * grid.rows + row) * grid.cols + col);
  }
};

// The power of two to multiply costs by: 1 unless their largest magnitude is far from 1.
template <class T>
__device__ T scale_for(double largest) {
  constexpr int limit = std::numeric_limits<T>::max_exponent - 2;  // the inverse is normal too
  int exponent = 0;
  frexp(largest, &exponent);
  if (exponent >= -kSafeExponent && exponent <= kSafeExponent) return 1;
  exponent = exponent > limit ? limit : exponent < -limit ? -limit : exponent;
  return static_cast<T>(ldexp(1.0, -exponent));
}

// Returns whether no cost lost digits.
template <class State, class T>
__device__ bool rescale(State& s, T scale) {
  const T inverse = 1 / scale;
  bool is_exact = true;
  s.for_costs([&](int i, int j) {
    const T cost = s.costs(i, j);
    const T scaled = cost * scale;
    is_exact = is_exact && scaled * inverse == cost;
    s.costs.keep(i, j, scaled);
  });
  s.costs.scale(scale);
  return !s.team.any(!is_exact);
}

// ---- One problem -----------------------------------------------------------------------------

// Reads every entry once. Returns the largest magnitude; NaN if an entry is not finite, and then
// the first such is reported.
template <class State>
__device__ double take_costs(State& s, const Task& task, const Problem& problem) {
  using T = typename State::T;
  const Affinities<T> affinities = task.affinities<T>(problem);
  const T sign = task.sign<T>();
  T largest = 0;
  Count first = kNone;
  s.for_costs([&](int i, int j) {
    const T entry = affinities(i, j);
    const T magnitude = std::abs(entry);
    s.costs.keep(i, j, sign * entry);
    if (magnitude < kInfinity<T>) {
      largest = magnitude > largest ? magnitude : largest;
      return;
    }
    const Count number = task.number_of(problem, i, j);
    first = number < first ? number : first;
  });
  if (first != kNone) atomicMin(task.not_finite, first);
  return s.team.reduced(first == kNone ? largest : kNan, Maximum());
}

struct Result {
  double total = kNan;
  double magnitude = 0;  // Σ|matched|
  double gap = kNan;
};

template <class State>
__device__ Result solve(State& s, const Affinities<typename State::T>& affinities, double scale) {
  start_assignment(s);
  augment_all(s);
  double total = 0;
  double magnitude = 0;
  s.for_own(s.rows, [&](int i) {
    const double entry = affinities(i, s.memory.column_of[i]);
    total += entry;
    magnitude += std::abs(entry);
  });
  return {s.team.reduced(total, Sum()), s.team.reduced(magnitude, Sum()), slack(s) / scale};
}

// Rows that this problem lacks, though others of the grid have them, are unmatched.
template <class State>
__device__ void store_columns(const State& s, const Task& task, const Problem& problem) {
  const int grid_rows = static_cast<int>(task.grid.rows);
  const int rows = problem.is_transposed ? s.cols : s.rows;
  const std::int32_t* column_of = problem.is_transposed ? s.memory.row_of : s.memory.column_of;
  std::int32_t* columns = task.matchings.columns + problem.number * grid_rows;
  s.for_own(grid_rows, [&](int row) { columns[row] = row < rows ? column_of[row] : kFree; });
}

template <class State>
__device__ void store(const State& s, const Task& task, const Problem& problem,
                      const Result& result) {
  if (task.matchings.columns != nullptr) store_columns(s, task, problem);
  if (s.team.rank() > 0) return;
  task.matchings.totals[problem.number] = result.total;
  task.matchings.gaps[problem.number] = result.gap;
}

template <class State>
__device__ void leave_unmatched(State& s) {
  s.for_own(s.rows, [&](int i) { s.memory.column_of[i] = kFree; });
  s.for_own(s.cols, [&](int j) { s.memory.row_of[j] = kFree; });
  s.team.sync();
}

template <class State>
__device__ void match_one(State& s, const Task& task, const Problem& problem) {
  using T = typename State::T;
  const double largest = take_costs(s, task, problem);
  if (!(largest >= 0)) {
    leave_unmatched(s);
    return store(s, task, problem, Result());
  }
  const T scale = scale_for<T>(largest);
  const bool is_exact = scale == 1 || rescale(s, scale);
  s.team.sync();
  const Result result = solve(s, task.affinities<T>(problem), scale);
  store(s, task, problem, result);
  if constexpr (std::is_same_v<T, float>) {
    const bool is_proven = is_exact && result.gap <= kTolerance * result.magnitude;
    if (s.team.rank() == 0 && !is_proven) {
      task.queues->add(static_cast<std::uint32_t>(problem.number));
    }
  }
}

// ---- Kernels ---------------------------------------------------------------------------------

// Solves problems until there are none: all, or when float64 is to mend what float32 could not,
// those that are listed.
template <class State, class MakeCosts>
__device__ void match_queue(const Task& task, bool again, typename State::Team::Memory& team,
                            typename State::Memory& memory, Count& slot, MakeCosts make_costs) {
  Queue& queue = again ? task.queues->again : task.queues->all;
  const typename State::Team members(team);
  for (;;) {
    const Count number = take(members, queue, slot);
    if (number >= queue.length) return;
    const Problem problem =
        task.problem(again ? task.queues->list()[number] : static_cast<std::int64_t>(number));
    if (!task.is_asked_for(problem)) continue;
    State s{members, memory, make_costs(problem), problem.rows, problem.cols};
    match_one(s, task, problem);
  }
}

template <class T, int side>
struct ByWarp {
  using State = AssignmentState<T, CostsInShared<T, side>, kWarp, side>;
  struct Shared {
    typename State::Memory memory;
    typename State::Costs::Memory costs;
    typename State::Team::Memory team;
    Count slot;
  };
};

template <class T, int side>
__global__ void __launch_bounds__(kWarp, blocks_of<side>) match_by_warps(Task task, bool again) {
  using Method = ByWarp<T, side>;
  using State = typename Method::State;
  auto& shared = shared_memory<typename Method::Shared>();
  match_queue<State>(task, again, shared.team, shared.memory, shared.slot,
                     [&](const Problem&) { return typename State::Costs(shared.costs); });
}

template <class T, int threads, int side>
struct ByBlock {
  using State = AssignmentState<T, CostsInPlace<T>, threads, side>;
  static constexpr bool kInShared = side <= kMostInShared;
  struct Nothing {};
  struct Shared {
    std::conditional_t<kInShared, typename State::Memory, Nothing> memory;
    typename State::Team::Memory team;
    Count slot;
  };
};

template <class T, int threads, int side>
__global__ void __launch_bounds__(threads, blocks_of<side>)
    match_by_blocks(Task task, bool again, unsigned char* scratch) {
  using Method = ByBlock<T, threads, side>;
  using State = typename Method::State;
  auto& shared = shared_memory<typename Method::Shared>();
  const auto match_with = [&](typename State::Memory& memory) {
    match_queue<State>(task, again, shared.team, memory, shared.slot, [&](const Problem& problem) {
      return typename State::Costs(task.affinities<T>(problem), task.sign<T>());
    });
  };
  if constexpr (Method::kInShared) {
    match_with(shared.memory);
  } else {
    match_with(reinterpret_cast<typename State::Memory*>(scratch)[blockIdx.x]);
  }
}

// ---- Launches --------------------------------------------------------------------------------

constexpr std::int64_t kAlignment = 256;

std::int64_t queues_scratch(std::int64_t problems) {
  const std::int64_t bytes =
      static_cast<std::int64_t>(sizeof(Queues)) + problems * std::int64_t{sizeof(std::uint32_t)};
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

template <class T, int side>
void launch_warps(Stream stream, const Task& task, bool again, std::int64_t blocks) {
  using Shared = typename ByWarp<T, side>::Shared;
  launch(match_by_warps<T, side>, static_cast<unsigned>(std::min(blocks, kBlocks)), kWarp,
         sizeof(Shared), stream, task, again);
}

template <class T, int threads, int side>
void launch_blocks(Stream stream, const Task& task, bool again, std::int64_t blocks,
                   unsigned char* scratch) {
  using Method = ByBlock<T, threads, side>;
  const std::int64_t most = Method::kInShared ? kBlocks : kBlocksInScratch;
  launch(match_by_blocks<T, threads, side>, static_cast<unsigned>(std::min(blocks, most)), threads,
         sizeof(typename Method::Shared), stream, task, again, scratch);
}

template <class T>
void launch_match(Stream stream, const Task& task, bool again, std::int64_t blocks,
                  unsigned char* scratch) {
  const std::int64_t side = std::max(task.grid.rows, task.grid.cols);
  if (side <= 32) return launch_warps<T, 32>(stream, task, again, blocks);
  if (side <= 56) return launch_warps<T, 56>(stream, task, again, blocks);
  if (side <= 64) return launch_warps<T, 64>(stream, task, again, blocks);
  if (side <= 256) return launch_blocks<T, 128, 256>(stream, task, again, blocks, scratch);
  launch_blocks<T, 256, kMaxMatched>(stream, task, again, blocks, scratch);
}

}  // namespace

std::int64_t match_scratch(std::int64_t problems, std::int64_t rows, std::int64_t cols) {
  const bool in_shared = std::max(rows, cols) <= kMostInShared;
  return queues_scratch(problems) +
         (in_shared ? 0
                    : kBlocksInScratch *
                          std::int64_t{sizeof(AssignmentMemory<double, int{kMaxMatched}>)});
}

void match(Stream stream, const ProblemGrid& problems, Objective objective,
           const Matchings& matchings, unsigned long long* not_finite, void* scratch) {
  const std::int64_t count = problems.down * problems.across;
  if (count == 0) return;
  auto* queues = static_cast<Queues*>(scratch);
  unsigned char* memory = static_cast<unsigned char*>(scratch) + queues_scratch(count);
  const Task task{problems, objective, matchings, not_finite, queues};
  launch(reset, 1, 1, 0, stream, queues, static_cast<Count>(count));
  if (problems.type == Type::float64) {
    return launch_match<double>(stream, task, false, count, memory);
  }
  launch_match<float>(stream, task, false, count, memory);
  launch_match<double>(stream, task, true, std::min(count, kBlocksAgain), memory);
}

}  // namespace isogram::cuda
