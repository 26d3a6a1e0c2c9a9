// The table of kernels, one per instruction set.
//
// A kernel works on raw pointers and row ranges. It never throws, allocates or starts threads: the
// operations that call it own memory, checks and threads. Every level compiles the same
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

inline constexpr std::size_t kAssignmentGroup = 16;  // columns: the floats of the widest vector
inline constexpr std::size_t kAssignmentWord = 64;   // columns per word of bits
inline constexpr std::size_t kProductRows = 4;       // rows per side of one row_products() call
inline constexpr std::size_t kSliceChannels = 16;    // channels per slice of tokens for scoring
inline constexpr std::size_t kSweptRows = 4;         // rows that a Sinkhorn sweep takes together
inline constexpr std::size_t kSweptEntries = 4096;   // entries of a block that fits the L1 cache

// The depth of products is cut into panels of kDepthPanel, so that a panel of the columns' side
// stays in the L1 cache while the rows pass by, and so that float32 sums stay short: their rounding
// grows with the depth of a panel plus the number of panels.
inline constexpr std::size_t kDepthPanel = 128;

// The panels of a folded row, padded to the widest vectors.
template <class T>
constexpr std::size_t padded_fold(std::size_t panels) {
  constexpr std::size_t lanes = 64 / sizeof(T);
  return (panels + lanes - 1) / lanes * lanes;
}

// The integer of T's width: one mask blends both.
template <class T>
using Integer = std::conditional_t<sizeof(T) == sizeof(std::int32_t), std::int32_t, std::int64_t>;

// Working memory of the Sinkhorn sweeps, float32 for all types of costs. Arrays with an element per
// row are padded to whole multiples of kSweptRows.
struct SinkhornState {
  float* weights;      // rows with the stride of the costs, or pairs of rows in bfloat16
  float* block;        // float32 rows of one block, if `weights` holds bfloat16 pairs
  float* last_column;  // of up to kAssignmentWord rows, if it would be alone in its group
  float* row_factor;
  float* column_factor;
  float* column_sum;
  float* dual;
};

// The shortlists of rows: kAssignmentGroup columns each and their costs. `limits` has an element
// per row: no reduced cost of a column that is not listed is below it.
template <class T>
struct Shortlists {
  T* costs;
  std::int32_t* columns;
  T* limits;
};

// One assignment problem and its solution so far: minimise Σ_i costs[i * stride + column_of[i]]
// with rows ≤ cols. Rows are padded with +∞ to whole multiples of kAssignmentGroup. Arrays with an
// element per column, and column_of, have that length too.
template <class T>
struct AssignmentState {
  const T* costs;
  std::size_t stride;
  std::size_t rows;
  std::size_t cols;
  T magnitude;              // max |cost|, or a little more
  bool may_sweep;           // whether the start may pass over the costs many times
  T* dual;                  // v_j
  T* row_minimum;           // min_j (C_ij − v_j); padded to whole multiples of kSweptRows
  std::int32_t* row_of;     // of each column, −1 while it is free; one element longer
  std::int32_t* column_of;  // of each row, −1 while it is free
  std::uint64_t* taken;     // bits of taken columns in a greedy matching
  Integer<T>* matched;      // 0 for free columns, else 1; as wide as labels, for a search

  // Memory of one search for a shortest augmenting path, per column.
  Integer<T>* label;        // the distance, in the order in which the search compares it
  Integer<T>* predecessor;  // the row before the column on the shortest known path

  Shortlists<T> shortlists;  // of a problem with more than kAssignmentWord columns
  SinkhornState sinkhorn;
};

using detail::MatchedEntries;
using detail::Slack;

// The slack of a matching under column duals, and the sums of its costs.
struct SlackAndSums {
  Slack slack;
  MatchedEntries matched;  // without `rounded`
};

template <class T>
struct AssignmentKernels {
  // costs = entries * sign, with sign ±1, and +∞ in the padding; `costs` may be `entries`. Returns
  // max |entry|, +∞ if an entry is NaN or infinite.
  T (*read_costs)(const T* entries, std::ptrdiff_t stride, T sign, T* costs,
                  std::size_t costs_stride, std::size_t rows, std::size_t cols) noexcept;

  // costs *= factors[0] * factors[1], powers of two. Returns false if a cost lost digits to
  // underflow.
  bool (*scale)(T* costs, std::size_t stride, const T (&factors)[2], std::size_t rows) noexcept;

