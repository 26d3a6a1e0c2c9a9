// One assignment problem on the device and its solution so far: minimise Σ_i C_i,column(i), with
// rows ≤ cols.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "assign_crew.cuh"

namespace isogram::cuda {

inline constexpr int kFree = -1;  // stands for "no column" of a row, "no row" of a column

// Affinities in the caller's memory, transposed for problems with more rows than columns. T = float
// reads float32; T = double reads either type, and looks it up each time, because few problems need
// it.
template <class T>
struct Affinities {
  const unsigned char* data;
  Type type;
  std::int64_t row_bytes;  // from row to row
  std::int64_t col_bytes;

  __device__ const unsigned char* at(int i, int j) const {
    return data + i * row_bytes + j * col_bytes;
  }
  __device__ T operator()(int i, int j) const { return load(at(i, j)); }
  __device__ T load(const unsigned char* entry) const {
    if constexpr (std::is_same_v<T, double>) {
      if (type == Type::float64) return __ldg(reinterpret_cast<const double*>(entry));
    }
    return __ldg(reinterpret_cast<const float*>(entry));
  }
};

// Costs ±affinity · scale. The scale is a power of two, so that a product is rounded only if it is
// tiny beside the largest.
template <class T>
class CostsInPlace {
 public:
  __device__ CostsInPlace(const Affinities<T>& affinities, T sign)
      : affinities_(affinities), factor_(sign) {}

  // Costs one after another: an address takes two additions instead of 64-bit products.
  class Walk {
   public:
    __device__ Walk(const CostsInPlace& costs, const unsigned char* entry, std::int64_t bytes)
        : costs_(costs), entry_(entry), bytes_(bytes) {}
    __device__ T operator*() const { return costs_.affinities_.load(entry_) * costs_.factor_; }
    __device__ void operator++() { entry_ += bytes_; }

   private:
    const CostsInPlace& costs_;
    const unsigned char* entry_;
    std::int64_t bytes_;
  };

  __device__ T operator()(int i, int j) const { return affinities_(i, j) * factor_; }
  __device__ Walk along_column(int j) const {
    return Walk(*this, affinities_.at(0, j), affinities_.row_bytes);
  }
  __device__ void keep(int, int, T) const {}
  __device__ void scale(T factor) { factor_ *= factor; }

 private:
  Affinities<T> affinities_;
  T factor_;  // ±scale
};

// A warp's division of a whole problem: 4 × 8 lanes, each with every fourth row and every eighth
// column.
inline constexpr int kLaneRows = 4;
inline constexpr int kLaneCols = 8;

template <int side>
struct Lanes {
  static constexpr int kRows = side / kLaneRows;  // per lane
  static constexpr int kCols = (side + kLaneCols - 1) / kLaneCols;
  static_assert(side % kLaneRows == 0);

  __device__ static int lane_row() { return static_cast<int>(threadIdx.x) / kLaneCols; }
  __device__ static int lane_col() { return static_cast<int>(threadIdx.x) % kLaneCols; }
  __device__ static int row(int a) { return lane_row() + a * kLaneRows; }
  __device__ static int col(int b) { return lane_col() + b * kLaneCols; }
};

// Costs copied to shared memory by a warp; ∞ where lanes reach beyond the problem, so that minima
// need no conditions. Rows are an odd multiple of eight items apart: eight adjacent columns of four
// rows lie in different banks, and so do 32 columns of one row.
template <class T, int side>
class CostsInShared {
 public:
  static constexpr int kStride = (Lanes<side>::kCols | 1) * kLaneCols;
  using Memory = T[side * kStride];

  __device__ explicit CostsInShared(Memory& items) : items_(items) {}

  class Walk {
   public:
    __device__ Walk(const T* item, int apart) : item_(item), apart_(apart) {}
    __device__ T operator*() const { return *item_; }
    __device__ void operator++() { item_ += apart_; }

   private:
    const T* item_;
    int apart_;
  };

  __device__ T operator()(int i, int j) const { return items_[i * kStride + j]; }
  __device__ Walk along_column(int j) const { return Walk(items_ + j, kStride); }
  __device__ void keep(int i, int j, T cost) const { items_[i * kStride + j] = cost; }
  __device__ void scale(T) const {}

 private:
  T* items_;
};

// The columns of a row's smallest reduced cost: bit b of byte c is column 8 b + c.
struct alignas(std::uint64_t) TightColumns {
  std::uint8_t of_lane[kLaneCols];

