#include "isogram/cuda/graph.hpp"

#include <cmath>
#include <cstdint>

#include "detail/launch.cuh"
#include "detail/reduce.cuh"

namespace isogram::cuda {

namespace {

constexpr int kWarps = 8;  // per block

// ---- Nearest neighbours ----------------------------------------------------------------------

template <class T>
struct Neighbour {
  T weight;
  std::int32_t index;

  __device__ bool is_better_than(const Neighbour& other) const {
    return weight > other.weight || (weight == other.weight && index < other.index);
  }
};

// The best neighbours of one node, kept in order by a warp.
template <class T>
class NearestOfNode {
 public:
  __device__ NearestOfNode(const Neighbours<T>& best, std::int64_t node)
      : weights_(best.weights + node * best.k),
        indices_(best.indices + node * best.k),
        k_(static_cast<int>(best.k)),
        worst_(at(k_ - 1)) {}

  // Every lane may offer one neighbour.
  __device__ void offer(bool is_offer, const Neighbour<T>& own) {
    const bool may_enter = is_offer && own.is_better_than(worst_);
    std::uint32_t lanes = __ballot_sync(kAllLanes, may_enter);
    for (; lanes != 0; lanes &= lanes - 1) {
      const int lane = __ffs(static_cast<int>(lanes)) - 1;
      const Neighbour<T> next{__shfl_sync(kAllLanes, own.weight, lane),
                              __shfl_sync(kAllLanes, own.index, lane)};
      if (next.is_better_than(worst_)) insert(next);
    }
  }

 private:
  __device__ Neighbour<T> at(int place) const { return {weights_[place], indices_[place]}; }
  __device__ void set(int place, const Neighbour<T>& neighbour) {
    weights_[place] = neighbour.weight;
    indices_[place] = neighbour.index;
  }

  // Neighbours worse than the new one move by one place: 32 at a time, the worst first.
  __device__ void insert(const Neighbour<T>& added) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    int end = k_;
    for (int moved = kWarp; moved == kWarp && end > 0; end -= moved) {
      const int place = end - 1 - lane;
      const Neighbour<T> old = place >= 0 ? at(place) : added;
      const bool moves = place >= 0 && added.is_better_than(old);
      moved = __popc(__ballot_sync(kAllLanes, moves));
      __syncwarp();  // all have read
      if (moves && place + 1 < k_) set(place + 1, old);
    }
    if (lane == 0) set(end, added);
    __syncwarp();
    worst_ = at(k_ - 1);
  }

