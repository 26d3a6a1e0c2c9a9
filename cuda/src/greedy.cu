#include <algorithm>
#include <limits>

#include "detail/assign_crew.cuh"
#include "detail/launch.cuh"
#include "detail/number.cuh"
#include "detail/reduce.cuh"
#include "isogram/cuda/rsm.hpp"

namespace isogram::cuda {

namespace {

// Shared memory for a problem of up to `side` rows and columns.
template <class T, int threads, int side>
struct GreedyMemory {
  // The nearest free column of every row when it was last searched, and its distance: ∞ for matched
  // rows and beyond the rows.
  T distances[side];
  std::uint16_t columns[side];
  std::uint32_t taken[side / kWarp];  // a bit for every column, set beyond the columns
  CrewMemory<T> crew;
};

template <class T>
constexpr T kLargest = std::numeric_limits<T>::max();

// The nearest entry is chosen first, and a distance of ∞ never: so NaN and −∞ count as the lowest
// number.
template <class T>
__device__ T distance_of(T affinity) {
  const T distance = -affinity;
  return distance < kInfinity<T> ? distance : kLargest<T>;
}

// A row belongs to one thread, and so to one warp.
template <class T, int threads, int side>
class GreedyMatcher {
 public:
  using Memory = GreedyMemory<T, threads, side>;

  // `chosen` receives the column of every row, unless null.
  __device__ GreedyMatcher(Memory& memory, const Reader<T>& affinities, int rows, int cols,
                           std::int32_t* chosen)
      : memory_(memory),
        crew_(memory.crew),
        affinities_(affinities),
        rows_(rows),
        cols_(cols),
        chosen_(chosen) {}

  // The total in thread 0; undefined in others.
  __device__ double total() {
    start();
    double sum = 0;
    for (int left = Minimum()(rows_, cols_); left > 0; --left) {
      const Nearest<T> next = crew_.nearest(first_of_warp());  // all threads have read `taken`
      if (crew_.rank() == 0) {
        sum -= next.distance;
        take(static_cast<int>(next.code));
      }
      crew_.sync();
    }
    return sum;
  }

 private:
  __device__ void start() {
    for (int word = crew_.rank(); word < side / kWarp; word += threads) {
      const int free = cols_ - word * kWarp;
      memory_.taken[word] = free >= kWarp ? 0U : free > 0 ? ~0U << free : ~0U;
    }
    for (int row = crew_.rank(); row < side; row += threads) memory_.distances[row] = kInfinity<T>;
    for (int row = crew_.rank(); chosen_ && row < rows_; row += threads) chosen_[row] = -1;
    crew_.sync();
    for (int first = crew_.warp() * kWarp; first < rows_; first += threads) {
      const int end = Minimum()(first + kWarp, rows_);
      for (int row = first; row < end; ++row) look_for_column(row);
    }
  }

  __device__ bool is_taken(int column) const {
    return memory_.taken[column / kWarp] >> column % kWarp & 1;
  }

  __device__ void take(int row) {
    const int column = memory_.columns[row];
    memory_.taken[column / kWarp] |= 1U << column % kWarp;
    memory_.distances[row] = kInfinity<T>;
    if (chosen_) chosen_[row] = column;
  }

  // The whole warp searches one of its rows; a free column exists. All loads of a round are under
  // way before the first is needed.
  __device__ void look_for_column(int row) {
    constexpr int at_once = side / kWarp < 4 ? side / kWarp : 4;
    Nearest<T> best;
#pragma unroll 1
    for (int base = 0; base < side && base < cols_; base += at_once * kWarp) {
      const int first = base + crew_.lane();
      T affinity[at_once];
#pragma unroll
      for (int k = 0; k < at_once; ++k) {
        affinity[k] = affinities_(row, Minimum()(first + k * kWarp, cols_ - 1));
      }
#pragma unroll
      for (int k = 0; k < at_once; ++k) {
        const int column = first + k * kWarp;
        consider(is_taken(column) ? kInfinity<T> : distance_of(affinity[k]), column, best);
      }
    }
    best = warp_nearest(best);
    if (crew_.lane() == 0) {
      memory_.distances[row] = best.distance;
      memory_.columns[row] = static_cast<std::uint16_t>(best.code);
    }
    __syncwarp();
  }

  // The warp's nearest row whose kept column is still free. A new search never finds a nearer
  // column than the kept one, so no other row of the warp can be nearer.
  __device__ Nearest<T> first_of_warp() {
    for (;;) {
      Nearest<T> own;
#pragma unroll
      for (int k = 0; k < side / threads; ++k) {
        const int row = crew_.rank() + k * threads;
        consider(memory_.distances[row], row, own);
      }
      const Nearest<T> first = warp_nearest(own);
      if (first.distance == kInfinity<T>) return first;
      const int row = static_cast<int>(first.code);
      const bool is_free = !is_taken(memory_.columns[row]);
      __syncwarp();  // all lanes have read the row before one of them changes it
      if (is_free) return first;
      look_for_column(row);
    }
  }

  // Calls come in ascending order of `number`, so that a tie keeps the smaller one.
  __device__ static void consider(T distance, int number, Nearest<T>& best) {
    if (distance < best.distance) best = {distance, static_cast<std::uint32_t>(number)};
  }

  Memory& memory_;
  Crew<T, threads> crew_;
  Reader<T> affinities_;
  int rows_;
  int cols_;
  std::int32_t* chosen_;
};

// Blocks per multiprocessor: more would leave threads too few registers.
template <int threads>
constexpr int kGreedyBlocks = threads == kWarp ? 24 : 6;

template <class T, int threads, int side>
__global__ void __launch_bounds__(threads, kGreedyBlocks<threads>)
    match_by_choice(ProblemGrid problems, std::int32_t* columns, double* totals) {
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
                  {first, problems.row_stride, problems.col_stride}, rows, cols,
                  columns ? columns + blockIdx.x * problems.rows : nullptr);
  const double total = matcher.total();
  if (threadIdx.x == 0) totals[blockIdx.x] = total;
}

template <class T, int threads, int side>
void launch_greedy(Stream stream, const ProblemGrid& problems, std::int32_t* columns,
                   double* totals) {
  launch(match_by_choice<T, threads, side>, static_cast<unsigned>(problems.down * problems.across),
         threads, sizeof(GreedyMemory<T, threads, side>), stream, problems, columns, totals);
}

template <class T>
void launch_greedy(Stream stream, const ProblemGrid& problems, std::int32_t* columns,
                   double* totals) {
  const std::int64_t side = std::max(problems.rows, problems.cols);
  if (side <= 64) return launch_greedy<T, kWarp, 64>(stream, problems, columns, totals);
  if (side <= 1024) return launch_greedy<T, 256, 1024>(stream, problems, columns, totals);
  launch_greedy<T, 256, kMaxMatched>(stream, problems, columns, totals);
}

}  // namespace

void match_greedily(Stream stream, const ProblemGrid& problems, std::int32_t* columns,
                    double* totals) {
  if (problems.type == Type::float64) {
    return launch_greedy<double>(stream, problems, columns, totals);
  }
  launch_greedy<float>(stream, problems, columns, totals);
}

}  // namespace isogram::cuda
