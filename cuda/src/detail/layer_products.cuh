// Σ X_l ∘ Y_m for all pairs of layers l and m, over parts of their tiles: CKA adds the sums of
// whole tiles, GBS those of each row. See add_products() in isogram/cuda/cka.hpp for the reasons.
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

// Shared memory, first for a chunk of entries of all layers of the block, then for the sums of half
// of its threads.
inline constexpr int kSharedDoubles = kProductThreads / 2 * kThreadLayers * kThreadLayers;
using ProductMemory = double[kSharedDoubles];

// ---- Layers and chunks -----------------------------------------------------------------------

// Entry (i, j) of layer l. Rows are the rows of the tiles or, with strides swapped, their columns.
template <class T>
struct LayerEntries {
  const T* data;
  int layers;
  std::int64_t layer_stride, row_stride, col_stride;
};

// A chunk is height × width entries at the same place of every layer. Chunks are numbered along the
// columns of one strip of `height` rows, then along the next strip.
template <class T>
struct LayerProducts {
  LayerEntries<T> x, y;
  int rows, cols;
  bool is_one_set;         // x and y are the same layers, and only pairs l ≤ m are wanted
  int x_cells, y_cells;    // of kThreadLayers layers each, per block
  int x_blocks, y_blocks;  // blocks of layers
  int height, width;
  int chunk;  // entries per layer in shared memory: a power of two, at least height × width
  int strips, chunks_per_strip;
};

enum class Along { rows, columns };

template <class T>
LayerEntries<T> entries_of(const Tiles<const T>& tiles, Along along) {
  const auto layers = static_cast<int>(tiles.layers);
  if (along == Along::rows) return {tiles.data, layers, tiles.layer_stride, tiles.stride, 1};
  return {tiles.data, layers, tiles.layer_stride, 1, tiles.stride};
}

// The number of cells of kThreadLayers layers per block.
inline int block_cells(std::int64_t layers) {
  const std::int64_t cells = (layers + kThreadLayers - 1) / kThreadLayers;
  return static_cast<int>((cells + layer_blocks(layers) - 1) / layer_blocks(layers));
}

// The largest chunk that fits. The entries of a layer in shared memory are padded by one double, so
// that threads which read the same entry of different layers meet different banks.
inline int chunk_of(int layers) {
  int chunk = kMaxChunk;
  while (chunk > kMinChunk && layers * (chunk + 1) > kSharedDoubles) chunk /= 2;
  return chunk;
}

// The most cells of layer pairs that a block of the launch has.
template <class T>
int most_cells(const LayerProducts<T>& pairs) {
  const bool is_triangle = pairs.is_one_set && pairs.x_blocks == 1;
  return is_triangle ? pairs.x_cells * (pairs.x_cells + 1) / 2 : pairs.x_cells * pairs.y_cells;
}

template <class T>
LayerProducts<T> layer_products(const Tiles<const T>& x, const Tiles<const T>& y, Along along) {
  LayerProducts<T> pairs;
  pairs.x = entries_of(x, along);
  pairs.y = entries_of(y, along);
  pairs.rows = static_cast<int>(along == Along::rows ? x.rows : x.cols);
  pairs.cols = static_cast<int>(along == Along::rows ? x.cols : x.rows);
  pairs.is_one_set = x.data == y.data && x.layers == y.layers;
  pairs.x_cells = block_cells(x.layers);
  pairs.y_cells = block_cells(y.layers);
  pairs.x_blocks = static_cast<int>(layer_blocks(x.layers));
  pairs.y_blocks = static_cast<int>(layer_blocks(y.layers));
  // Along columns, 8 adjacent entries are read together, a transaction of 32 bytes, if there are
  // enough groups of threads for them.
  pairs.height = along == Along::rows ? 1 : std::min(8, kProductThreads / most_cells(pairs));
  pairs.chunk = chunk_of(kThreadLayers * (pairs.x_cells + pairs.y_cells));
  pairs.width = pairs.chunk / pairs.height;
  pairs.strips = (pairs.rows + pairs.height - 1) / pairs.height;
  pairs.chunks_per_strip = (pairs.cols + pairs.width - 1) / pairs.width;
  return pairs;
}

// ---- How a block shares the work -------------------------------------------------------------

