// Column duals for an assignment from a few annealed Sinkhorn sweeps (Sharify, Gaubert and
// Grigori, arXiv:1104.3830): exp((u_i + v_j − C_ij)/ε) is scaled to unit row and column sums while
// ε falls, and u and v approach optimal duals. Any duals are a legal start, so nothing here needs
// to be accurate, and float32 exponentials serve float64 problems too.
//
// Logarithms and powers are to base 2 throughout.
#pragma once

#include <cmath>
#include <type_traits>

#include "approximate.cuh"
#include "assign_problem.cuh"

namespace isogram::cuda {

// The first ε, as a part of the mean reduced cost; ε is halved from sweep to sweep.
inline constexpr float kFirstTemperature = 0.375F;

// The largest ratio of the mean square of reduced costs to their squared mean. Above it a few large
// costs would leave the duals of the others no digits. Most tokens have 1.2 to 3, an exponential
// distribution has 2.
inline constexpr double kMostUneven = 3;

// The least mean reduced cost, as a part of the costs' largest magnitude, that T can resolve.
template <class T>
inline constexpr double kLeastSpread = std::is_same_v<T, float> ? 0x1p-16 : 0x1p-45;

// The least mean reduced cost: neither 1/ε nor ε after all sweeps leaves float32's range. The mean
// of a sample may be tiny if it misses a few rows of large costs.
inline constexpr float kLeastWidth = 0x1p-80F;

// Keeps logarithms and reciprocals of sums finite.
inline constexpr float kTinySum = 1e-30F;

// Larger problems have more sweeps, because a search for an augmenting path costs more there.
__device__ inline int sweeps_for(int cols) {
  return cols <= 24 ? 6 : cols <= 512 ? 8 : 10;
}

// The mean reduced cost in a sample of rows, less each row's smallest; 0 where sweeps are no use.
template <class State>
__device__ float spread(const State& s) {
  float sum = 0;
  float squares = 0;
  float largest = 0;
  int count = 0;
  s.for_sample([&](int i, int j) {
    const auto cost = s.costs(i, j);
    const auto reduced = static_cast<float>((cost - s.memory.dual[j]) - s.memory.row_minimum[i]);
    sum += reduced;
    squares += reduced * reduced;
    largest = larger(std::abs(static_cast<float>(cost)), largest);
    ++count;
  });
  const double entries = s.crew.reduced(count, Sum());
  const double total = s.crew.reduced(sum, Sum());
  const double total_squares = s.crew.reduced(squares, Sum());
  const double least = kLeastSpread<typename State::T> * s.crew.reduced(largest, Maximum());
  const bool is_even = entries * total_squares <= kMostUneven * total * total;
  const auto width = static_cast<float>(total / entries);
  return is_even && total > least * entries && width > kLeastWidth ? width : 0;
}

// The plan is 2^((u_i + v_j − C_ij)/ε). A sweep scales its rows, then its columns, to unit sums.

// The plan of a warp's problem, in registers. Halving ε is squaring the plan, so there is one
// exponential for all sweeps, and u need not be known.
template <class State>
class PlanInRegisters {
 public:
  __device__ PlanInRegisters(const State& s, float epsilon) : s_(s) {
    const float sharpness = 1 / epsilon;
#pragma unroll
    for (int b = 0; b < Lanes::kCols; ++b) {
      dual_[b] = Lanes::col(b) < s.cols ? s.memory.dual[Lanes::col(b)] : 0;
    }
#pragma unroll
    for (int a = 0; a < Lanes::kRows; ++a) {
      const T least = Lanes::row(a) < s.rows ? s.memory.row_minimum[Lanes::row(a)] : 0;
#pragma unroll
      for (int b = 0; b < Lanes::kCols; ++b) {
        const T reduced = (s.costs(Lanes::row(a), Lanes::col(b)) - dual_[b]) - least;
        plan_[a][b] = approximate_exp2(-static_cast<float>(reduced) * sharpness);
      }
    }
  }