  // Good first duals; start() matches greedily on edges of reduced cost 0 as well.
  void (*find_duals)(const AssignmentState<T>& problem) noexcept;
  void (*start)(const AssignmentState<T>& problem) noexcept;

  // Matches free rows from `first` on, each along a shortest augmenting path, until about `edges`
  // edges have been relaxed. Returns the row to go on from.
  std::size_t (*augment)(const AssignmentState<T>& problem, std::size_t first,
                         std::size_t edges) noexcept;

  // augment() for all rows of two problems of equal stride, at most kAssignmentWord. Searches
  // whose numbers fit in registers take turns: one computes while the other waits for its own.
  void (*augment_two)(const AssignmentState<T>& a, const AssignmentState<T>& b) noexcept;

  // Whether any of `count` costs, or of their magnitudes, lies between `below` and `above`. `count`
  // is a multiple of kAssignmentGroup.
  bool (*any_between)(const T* costs, std::size_t count, bool of_magnitudes, T below,
                      T above) noexcept;

  // The slack of isogram/detail/certificate.hpp; and the sums of the matched costs, which it reads
  // anyway.
  SlackAndSums (*slack)(const T* costs, std::size_t stride, std::size_t rows, std::size_t cols,
                        const T* dual, const std::int32_t* column_of) noexcept;
};

// Σ x and Σ |x| over a row.
struct RowSums {
  double sum;
  double magnitude;
};

// `count` rows of a matrix: `n` elements each, `stride` apart.
template <class T>
struct Rows {
  T* first;
  std::ptrdiff_t stride;
  std::size_t count;
  std::size_t n;
};

// The most rows that center_columns() takes.
inline constexpr std::size_t kMostCenteredRows = 192;

// What center_columns() subtracts.
struct ColumnCenter {
  const std::size_t* middle;  // the rows whose median, column by column, means are summed from
  std::size_t middles;        // 1, 3 or 5
  std::size_t strips;         // of rows, of equal heights, whose sums are added up
  bool with_rest;             // also the rounding error of the mean
  bool fetches;               // the next n columns of the rows
};

// Rows of memory that are written, or packed, after a block is computed. The kernel prefetches
// their lines, a few at a time, because it would otherwise wait for every line.
struct ExpectedRows {
  const void* const* starts = nullptr;
  std::size_t count = 0;
  std::size_t bytes = 0;  // per row, at most
};

// How a block of products, or of distances, is computed.
struct BlockOptions {
  // The block is added to the entries in `out`. Products summed in parts of whole multiples of
  // kDepthPanel have the same bits as in one call.
  bool add = false;
  // a and b are the same rows: entries below the panels on the diagonal are not written.
  bool is_upper = false;
  // `out` has room for whole panels of columns, and of rows for whole panels or, if they are fewer
  // than a micro-kernel's, for the micro-kernel's: entries beyond rows and cols may be overwritten.
  bool has_room = false;
  ExpectedRows expected = {};
};

// Float32 or float64 kernels; every sum over the entries of a Gram matrix is float64.
template <class T>
struct KernelTable {
  std::size_t panel;  // rows per panel; divides kTileEdge

  // out[i * stride + j] = ⟨row i of a, row j of b⟩ for i < rows, j < cols; nothing else is written,
  // unless options.has_room. a and b begin with a panel. Each dot product is summed in T, in panels
  // of kDepthPanel.
  void (*inner_products)(const T* a, std::size_t rows, const T* b, std::size_t cols,
                         std::size_t depth, T* out, std::size_t stride,
                         const BlockOptions& options) noexcept;

  // The inner product of two rows, with the bits that inner_products() gives it. The rows are
  // folded: element k of depth panel p is element k · padded_fold<T>(panels) + p, so that the
  // panels of one pair are summed side by side. `depth` is that of a panel, at most kDepthPanel;
  // the last panel ends with zeros.
  T (*folded_product)(const T* a, const T* b, std::size_t depth, std::size_t panels) noexcept;

  // inner_products() with Σ |a − b| in place of the inner product.
  void (*l1_distances)(const T* a, std::size_t rows, const T* b, std::size_t cols,
                       std::size_t depth, T* out, std::size_t stride,
                       const BlockOptions& options) noexcept;

  // inner_products() with Σ (a − b)², for distances that cancel when computed from products.
  void (*squared_differences)(const T* a, std::size_t rows, const T* b, std::size_t cols,
                              std::size_t depth, T* out, std::size_t stride,
                              const BlockOptions& options) noexcept;

