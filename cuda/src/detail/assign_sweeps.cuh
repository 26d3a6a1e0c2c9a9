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

// Keeps logarithms of sums finite.
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

// 2^((v_j + r_i − C_ij)/ε), where r_i = −u_i is in `row_value`.
template <class State>
__device__ float plan(const State& s, int i, int j, float sharpness) {
  const auto reduced = (s.costs(i, j) - s.memory.dual[j]) - s.memory.row_value[i];
  return exp2f(-static_cast<float>(reduced) * sharpness);
}

// Scales rows, then columns, to unit sums. Exponentials are computed anew: that takes no memory,
// and no longer than to load them, square them, and store them.
template <class State>
__device__ void sweep(State& s, float epsilon) {
  const float sharpness = 1 / epsilon;
  s.for_rows_of_warp([&](int i) {
    float sum = 0;
    s.for_lanes(s.cols, [&](int j) { sum += plan(s, i, j, sharpness); });
    sum = warp_reduced(sum, Sum());
    __syncwarp();  // all lanes have read the row's value
    if (s.team.lane() == 0) s.memory.row_value[i] += epsilon * log2f(sum + kTinySum);
  });
  s.team.sync();
  s.for_own(s.cols, [&](int j) {
    float sum = 0;
    for (int i = 0; i < s.rows; ++i) sum += plan(s, i, j, sharpness);
    s.memory.dual[j] -= epsilon * log2f(sum + kTinySum);
  });
  s.team.sync();
}

// From duals v in `dual` and row minima of reduced costs in `row_value`. Returns whether it did
// anything.
template <class State>
__device__ bool anneal(State& s) {
  const auto width = static_cast<float>(spread(s));
  if (width == 0) return false;
  float epsilon = kFirstTemperature * width;
  const int sweeps = sweeps_for(s.cols);
  for (int n = 0; n < sweeps; ++n, epsilon /= 2) sweep(s, epsilon);
  return true;
}

}  // namespace isogram::cuda
