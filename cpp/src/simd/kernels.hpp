// The table of kernels, one per instruction set.
//
// A kernel works on raw pointers and row ranges. It never throws, allocates, or starts threads:
// the operations around it own memory, checks and threads. Every level compiles the same
// <family>-inl.hpp files with its own vector width, in its own namespace (level-inl.hpp).
//
// Packed rows. Kernels read matrices as panels: `panel` rows interleaved, so that element k of
// row r lies at
//     packed[((r / panel) * depth + k) * panel + r % panel].
// Rows are padded to whole panels with zeros. One packed copy serves as the left and as the right
// factor of a block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "isogram/detail/certificate.hpp"
#include "isogram/simd.hpp"

namespace isogram::simd {

inline constexpr std::size_t kAssignmentGroup = 16;  // as many columns as the widest vector holds
inline constexpr std::size_t kAssignmentWord = 64;   // columns to a word of bits
inline constexpr std::size_t kProductRows = 4;       // whose inner products are taken together
inline constexpr std::size_t kSweptRows = 4;         // of a Sinkhorn sweep, together
inline constexpr std::size_t kSweptEntries = 4096;   // that stay in the nearest cache meanwhile

// Depth of products is cut into panels so that one of the columns' side stays in the nearest cache
// beside the rows that pass by, and so that float32 sums stay short: rounding grows with the depth
// of a panel plus the number of panels.
inline constexpr std::size_t kDepthPanel = 128;

// As wide as T: blends of both are alike.
template <class T>
using Integer = std::conditional_t<sizeof(T) == sizeof(std::int32_t), std::int32_t, std::int64_t>;

// Working memory of the Sinkhorn sweeps, in float32 whatever the costs are. Arrays with an element
// per row are padded to whole multiples of kSweptRows.
struct SinkhornState {
  float* weights;      // rows as far apart as those of the costs, or pairs of rows in bfloat16
  float* block;        // rows in float32 beside such pairs
  float* last_column;  // of at most kAssignmentWord rows, if it would be alone in its group
  float* row_factor;
  float* column_factor;
  float* column_sum;
  float* dual;
};

// One assignment problem and its solution so far: minimise Σ_i costs[i * stride + column_of[i]]
// with rows ≤ cols. Rows are padded to whole multiples of kAssignmentGroup with +∞, and so long is
// every array that has an element per column, and column_of.
template <class T>
struct AssignmentState {
  const T* costs;
  std::size_t stride;
  std::size_t rows;
  std::size_t cols;
  T magnitude;              // of the largest cost, or a little more
  bool may_sweep;           // whether the start may take its duals from Sinkhorn sweeps
  T* dual;                  // v_j
  T* row_minimum;           // min_j (C_ij − v_j); padded to whole multiples of kSweptRows
  std::int32_t* row_of;     // of each column, −1 while it is free; with one element more
  std::int32_t* column_of;  // of each row, −1 while it is free
  std::uint64_t* taken;     // bits of columns, for a greedy matching
  Integer<T>* matched;      // 0 for free columns, else 1: as wide as labels, for a search

  // Memory of one search for a shortest augmenting path, per column …
  Integer<T>* label;        // the length of the shortest known, as the search compares it
  Integer<T>* predecessor;  // the row before the column on that path

  SinkhornState sinkhorn;
};

using detail::MatchedSums;
using detail::Slack;

// Of a matching and column duals.
struct SlackAndSums {
  Slack slack;
  MatchedSums matched;  // but for its `rounded`
};

template <class T>
struct AssignmentKernels {
  // costs = entries * sign, which is 1 or −1, and +∞ in the padding; costs may be entries. Returns
  // max |entry|, +∞ if an entry is NaN or infinite.
  T (*read_costs)(const T* entries, std::ptrdiff_t stride, T sign, T* costs,
                  std::size_t costs_stride, std::size_t rows, std::size_t cols) noexcept;

  // costs *= factors[0] * factors[1], powers of two. False if one lost digits to underflow.
  bool (*scale)(T* costs, std::size_t stride, const T (&factors)[2], std::size_t rows) noexcept;

  // Good duals and a greedy matching on edges without reduced cost.
  void (*start)(const AssignmentState<T>& problem) noexcept;

  // Matches free rows from `first` on, each along a shortest augmenting path, until about `edges`
  // edges have been relaxed. Returns the first row that it has not come to.
  std::size_t (*augment)(const AssignmentState<T>& problem, std::size_t first,
                         std::size_t edges) noexcept;

  // The same for all rows of two problems of one stride, of at most kAssignmentWord. They take
  // turns: one computes while the other would wait for its numbers.
  void (*augment_two)(const AssignmentState<T>& a, const AssignmentState<T>& b) noexcept;