  T* weights_;
  std::int32_t* indices_;
  int k_;
  Neighbour<T> worst_;
};

// A warp per row, which reads `ahead` × 32 entries before it offers them.
template <class T>
__global__ void __launch_bounds__(kWarp* kWarps)
    merge_rows(Matrix<const T> tile, Place place, Neighbours<T> best) {
  constexpr int ahead = 4;
  const std::int64_t row = std::int64_t{blockIdx.x} * kWarps + threadIdx.y;
  if (row >= tile.rows) return;
  const T* weights = tile.data + row * tile.stride;
  const int cols = static_cast<int>(tile.cols);
  const int own_col = static_cast<int>(place.row + row - place.col);
  const int first_index = static_cast<int>(place.col);
  NearestOfNode<T> nearest(best, place.row + row);
  const int lane = static_cast<int>(threadIdx.x);
  for (int first = 0; first < cols; first += ahead * kWarp) {
    T weight[ahead];
#pragma unroll
    for (int a = 0; a < ahead; ++a) {
      const int col = first + a * kWarp + lane;
      weight[a] = col < cols ? weights[col] : T(0);
    }
#pragma unroll
    for (int a = 0; a < ahead; ++a) {
      const int col = first + a * kWarp + lane;
      nearest.offer(col < cols && col != own_col, {weight[a], first_index + col});
    }
  }
}

// 32 columns per block. Strips of rows go through shared memory, so that threads read along rows
// and warps merge along columns; one padding item per row avoids bank conflicts.
constexpr int kStripRows = 128;
template <class T>
using Strip = T[kStripRows][kWarp + 1];

// All loads are under way before the first value is stored.
template <class T>
__device__ void load_strip(const Matrix<const T>& tile, std::int64_t first_row,
                           std::int64_t first_col, Strip<T>& strip) {
  constexpr int loads = kStripRows / kWarps;
  const std::int64_t col = first_col + threadIdx.x;
  const int top = static_cast<int>(threadIdx.y) * loads;
  T values[loads];
#pragma unroll
  for (int i = 0; i < loads; ++i) {
    const std::int64_t row = first_row + top + i;
    values[i] = row < tile.rows && col < tile.cols ? tile.data[row * tile.stride + col] : T(0);
  }
#pragma unroll
  for (int i = 0; i < loads; ++i) strip[top + i][threadIdx.x] = values[i];
}

template <class T>
__global__ void __launch_bounds__(kWarp* kWarps)
    merge_columns(Matrix<const T> tile, Place place, Neighbours<T> best) {
  auto& strip = shared_memory<Strip<T>>();
  const std::int64_t first_col = std::int64_t{blockIdx.x} * kWarp;
  for (std::int64_t first = 0; first < tile.rows; first += kStripRows) {
    load_strip(tile, first, first_col, strip);
    __syncthreads();
    for (int j = static_cast<int>(threadIdx.y); j < kWarp && first_col + j < tile.cols;
         j += kWarps) {
      const std::int64_t node = place.col + first_col + j;
      NearestOfNode<T> nearest(best, node);
      for (int i = static_cast<int>(threadIdx.x); i < kStripRows; i += kWarp) {
        const std::int64_t neighbour = place.row + first + i;
        nearest.offer(first + i < tile.rows && neighbour != node,
                      {strip[i][j], static_cast<std::int32_t>(neighbour)});
      }
    }
    __syncthreads();
  }
}

// ---- Ranking again ---------------------------------------------------------------------------

constexpr double kLeastSquares = 2.2250738585072014e-308;  // the smallest normal number

// A number that grows with the cosine c of two unit rows, in every lane of a warp: c itself between
// ±1/2; beyond, ±1/(2 − 2|c|) from the differences or sums of the rows, which keep their digits
// where c rounds to ±1.
__device__ double closeness(const Matrix<const double>& units, std::int64_t a, std::int64_t b) {
  const double* left = units.data + a * units.stride;
  const double* right = units.data + b * units.stride;
  double cosine = 0;
  double differences = 0;
  double sums = 0;
  for (std::int64_t k = threadIdx.x; k < units.cols; k += kWarp) {
    const double x = left[k];
    const double y = right[k];
    cosine += x * y;
    differences += (x - y) * (x - y);
    sums += (x + y) * (x + y);
  }
  cosine = warp_reduced(cosine, Sum());
  differences = warp_reduced(differences, Sum());
  sums = warp_reduced(sums, Sum());
  if (cosine >= 0.5) return 1 / Maximum()(differences, kLeastSquares);
  return cosine <= -0.5 ? -1 / Maximum()(sums, kLeastSquares) : cosine;
}

__device__ double cosine_of(double closeness) {
  const double magnitude = fabs(closeness);
  return magnitude < 0.5 ? closeness : copysign(1 - 0.5 / magnitude, closeness);
}

// Whether rounding may have changed the k best of a row, and among which nodes the true ones are.
enum class Doubt { none, among_kept, among_all };

template <class T>
__device__ Doubt doubt_of(const T* weights, const std::int32_t* indices, std::int64_t k,
                          std::int64_t kept, std::int64_t others, double tolerance) {
  const auto exceeds = [&](std::int64_t place) {
    return static_cast<double>(weights[k - 1]) - weights[place] > tolerance;
  };
  if (kept == k || indices[k] < 0 || exceeds(k)) return Doubt::none;
  const bool is_all = kept == others || indices[kept - 1] < 0;
  return is_all || exceeds(kept - 1) ? Doubt::among_kept : Doubt::among_all;
}

// A warp per row.
template <class T>
__global__ void __launch_bounds__(kWarp* kWarps)
    rank_rows(Matrix<const double> units, double tolerance, Neighbours<T> best,
              Neighbours<double> ranked) {
  const std::int64_t row = std::int64_t{blockIdx.x} * kWarps + threadIdx.y;
  if (row >= units.rows) return;
  const int lane = static_cast<int>(threadIdx.x);
  T* weights = best.weights + row * best.k;
  std::int32_t* indices = best.indices + row * best.k;
  const Doubt doubt = doubt_of(weights, indices, ranked.k, best.k, units.rows - 1, tolerance);
  if (doubt == Doubt::none) return;
  if (closeness(units, row, row) == 0) return;  // a zero row: its cosines are exactly 0

  double* own_ranks = ranked.weights + row * ranked.k;
  std::int32_t* own_ranked = ranked.indices + row * ranked.k;
  for (std::int64_t p = lane; p < ranked.k; p += kWarp) {
    own_ranks[p] = -INFINITY;
    own_ranked[p] = -1;
  }
  __syncwarp();
  NearestOfNode<double> nearest(ranked, row);
  const std::int64_t count = doubt == Doubt::among_all ? units.rows : best.k;
  for (std::int64_t first = 0; first < count; first += kWarp) {
    const std::int64_t place = first + lane;
    std::int32_t index = -1;
    if (place < count) {
      index = doubt == Doubt::among_all ? static_cast<std::int32_t>(place) : indices[place];
    }
    if (index == row) index = -1;
    double own = 0;
    for (int other = 0; other < kWarp; ++other) {
      const std::int32_t neighbour = __shfl_sync(kAllLanes, index, other);
      if (neighbour < 0) continue;
      const double value = closeness(units, row, neighbour);
      if (lane == other) own = value;
    }
    nearest.offer(index >= 0, {own, index});
  }
  for (std::int64_t p = lane; p < ranked.k; p += kWarp) {
    weights[p] = static_cast<T>(cosine_of(own_ranks[p]));
    indices[p] = own_ranked[p];
  }
}

}  // namespace

