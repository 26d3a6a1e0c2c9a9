#include "isogram/cuda/center.hpp"

#include <cmath>

#include "detail/entries.cuh"
#include "detail/launch.cuh"
#include "detail/number.cuh"
#include "detail/reduce.cuh"
#include "detail/strips.cuh"
#include "isogram/detail/centering.hpp"

namespace isogram::cuda {

namespace {

// ---- Numbers near the largest ----------------------------------------------------------------

// Sums over a row of doubles are in units of 2^exponent, sums over all rows in units of 2^(2
// exponent): they cannot overflow. Sums of floats need no unit.
int exponent_of_sums(const Input& k) {
  return k.type == Type::float64 ? std::ilogb(static_cast<double>(k.rows)) + 1 : 0;
}

// Shifts and differences are computed in units of 2^kRoom: for entries below m, the shifts of a row
// and a column add up to less than 7 m.
constexpr int kRoom = 3;
constexpr double kUnit = 1 << kRoom;

// ---- Sums of rows and columns ----------------------------------------------------------------

// A block of 256 threads sums the rows and columns of a tile of 64 × 64 entries, in two halves
// each: 4 · 64 sums.
constexpr int kEdge = 64;
constexpr int kHalf = kEdge / 2;
constexpr int kSumThreads = 4 * kEdge;
constexpr int kRowsAtOnce = kSumThreads / kEdge;

template <class T>
struct SumTile {
  T values[kEdge][kEdge + 1];  // padded: the entries of a column lie in different banks
  double halves[4][kEdge];
};

// Two independent sums: an addition need not wait for the one before.
template <class Value>
__device__ double half_sum(Value value) {
  double even = 0;
  double odd = 0;
#pragma unroll
  for (int i = 0; i < kHalf; i += 2) {
    even += value(i);
    odd += value(i + 1);
  }
  return even + odd;
}

// Loads a tile, times `unit`; 0 beyond the matrix and, if hollow, on its diagonal. Diagonal entries
// are left out rather than subtracted later, because they may be far larger than all others.
template <class X, class T>
__device__ void load_tile(const X& k, std::int64_t n, bool hollow, T unit, std::int64_t top,
                          std::int64_t left, SumTile<T>& tile) {
  const int col = static_cast<int>(threadIdx.x) % kEdge;
  const int first = static_cast<int>(threadIdx.x) / kEdge;
  const std::int64_t j = left + col;
  T values[kEdge / kRowsAtOnce];  // all loads are under way before the first is needed
#pragma unroll
  for (int r = 0; r < kEdge; r += kRowsAtOnce) {
    const std::int64_t i = top + r + first;
    const bool counts = i < n && j < n && !(hollow && i == j);
    values[r / kRowsAtOnce] = counts ? unit * k(i, j) : T(0);
  }
#pragma unroll
  for (int r = 0; r < kEdge; r += kRowsAtOnce) {
    tile.values[r + first][col] = values[r / kRowsAtOnce];
  }
}

// Writes row_sums[tile column, i] and col_sums[tile row, j] of every tile. In a symmetric matrix
// the column sums of a tile have the bits of the row sums of its mirror image.
template <class X, class T>
__global__ void __launch_bounds__(kSumThreads)
    sum_tile(X k, std::int64_t n, bool hollow, T unit, double* row_sums, double* col_sums) {
  auto& tile = shared_memory<SumTile<T>>();
  const std::int64_t top = std::int64_t{blockIdx.y} * kEdge;
  const std::int64_t left = std::int64_t{blockIdx.x} * kEdge;
  load_tile(k, n, hollow, unit, top, left, tile);
  __syncthreads();
  const int line = static_cast<int>(threadIdx.x) % kEdge;
  const int part = static_cast<int>(threadIdx.x) / kEdge;  // row halves, column halves
  const int begin = part % 2 * kHalf;
  const double half = part < 2
                          ? half_sum([&](int i) { return double{tile.values[line][begin + i]}; })
                          : half_sum([&](int i) { return double{tile.values[begin + i][line]}; });
  tile.halves[part][line] = half;
  __syncthreads();
  if (part % 2 == 1) return;
  const double sum = half + tile.halves[part + 1][line];
  const std::int64_t place = (part == 0 ? top : left) + line;
  if (place >= n) return;
  if (part == 0) {
    row_sums[blockIdx.x * n + place] = sum;
  } else {
    col_sums[blockIdx.y * n + place] = sum;
  }
}

// sums[i] = Σ partials[strip, i]. Blocks with blockIdx.y = 0 add row sums, the others column sums.
__global__ void __launch_bounds__(kWarp* kStripThreads)
    sum_strips(const double* partials, std::int64_t strips, std::int64_t n, double* sums) {
  const std::int64_t place = strip_column();
  const double* own = partials + blockIdx.y * strips * n;
  const double sum =
      sum_of_rows(0, strips, place < n, [&](std::int64_t strip) { return own[strip * n + place]; });
  if (threadIdx.y == 0 && place < n) sums[blockIdx.y * n + place] = sum;
}

constexpr int kTotalThreads = 1024;

__global__ void __launch_bounds__(kTotalThreads)
    sum_total(const double* sums, std::int64_t n, double unit, double* total) {
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < n; i += kTotalThreads) sum += unit * sums[i];
  sum = block_reduced(sum, Sum(), shared_memory<double[kMaxWarps]>());
  if (threadIdx.x == 0) *total = sum;
}

// ---- Differences -----------------------------------------------------------------------------

// k_ij − (R_i / a − S / 2b) − (C_j / a − S / 2b), with a and b of isogram/detail/centering.hpp.
template <class T>
struct Centered : EveryEntry {
  const double* row_sums;
  const double* col_sums;
  const double* total;
  double share_of_sum;    // 1 / a, including the change of units from sums to shifts
  double share_of_total;  // 1 / 2b, likewise
  bool hollow;
  double of_total = 0;