// A thread has one cell of layer pairs. The threads of a group have different cells and the same
// entries; the groups take turns at the entries of a chunk. The remaining threads only help to
// load.
struct Share {
  int x_first, y_first;  // layers of the block
  bool is_diagonal;      // x and y are the same block of layers: no cells below the diagonal
  int cells;             // threads per group
  int groups;            // a multiple of the chunk's height
  int group, row, col;   // this thread's

  __device__ bool is_at_work() const { return group < groups; }
};

// Cell number `index` on or above the diagonal of count × count cells, row by row.
__device__ inline void find_upper_cell(int index, int count, int& row, int& col) {
  row = 0;
  for (; index >= count - row; ++row) index -= count - row;
  col = row + index;
}

// The share of a thread whose block has pair blockIdx.y of the pairs of blocks of layers; for one
// set, of the pairs on and above the diagonal.
template <class T>
__device__ Share share_of(const LayerProducts<T>& pairs) {
  const int number = static_cast<int>(blockIdx.y);
  int x_block = number / pairs.y_blocks;
  int y_block = number % pairs.y_blocks;
  if (pairs.is_one_set) find_upper_cell(number, pairs.x_blocks, x_block, y_block);

  Share share;
  share.x_first = x_block * pairs.x_cells * kThreadLayers;
  share.y_first = y_block * pairs.y_cells * kThreadLayers;
  share.is_diagonal = pairs.is_one_set && x_block == y_block;
  share.cells =
      share.is_diagonal ? pairs.x_cells * (pairs.x_cells + 1) / 2 : pairs.x_cells * pairs.y_cells;
  share.groups = kProductThreads / share.cells / pairs.height * pairs.height;
  const int thread = static_cast<int>(threadIdx.x);
  share.group = thread / share.cells;
  const int cell = thread % share.cells;
  share.row = cell / pairs.y_cells;
  share.col = cell % pairs.y_cells;
  if (share.is_diagonal) find_upper_cell(cell, pairs.x_cells, share.row, share.col);
  return share;
}

template <class T>
unsigned layer_block_pairs(const LayerProducts<T>& pairs) {
  return static_cast<unsigned>(pairs.is_one_set ? pairs.x_blocks * (pairs.x_blocks + 1) / 2
                                                : pairs.x_blocks * pairs.y_blocks);
}

// ---- Sums over chunks ------------------------------------------------------------------------

using CellSums = double[kThreadLayers][kThreadLayers];

// The entry of every layer that a thread loads from each chunk.
template <class T>
struct Cursor {
  const LayerProducts<T>& pairs;
  int entry;      // number of the entry in the chunk
  int entry_col;  // column of the entry in the chunk
  int row, col;   // place of the entry in the layer

  __device__ Cursor(const LayerProducts<T>& pairs, int strip, int chunk)
      : pairs(pairs),
        entry(static_cast<int>(threadIdx.x) % pairs.chunk),
        entry_col(entry / pairs.height),
        row(strip * pairs.height + entry % pairs.height),
        col(chunk * pairs.width + entry_col) {}

  __device__ bool exists() const {
    return entry_col < pairs.width && row < pairs.rows && col < pairs.cols;
  }

  __device__ void advance() {
    col += pairs.width;
    if (col - entry_col < pairs.cols) return;
    col = entry_col;
    row += pairs.height;
  }
};

// The threads of a block load a chunk in rounds. In a round a thread loads this many layers, all
// under way before the first is stored.
inline constexpr int kLoads = 6;

// Entries beyond the tiles and layers count as 0. Another entry is read in their place, because a
// branch would hold up the loads that follow.
template <class T>
__device__ void load_layers(const LayerEntries<T>& from, int first, int step,
                            const Cursor<T>& cursor, T (&values)[kLoads]) {
  const bool exists = cursor.exists();
  const std::int64_t offset =
      exists ? cursor.row * from.row_stride + cursor.col * from.col_stride : 0;
#pragma unroll
  for (int k = 0; k < kLoads; ++k) {
    const int layer = first + k * step;
    const int in_place = layer < from.layers ? layer : 0;
    const T value = from.data[in_place * from.layer_stride + offset];
    values[k] = exists && layer < from.layers ? value : T(0);
  }
}

template <class T>
__device__ void store_layers(const T (&values)[kLoads], int first, int layers, int step, int entry,
                             int stride, double* to) {
#pragma unroll
  for (int k = 0; k < kLoads; ++k) {
    const int layer = first + k * step;
    if (layer < layers) to[layer * stride + entry] = static_cast<double>(values[k]);
  }
}

