#include <algorithm>

#include "detail/assign_team.cuh"
#include "detail/launch.cuh"
#include "detail/number.cuh"
#include "detail/reduce.cuh"
#include "isogram/cuda/rsm.hpp"

namespace isogram::cuda {

namespace {

constexpr std::uint16_t kMatched = 0xffff;  // in place of a row's column
constexpr std::uint32_t kNoRow = ~0U;

// What a block shares of a problem with up to `side` rows and columns.
template <class T, int threads, int side>
struct GreedyMemory {
  T distances[side];  // of every row: minus its best affinity, when it was last looked for
  std::uint16_t columns[side];        // in which column that is
  std::uint32_t taken[side / kWarp];  // a bit for every column
  TeamMemory<T> team;
};

// Distances are total and the smaller the better: NaN is as good as −∞, and −0 as 0.
template <class T>
__device__ T distance_of(T affinity) {
  const T distance = T(0) - affinity;
  return distance == distance ? distance : kInfinity<T>;
}

// A row belongs to a thread, and with that to a warp.
template <class T, int threads, int side>
class GreedyMatcher {
 public:
  using Memory = GreedyMemory<T, threads, side>;

  __device__ GreedyMatcher(Memory& memory, const Reader<T>& affinities, int rows, int cols)
      : memory_(memory), team_(memory.team), affinities_(affinities), rows_(rows), cols_(cols) {}

  // In thread 0.
  __device__ double total() {
    for (int word = team_.rank(); word < side / kWarp; word += threads) memory_.taken[word] = 0;
    team_.sync();
    for (int first = team_.warp() * kWarp; first < rows_; first += threads) {
      const int end = Minimum()(first + kWarp, rows_);
      for (int row = first; row < end; ++row) look_for_column(row);
    }
    double sum = 0;
    for (int left = Minimum()(rows_, cols_); left > 0; --left) {
      const Nearest<T> next = team_.nearest(first_of_warp());
      if (team_.rank() == 0) {
        sum -= next.distance;
        take(static_cast<int>(next.code));
      }
      team_.sync();
    }
    return sum;
  }

 private:
  __device__ bool is_taken(int column) const {
    return memory_.taken[column / kWarp] >> column % kWarp & 1;
  }

  __device__ void take(int row) {
    const int column = memory_.columns[row];
    memory_.taken[column / kWarp] |= 1U << column % kWarp;
    memory_.columns[row] = kMatched;
  }

  // Of a row of the warp, which does it together. There is a free column.
  __device__ void look_for_column(int row) {
    Nearest<T> best;
    for (int column = team_.lane(); column < cols_; column += kWarp) {
      if (is_taken(column)) continue;
      best.consider(distance_of(affinities_(row, column)), static_cast<std::uint32_t>(column));
    }
    best = warp_nearest(best);
    if (team_.lane() == 0) {
      memory_.distances[row] = best.distance;
      memory_.columns[row] = static_cast<std::uint16_t>(best.code);
    }
    __syncwarp();
  }

  // The warp's row that comes first, and whose column is free. What a row has left is no better
  // than what it had: so no row that would come before it was passed over.
  __device__ Nearest<T> first_of_warp() {
    for (;;) {
      Nearest<T> own;
      for (int row = team_.rank(); row < rows_; row += threads) {
        if (memory_.columns[row] == kMatched) continue;
        own.consider(memory_.distances[row], static_cast<std::uint32_t>(row));
      }
      const Nearest<T> first = warp_nearest(own);
      if (first.code == kNoRow) return first;
      const int row = static_cast<int>(first.code);
      if (!is_taken(memory_.columns[row])) return first;
      look_for_column(row);
    }
  }

  Memory& memory_;
  Team<T, threads> team_;
  Reader<T> affinities_;
  int rows_;
  int cols_;
};

template <class T, int threads, int side>
__global__ void __launch_bounds__(threads) match_by_choice(ProblemGrid problems, double* totals) {
  using Matcher = GreedyMatcher<T, threads, side>;
  const std::int64_t r = blockIdx.x / problems.across;
  const std::int64_t c = blockIdx.x % problems.across;
  if (problems.above_diagonal && r >= c) return;
  const auto rows = problems.down_rows ? problems.down_rows[r] : static_cast<int>(problems.rows);
  const auto cols =
      problems.across_cols ? problems.across_cols[c] : static_cast<int>(problems.cols);
  const T* first =
      static_cast<const T*>(problems.data) + r * problems.down_stride + c * problems.across_stride;
  Matcher matcher(shared_memory<typename Matcher::Memory>(),
                  {first, problems.row_stride, problems.col_stride}, rows, cols);
  const double total = matcher.total();
  if (threadIdx.x == 0) totals[blockIdx.x] = total;
}

template <class T, int threads, int side>
void launch_greedy(Stream stream, const ProblemGrid& problems, double* totals) {
  launch(match_by_choice<T, threads, side>, static_cast<unsigned>(problems.down * problems.across),
         threads, sizeof(GreedyMemory<T, threads, side>), stream, problems, totals);
}

template <class T>
void launch_greedy(Stream stream, const ProblemGrid& problems, double* totals) {
  const std::int64_t side = std::max(problems.rows, problems.cols);
  if (side <= 64) return launch_greedy<T, kWarp, 64>(stream, problems, totals);
  if (side <= 1024) return launch_greedy<T, 256, 1024>(stream, problems, totals);
  launch_greedy<T, 256, kMaxMatched>(stream, problems, totals);
}

}  // namespace

void match_greedily(Stream stream, const ProblemGrid& problems, double* totals) {
  if (problems.type == Type::float64) return launch_greedy<double>(stream, problems, totals);
  launch_greedy<float>(stream, problems, totals);
}

}  // namespace isogram::cuda
