// Column duals for an assignment from a few annealed Sinkhorn sweeps (Sharify, Gaubert and
// Grigori, arXiv:1104.3830): exp((u_i + v_j − C_ij)/ε) is scaled to unit row and column sums while
// ε falls, and u and v go towards optimal duals. Any duals are a legal start: nothing here needs
// to be accurate, and float32 exponentials serve float64 problems too.
//
// Logarithms and powers are to base 2 throughout.
#pragma once

#include <type_traits>

#include "assign_problem.cuh"

namespace isogram::cuda {

// The first ε, of the mean reduced cost; ε is halved from sweep to sweep.
inline constexpr float kFirstTemperature = 0.375F;

// Mean square of reduced costs, of their squared mean, above which a few large ones would leave the
// duals of the others no digits. Most tokens have 1.2 to 3, an exponential distribution has 2.
inline constexpr double kMostUneven = 3;

// Least mean reduced cost, of the largest magnitude of costs, that T can tell apart.
template <class T>
inline constexpr double kLeastSpread = std::is_same_v<T, float> ? 0x1p-16 : 0x1p-45;

// Keeps logarithms and reciprocals of sums finite.
inline constexpr float kTinySum = 1e-30F;

inline constexpr int kSampledRows = 16;

// The larger the problem, the dearer is a search for an augmenting path beside a sweep.
__device__ inline int sweeps_for(int cols) {
  return cols <= 24 ? 6 : cols <= 512 ? 8 : 10;
}

// Mean reduced cost in a sample of rows, above the smallest of each row; 0 where sweeps are no use.
template <class State>
__device__ double spread(const State& s) {
  const int step = (s.rows + kSampledRows - 1) / kSampledRows;
  double sum = 0;
  double squares = 0;
  double largest = 0;
  for (int i = 0; i < s.rows; i += step) {
    s.for_own(s.cols, [&](int j) {
      const double cost = s.costs(i, j);
      const double reduced = (cost - s.memory.dual[j]) - s.memory.row_value[i];
      sum += reduced;
      squares += reduced * reduced;
      largest = cost > largest ? cost : -cost > largest ? -cost : largest;
    });
  }
  const double count = static_cast<double>((s.rows + step - 1) / step) * s.cols;
  const double mean = s.team.reduced(sum, Sum()) / count;
  const double mean_square = s.team.reduced(squares, Sum()) / count;
  largest = s.team.reduced(largest, Maximum());
  if (mean_square > kMostUneven * mean * mean) return 0;
  return mean > kLeastSpread<typename State::T> * largest ? mean : 0;
}

// The plan is 2^((u_i + v_j − C_ij)/ε). A sweep scales its rows, then its columns, to unit sums.

// The plan of a warp, in registers. Halving ε is squaring the plan, so there is one exponential
// for all sweeps, and u need not be known. Lanes are 4 × 8: sums of rows are over eight of them and
// sums of columns over four, beside those within a lane, where most additions are.
template <class State>
class PlanInRegisters {
 public:
  __device__ PlanInRegisters(const State& s, float epsilon) : s_(s) {
    const float sharpness = 1 / epsilon;
#pragma unroll
    for (int b = 0; b < kCols; ++b) dual_[b] = col(b) < s.cols ? s.memory.dual[col(b)] : 0;
#pragma unroll
    for (int a = 0; a < kRows; ++a) {
      const T least = row(a) < s.rows ? s.memory.row_value[row(a)] : 0;
#pragma unroll
      for (int b = 0; b < kCols; ++b) {
        const bool is_inside = row(a) < s.rows && col(b) < s.cols;
        const T reduced = is_inside ? (s.costs(row(a), col(b)) - dual_[b]) - least : 0;
        plan_[a][b] = is_inside ? exp2f(-static_cast<float>(reduced) * sharpness) : 0;
      }
    }
  }

