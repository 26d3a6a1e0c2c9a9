// Σ X_l ∘ Y_m for all pairs of layers l and m, over parts of their tiles: what CKA adds up over
// whole tiles and GBS row by row. See add_products in isogram/cuda/cka.hpp for the reasons.
#pragma once

#include <algorithm>
#include <cstdint>

#include "isogram/cuda/cka.hpp"
#include "launch.cuh"
#include "reduce.cuh"

namespace isogram::cuda {

using detail::kThreadLayers;
using detail::layer_blocks;

inline constexpr int kProductThreads = 256;
inline constexpr int kMinChunk = 32;  // entries of every layer that are in shared memory together
inline constexpr int kMaxChunk = kProductThreads;

// First holds a chunk of entries of all layers of the block, then the sums of half its threads.
inline constexpr int kSharedDoubles = kProductThreads / 2 * kThreadLayers * kThreadLayers;
using ProductMemory = double[kSharedDoubles];

// ---- What is multiplied ----------------------------------------------------------------------

// Entry (i, j) of layer l; rows may be those of the tiles or, with strides swapped, their columns.
template <class T>
struct LayerEntries {
  const T* data;
  int layers;
  std::int64_t layer_stride, row_stride, col_stride;
};

// A chunk is `height` rows × as many columns as then fit. Chunks are numbered along the columns of
// one strip of `height` rows, then along those of the next.
template <class T>
struct LayerPairs {
  LayerEntries<T> x, y;
  std::int64_t rows, cols;
  bool is_one_set;         // x and y are the same, and only pairs l ≤ m are wanted
  int x_cells, y_cells;    // kThreadLayers each: the layers of a block
  int x_blocks, y_blocks;  // of layers
  int height = 1;
  int chunk;  // entries of it in shared memory

  __host__ __device__ int chunk_cols() const { return chunk / height; }
  __host__ __device__ std::int64_t chunks_per_strip() const {
    return (cols + chunk_cols() - 1) / chunk_cols();
  }
  __host__ __device__ std::int64_t strips() const { return (rows + height - 1) / height; }
};

enum class Along { rows, columns };

template <class T>
LayerEntries<T> entries_of(const Tiles<const T>& tiles, Along along) {
  const auto layers = static_cast<int>(tiles.layers);
  if (along == Along::rows) return {tiles.data, layers, tiles.layer_stride, tiles.stride, 1};
  return {tiles.data, layers, tiles.layer_stride, 1, tiles.stride};
}

// Layers of a block, in cells of kThreadLayers.
inline int block_cells(std::int64_t layers) {
  const std::int64_t cells = (layers + kThreadLayers - 1) / kThreadLayers;
  return static_cast<int>((cells + layer_blocks(layers) - 1) / layer_blocks(layers));
}

// As many entries as fit. A row of shared memory has one double more than it needs, so that threads
// which read the same entry of different layers meet different banks.
inline int chunk_of(int layers) {
  int chunk = kMaxChunk;
  while (chunk > kMinChunk && layers * (chunk + 1) > kSharedDoubles) chunk /= 2;
  return chunk;
}

template <class T>
LayerPairs<T> layer_pairs(const Tiles<const T>& x, const Tiles<const T>& y, Along along) {
  LayerPairs<T> pairs{};
  pairs.x = entries_of(x, along);
  pairs.y = entries_of(y, along);
  pairs.rows = along == Along::rows ? x.rows : x.cols;
  pairs.cols = along == Along::rows ? x.cols : x.rows;
  pairs.is_one_set = x.data == y.data && x.layers == y.layers;
  pairs.x_cells = block_cells(x.layers);
  pairs.y_cells = block_cells(y.layers);
  pairs.x_blocks = static_cast<int>(layer_blocks(x.layers));
  pairs.y_blocks = static_cast<int>(layer_blocks(y.layers));
  pairs.chunk = chunk_of(static_cast<int>(kThreadLayers) * (pairs.x_cells + pairs.y_cells));
  return pairs;
}

// ---- How a block shares the work -------------------------------------------------------------

// A thread has one cell of layer pairs. The threads of a group have different cells and the same
// entries; the groups take turns at the entries of a chunk. Threads that are left over only help to
// load.
struct Team {
  int x_first, y_first;  // layers of the block
  bool is_diagonal;      // of one set: x and y are the same layers, cells below the diagonal unused
  int cells;             // per group
  int groups;            // a multiple of the chunk's height
  int group, row, col;   // of this thread