  __device__ void sweep(float epsilon) {
#pragma unroll
    for (int a = 0; a < Lanes::kRows; ++a) {
      float sum = kTinySum / kLaneCols;
#pragma unroll
      for (int b = 0; b < Lanes::kCols; ++b) sum += plan_[a][b];
#pragma unroll
      for (int lane = 1; lane < kLaneCols; lane *= 2) sum += __shfl_xor_sync(kAllLanes, sum, lane);
      const float factor = approximate_reciprocal(sum);
#pragma unroll
      for (int b = 0; b < Lanes::kCols; ++b) plan_[a][b] *= factor;
    }
#pragma unroll
    for (int b = 0; b < Lanes::kCols; ++b) {
      float sum = kTinySum / kLaneRows;
#pragma unroll
      for (int a = 0; a < Lanes::kRows; ++a) sum += plan_[a][b];
#pragma unroll
      for (int lane = kLaneCols; lane < kWarp; lane *= 2) {
        sum += __shfl_xor_sync(kAllLanes, sum, lane);
      }
      dual_[b] -= epsilon * approximate_log2(sum);
      const float factor = approximate_reciprocal(sum);
#pragma unroll
      for (int a = 0; a < Lanes::kRows; ++a) plan_[a][b] *= factor;
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
    for (int b = 0; b < Lanes::kCols; ++b) {
      if (Lanes::lane_row() == 0 && Lanes::col(b) < s_.cols)
        s_.memory.dual[Lanes::col(b)] = dual_[b];
    }
  }

 private:
  using T = typename State::T;
  using Lanes = typename State::Lanes;

  const State& s_;
  float plan_[Lanes::kRows][Lanes::kCols];
  T dual_[Lanes::kCols];
};

template <class State>
__device__ void anneal_in_registers(State& s, float epsilon, int sweeps) {
  PlanInRegisters<State> plan(s, epsilon);
  for (int n = 0; n < sweeps; ++n) {
    if (n > 0) plan.halve_epsilon();
    plan.sweep(epsilon);
    epsilon /= 2;
  }
  s.crew.sync();
  plan.store_duals();
  s.crew.sync();
}

// An entry of the plan, where u_i is in `row_minimum`.
template <class State, class T>
__device__ float plan_entry(const State& s, int i, int j, T cost, float sharpness) {
  const T reduced = (cost - s.memory.dual[j]) - s.memory.row_minimum[i];
  return approximate_exp2(-static_cast<float>(reduced) * sharpness);
}

// A warp takes all columns of a row at once. Its scaled entries are added to the column sums while
// they are in registers, so that costs are read once.
template <class State>
__device__ void sweep_by_rows(State& s, float epsilon) {
  using T = typename State::T;
  constexpr int kColumns = State::kAtOnce;
  const float sharpness = 1 / epsilon;
  const auto column = [&](int k) { return s.crew.lane() + k * kWarp; };
  T dual[kColumns];
  float sums[kColumns] = {};
#pragma unroll
  for (int k = 0; k < kColumns; ++k) dual[k] = column(k) < s.cols ? s.memory.dual[column(k)] : 0;
  s.for_rows_of_warp([&](int i) {
    T costs[kColumns];
    s.template load_row<kWarp>(i, column(0), costs);
    const T row_minimum = s.memory.row_minimum[i];
    float plan[kColumns];
    float sum = kTinySum / kWarp;
#pragma unroll
    for (int k = 0; k < kColumns; ++k) {
      const T reduced = (costs[k] - dual[k]) - row_minimum;
      plan[k] = approximate_exp2(-static_cast<float>(reduced) * sharpness);
      sum += plan[k];
    }
    sum = warp_reduced(sum, Sum());
    const float factor = approximate_reciprocal(sum);
#pragma unroll
    for (int k = 0; k < kColumns; ++k) sums[k] += plan[k] * factor;
    __syncwarp();  // all lanes have read the row's dual
    if (s.crew.lane() == 0) s.memory.row_minimum[i] = row_minimum - epsilon * approximate_log2(sum);
  });
#pragma unroll
  for (int k = 0; k < kColumns; ++k) s.memory.column_sums[s.crew.warp()][column(k)] = sums[k];
  s.crew.sync();
  s.for_own(s.cols, [&](int j) {
    float sum = kTinySum;
#pragma unroll
    for (const auto& of_warp : s.memory.column_sums) sum += of_warp[j];
    s.memory.dual[j] -= epsilon * approximate_log2(sum);
  });
  s.crew.sync();
}

// Exponentials are computed for rows and again for columns: that needs no memory, and is no slower
// than loading, squaring and storing them.
template <class State>
__device__ void sweep_by_rows_and_columns(State& s, float epsilon) {
  using T = typename State::T;
  const float sharpness = 1 / epsilon;
  s.for_rows_of_warp([&](int i) {
    float sum = 0;
    s.for_costs_of_row(i, [&](int j, T cost) { sum += plan_entry(s, i, j, cost, sharpness); });
    sum = warp_reduced(sum, Sum());
    __syncwarp();  // all lanes have read the row's dual
    if (s.crew.lane() == 0) s.memory.row_minimum[i] -= epsilon * approximate_log2(sum + kTinySum);
  });
  s.crew.sync();
  s.for_own(s.cols, [&](int j) {
    float sum = 0;
    s.for_costs_of_column(j, [&](int i, T cost) { sum += plan_entry(s, i, j, cost, sharpness); });
    s.memory.dual[j] -= epsilon * approximate_log2(sum + kTinySum);
  });
  s.crew.sync();
}

// Sweeps, from duals v in `dual` and the row minima of reduced costs in `row_minimum`. Returns
// false if sweeps are no use; then nothing has changed.
template <class State>
__device__ bool anneal(State& s) {
  const float width = spread(s);
  if (width == 0) return false;
  float epsilon = kFirstTemperature * width;
  const int sweeps = sweeps_for(s.cols);
  if constexpr (State::kIsWarp) {
    anneal_in_registers(s, epsilon, sweeps);
  } else {
    for (int n = 0; n < sweeps; ++n, epsilon /= 2) {
      if constexpr (State::kTakesRows) {
        sweep_by_rows(s, epsilon);
      } else {
        sweep_by_rows_and_columns(s, epsilon);
      }
    }
  }
  return true;
}

}  // namespace isogram::cuda