  __device__ void sweep(float epsilon) {
#pragma unroll
    for (int a = 0; a < kRows; ++a) {
      float sum = 0;
#pragma unroll
      for (int b = 0; b < kCols; ++b) sum += plan_[a][b];
#pragma unroll
      for (int lane = 1; lane < kLaneCols; lane *= 2) sum += __shfl_xor_sync(kAllLanes, sum, lane);
      const float factor = 1 / (sum + kTinySum);
#pragma unroll
      for (int b = 0; b < kCols; ++b) plan_[a][b] *= factor;
    }
#pragma unroll
    for (int b = 0; b < kCols; ++b) {
      float sum = kTinySum / kLaneRows;
#pragma unroll
      for (int a = 0; a < kRows; ++a) sum += plan_[a][b];
#pragma unroll
      for (int lane = kLaneCols; lane < kWarp; lane *= 2) {
        sum += __shfl_xor_sync(kAllLanes, sum, lane);
      }
      const float logarithm = log2f(sum);
      dual_[b] -= epsilon * logarithm;
      const float factor = exp2f(-logarithm);
#pragma unroll
      for (int a = 0; a < kRows; ++a) plan_[a][b] *= factor;
    }
  }

  __device__ void halve_epsilon() {
#pragma unroll
    for (auto& entries : plan_) {
#pragma unroll
      for (float& entry : entries) entry *= entry;
    }
  }

  __device__ void store_duals() const {
#pragma unroll
    for (int b = 0; b < kCols; ++b) {
      if (row(0) == 0 && col(b) < s_.cols) s_.memory.dual[col(b)] = dual_[b];
    }
  }

 private:
  using T = typename State::T;
  static constexpr int kLaneRows = 4;
  static constexpr int kLaneCols = 8;
  static constexpr int kRows = State::kSide / kLaneRows;
  static constexpr int kCols = State::kSide / kLaneCols;
  static_assert(State::kSide % kLaneCols == 0 && State::kThreads == kWarp);

  __device__ int row(int a) const { return s_.team.lane() / kLaneCols + a * kLaneRows; }
  __device__ int col(int b) const { return s_.team.lane() % kLaneCols + b * kLaneCols; }

  const State& s_;
  float plan_[kRows][kCols];
  T dual_[kCols];
};

template <class State>
__device__ void anneal_in_registers(State& s, float epsilon, int sweeps) {
  PlanInRegisters<State> plan(s, epsilon);
  for (int n = 0; n < sweeps; ++n) {
    if (n > 0) plan.halve_epsilon();
    plan.sweep(epsilon);
    epsilon /= 2;
  }
  s.team.sync();
  plan.store_duals();
  s.team.sync();
}

// An entry of the plan, where u_i is in `row_value`.
template <class State>
__device__ float plan_entry(const State& s, int i, int j, float sharpness) {
  const auto reduced = (s.costs(i, j) - s.memory.dual[j]) - s.memory.row_value[i];
  return exp2f(-static_cast<float>(reduced) * sharpness);
}

// Exponentials are computed anew for rows and for columns: that takes no memory, and no longer than
// to load, square and store them.
template <class State>
__device__ void sweep(State& s, float epsilon) {
  const float sharpness = 1 / epsilon;
  s.for_rows_of_warp([&](int i) {
    float sum = 0;
    s.for_lanes(s.cols, [&](int j) { sum += plan_entry(s, i, j, sharpness); });
    sum = warp_reduced(sum, Sum());
    __syncwarp();  // all lanes have read the row's value
    if (s.team.lane() == 0) s.memory.row_value[i] -= epsilon * log2f(sum + kTinySum);
  });
  s.team.sync();
  s.for_own(s.cols, [&](int j) {
    float sum = 0;
    for (int i = 0; i < s.rows; ++i) sum += plan_entry(s, i, j, sharpness);
    s.memory.dual[j] -= epsilon * log2f(sum + kTinySum);
  });
  s.team.sync();
}

// From duals v in `dual` and the row minima of reduced costs in `row_value`. Returns whether it did
// anything.
template <class State>
__device__ bool anneal(State& s) {
  const auto width = static_cast<float>(spread(s));
  if (width == 0) return false;
  float epsilon = kFirstTemperature * width;
  const int sweeps = sweeps_for(s.cols);
  if constexpr (State::kThreads == kWarp) {
    anneal_in_registers(s, epsilon, sweeps);
  } else {
    for (int n = 0; n < sweeps; ++n, epsilon /= 2) sweep(s, epsilon);
  }
  return true;
}

}  // namespace isogram::cuda
