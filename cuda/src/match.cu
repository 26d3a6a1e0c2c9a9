#include "isogram/cuda/match.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "detail/assign_crew.cuh"
#include "detail/assign_paths.cuh"
#include "detail/assign_problem.cuh"
#include "detail/assign_start.cuh"
#include "detail/launch.cuh"
#include "detail/number.cuh"
#include "isogram/detail/certificate.hpp"

namespace isogram::cuda {

namespace {

using Count = unsigned long long;
using detail::MatchedEntries;
using detail::Proof;

// Up to this many rows and columns the working memory of a block is shared memory.
constexpr int kMostInShared = 256;

// More blocks than a device runs at once; each takes problems until none are left. A block with
// working memory in scratch fills half of a multiprocessor or more. Few problems are solved again.
constexpr std::int64_t kBlocks = 8192;
constexpr std::int64_t kBlocksInScratch = 256;
constexpr std::int64_t kBlocksAgain = 512;

constexpr Count kNone = ~Count{0};

// ---- Which problems --------------------------------------------------------------------------

// Hands out the numbers 0 to length − 1.
struct Queue {
  Count next;
  Count length;
};

// The beginning of scratch. The list of problems to be solved again follows it.
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

// ---- What a launch solves --------------------------------------------------------------------

constexpr std::uint32_t kNoProblem = ~0U;

// A problem to be solved, with rows ≤ cols: others are transposed.
struct Problem {
  std::uint32_t number = kNoProblem;
  std::uint32_t down = 0;
  std::uint32_t across = 0;
  int rows = 0;
  int cols = 0;
  bool is_transposed = false;
};

struct Task {
  ProblemGrid grid;
  Objective objective;
  Matchings matchings;
  Count* not_finite;
  Queues* queues;