  // Whether any of `count` costs, whole groups of them, or its magnitude, is between two others.
  bool (*any_between)(const T* costs, std::size_t count, bool of_magnitudes, T below,
                      T above) noexcept;

  // See isogram/detail/certificate.hpp. The matched costs' sums, because it reads those anyway.
  SlackAndSums (*slack)(const T* costs, std::size_t stride, std::size_t rows, std::size_t cols,
                        const T* dual, const std::int32_t* column_of) noexcept;
};

// Σ x and Σ |x| over a row.
struct RowSums {
  double sum;
  double magnitude;
};

// Rows of a matrix: `n` elements each, `stride` apart.
template <class T>
struct Rows {
  T* first;
  std::ptrdiff_t stride;
  std::size_t count;
  std::size_t n;
};

// Rows of memory that will be written once a block is computed. Their lines are fetched meanwhile,
// a few at a time: writing would wait for memory line by line.
struct ExpectedRows {
  const void* const* starts = nullptr;
  std::size_t count = 0;
  std::size_t bytes = 0;  // of a row, at most
};

// How a block of products, or of distances, is computed.
struct BlockOptions {
  // Added to the entries in `out`: products in parts of whole multiples of kDepthPanel are the same
  // to the last bit.
  bool add = false;
  // Of rows with themselves: entries below the panels on the diagonal are left alone.
  bool is_upper = false;
  // `out` is scratch memory that has room for whole micro-blocks: entries beyond are overwritten.
  bool has_room = false;
  ExpectedRows expected = {};
};

// Float32 or float64 kernels; every sum over the entries of a Gram matrix is float64.
template <class T>
struct KernelTable {
  std::size_t panel;  // rows per panel; divides kTileEdge

  // out[i * stride + j] = ⟨row i of a, row j of b⟩ for i < rows, j < cols; nothing else is
  // written, unless `out` has room for it. a and b begin with a panel. Each dot product is summed
  // in T, in short depth panels.
  void (*inner_products)(const T* a, std::size_t rows, const T* b, std::size_t cols,
                         std::size_t depth, T* out, std::size_t stride,
                         const BlockOptions& options) noexcept;

  // The same with Σ |a − b| in place of the inner product.
  void (*l1_distances)(const T* a, std::size_t rows, const T* b, std::size_t cols,
                       std::size_t depth, T* out, std::size_t stride,
                       const BlockOptions& options) noexcept;

  // The same with Σ (a − b)²: for distances whose computation from products cancels.
  void (*squared_differences)(const T* a, std::size_t rows, const T* b, std::size_t cols,
                              std::size_t depth, T* out, std::size_t stride,
                              const BlockOptions& options) noexcept;

  // out[j * out_stride + i] = in[i * in_stride + j] for i < rows, j < cols.
  void (*transpose)(const T* in, std::size_t in_stride, std::size_t rows, std::size_t cols, T* out,
                    std::size_t out_stride) noexcept;

  // Σ ⟨row i of a, row columns[i] of b⟩ over rows of n elements, `stride` apart, where
  // columns[i] ≥ 0. Summed in T: for short rows.
  double (*matched_products)(const T* a, const T* b, std::size_t stride,
                             const std::int32_t* columns, std::size_t rows, std::size_t n) noexcept;

  // Inner products in `row` become squared distances a² + b_j² − 2⟨a, b_j⟩. Returns how many are
  // not at least `relative` * (a² + b_j²): cancellation has eaten the digits, or they are NaN.
  std::size_t (*squared_distances)(T* row, std::size_t n, T a_squared, const T* b_squared,
                                   T relative) noexcept;

  // row[j] = exp(factor * row[j]).
  void (*exponentials)(T* row, std::size_t n, T factor) noexcept;

  // row[j] = (gamma * row[j] + coef0)^degree, degree ≥ 1.
  void (*polynomials)(T* row, std::size_t n, T gamma, T coef0, int degree) noexcept;

  // Sums over entries.
  double (*sum)(const T* row, std::size_t n) noexcept;
  double (*dot)(const T* a, const T* b, std::size_t n) noexcept;
  // The same of a row that is also added to column sums: column_sums[j] += row[j].
  RowSums (*add_row)(const T* row, std::size_t n, double* column_sums) noexcept;
  // add_row() for many rows, several at a time; adds to row_sums[i] for row i.
  void (*add_rows)(const Rows<const T>& rows, double* column_sums, RowSums* row_sums) noexcept;

  // column_sums[j] += row[j] − origin[j] in float64. Returns max |row[j] − origin[j]|, +∞ if one is
  // NaN or infinite.
  double (*add_differences)(const T* row, const double* origin, std::size_t n,
                            double* column_sums) noexcept;