  __device__ bool is_at_work() const { return group < groups; }
};

// Cell (row, col) on or above the diagonal of count × count, where they are numbered row by row.
__device__ inline void find_upper_cell(int index, int count, int& row, int& col) {
  row = 0;
  for (; index >= count - row; ++row) index -= count - row;
  col = row + index;
}

// Of a block whose layers are number blockIdx.y of all pairs of blocks of layers; of one set, of
// those on or above the diagonal.
template <class T>
__device__ Team team_of(const LayerPairs<T>& pairs) {
  const int number = static_cast<int>(blockIdx.y);
  int x_block = number / pairs.y_blocks;
  int y_block = number % pairs.y_blocks;
  if (pairs.is_one_set) find_upper_cell(number, pairs.x_blocks, x_block, y_block);

  Team team;
  team.x_first = x_block * pairs.x_cells * static_cast<int>(kThreadLayers);
  team.y_first = y_block * pairs.y_cells * static_cast<int>(kThreadLayers);
  team.is_diagonal = pairs.is_one_set && x_block == y_block;
  team.cells =
      team.is_diagonal ? pairs.x_cells * (pairs.x_cells + 1) / 2 : pairs.x_cells * pairs.y_cells;
  team.groups = kProductThreads / team.cells / pairs.height * pairs.height;
  const int thread = static_cast<int>(threadIdx.x);
  team.group = thread / team.cells;
  const int cell = thread % team.cells;
  team.row = cell / pairs.y_cells;
  team.col = cell % pairs.y_cells;
  if (team.is_diagonal) find_upper_cell(cell, pairs.x_cells, team.row, team.col);
  return team;
}

// Of the blocks of a launch.
template <class T>
int most_cells(const LayerPairs<T>& pairs) {
  const bool is_triangle = pairs.is_one_set && pairs.x_blocks == 1;
  return is_triangle ? pairs.x_cells * (pairs.x_cells + 1) / 2 : pairs.x_cells * pairs.y_cells;
}

template <class T>
unsigned layer_block_pairs(const LayerPairs<T>& pairs) {
  return static_cast<unsigned>(pairs.is_one_set ? pairs.x_blocks * (pairs.x_blocks + 1) / 2
                                                : pairs.x_blocks * pairs.y_blocks);
}

// ---- Sums over chunks ------------------------------------------------------------------------

using CellSums = double[kThreadLayers][kThreadLayers];

// Where the entry that a thread loads from every chunk stands.
struct Cursor {
  std::int64_t row, col;   // of the entry
  std::int64_t first_col;  // it has in the first chunk of a strip

  template <class T>
  __device__ Cursor(const LayerPairs<T>& pairs, std::int64_t chunk) {
    const int entry = static_cast<int>(threadIdx.x) % pairs.chunk;
    first_col = entry / pairs.height;
    row = chunk / pairs.chunks_per_strip() * pairs.height + entry % pairs.height;
    col = chunk % pairs.chunks_per_strip() * pairs.chunk_cols() + first_col;
    // What is left over beside whole columns of the chunk stays outside.
    if (first_col >= pairs.chunk_cols()) row = pairs.rows;
  }