// The chunk's entries of both sides, in shared memory.
struct ChunkMemory {
  double* x;
  double* y;
  int stride;  // from layer to layer
};

template <class T>
__device__ void load_chunk(const LayerProducts<T>& pairs, const Share& share,
                           const Cursor<T>& cursor, const ChunkMemory& to) {
  const int x_layers = pairs.x_cells * kThreadLayers;
  const int y_layers = share.is_diagonal ? 0 : pairs.y_cells * kThreadLayers;
  const int step = kProductThreads / pairs.chunk;
  for (int l = static_cast<int>(threadIdx.x) / pairs.chunk; l < x_layers || l < y_layers;
       l += kLoads * step) {
    T of_x[kLoads];
    T of_y[kLoads];
    load_layers(pairs.x, share.x_first + l, step, cursor, of_x);
    if (!share.is_diagonal) load_layers(pairs.y, share.y_first + l, step, cursor, of_y);
    store_layers(of_x, l, x_layers, step, cursor.entry, to.stride, to.x);
    if (!share.is_diagonal) store_layers(of_y, l, y_layers, step, cursor.entry, to.stride, to.y);
  }
}

// Adds the group's entries of the chunk to the thread's sums.
__device__ inline void multiply_chunk(const Share& share, const ChunkMemory& chunk, int entries,
                                      CellSums& sums) {
  const double* x = chunk.x + share.row * kThreadLayers * chunk.stride;
  const double* y = chunk.y + share.col * kThreadLayers * chunk.stride;
  for (int entry = share.group; entry < entries; entry += share.groups) {
    double of_x[kThreadLayers];
    double of_y[kThreadLayers];
#pragma unroll
    for (int l = 0; l < kThreadLayers; ++l) {
      of_x[l] = x[l * chunk.stride + entry];
      of_y[l] = y[l * chunk.stride + entry];
    }
#pragma unroll
    for (int l = 0; l < kThreadLayers; ++l) {
#pragma unroll
      for (int m = 0; m < kThreadLayers; ++m) sums[l][m] += of_x[l] * of_y[m];
    }
  }
}

// Adds the group's entries of `count` chunks, from number `chunk` of strip `strip` on, to the
// thread's sums.
template <class T>
__device__ void add_chunks(const LayerProducts<T>& pairs, const Share& share, int strip, int chunk,
                           int count, ProductMemory& memory, CellSums& sums) {
  const int stride = pairs.chunk + 1;
  double* y = share.is_diagonal ? memory : memory + pairs.x_cells * kThreadLayers * stride;
  const ChunkMemory in_memory{memory, y, stride};
  for (Cursor<T> cursor(pairs, strip, chunk); count > 0; --count, cursor.advance()) {
    load_chunk(pairs, share, cursor, in_memory);
    __syncthreads();
    if (share.is_at_work()) multiply_chunk(share, in_memory, pairs.height * pairs.width, sums);
    __syncthreads();
  }
}

// Adds the sums of groups that have the same row of a chunk, in pairs; then the first `height`
// groups have the totals. Uses the memory of add_chunks(), which must be done with it.
__device__ inline void add_groups(const Share& share, int height, ProductMemory& memory,
                                  CellSums& sums) {
  for (int count = share.groups / height; count > 1;) {
    const int half = (count + 1) / 2;
    const int sender = share.group - half * height;
    double* slot = memory + (sender >= 0 ? sender : share.group) * share.cells +
                   static_cast<int>(threadIdx.x) % share.cells;
    if (sender >= 0 && share.group < count * height) {
#pragma unroll
      for (int p = 0; p < kThreadLayers * kThreadLayers; ++p) {
        slot[p * (kProductThreads / 2)] = sums[p / kThreadLayers][p % kThreadLayers];
      }
    }
    __syncthreads();
    if (share.group < (count - half) * height) {
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
__device__ void for_each_pair(const LayerProducts<T>& pairs, const Share& share,
                              const CellSums& sums, Visit visit) {
#pragma unroll
  for (int i = 0; i < kThreadLayers; ++i) {
#pragma unroll
    for (int j = 0; j < kThreadLayers; ++j) {
      const int l = share.x_first + share.row * kThreadLayers + i;
      const int m = share.y_first + share.col * kThreadLayers + j;
      const bool is_wanted =
          l < pairs.x.layers && m < pairs.y.layers && (!pairs.is_one_set || l <= m);
      if (is_wanted) visit(l, m, sums[i][j]);
    }
  }
}

}  // namespace isogram::cuda