  // Adds the entries of a ∘ b to the sums of rows and of columns; rows lie `stride` apart.
  void (*add_products)(const T* a, const T* b, std::size_t stride, std::size_t rows,
                       std::size_t cols, double* row_sums, double* column_sums) noexcept;

  // out[j] = row[j] − (row_shift + column_shift[j]) in float64; out may be row. The shifts are
  // added first so that a symmetric matrix with equal shifts stays exactly symmetric.
  void (*subtract_shifts)(const T* row, T* out, std::size_t n, double row_shift,
                          const double* column_shift) noexcept;
  // The same of many rows, several at a time; `out` has the same shape.
  void (*shift_rows)(const Rows<const T>& rows, const Rows<T>& out, const double* row_shifts,
                     const double* column_shifts) noexcept;

  // out[j] = row[j] − offset in float64.
  void (*widen)(const T* row, std::size_t n, double offset, double* out) noexcept;

  // The first j in [begin, n) with row[j] ≥ row_bound or row[j] ≥ column_bounds[j], else n.
  std::size_t (*first_reaching)(const T* row, T row_bound, const T* column_bounds,
                                std::size_t begin, std::size_t n) noexcept;

  // max |entry|, +∞ if one is NaN or infinite.
  T (*largest_magnitude)(const T* row, std::size_t n) noexcept;

  AssignmentKernels<T> assignment;
};

// Inner products of narrow numbers, several to a 32-bit word, the first in its lowest bits; panels
// as above, of words.
template <class Sum>
struct WordKernels {
  std::size_t panel;

  // out[i * stride + j] for i < rows and j < cols, as KernelTable::inner_products.
  void (*inner_products)(const std::int32_t* a, std::size_t rows, const std::int32_t* b,
                         std::size_t cols, std::size_t words, Sum* out,
                         std::size_t stride) noexcept;

  void (*transpose)(const std::int32_t* in, std::size_t in_stride, std::size_t rows,
                    std::size_t cols, std::int32_t* out, std::size_t out_stride) noexcept;
};

// Of whole numbers from -127 to 127: Σ_k a_ik (b_jk + offset), for some hardware multiplies signed
// bytes by unsigned ones. Exact below kMostBytes.
struct ByteKernels : WordKernels<std::int32_t> {
  std::size_t per_word;  // 4 of 8 bits or 2 of 16
  std::int32_t offset;

  // out[j] = (row[j] − excess) · row_scale · column_scales[j]
  void (*scale)(const std::int32_t* row, std::size_t n, std::int32_t excess, float row_scale,
                const float* column_scales, float* out) noexcept;
};

// Of bfloat16, two to a word: Σ_k a_ik b_jk.
using PairKernels = WordKernels<float>;

// The longest row whose sums of products cannot overflow: 2^16 · 127 · 255 < 2^31.
inline constexpr std::size_t kMostBytes = std::size_t{1} << 16;

struct Kernels {
  Level level;
  KernelTable<float> float32;
  KernelTable<double> float64;
  ByteKernels bytes;

  // Divergences are differences that cancel, and so always float64.
  // out[k] = log2(x[k]), x[k] ≥ 0; 0 where x[k] is 0 or subnormal, which its factor makes good.
  void (*logarithms)(const double* x, double* out, std::size_t n) noexcept;
  // Σ p_k (log2(p_k) − log2(m_k)) + q_k (log2(q_k) − log2(m_k)) over 2, with m = (p + q)/2.
  double (*divergence)(const double* p, const double* log_p, const double* q, const double* log_q,
                       std::size_t n) noexcept;

  // sums[p * sums_stride + q] += ⟨a_p, b_q⟩ for p, q < kProductRows; rows lie `stride` apart, and n
  // is a multiple of 8.
  void (*row_products)(const double* a, const double* b, std::size_t stride, std::size_t n,
                       double* sums, std::size_t sums_stride) noexcept;

  template <class T>
  const KernelTable<T>& of() const {
    if constexpr (sizeof(T) == sizeof(float)) {
      return float32;
    } else {
      return float64;
    }
  }
};

// The table of the level in use.
const Kernels& kernels();

// `kernels.bytes`, or what this processor has beyond that level; panels have as many rows.
const ByteKernels& byte_kernels_beside(const Kernels& kernels);

// What this processor has beyond the level of `kernels`, or null.
const PairKernels* pair_kernels_beside(const Kernels& kernels);

namespace baseline {
const Kernels& kernels();
}
namespace neon {
const Kernels& kernels();
}
namespace avx2 {
const Kernels& kernels();
}
namespace avx512 {
const Kernels& kernels();
}
namespace avxvnni {
const ByteKernels& byte_kernels();
}
namespace avx512vnni {
const ByteKernels& byte_kernels();
}
namespace avx512bf16 {
const PairKernels& pair_kernels();
}

}  // namespace isogram::simd