  // out[j * out_stride + i] = in[i * in_stride + j] for i < rows, j < cols.
  void (*transpose)(const T* in, std::size_t in_stride, std::size_t rows, std::size_t cols, T* out,
                    std::size_t out_stride) noexcept;

  // Σ (a_k − b_k)² over n elements, in T: no partial sum has more than n / 16 + 64 terms.
  T (*squared_distance)(const T* a, const T* b, std::size_t n) noexcept;

  // Σ ⟨row i of a, row columns[i] of b⟩ over adjacent rows of kSliceChannels elements, where
  // columns[i] ≥ 0. Summed in T, which suits few rows.
  double (*matched_products)(const T* a, const T* b, const std::int32_t* columns,
                             std::size_t rows) noexcept;

  // Replaces inner products in `row` by squared distances a² + b_j² − 2⟨a, b_j⟩. Returns the number
  // of distances that are NaN or less than `relative` * (a² + b_j²), whose digits have cancelled.
  std::size_t (*squared_distances)(T* row, std::size_t n, T a_squared, const T* b_squared,
                                   T relative) noexcept;

  // row[j] = exp(factor * row[j]).
  void (*exponentials)(T* row, std::size_t n, T factor) noexcept;

  // row[j] = (gamma * row[j] + coef0)^degree, degree ≥ 1.
  void (*polynomials)(T* row, std::size_t n, T gamma, T coef0, int degree) noexcept;

  // Sums over entries.
  double (*sum)(const T* row, std::size_t n) noexcept;
  double (*dot)(const T* a, const T* b, std::size_t n) noexcept;
  // Σ (row[j] − shift)² in float64.
  double (*squared_deviations)(const T* row, std::size_t n, double shift) noexcept;
  // Σ x and Σ |x| of a row; and column_sums[j] += row[j].
  RowSums (*add_row)(const T* row, std::size_t n, double* column_sums) noexcept;
  // add_row() for many rows, several at a time; adds to row_sums[i] for row i.
  void (*add_rows)(const Rows<const T>& rows, double* column_sums, RowSums* row_sums) noexcept;

  // column_sums[j] += row[j] − origin[j] in float64. Returns max |row[j] − origin[j]|, +∞ if a
  // difference is NaN or infinite.
  double (*add_differences)(const T* row, const double* origin, std::size_t n,
                            double* column_sums) noexcept;

  // Subtracts the mean m from every column, in float64: m is the median of some rows plus the mean
  // of the differences from it, which are added in the order of the rows. row_largest[i] becomes
  // the larger of itself and max |x − median| over row i, or max |x − m| with a rest; +∞ for all
  // rows where a sum of differences is not finite. n elements are whole lines of 64 bytes. `out`
  // has the same shape, and may be the rows.
  void (*center_columns)(const Rows<const T>& rows, const ColumnCenter& center, const Rows<T>& out,
                         double* row_largest) noexcept;

  // Adds the entries of a ∘ b to the sums of rows and of columns; rows lie `stride` apart.
  void (*add_products)(const T* a, const T* b, std::size_t stride, std::size_t rows,
                       std::size_t cols, double* row_sums, double* column_sums) noexcept;

  // out[j] = row[j] − (row_shift + column_shift[j]) in float64; out may be row. The shifts are
  // added first so that a symmetric matrix with equal shifts stays exactly symmetric.
  void (*subtract_shifts)(const T* row, T* out, std::size_t n, double row_shift,
                          const double* column_shift) noexcept;
  // out[j] = (row[j] − mean[j]) − rest[j] in float64.
  void (*subtract_means)(const T* row, T* out, std::size_t n, const double* mean,
                         const double* rest) noexcept;
  // subtract_shifts() for many rows, several at a time; `out` has the same shape.
  void (*shift_rows)(const Rows<const T>& rows, const Rows<T>& out, const double* row_shifts,
                     const double* column_shifts) noexcept;

  // out[j] = (row[j] − shift) / divisor in float64; out may be row.
  void (*divide)(const T* row, T* out, std::size_t n, double shift, double divisor) noexcept;

  // out[j] = (row[j] − (row_shift + column_shifts[j])) · (row_factor · column_factors[j]) in
  // float64. Of a symmetric matrix, with equal shifts and factors, the result is exactly symmetric.
  void (*shift_and_scale)(const T* row, std::size_t n, double row_shift,
                          const double* column_shifts, double row_factor,
                          const double* column_factors, double* out) noexcept;