  struct Shift {
    std::int64_t index;
    double value;
  };

  __device__ void begin() { of_total = *total * share_of_total; }
  __device__ Shift row(std::int64_t i) const { return {i, row_sums[i] * share_of_sum - of_total}; }
  __device__ Shift column(std::int64_t j) const {
    return {j, col_sums[j] * share_of_sum - of_total};
  }
  __device__ T operator()(Shift row, Shift column, T entry) const {
    if (hollow && row.index == column.index) return 0;
    return static_cast<T>(kUnit * (entry / kUnit - (row.value + column.value)));
  }
};

std::int64_t tiles_in(std::int64_t n) {
  return (n + kEdge - 1) / kEdge;
}

// The parts of scratch.
struct Scratch {
  Scratch(std::int64_t n, double* memory)
      : partials(memory), sums(partials + 2 * tiles_in(n) * n), total(sums + 2 * n) {}
  double* partials;  // rows, then columns
  double* sums;      // rows, then columns
  double* total;
};

void launch_sums(Stream stream, const Input& k, bool hollow, const Scratch& scratch) {
  const std::int64_t n = k.rows;
  const std::int64_t strips = tiles_in(n);
  const auto edge = static_cast<unsigned>(strips);
  with_reader(k, [&](auto reader) {
    using X = decltype(reader);
    using T = typename X::Value;
    const auto unit = static_cast<T>(std::ldexp(1.0, -exponent_of_sums(k)));
    launch(sum_tile<X, T>, dim3(edge, edge), dim3(kSumThreads), sizeof(SumTile<T>), stream, reader,
           n, hollow, unit, scratch.partials, scratch.partials + strips * n);
  });
  launch(sum_strips, dim3(blocks_for(n, kWarp), 2), dim3(kWarp, kStripThreads),
         sizeof(StripPartials), stream, scratch.partials, strips, n, scratch.sums);
  launch(sum_total, dim3(1), dim3(kTotalThreads), kMaxWarps * sizeof(double), stream, scratch.sums,
         n, std::ldexp(1.0, -exponent_of_sums(k)), scratch.total);
}

}  // namespace

std::int64_t center_scratch(std::int64_t n) {
  return 2 * tiles_in(n) * n + 2 * n + 1;
}

template <class T>
void center(Stream stream, const Input& k, bool debiased, Matrix<T> out, double* memory) {
  const Scratch scratch(k.rows, memory);
  launch_sums(stream, k, debiased, scratch);
  const auto shares = isogram::detail::centering_shares(static_cast<double>(k.rows), debiased);
  const int exponent = exponent_of_sums(k);
  const Centered<T> centered{{},
                             scratch.sums,
                             scratch.sums + k.rows,
                             scratch.total,
                             std::ldexp(1 / shares.of_sum, exponent - kRoom),
                             std::ldexp(1 / (2 * shares.of_total), 2 * exponent - kRoom),
                             debiased};
  with_reader(k, [&](auto reader) { launch_map(stream, reader, out, centered); });
}

template void center(Stream, const Input&, bool, Matrix<float>, double*);
template void center(Stream, const Input&, bool, Matrix<double>, double*);

}  // namespace isogram::cuda