  __device__ Problem problem(std::uint32_t number) const {
    const std::uint32_t down = number / static_cast<std::uint32_t>(grid.across);
    const std::uint32_t across = number % static_cast<std::uint32_t>(grid.across);
    const auto rows = grid.down_rows ? grid.down_rows[down] : static_cast<int>(grid.rows);
    const auto cols = grid.across_cols ? grid.across_cols[across] : static_cast<int>(grid.cols);
    if (rows > cols) return {number, down, across, cols, rows, true};
    return {number, down, across, rows, cols, false};
  }
  // The next of all problems or, `again`, of the problems that float32 could not prove.
  __device__ Problem next_problem(bool again) const {
    Queue& queue = again ? queues->again : queues->all;
    for (;;) {
      const Count number = atomicAdd(&queue.next, Count{1});
      if (number >= queue.length) return {};
      const Problem next =
          problem(again ? queues->list()[number] : static_cast<std::uint32_t>(number));
      if (!grid.above_diagonal || next.down < next.across) return next;
    }
  }
  // The sign of costs, which are minimised.
  template <class T>
  __device__ T sign() const {
    return objective == Objective::maximize ? T(-1) : T(1);
  }
  template <class T>
  __device__ Affinities<T> affinities(const Problem& problem) const {
    const std::int64_t item = grid.type == Type::float64 ? sizeof(double) : sizeof(float);
    const std::int64_t first =
        problem.down * grid.down_stride + problem.across * grid.across_stride;
    const auto* data = static_cast<const unsigned char*>(grid.data) + first * item;
    const std::int64_t row_bytes = grid.row_stride * item;
    const std::int64_t col_bytes = grid.col_stride * item;
    if (problem.is_transposed) return {data, grid.type, col_bytes, row_bytes};
    return {data, grid.type, row_bytes, col_bytes};
  }
  // The number of an entry in C order over all problems.
  __device__ Count number_of(const Problem& problem, int i, int j) const {
    const int row = problem.is_transposed ? j : i;
    const int col = problem.is_transposed ? i : j;
    return static_cast<Count>((problem.number * grid.rows + row) * grid.cols + col);
  }
};

// A power of two that brings the costs' largest magnitude near 1; 1 unless it is far from that.
template <class T>
__device__ T scale_for(double largest) {
  constexpr int limit = std::numeric_limits<T>::max_exponent - 2;  // the inverse is normal too
  int exponent = 0;
  frexp(largest, &exponent);
  if (exponent >= -detail::kSafeExponent && exponent <= detail::kSafeExponent) return 1;
  exponent = exponent > limit ? limit : exponent < -limit ? -limit : exponent;
  return static_cast<T>(ldexp(1.0, -exponent));
}

// Scales all costs; returns whether all kept their digits.
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
  return !s.crew.any(!is_exact);
}

// ---- One problem -----------------------------------------------------------------------------

template <class State>
__device__ void report_not_finite(const State& s, const Task& task, const Problem& problem) {
  using T = typename State::T;
  const Affinities<T> affinities = task.affinities<T>(problem);
  Count first = kNone;
  s.for_rows_of_warp([&](int i) {
    s.for_lanes(s.cols, [&](int j) {
      if (std::abs(affinities(i, j)) < kInfinity<T>) return;
      const Count number = task.number_of(problem, i, j);
      first = number < first ? number : first;
    });
  });
  if (first != kNone) atomicMin(task.not_finite, first);
}

// Reads every entry once. Returns the largest magnitude; or reports the first entry that is not
// finite and returns NaN.
template <class State>
__device__ double take_costs(State& s, const Task& task, const Problem& problem) {
  using T = typename State::T;
  const Affinities<T> affinities = task.affinities<T>(problem);
  const T sign = task.sign<T>();
  const auto infinite_from = [](int end, int k) { return k < end ? T(0) : kInfinity<T>; };
  T largest = 0;
  bool is_finite = true;
  s.for_costs([&](int i, int j) {
    const T entry = affinities(i < s.rows ? i : s.rows - 1, j < s.cols ? j : s.cols - 1);
    const T magnitude = std::abs(entry);
    is_finite &= magnitude < kInfinity<T>;
    largest = larger(magnitude, largest);
    s.costs.keep(i, j, sign * entry + (infinite_from(s.rows, i) + infinite_from(s.cols, j)));
  });
  if (!s.crew.any(!is_finite)) return s.crew.reduced(largest, Maximum());
  report_not_finite(s, task, problem);
  return kNan;
}

struct Result {
  double total = kNan;
  double gap = kNan;
  bool is_proven = false;
};

template <class State>
__device__ MatchedEntries matched_entries(const State& s, const Task& task,
                                          const Problem& problem) {
  const auto affinities = task.affinities<typename State::T>(problem);
  MatchedEntries own{.smallest = kInfinity<double>};
  s.for_own(s.rows, [&](int i) {
    const double entry = affinities(i, s.memory.column_of[i]);
    const double size = std::abs(entry);
    own.total += entry;
    own.magnitude += size;
    own.smallest = smaller(size, own.smallest);
    own.largest = larger(size, own.largest);
  });
  MatchedEntries matched{s.crew.reduced(own.total, Sum()), s.crew.reduced(own.magnitude, Sum()),
                         s.crew.reduced(own.smallest, Minimum()),
                         s.crew.reduced(own.largest, Maximum())};
  matched.round(s.rows);
  return matched;
}

// Whether NearOctaves show that no matched cost is a gate.
template <class State>
__device__ bool are_not_gated(const State& s, const MatchedEntries& matched, double scale) {
  static_assert(detail::NearOctaves::kMost < 53);  // `seen` is exact as a double
  detail::NearOctaves octaves(matched.largest * scale, matched.smallest * scale);
  s.for_costs([&](int i, int j) { octaves.include(s.costs(i, j)); });
  const auto either = [](double a, double b) {
    return static_cast<double>(static_cast<std::uint64_t>(a) | static_cast<std::uint64_t>(b));
  };
  const double seen = s.crew.reduced(static_cast<double>(octaves.seen()), either);
  octaves.include_seen(static_cast<std::uint64_t>(seen));
  return octaves.show_no_gate();
}

// Whether all matched costs are 0 and no cost is negative: then 0 is the optimum, without a proof
// by duals.
template <class State>
__device__ bool costs_nothing(const State& s, const MatchedEntries& matched) {
  if (matched.magnitude > 0) return false;
  bool is_negative = false;
  s.for_costs([&](int i, int j) { is_negative |= s.costs(i, j) < 0; });
  return !s.crew.any(is_negative);
}

template <class State>
__device__ Result solve(State& s, const Task& task, const Problem& problem, double scale) {
  start_assignment(s);
  augment_all(s);
  const MatchedEntries matched = matched_entries(s, task, problem);
  const double gap = costs_nothing(s, matched) ? 0 : detail::gap_of(slack(s), s.rows) / scale;
  const double tolerance =
      task.grid.type == Type::float64 ? detail::kTolerance<double> : detail::kTolerance<float>;
  const Proof proof = detail::proof_of(gap, matched, tolerance);
  return {matched.total, detail::gap_of_total(gap, matched),
          proof == Proof::complete ||
              (proof == Proof::if_not_gated && are_not_gated(s, matched, scale))};
}

template <class State, class ColumnOf>
__device__ void store(const State& s, const Task& task, const Problem& problem,
                      const Result& result, ColumnOf column_of) {
  if (task.matchings.columns != nullptr) {
    const int rows = static_cast<int>(task.grid.rows);
    std::int32_t* columns = task.matchings.columns + problem.number * task.grid.rows;
    s.for_own(rows, [&](int row) { columns[row] = column_of(row); });
  }
  if (s.crew.rank() > 0) return;
  task.matchings.totals[problem.number] = result.total;
  task.matchings.gaps[problem.number] = result.gap;
  if (task.matchings.is_proven != nullptr) {
    task.matchings.is_proven[problem.number] = result.is_proven;
  }
}

template <class State>
__device__ void match_one(State& s, const Task& task, const Problem& problem) {
  using T = typename State::T;
  const auto unmatched = [](int) { return kFree; };
  if (s.rows == 0) {
    return store(s, task, problem, {.total = 0, .gap = 0, .is_proven = true}, unmatched);
  }
  const double largest = take_costs(s, task, problem);
  if (!(largest >= 0)) return store(s, task, problem, Result(), unmatched);
  const T scale = scale_for<T>(largest);
  const bool is_exact = scale == 1 || rescale(s, scale);
  s.crew.sync();
  Result result = solve(s, task, problem, scale);
  result.is_proven = result.is_proven && is_exact;
  const int rows = problem.is_transposed ? s.cols : s.rows;
  const std::int32_t* columns = problem.is_transposed ? s.memory.row_of : s.memory.column_of;
  store(s, task, problem, result, [&](int row) { return row < rows ? columns[row] : kFree; });
  if constexpr (std::is_same_v<T, float>) {
    if (s.crew.rank() == 0 && !result.is_proven) task.queues->add(problem.number);
  }
}

// ---- Kernels ---------------------------------------------------------------------------------

// Solves problems until none are left. The next problem is kept in shared memory, because registers
// are scarce.
template <class State, class MakeCosts>
__device__ void match_queue(const Task& task, bool again, typename State::Crew::Memory& crew,
                            typename State::Memory& memory, Problem& problem,
                            MakeCosts make_costs) {
  const typename State::Crew members(crew);
  for (;;) {
    members.sync();
    if (members.rank() == 0) problem = task.next_problem(again);
    members.sync();
    if (problem.number == kNoProblem) return;
    State s{members, memory, make_costs(problem), problem.rows, problem.cols};
    match_one(s, task, problem);
  }
}

// The most warps per multiprocessor that leave each other enough registers; the code takes more
// registers on compute capability 10.
template <class T, int side>
constexpr int most_warps() {
  constexpr bool is_float = sizeof(T) == sizeof(float);
  if (side <= 32) return is_float || !kIsDataCenterBlackwell ? 20 : 16;
  if (side <= 52) return is_float ? (kIsDataCenterBlackwell ? 12 : 16) : 8;
  return is_float && !kIsDataCenterBlackwell ? 12 : 8;
}

template <class T, int side>
struct ByWarp {
  using State = AssignmentState<T, CostsInShared<T, side>, kWarp, side>;
  struct Shared {
    typename State::Memory memory;
    typename State::Costs::Memory costs;
    typename State::Crew::Memory crew;
    Problem problem;
  };
  static constexpr int kInProcessor = std::min(most_warps<T, side>(), blocks_in_shared<Shared>);
};

template <class T, int side>
__global__ void __launch_bounds__(kWarp, ByWarp<T, side>::kInProcessor)
    match_by_warps(Task task, bool again) {
  using Method = ByWarp<T, side>;
  using State = typename Method::State;
  auto& shared = shared_memory<typename Method::Shared>();
  match_queue<State>(task, again, shared.crew, shared.memory, shared.problem,
                     [&](const Problem&) { return typename State::Costs(shared.costs); });
}

template <class T, int threads, int side>
struct ByBlock {
  using State = AssignmentState<T, CostsInPlace<T>, threads, side>;
  static constexpr bool kInShared = side <= kMostInShared;
  static constexpr int kInProcessor = kInShared ? 8 : 1;
  struct Nothing {};
  struct Shared {
    std::conditional_t<kInShared, typename State::Memory, Nothing> memory;
    typename State::Crew::Memory crew;
    Problem problem;
  };
};

template <class T, int threads, int side>
__global__ void __launch_bounds__(threads, ByBlock<T, threads, side>::kInProcessor)
    match_by_blocks(Task task, bool again, unsigned char* scratch) {
  using Method = ByBlock<T, threads, side>;
  using State = typename Method::State;
  auto& shared = shared_memory<typename Method::Shared>();
  const auto match_with = [&](typename State::Memory& memory) {
    match_queue<State>(task, again, shared.crew, memory, shared.problem,
                       [&](const Problem& problem) {
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
  if (side <= 52) return launch_warps<T, 52>(stream, task, again, blocks);
  if (side <= 64) return launch_warps<T, 64>(stream, task, again, blocks);
  if (side <= 256) return launch_blocks<T, 64, 256>(stream, task, again, blocks, scratch);
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
