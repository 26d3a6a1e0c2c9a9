// One kernel for all functions that change the entries of a matrix one by one. Memory sets the
// pace, so entries move in full lines, and many loads are under way at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "launch.cuh"
#include "number.cuh"
#include "reduce.cuh"

namespace isogram::cuda {

// A block of 32 × 8 threads takes 32 rows of 128 entries: each thread 4 entries of each of 4 rows.
inline constexpr int kEntryThreads = 8;
inline constexpr int kEntries = 4;
inline constexpr int kEntryRows = 4;

// Adjacent items that are loaded and stored at once.
template <class T>
struct alignas(std::min(sizeof(T) * kEntries, std::size_t{16})) Pack {
  T items[kEntries];
};

template <class T>
bool is_aligned(const T* data, std::int64_t stride) {
  return reinterpret_cast<std::uintptr_t>(data) % alignof(Pack<T>) == 0 && stride % kEntries == 0;
}

// The columns of a thread's entries: adjacent where packs can be loaded; else 32 apart, so that the
// entries of a warp are adjacent.
template <bool packed>
struct Columns {
  std::int64_t first;

  __device__ Columns()
      : first(std::int64_t{blockIdx.x} * kWarp * kEntries + threadIdx.x * (packed ? kEntries : 1)) {
  }
  __device__ std::int64_t operator[](int k) const { return first + k * (packed ? 1 : kWarp); }
};

// The thread's entries of a row of `cols`; 0 beyond its end.
template <bool packed, class Element, class T>
__device__ void load_entries(const Reader<Element>& in, std::int64_t row, Columns<packed> columns,
                             std::int64_t cols, T (&values)[kEntries]) {
  if (packed && columns.first + kEntries <= cols) {
    const auto pack =
        *reinterpret_cast<const Pack<Element>*>(in.data + row * in.row_stride + columns.first);
#pragma unroll
    for (int k = 0; k < kEntries; ++k) values[k] = static_cast<T>(widened(pack.items[k]));
    return;
  }
#pragma unroll
  for (int k = 0; k < kEntries; ++k) {
    values[k] = columns[k] < cols ? static_cast<T>(in(row, columns[k])) : T(0);
  }
}

template <bool packed, class T>
__device__ void store_entries(const Matrix<T>& out, std::int64_t row, Columns<packed> columns,
                              const T (&values)[kEntries]) {
  T* target = out.data + row * out.stride;
  if (packed && columns.first + kEntries <= out.cols) {
    Pack<T> pack;
#pragma unroll
    for (int k = 0; k < kEntries; ++k) pack.items[k] = values[k];
    *reinterpret_cast<Pack<T>*>(target + columns.first) = pack;
    return;
  }
#pragma unroll
  for (int k = 0; k < kEntries; ++k) {
    if (columns[k] < out.cols) target[columns[k]] = values[k];
  }
}

// The thread's r-th row, counted from `top`.
__device__ inline std::int64_t row_from(std::int64_t top, int r) {
  return top + r * kEntryThreads;
}

// Computes again the entries whose bits are set in `lost`: bit r * kEntries + k for entry k of the
// thread's r-th row. They are few as a rule; the warp computes one after another.
template <bool packed, class T, class Function>
__device__ void recompute(std::uint32_t lost, std::int64_t top, Columns<packed> columns,
                          const Matrix<T>& out, const Function& function) {
  while (const std::uint32_t losers = __ballot_sync(kAllLanes, lost != 0)) {
    const int loser = __ffs(static_cast<int>(losers)) - 1;
    const int entry = lost == 0 ? 0 : __ffs(static_cast<int>(lost)) - 1;
    const std::int64_t i = __shfl_sync(kAllLanes, row_from(top, entry / kEntries), loser);
    const std::int64_t j = __shfl_sync(kAllLanes, columns[entry % kEntries], loser);
    const T value = function.again(i, j);
    if (static_cast<int>(threadIdx.x) != loser) continue;
    out.data[i * out.stride + j] = value;
    lost &= lost - 1;
  }
}

// out_ij = function(row state i, column state j, in_ij). `in` and `out` may be the same memory, as
// every thread loads all its entries before it stores any. A Function has
//   void begin()                             called once per thread
//   Row row(i), Column column(j)             state shared by the entries of a row, of a column
//   bool keeps(Row, Column)                  whether the entry does not change
//   T operator()(Row, Column, T)
//   bool is_lost(Row, Column, T)             whether the entry has to be computed by again():
//   T again(i, j)                            called by a whole warp
template <bool packed, class Element, class T, class Function>
__global__ void __launch_bounds__(kWarp* kEntryThreads)
    map_entries(Reader<Element> in, Matrix<T> out, Function function) {
  const std::int64_t top = std::int64_t{blockIdx.y} * kEntryThreads * kEntryRows + threadIdx.y;
  const auto row_of = [&](int r) { return row_from(top, r); };
  const Columns<packed> columns;
  function.begin();

  decltype(function.column(0)) column[kEntries];
  decltype(function.row(0)) row[kEntryRows];
#pragma unroll
  for (int k = 0; k < kEntries; ++k) {
    column[k] = function.column(columns[k] < out.cols ? columns[k] : out.cols - 1);
  }
  bool keeps = true;
#pragma unroll
  for (int r = 0; r < kEntryRows; ++r) {
    row[r] = function.row(row_of(r) < out.rows ? row_of(r) : out.rows - 1);
#pragma unroll
    for (int k = 0; k < kEntries; ++k) keeps = keeps && function.keeps(row[r], column[k]);
  }
  if (__all_sync(kAllLanes, keeps)) return;

  T values[kEntryRows][kEntries];
#pragma unroll
  for (int r = 0; r < kEntryRows; ++r) {
    if (row_of(r) < out.rows) load_entries(in, row_of(r), columns, out.cols, values[r]);
  }
  std::uint32_t lost = 0;  // one bit for each of the thread's entries
#pragma unroll
  for (int r = 0; r < kEntryRows; ++r) {
    if (row_of(r) >= out.rows) break;
#pragma unroll
    for (int k = 0; k < kEntries; ++k) {
      if (columns[k] < out.cols && function.is_lost(row[r], column[k], values[r][k])) {
        lost |= 1U << (r * kEntries + k);
      }
      values[r][k] = function(row[r], column[k], values[r][k]);
    }
    store_entries(out, row_of(r), columns, values[r]);
  }
  recompute(lost, top, columns, out, function);
}

// The base of functions that compute every entry from the one before.
struct EveryEntry {
  __device__ static void begin() {}
  template <class Row, class Column>
  __device__ static bool keeps(Row, Column) {
    return false;
  }
  template <class Row, class Column, class T>
  __device__ static bool is_lost(Row, Column, T) {
    return false;
  }
  __device__ static float again(std::int64_t, std::int64_t) { return 0; }
};

// Enqueues map_entries() for all of `out`.
template <class Element, class T, class Function>
void launch_map(Stream stream, const Reader<Element>& in, const Matrix<T>& out,
                const Function& function) {
  const dim3 grid(blocks_for(out.cols, kWarp * kEntries),
                  blocks_for(out.rows, kEntryThreads * kEntryRows));
  const bool packed =
      in.col_stride == 1 && is_aligned(in.data, in.row_stride) && is_aligned(out.data, out.stride);
  const auto kernel =
      packed ? &map_entries<true, Element, T, Function> : &map_entries<false, Element, T, Function>;
  launch(kernel, grid, dim3(kWarp, kEntryThreads), 0, stream, in, out, function);
}

template <class T, class Function>
void launch_map(Stream stream, const Matrix<T>& in_place, const Function& function) {
  launch_map(stream, Reader<T>{in_place.data, in_place.stride, 1}, in_place, function);
}

}  // namespace isogram::cuda
