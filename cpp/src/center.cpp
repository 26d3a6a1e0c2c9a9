#include "isogram/center.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "buffer.hpp"
#include "input.hpp"
#include "simd/kernels.hpp"
#include "team.hpp"
#include "tile.hpp"

namespace isogram {

namespace {

// Sums are reduced over this many strips of rows, whatever the number of threads.
constexpr std::size_t kStrips = 32;

struct Sums {
  std::vector<double> rows;
  std::vector<double> cols;
  double total = 0;
};

template <class T>
void require_centerable(MatrixView<const T> k, Estimator estimator) {
  if (k.rows != k.cols) {
    throw std::invalid_argument("`k` must be square, got " + std::to_string(k.rows) + " x " +
                                std::to_string(k.cols));
  }
  const std::size_t least = estimator == Estimator::debiased ? 3 : 1;
  if (k.rows < least) {
    throw std::invalid_argument("`k` must have at least " + std::to_string(least) + " rows, got " +
                                std::to_string(k.rows));
  }
}

template <class T>
const T* contiguous_row(MatrixView<const T> k, std::size_t i, Buffer<T>& scratch) {
  if (k.col_stride == 1) return &k(i, 0);
  for (std::size_t j = 0; j < k.cols; ++j) scratch[j] = k(i, j);
  return scratch.data();
}

// Adds row i to the column sums, without the diagonal if `hollow`.
template <class T>
simd::RowSums add_row(const T* row, std::size_t i, bool hollow, std::vector<double>& cols) {
  const auto& kernels = simd::kernels().of<T>();
  if (!hollow) return kernels.add_row(row, cols.size(), cols.data());
  const simd::RowSums before = kernels.add_row(row, i, cols.data());
  const simd::RowSums after =
      kernels.add_row(row + i + 1, cols.size() - i - 1, cols.data() + i + 1);
  return {before.sum + after.sum, before.magnitude + after.magnitude};
}

// Whether every row sum is the column's but for what rounding can make of n additions: always so
// for a symmetric matrix.
bool agree(const Sums& sums, const std::vector<double>& magnitudes) {
  constexpr double eps = std::numeric_limits<double>::epsilon();
  const double n = static_cast<double>(magnitudes.size());
  for (std::size_t i = 0; i < magnitudes.size(); ++i) {
    const double bound = n * eps * magnitudes[i];
    const bool is_close = std::abs(sums.rows[i] - sums.cols[i]) <= bound;
    if (!is_close || !std::isfinite(bound)) return false;
  }
  return true;
}

// Row, column and total sums in one pass, without the diagonal if `hollow`: left out, not taken
// off again, as it may be far larger than the rest. NaN and infinity stop here: they would spread
// over everything.
template <class T>
Sums sums_of(MatrixView<const T> k, bool hollow, const Execution& execution) {
  const std::size_t n = k.rows;
  const std::size_t strips = std::min(kStrips, n);
  std::vector<std::vector<double>> strip_cols(strips);
  Sums sums{std::vector<double>(n), std::vector<double>(n), 0};
  std::vector<double> magnitudes(n);
  FirstNotFinite bad(strips);
  parallel_for(execution, strips, [&](std::size_t s, Worker& worker) {
    Buffer<T> scratch(k.col_stride == 1 ? 0 : n);
    strip_cols[s].assign(n, 0.0);
    for (std::size_t i = n * s / strips; i < n * (s + 1) / strips; ++i) {
      worker.check();
      const T* row = contiguous_row(k, i, scratch);
      const simd::RowSums of_row = add_row(row, i, hollow, strip_cols[s]);
      sums.rows[i] = of_row.sum;
      magnitudes[i] = of_row.magnitude;
      if (std::isfinite(of_row.magnitude) && std::isfinite(row[i])) continue;
      const std::vector<double> widened(row, row + n);
      bad.inspect(s, i, widened.data(), n);
    }
  });
  bad.throw_if_found("k");
  for (const auto& cols : strip_cols) {
    for (std::size_t j = 0; j < n; ++j) sums.cols[j] += cols[j];
  }
  // The same sums, so that what is symmetric stays exactly symmetric.
  if (agree(sums, magnitudes)) sums.cols = sums.rows;
  for (const double row : sums.rows) sums.total += row;
  return sums;
}

// What is subtracted from a row, and what from a column: half of the total's share goes to each,
// so that equal sums give equal shifts.
std::vector<double> shifts_of(const std::vector<double>& sums, double total, Estimator estimator) {
  const double n = static_cast<double>(sums.size());
  const bool hollow = estimator == Estimator::debiased;
  const double of_sum = hollow ? n - 2 : n;
  const double of_total = hollow ? (n - 1) * (n - 2) : n * n;
  std::vector<double> shifts(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    shifts[i] = sums[i] / of_sum - total / of_total / 2;
  }
  return shifts;
}

}  // namespace

template <class T>
void center(MatrixView<const T> k, Estimator estimator, MatrixView<T> out,
            const Execution& execution) {
  require_centerable(k, estimator);
  require_shape(out, k.rows, k.cols, "out");
  const bool hollow = estimator == Estimator::debiased;
  const Sums sums = sums_of(k, hollow, execution);
  const std::vector<double> row_shifts = shifts_of(sums.rows, sums.total, estimator);
  const std::vector<double> col_shifts = shifts_of(sums.cols, sums.total, estimator);
  const auto& kernels = simd::kernels().of<T>();
  const std::size_t n = k.rows;
  const std::size_t strips = tiles_in(n);
  parallel_for(execution, strips, [&](std::size_t strip, Worker&) {
    Buffer<T> in_scratch(k.col_stride == 1 ? 0 : n);
    Buffer<T> out_scratch(out.col_stride == 1 ? 0 : n);
    const Span rows = tile_span(strip, n);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      const T* row = contiguous_row(k, i, in_scratch);
      T* target = out.col_stride == 1 ? &out(i, 0) : out_scratch.data();
      kernels.subtract_shifts(row, target, n, row_shifts[i], col_shifts.data());
      if (hollow) target[i] = 0;
      if (out.col_stride == 1) continue;
      for (std::size_t j = 0; j < n; ++j) out(i, j) = target[j];
    }
  });
}

template void center(MatrixView<const float>, Estimator, MatrixView<float>, const Execution&);
template void center(MatrixView<const double>, Estimator, MatrixView<double>, const Execution&);

}  // namespace isogram
