// Sums over features of a function of two rows, for all pairs of rows: a GEMM with another function
// than the product.
#pragma once

#include <cstdint>

#include "launch.cuh"

namespace isogram::cuda {

// A block of 16 × 16 threads takes 64 × 64 pairs, each thread 4 × 4, so that each value read from
// shared memory is used four times. Features come in slices of 16.
inline constexpr int kPairThreads = 16;
inline constexpr int kPairs = 4;
inline constexpr int kPairEdge = kPairThreads * kPairs;
inline constexpr int kSlice = 16;

// A slice of 64 rows, feature by feature. Padded: threads store 16 features at a time, and without
// padding all of them would meet the same bank.
template <class T>
struct alignas(16) RowSlice {
  T values[kSlice][kPairEdge + kPairs];
};

template <class T>
struct PairSlices {
  RowSlice<T> rows;
  RowSlice<T> cols;
};

// Rows beyond the matrix, and features beyond their number, are 0.
template <class T>
__device__ void load_slice(const Matrix<const T>& x, std::int64_t first_row, std::int64_t first_col,
                           RowSlice<T>& slice) {
  const std::int64_t col = first_col + threadIdx.x;
#pragma unroll
  for (int r = 0; r < kPairEdge; r += kPairThreads) {
    const int in_slice = r + static_cast<int>(threadIdx.y);
    const std::int64_t row = first_row + in_slice;
    const bool is_inside = row < x.rows && col < x.cols;
    slice.values[threadIdx.x][in_slice] = is_inside ? x.data[row * x.stride + col] : T(0);
  }
}

// tile_ij = function.finish(Σ_k function.term(a_ik, b_jk)) for rows of a from place.row on and rows
// of b from place.col on. term(0, 0) must be 0. Function::kUnrolled is the number of features of a
// slice that are unrolled: all where terms are short. Each slice has a sum of its own, which keeps
// rounding errors small.
template <class T, class Out, class Function>
__global__ void __launch_bounds__(kPairThreads* kPairThreads)
    pair_sums(Matrix<const T> a, Matrix<const T> b, Place place, Matrix<Out> tile,
              Function function) {
  auto& slices = shared_memory<PairSlices<T>>();
  const std::int64_t top = std::int64_t{blockIdx.y} * kPairEdge;
  const std::int64_t left = std::int64_t{blockIdx.x} * kPairEdge;
  const int row = static_cast<int>(threadIdx.y) * kPairs;
  const int col = static_cast<int>(threadIdx.x) * kPairs;
  T sums[kPairs][kPairs] = {};
  for (std::int64_t feature = 0; feature < a.cols; feature += kSlice) {
    load_slice(a, place.row + top, feature, slices.rows);
    load_slice(b, place.col + left, feature, slices.cols);
    __syncthreads();
    T of_slice[kPairs][kPairs] = {};
#pragma unroll Function::kUnrolled
    for (int k = 0; k < kSlice; ++k) {
#pragma unroll
      for (int i = 0; i < kPairs; ++i) {
#pragma unroll
        for (int j = 0; j < kPairs; ++j) {
          of_slice[i][j] +=
              function.term(slices.rows.values[k][row + i], slices.cols.values[k][col + j]);
        }
      }
    }
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
#pragma unroll
      for (int j = 0; j < kPairs; ++j) sums[i][j] += of_slice[i][j];
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kPairs; ++i) {
#pragma unroll
    for (int j = 0; j < kPairs; ++j) {
      const std::int64_t r = top + row + i;
      const std::int64_t c = left + col + j;
      if (r < tile.rows && c < tile.cols) {
        tile.data[r * tile.stride + c] = function.finish(sums[i][j]);
      }
    }
  }
}

// Enqueues pair_sums() for all of `tile`.
template <class T, class Out, class Function>
void launch_pairs(Stream stream, const Matrix<const T>& a, const Matrix<const T>& b, Place place,
                  const Matrix<Out>& tile, const Function& function) {
  const dim3 grid(blocks_for(tile.cols, kPairEdge), blocks_for(tile.rows, kPairEdge));
  launch(pair_sums<T, Out, Function>, grid, dim3(kPairThreads, kPairThreads), sizeof(PairSlices<T>),
         stream, a, b, place, tile, function);
}

}  // namespace isogram::cuda
