#include "isogram/cuda/rsm.hpp"

#include <cmath>

#include "detail/launch.cuh"
#include "detail/reduce.cuh"

namespace isogram::cuda {

namespace {

constexpr int kRowsAtOnce = 8;

template <class T>
struct Block {
  MatchedSums sums;
  RsmSide rows;
  RsmSide cols;
  bool same;
  Place place;
  RsmOutputs<T> outputs;
};

// What all outputs have of one pair.
struct Entries {
  double linear;
  double cosine;
  double distance;
  double loss;
};

template <class T>
__device__ void store(const MatrixView<T>& out, std::int64_t i, std::int64_t j, double value,
                      bool mirrored) {
  if (!out.data) return;
  out.data[i * out.row_stride + j * out.col_stride] = static_cast<T>(value);
  if (mirrored) out.data[j * out.row_stride + i * out.col_stride] = static_cast<T>(value);
}

template <class T>
__device__ void store(const RsmOutputs<T>& outputs, std::int64_t i, std::int64_t j,
                      const Entries& entries, bool mirrored) {
  store(outputs.linear, i, j, entries.linear, mirrored);
  store(outputs.cosine, i, j, entries.cosine, mirrored);
  store(outputs.distance, i, j, entries.distance, mirrored);
  store(outputs.loss, i, j, entries.loss, mirrored);
}

// The identity is the optimal matching of an input with itself.
__device__ Entries entries_of_itself(double squared_norm, int exponent) {
  return {ldexp(squared_norm, 2 * exponent), squared_norm > 0 ? 1.0 : 0.0, 0, 0};
}

__device__ double matched_sum(const MatchedSums& sums, std::int64_t pair) {
  double total = 0;
  for (std::int64_t part = 0; part < sums.parts; ++part) {
    total += sums.totals[part * sums.down * sums.across + pair];
  }
  return total;
}

// In units in which no term overflows: the difference of infinities would be NaN.
__device__ double distance(double total, double norm_i, double norm_j, int exponent_i,
                           int exponent_j) {
  const int unit = exponent_i > exponent_j ? exponent_i : exponent_j;
  const double squared = ldexp(norm_i, 2 * (exponent_i - unit)) +
                         ldexp(norm_j, 2 * (exponent_j - unit)) -
                         2 * ldexp(total, exponent_i + exponent_j - 2 * unit);
  return ldexp(sqrt(fmax(0.0, squared)), unit);
}

// An upper bound on what rounding can change in any matching, as on the CPU: see rounding_bound()
// in cpp/src/narrow.hpp.
__device__ double rounding_bound(const RoundedNorms& a, const RoundedNorms& b,
                                 std::int64_t channels) {
  const double of_a = a.errors * b.largest + a.rounded * b.largest_error;
  const double of_b = b.errors * a.largest + b.rounded * a.largest_error;
  // The CPU's sums of short panels err by fewer ulps than a panel has terms, and panels there are;
  // a GEMM's, in an order of its own, by fewer than there are channels.
  const auto terms = static_cast<double>(channels);
  const double ulps = 0x1p-24 * fmax(256 + terms / 128, terms);
  const double of_sums = ulps * fmin(a.rounded * (b.largest + b.largest_error),
                                     b.rounded * (a.largest + a.largest_error));
  return fmin(of_a, of_b) + of_sums;
}

template <class T>
__device__ Entries entries_of(const Block<T>& block, std::int64_t r, std::int64_t c) {
  const MatchedSums& sums = block.sums;
  const std::int64_t pair = r * sums.across + c;
  const double of_packed = matched_sum(sums, pair);
  const double of_means =
      sums.mean_products ? static_cast<double>(sums.tokens) * sums.mean_products[pair] : 0;
  const double total = of_packed + of_means;
  const double norm_i = block.rows.squared_norms[r];
  const double norm_j = block.cols.squared_norms[c];
  const int exponent_i = block.rows.exponents[r];
  const int exponent_j = block.cols.exponents[c];
  const double norms = sqrt(norm_i) * sqrt(norm_j);
  const double cosine = norms > 0 ? total / norms : 0;
  Entries entries{ldexp(total, exponent_i + exponent_j),
                  cosine > 1    ? 1
                  : cosine < -1 ? -1
                                : cosine,
                  distance(total, norm_i, norm_j, exponent_i, exponent_j), 0};
  if (block.outputs.loss.data && norms > 0) {
    const double bound =
        sums.rounded_totals[pair] + sums.gaps[pair] +
        rounding_bound(block.rows.rounded_norms[r], block.cols.rounded_norms[c], sums.channels);
    entries.loss = fmax(0.0, bound - of_packed) / norms;
  }
  return entries;
}

template <class T>
__global__ void __launch_bounds__(kWarp* kRowsAtOnce) write_block(Block<T> block) {
  const std::int64_t r = std::int64_t{blockIdx.y} * kRowsAtOnce + threadIdx.y;
  const std::int64_t c = std::int64_t{blockIdx.x} * kWarp + threadIdx.x;
  if (r >= block.sums.down || c >= block.sums.across) return;
  const std::int64_t i = block.place.row + r;
  const std::int64_t j = block.place.col + c;
  if (block.same && i > j) return;
  const bool is_diagonal = block.same && i == j;
  const Entries entries =
      is_diagonal ? entries_of_itself(block.rows.squared_norms[r], block.rows.exponents[r])
                  : entries_of(block, r, c);
  store(block.outputs, i, j, entries, block.same && !is_diagonal);
}

}  // namespace

template <class T>
void write_entries(Stream stream, const MatchedSums& sums, const RsmSide& rows, const RsmSide& cols,
                   bool same, Place place, const RsmOutputs<T>& outputs) {
  const dim3 grid(blocks_for(sums.across, kWarp), blocks_for(sums.down, kRowsAtOnce));
  launch(write_block<T>, grid, dim3(kWarp, kRowsAtOnce), 0, stream,
         Block<T>{sums, rows, cols, same, place, outputs});
}

template void write_entries(Stream, const MatchedSums&, const RsmSide&, const RsmSide&, bool, Place,
                            const RsmOutputs<float>&);
template void write_entries(Stream, const MatchedSums&, const RsmSide&, const RsmSide&, bool, Place,
                            const RsmOutputs<double>&);

}  // namespace isogram::cuda
