#include "isogram/cuda/rsm.hpp"

#include <cmath>
#include <limits>

#include "detail/launch.cuh"
#include "detail/norm.cuh"
#include "detail/number.cuh"
#include "detail/power_of_two.cuh"
#include "detail/reduce.cuh"
#include "isogram/detail/matched_sum.hpp"
#include "isogram/detail/scaling.hpp"

namespace isogram::cuda {

namespace {

using detail::InputNorms;

constexpr int kRowsAtOnce = 8;

template <class T>
constexpr double kUnitRoundoff = std::numeric_limits<T>::epsilon() / 2;

template <class T>
struct Block {
  MatchedSums sums;
  RsmSide rows;
  RsmSide cols;
  bool same;
  Place place;
  RsmOutputs<T> outputs;
};

// The entries of one pair in all outputs.
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

__device__ InputNorms norms_of(const RsmSide& side, std::int64_t input) {
  return {side.squared_norms[input], side.exponents[input]};
}

// The part of a matched sum that centring removed from the packed tokens.
__device__ double sum_of_means(const MatchedSums& sums, std::int64_t pair) {
  return sums.mean_products ? static_cast<double>(sums.tokens) * sums.mean_products[pair] : 0;
}

template <class T>
__device__ Entries entries_of(const Block<T>& block, std::int64_t r, std::int64_t c) {
  const MatchedSums& sums = block.sums;
  const std::int64_t pair = r * sums.across + c;
  const double of_packed = matched_sum(sums, pair);
  const double total = of_packed + sum_of_means(sums, pair);
  const InputNorms a = norms_of(block.rows, r);
  const InputNorms b = norms_of(block.cols, c);
  const double squared = fmax(0.0, detail::squared_distance(total, a, b).value);
  Entries entries{detail::linear_entry(total, a, b), detail::cosine_entry(total, a, b),
                  ldexp(sqrt(squared), detail::unit_of(a, b)), 0};
  if (block.outputs.loss.data) {
    const double of_sum =
        kUnitRoundoff<T> * detail::ulps_of_any_order(static_cast<double>(sums.channels));
    const double bound =
        sums.rounded_totals[pair] + sums.gaps[pair] +
        detail::narrowing_bound(block.rows.rounded_norms[r], block.cols.rounded_norms[c], of_sum);
    entries.loss = detail::loss_entry(bound, of_packed, a, b);
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

// ---- Distances whose sum cancels -------------------------------------------------------------

// One pair of a block, token by token. All functions are called by a whole warp.
class PairOfTokens {
 public:
  __device__ PairOfTokens(const MatchedTokens& tokens, std::int64_t r, std::int64_t c,
                          std::int64_t pair)
      : tokens_(tokens), r_(r), c_(c), pair_(pair) {}

  // ‖Z_i − Z_j‖ with the tokens of j in the order of their matching.
  __device__ Scaled distance() const {
    const double squares = reduced(PowerOfTwo(0), [](double sum, double x) { return sum + x * x; });
    if (squares >= isogram::detail::kSmallestSquares &&
        squares <= isogram::detail::kLargestSquares) {
      return {sqrt(squares), 0};
    }
    const double largest =
        reduced(PowerOfTwo(0), [](double a, double x) { return Maximum()(a, fabs(x)); }, Maximum());
    if (!(largest > 0) || isinf(largest)) return {largest, 0};
    const int exponent = ilogb(largest);
    const auto add = [](double sum, double x) { return sum + x * x; };
    return {sqrt(reduced(PowerOfTwo(-exponent), add)), exponent};
  }

 private:
  __device__ static std::int64_t length(const Tokens& side, std::int64_t input) {
    return side.lengths ? side.lengths[input] : side.tokens;
  }

  __device__ static double entry(const Tokens& side, const std::int32_t* order, std::int64_t input,
                                 std::int64_t position, std::int64_t channel) {
    const std::int64_t token = order ? order[input * side.tokens + position] : position;
    const std::int64_t at =
        input * side.input_stride + token * side.token_stride + channel * side.channel_stride;
    return entry_of({side.data, side.type, 1, 1, 1, 1}, at, 0);
  }

  // The position of j that is matched with position s of i, or −1.
  __device__ std::int64_t partner(std::int64_t s) const {
    if (!tokens_.columns) return s < length(tokens_.cols, c_) ? s : -1;
    const std::int64_t last = tokens_.parts - 1;
    const std::int64_t part = Minimum()(s / tokens_.part_rows, last);
    const std::int64_t row = s - part * tokens_.part_rows;
    const std::int64_t rows = part == last ? tokens_.last_rows : tokens_.part_rows;
    if (row >= rows) return -1;
    const std::int32_t column = tokens_.columns[part * tokens_.part_stride + pair_ * rows + row];
    const std::int64_t t = part * tokens_.part_cols + column;
    // Columns are not written where a part of the input has no tokens.
    return column >= 0 && t < length(tokens_.cols, c_) ? t : -1;
  }

  __device__ bool is_left_over(std::int64_t t, std::int64_t rows) const {
    bool is_taken = false;
    for (std::int64_t s = threadIdx.x; s < rows; s += kWarp) is_taken |= partner(s) == t;
    return __ballot_sync(kAllLanes, is_taken) == 0;
  }

  // add(…, x) over all differences x of matched tokens and all tokens left over, combined over
  // lanes.
  template <class Add, class Combine = Sum>
  __device__ double reduced(PowerOfTwo scale, Add add, Combine combine = {}) const {
    const std::int64_t rows = length(tokens_.rows, r_);
    const std::int64_t cols = length(tokens_.cols, c_);
    double result = 0;
    std::int64_t matched = 0;
    for (std::int64_t s = 0; s < rows; ++s) {
      const std::int64_t t = partner(s);
      matched += t >= 0;
      for (std::int64_t k = threadIdx.x; k < tokens_.rows.channels; k += kWarp) {
        const double x = entry(tokens_.rows, tokens_.row_order, r_, s, k);
        const double y = t < 0 ? 0 : entry(tokens_.cols, tokens_.col_order, c_, t, k);
        result = add(result, scale * (x - y));
      }
    }
    for (std::int64_t t = 0; t < cols && matched < cols; ++t) {
      if (!is_left_over(t, rows)) continue;
      for (std::int64_t k = threadIdx.x; k < tokens_.rows.channels; k += kWarp) {
        result = add(result, scale * entry(tokens_.cols, tokens_.col_order, c_, t, k));
      }
    }
    return warp_reduced(result, combine);
  }

  const MatchedTokens& tokens_;
  std::int64_t r_;
  std::int64_t c_;
  std::int64_t pair_;
};

// Whether the host would match the pair again: see RsmEntries::may_be_mismatched() in
// cpp/src/tokens/rsm_entries.hpp.
template <class T>
__device__ bool may_be_mismatched(const Block<T>& block, const MatchedTokens& tokens,
                                  std::int64_t r, std::int64_t c, double distance) {
  if (!block.rows.bulk_norms || !(distance > 0)) return false;
  const std::int64_t pairs = block.sums.down * block.sums.across;
  for (std::int64_t part = 0; part < tokens.proven_parts; ++part) {
    if (!tokens.is_proven[part * pairs + r * block.sums.across + c]) return true;
  }
  const InputNorms a = norms_of(block.rows, r);
  const InputNorms b = norms_of(block.cols, c);
  return detail::may_be_mismatched<T>(ldexp(distance, -detail::unit_of(a, b)),
                                      block.rows.bulk_norms[r], a, block.cols.bulk_norms[c], b);
}

// A warp for each pair; most return at once.
template <class T>
__global__ void __launch_bounds__(kWarp* kRowsAtOnce)
    repair_distances(Block<T> block, MatchedTokens tokens) {
  const std::int64_t pair = std::int64_t{blockIdx.x} * kRowsAtOnce + threadIdx.y;
  if (pair >= block.sums.down * block.sums.across) return;
  const std::int64_t r = pair / block.sums.across;
  const std::int64_t c = pair % block.sums.across;
  const std::int64_t i = block.place.row + r;
  const std::int64_t j = block.place.col + c;
  if (block.same && i >= j) return;
  const double total = matched_sum(block.sums, pair) + sum_of_means(block.sums, pair);
  const detail::SquaredDistance squared =
      detail::squared_distance(total, norms_of(block.rows, r), norms_of(block.cols, c));
  if (!detail::has_cancelled<T>(squared)) return;
  const Scaled distance = PairOfTokens(tokens, r, c, pair).distance();
  if (threadIdx.x > 0) return;
  const double value = ldexp(distance.value, distance.exponent - tokens.exponent);
  const bool is_marked = may_be_mismatched(block, tokens, r, c, value);
  store(block.outputs.distance, i, j, is_marked ? -value : value, block.same);
}

}  // namespace

template <class T>
void write_entries(Stream stream, const MatchedSums& sums, const RsmSide& rows, const RsmSide& cols,
                   bool same, Place place, const RsmOutputs<T>& outputs,
                   const MatchedTokens* tokens) {
  const dim3 grid(blocks_for(sums.across, kWarp), blocks_for(sums.down, kRowsAtOnce));
  const dim3 threads(kWarp, kRowsAtOnce);
  const Block<T> block{sums, rows, cols, same, place, outputs};
  launch(write_block<T>, grid, threads, 0, stream, block);
  if (!tokens || !outputs.distance.data) return;
  launch(repair_distances<T>, dim3(blocks_for(sums.down * sums.across, kRowsAtOnce)), threads, 0,
         stream, block, *tokens);
}

template void write_entries(Stream, const MatchedSums&, const RsmSide&, const RsmSide&, bool, Place,
                            const RsmOutputs<float>&, const MatchedTokens*);
template void write_entries(Stream, const MatchedSums&, const RsmSide&, const RsmSide&, bool, Place,
                            const RsmOutputs<double>&, const MatchedTokens*);

}  // namespace isogram::cuda