  // out[j] = row[j] − offset in float64.
  void (*widen)(const T* row, std::size_t n, double offset, double* out) noexcept;

  // The first j in [begin, n) with row[j] ≥ row_bound or row[j] ≥ column_bounds[j], else n.
  std::size_t (*first_reaching)(const T* row, T row_bound, const T* column_bounds,
                                std::size_t begin, std::size_t n) noexcept;

  // max |entry|, +∞ if an entry is NaN or infinite.
  T (*largest_magnitude)(const T* row, std::size_t n) noexcept;

  // sums[p * sums_stride + q] += ⟨a_p, b_q⟩, summed in T, for p < rows and q < cols: kProductRows
  // rows and any columns, or two and two. Rows lie `stride` apart; n elements are whole lines of
  // 64 bytes.
  void (*row_products)(const T* a, std::size_t rows, const T* b, std::size_t cols,
                       std::size_t stride, std::size_t n, double* sums, std::size_t sums_stride,
                       const ExpectedRows& expected) noexcept;

  AssignmentKernels<T> assignment;
};

// Inner products of narrow numbers, several per 32-bit word, the first in the lowest bits. Panels
// are as above, with words as elements.
template <class Sum>
struct WordKernels {
  std::size_t panel;

  // As KernelTable::inner_products.
  void (*inner_products)(const std::int32_t* a, std::size_t rows, const std::int32_t* b,
                         std::size_t cols, std::size_t words, Sum* out,
                         std::size_t stride) noexcept;

  void (*transpose)(const std::int32_t* in, std::size_t in_stride, std::size_t rows,
                    std::size_t cols, std::int32_t* out, std::size_t out_stride) noexcept;
};

// Products of integers from −127 to 127: Σ_k a_ik (b_jk + offset), because some processors multiply
// signed bytes by unsigned ones only. Exact for up to kMostBytes integers per row.
struct ByteKernels : WordKernels<std::int32_t> {
  std::size_t per_word;  // 4 of 8 bits or 2 of 16
  std::int32_t offset;

  // out[j] = (row[j] − excess) · row_scale · column_scales[j]
  void (*scale)(const std::int32_t* row, std::size_t n, std::int32_t excess, float row_scale,
                const float* column_scales, float* out) noexcept;
};

// Products of bfloat16, two per word: Σ_k a_ik b_jk.
using PairKernels = WordKernels<float>;

// The longest row whose sums of products cannot overflow: 2^16 · 127 · 255 < 2^31.
inline constexpr std::size_t kMostBytes = std::size_t{1} << 16;

// What subtract_axis() takes from a row: first + mean + (high + low) · axis.
struct AxisShares {
  double first;
  double mean;
  double high;
  double low;
};

// How divide_residuals() changes a row r: (r − rest) / norm + beta · axis.
struct AxisResiduals {
  double rest;
  double norm;
  double beta;
};

struct Kernels {
  Level level;
  KernelTable<float> float32;
  KernelTable<double> float64;
  ByteKernels bytes;

  // Divergences are differences that cancel: always in float64.
  // out[k] = log2(x[k]) for x[k] ≥ 0; 0 where x[k] is 0 or subnormal, where its factor p_k or q_k
  // makes the error vanish.
  void (*logarithms)(const double* x, double* out, std::size_t n) noexcept;
  // Σ p_k (log2(p_k) − log2(m_k)) + q_k (log2(q_k) − log2(m_k)) over 2, with m = (p + q)/2.
  double (*divergence)(const double* p, const double* log_p, const double* q, const double* log_q,
                       std::size_t n) noexcept;

  // Rows of unit norm, less what they have in common, are differences too.
  // row[j] = row[j] − first − mean − high · axis[j] − low · axis[j]; the rounding errors of these
  // differences are added back. Products of the axis with high and with low must be exact.
  void (*subtract_axis)(double* row, std::size_t n, const AxisShares& shares,
                        const double* axis) noexcept;
  // 0 where the result may be rounding alone.
  void (*divide_residuals)(double* row, std::size_t n, const AxisResiduals& residuals,
                           const double* axis) noexcept;

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

// `kernels.bytes`, or a faster table if this processor has instructions beyond the level; with the
// same panels.
const ByteKernels& byte_kernels_beside(const Kernels& kernels);

// Products of bfloat16 if this processor has instructions for them beyond the level of `kernels`,
// else null.
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