  __device__ std::uint64_t bits() const {
    std::uint64_t bits = 0;
    std::memcpy(&bits, of_lane, sizeof bits);
    return bits;
  }
  // The column of a bit, and the bit of a column.
  __device__ static int column(int bit) { return bit % 8 * 8 + bit / 8; }
};

// The working memory of a crew, for up to `side` rows and columns.
template <class T, int side>
struct AssignmentMemory {
  T dual[side];         // v_j of columns
  T row_minimum[side];  // min_j (C_ij − v_j) of rows; in sweeps the row duals u_i
  std::int32_t row_of[side];
  std::int32_t column_of[side];
  std::int32_t predecessor[side];  // the row before each column on the shortest path
};

template <class T, int side>
struct WarpMemory : AssignmentMemory<T, side> {
  TightColumns tight[side];
};

// The working memory of a block whose warps take all columns of a row at once.
template <class T, int side, int warps>
struct BlockMemory : AssignmentMemory<T, side> {
  float column_sums[warps][side];  // column sums of the plan over a warp's rows
};

// Row duals are not stored: u_i = min_j (C_ij − v_j) for a free row, and C_ij − v_j at the column j
// of a matched row; so any column duals v are a legal start.
template <class Number, class CostsType, int threads, int most>
struct AssignmentState {
  using T = Number;
  using Costs = CostsType;
  using Crew = cuda::Crew<T, threads>;
  using Lanes = cuda::Lanes<most>;
  static constexpr int kThreads = threads;
  static constexpr int kSide = most;
  static constexpr bool kIsWarp = threads == kWarp;
  // The number of entries of a row or column that a thread loads at once.
  static constexpr int kAtOnce = most < 8 * kWarp ? (most + kWarp - 1) / kWarp : 8;
  static constexpr bool kTakesRows = !kIsWarp && most <= kAtOnce * kWarp;
  using Memory =
      std::conditional_t<kIsWarp, WarpMemory<T, kSide>,
                         std::conditional_t<kTakesRows, BlockMemory<T, kSide, Crew::kWarps>,
                                            AssignmentMemory<T, kSide>>>;

  Crew crew;
  Memory& memory;
  Costs costs;
  int rows;
  int cols;

  // A thread's own columns and rows are `threads` apart, a lane's 32, and a warp's rows kWarps.
  template <class Visit>
  __device__ void for_own(int count, Visit visit) const {
    for_strided<threads>(crew.rank(), count, visit);
  }
  template <class Visit>
  __device__ void for_lanes(int count, Visit visit) const {
    for_strided<kWarp>(crew.lane(), count, visit);
  }
  template <class Visit>
  __device__ void for_rows_of_warp(Visit visit) const {
    for (int i = crew.warp(); i < rows; i += crew.kWarps) visit(i);
  }
  // All entries; with one warp also entries beyond the problem that its lanes reach.
  template <class Visit>
  __device__ void for_costs(Visit visit) const {
    if constexpr (kIsWarp) {
#pragma unroll 4
      for (int a = 0; a < Lanes::kRows; ++a) {
#pragma unroll
        for (int b = 0; b < Lanes::kCols; ++b) visit(Lanes::row(a), Lanes::col(b));
      }
    } else {
      for_rows_of_warp([&](int i) { for_lanes(cols, [&](int j) { visit(i, j); }); });
    }
  }
  // Costs of a row, `apart` columns from one another, ∞ beyond the last column. All loads are under
  // way before the first is needed; loads under a condition would be waited for one by one.
  template <int apart, int count>
  __device__ void load_row(int i, int first, T (&entries)[count]) const {
#pragma unroll
    for (int k = 0; k < count; ++k) {
      const int j = first + k * apart;
      entries[k] = costs(i, j < cols ? j : cols - 1);
    }
#pragma unroll
    for (int k = 0; k < count; ++k) {
      if (first + k * apart >= cols) entries[k] = kInfinity<T>;
    }
  }
  // The costs of a row are visited by the lanes of a warp, the costs of a column by one thread.
  template <class Visit>
  __device__ void for_costs_of_row(int i, Visit visit) const {
    for (int first = crew.lane(); first < cols; first += kAtOnce * kWarp) {
      T entries[kAtOnce];
      load_row<kWarp>(i, first, entries);
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) {
        if (first + k * kWarp < cols) visit(first + k * kWarp, entries[k]);
      }
    }
  }
  template <class Visit>
  __device__ void for_costs_of_column(int j, Visit visit) const {
    auto cost = costs.along_column(j);
    for (int first = 0; first < rows; first += kAtOnce) {
      T entries[kAtOnce];
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) {
        entries[k] = *cost;
        if (first + k + 1 < rows) ++cost;
      }
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) {
        if (first + k < rows) visit(first + k, entries[k]);
      }
    }
  }
  // The entries of about 16 rows, or of all if there are fewer.
  template <class Visit>
  __device__ void for_sample(Visit visit) const {
    if constexpr (kIsWarp) {
#pragma unroll
      for (int a = 0; a < Lanes::kRows; a += 4) {
#pragma unroll
        for (int b = 0; b < Lanes::kCols; ++b) {
          if (Lanes::row(a) < rows && Lanes::col(b) < cols) visit(Lanes::row(a), Lanes::col(b));
        }
      }
    } else {
      for (int i = 0; i < rows; i += (rows + 15) / 16) {
        for_own(cols, [&](int j) { visit(i, j); });
      }
    }
  }

 private:
  // Without a loop for one or two iterations.
  template <int stride, class Visit>
  __device__ static void for_strided(int first, int count, Visit visit) {
    if constexpr (most <= 2 * stride) {
      if (first < count) visit(first);
      if (first + stride < count) visit(first + stride);
    } else {
      for (int k = first; k < count; k += stride) visit(k);
    }
  }
};

}  // namespace isogram::cuda