template <class T>
void merge_nearest(Stream stream, const Matrix<const T>& tile, Place place,
                   const Neighbours<T>& best) {
  launch(merge_rows<T>, blocks_for(tile.rows, kWarps), dim3(kWarp, kWarps), 0, stream, tile, place,
         best);
}

template <class T>
void merge_nearest_columns(Stream stream, const Matrix<const T>& tile, Place place,
                           const Neighbours<T>& best) {
  launch(merge_columns<T>, blocks_for(tile.cols, kWarp), dim3(kWarp, kWarps), sizeof(Strip<T>),
         stream, tile, place, best);
}

template <class T>
void rank_nearest(Stream stream, const Matrix<const double>& units, double tolerance,
                  const Neighbours<T>& best, const Neighbours<double>& ranked) {
  launch(rank_rows<T>, blocks_for(units.rows, kWarps), dim3(kWarp, kWarps), 0, stream, units,
         tolerance, best, ranked);
}

template void merge_nearest(Stream, const Matrix<const float>&, Place, const Neighbours<float>&);
template void merge_nearest(Stream, const Matrix<const double>&, Place, const Neighbours<double>&);
template void merge_nearest_columns(Stream, const Matrix<const float>&, Place,
                                    const Neighbours<float>&);
template void merge_nearest_columns(Stream, const Matrix<const double>&, Place,
                                    const Neighbours<double>&);
template void rank_nearest(Stream, const Matrix<const double>&, double, const Neighbours<float>&,
                           const Neighbours<double>&);
template void rank_nearest(Stream, const Matrix<const double>&, double, const Neighbours<double>&,
                           const Neighbours<double>&);

}  // namespace isogram::cuda