  template <class T>
  __device__ void advance(const LayerPairs<T>& pairs) {
    col += pairs.chunk_cols();
    if (col - first_col < pairs.cols) return;
    col = first_col;
    row += pairs.height;
  }
};

// Loads one chunk of `layers` layers from number `first` on. What does not exist counts as 0.
template <class T>
__device__ void load_chunk(const LayerEntries<T>& from, int first, int layers, bool is_inside,
                           const Cursor& cursor, int chunk, double* to) {
  const int entry = static_cast<int>(threadIdx.x) % chunk;
  const std::int64_t offset = cursor.row * from.row_stride + cursor.col * from.col_stride;
#pragma unroll 6
  for (int l = static_cast<int>(threadIdx.x) / chunk; l < layers; l += kProductThreads / chunk) {
    const bool exists = is_inside && first + l < from.layers;
    to[l * (chunk + 1) + entry] =
        exists ? static_cast<double>(from.data[(first + l) * from.layer_stride + offset]) : 0.0;
  }
}

// Adds what the thread's group has to do with the chunk in shared memory.
__device__ inline void multiply_chunk(const Team& team, const double* x, const double* y,
                                      int entries, int stride, CellSums& sums) {
  x += team.row * static_cast<int>(kThreadLayers) * stride;
  y += team.col * static_cast<int>(kThreadLayers) * stride;
  for (int entry = team.group; entry < entries; entry += team.groups) {
    double of_x[kThreadLayers];
    double of_y[kThreadLayers];
#pragma unroll
    for (int l = 0; l < kThreadLayers; ++l) {
      of_x[l] = x[l * stride + entry];
      of_y[l] = y[l * stride + entry];
    }
#pragma unroll
    for (int l = 0; l < kThreadLayers; ++l) {
#pragma unroll
      for (int m = 0; m < kThreadLayers; ++m) sums[l][m] += of_x[l] * of_y[m];
    }
  }
}

// Adds the chunks from number `begin` to `end` to the sums of the thread's cell: all that its group
// has of them.
template <class T>
__device__ void add_chunks(const LayerPairs<T>& pairs, const Team& team, std::int64_t begin,
                           std::int64_t end, ProductMemory& memory, CellSums& sums) {
  const int x_layers = pairs.x_cells * static_cast<int>(kThreadLayers);
  const int y_layers = pairs.y_cells * static_cast<int>(kThreadLayers);
  double* x = memory;
  double* y = team.is_diagonal ? x : x + x_layers * (pairs.chunk + 1);
  Cursor cursor(pairs, begin);
  for (std::int64_t chunk = begin; chunk < end; ++chunk, cursor.advance(pairs)) {
    const bool is_inside = cursor.row < pairs.rows && cursor.col < pairs.cols;
    load_chunk(pairs.x, team.x_first, x_layers, is_inside, cursor, pairs.chunk, x);
    if (!team.is_diagonal) {
      load_chunk(pairs.y, team.y_first, y_layers, is_inside, cursor, pairs.chunk, y);
    }
    __syncthreads();
    if (team.is_at_work()) {
      multiply_chunk(team, x, y, pairs.chunk_cols() * pairs.height, pairs.chunk + 1, sums);
    }
    __syncthreads();
  }
}

// Adds up the sums of groups for the same row of a chunk, pair by pair of them in a fixed order:
// the first `height` groups then have the totals. Uses the memory that add_chunks is done with.
__device__ inline void add_groups(const Team& team, int height, ProductMemory& memory,
                                  CellSums& sums) {
  for (int count = team.groups / height; count > 1;) {
    const int half = (count + 1) / 2;
    const int sender = team.group - half * height;
    double* slot = memory + (sender >= 0 ? sender : team.group) * team.cells +
                   static_cast<int>(threadIdx.x) % team.cells;
    if (sender >= 0 && team.group < count * height) {
#pragma unroll
      for (int p = 0; p < kThreadLayers * kThreadLayers; ++p) {
        slot[p * (kProductThreads / 2)] = sums[p / kThreadLayers][p % kThreadLayers];
      }
    }
    __syncthreads();
    if (team.group < (count - half) * height) {
#pragma unroll
      for (int p = 0; p < kThreadLayers * kThreadLayers; ++p) {
        sums[p / kThreadLayers][p % kThreadLayers] += slot[p * (kProductThreads / 2)];
      }
    }
    __syncthreads();
    count = half;
  }
}

// Calls visit(l, m, sum) for the wanted pairs of the thread's cell.
template <class T, class Visit>
__device__ void for_each_pair(const LayerPairs<T>& pairs, const Team& team, const CellSums& sums,
                              Visit visit) {
#pragma unroll
  for (int i = 0; i < kThreadLayers; ++i) {
#pragma unroll
    for (int j = 0; j < kThreadLayers; ++j) {
      const int l = team.x_first + team.row * static_cast<int>(kThreadLayers) + i;
      const int m = team.y_first + team.col * static_cast<int>(kThreadLayers) + j;
      const bool is_wanted =
          l < pairs.x.layers && m < pairs.y.layers && (!pairs.is_one_set || l <= m);
      if (is_wanted) visit(l, m, sums[i][j]);
    }
  }
}

}  // namespace isogram::cuda
