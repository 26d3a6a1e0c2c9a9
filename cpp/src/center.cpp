#include "isogram/center.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "isogram/arithmetic.hpp"
#include "isogram/detail/centering.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"

namespace isogram {

namespace {

// Sums are reduced over kStrips strips of rows for any number of threads.
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

// Rows that are read together, and copied together if columns are not adjacent.
constexpr std::size_t kRowsAtOnce = 16;

template <class T>
simd::Rows<const T> adjacent_rows(MatrixView<const T> k, Span rows, Buffer<T>& scratch) {
  if (k.col_stride == 1) return {&k(rows.begin, 0), k.row_stride, rows.size(), k.cols};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < k.cols; ++j) scratch[i * k.cols + j] = k(rows.begin + i, j);
  }
  return {scratch.data(), static_cast<std::ptrdiff_t>(k.cols), rows.size(), k.cols};
}

template <class T>
void copy_rows(const T* from, Span rows, MatrixView<T> to) {
  for (std::size_t i = rows.begin; i < rows.end; ++i) {
    for (std::size_t j = 0; j < to.cols; ++j) to(i, j) = *from++;
  }
}

template <class T>
simd::Rows<const T> columns_of(simd::Rows<const T> rows, Span cols) {
  return {rows.first + cols.begin, rows.stride, rows.count, cols.size()};
}

// Calls visit(rows) for spans that cover `all`.
template <class Visit>
void for_rows_at_once(Span all, Visit visit) {
  for (std::size_t begin = all.begin; begin < all.end; begin += kRowsAtOnce) {
    visit(Span{begin, std::min(begin + kRowsAtOnce, all.end)});
  }
}

// Adds rows to the column sums and to row_sums, which begins with the first of them; without the
// diagonal if `hollow`.
template <class T>
void add_rows(const simd::Rows<const T>& k, Span rows, bool hollow, std::vector<double>& cols,
              simd::RowSums* row_sums) {
  const auto& kernels = simd::kernels().of<T>();
  if (!hollow) return kernels.add_rows(k, cols.data(), row_sums);
  kernels.add_rows(columns_of(k, {0, rows.begin}), cols.data(), row_sums);
  kernels.add_rows(columns_of(k, {rows.end, k.n}), &cols[rows.end], row_sums);
  for (std::size_t i = rows.begin; i < rows.end; ++i) {
    const T* row = k.first + static_cast<std::ptrdiff_t>(i - rows.begin) * k.stride;
    for (const Span span : {Span{rows.begin, i}, Span{i + 1, rows.end}}) {
      kernels.add_rows({row + span.begin, 0, 1, span.size()}, &cols[span.begin],
                       row_sums + (i - rows.begin));
    }
  }
}

// Whether every row sum and column sum agree up to the rounding of n additions, as in a symmetric
// matrix.
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

// Row, column and total sums in one pass, without the diagonal if `hollow`. The diagonal is left
// out rather than subtracted later, because it may be far larger than all other entries. Throws for
// a NaN or infinity, which would spread to all entries.
template <class T>
Sums sums_of(MatrixView<const T> k, bool hollow, const Execution& execution) {
  const std::size_t n = k.rows;
  const std::size_t strips = std::min(kStrips, n);
  std::vector<std::vector<double>> strip_cols(strips);
  Sums sums{std::vector<double>(n), std::vector<double>(n), 0};
  std::vector<double> magnitudes(n);
  FirstNotFinite bad(strips);
  const auto add_strip = [&](std::size_t s, Worker& worker) {
    Buffer<T> scratch(k.col_stride == 1 ? 0 : kRowsAtOnce * n);
    strip_cols[s].assign(n + 1, 0.0);  // &cols[n] must exist
    for_rows_at_once({n * s / strips, n * (s + 1) / strips}, [&](Span rows) {
      worker.check();
      const simd::Rows<const T> some = adjacent_rows(k, rows, scratch);
      simd::RowSums of_rows[kRowsAtOnce] = {};
      add_rows(some, rows, hollow, strip_cols[s], of_rows);
      for (std::size_t i = rows.begin; i < rows.end; ++i) {
        const simd::RowSums& of_row = of_rows[i - rows.begin];
        sums.rows[i] = of_row.sum;
        magnitudes[i] = of_row.magnitude;
        if (std::isfinite(of_row.magnitude) && std::isfinite(k(i, i))) continue;
        const T* row = some.first + static_cast<std::ptrdiff_t>(i - rows.begin) * some.stride;
        const std::vector<double> widened(row, row + n);
        bad.inspect(s, i, widened.data(), n);
      }
    });
  };
  parallel_for(execution, strips, add_strip, threads_for(n * n));
  bad.throw_if_found("k");
  for (const auto& cols : strip_cols) {
    for (std::size_t j = 0; j < n; ++j) sums.cols[j] += cols[j];
  }
  // Equal sums keep a symmetric matrix exactly symmetric.
  if (agree(sums, magnitudes)) sums.cols = sums.rows;
  for (const double row : sums.rows) sums.total += row;
  return sums;
}

// The shifts of rows, or of columns.
std::vector<double> shifts_of(const std::vector<double>& sums, double total, bool hollow) {
  const auto shares = detail::centering_shares(static_cast<double>(sums.size()), hollow);
  std::vector<double> shifts(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) shifts[i] = shares.shift(sums[i], total);
  return shifts;
}

// Sums of numbers scaled by 2^−kRoom stay finite.
constexpr int kRoom = 64;

template <class T>
bool have_overflowed(const Sums& sums) {
  if (std::is_same_v<T, float>) return false;
  const auto is_finite = [](double sum) { return std::isfinite(sum); };
  return !std::isfinite(sums.total) ||
         !std::all_of(sums.rows.begin(), sums.rows.end(), is_finite) ||
         !std::all_of(sums.cols.begin(), sums.cols.end(), is_finite);
}

// Centres a copy scaled by 2^−kRoom.
template <class T>
void center_scaled(MatrixView<const T> k, Estimator estimator, MatrixView<T> out,
                   const Execution& execution) {
  Buffer<T> copy(product(k.rows, k.cols));
  for (std::size_t i = 0; i < k.rows; ++i) {
    for (std::size_t j = 0; j < k.cols; ++j) {
      copy[i * k.cols + j] = std::ldexp(k(i, j), -kRoom);
    }
  }
  center<T>({copy.data(), k.rows, k.cols}, estimator, out, execution);
  for (std::size_t i = 0; i < k.rows; ++i) {
    for (std::size_t j = 0; j < k.cols; ++j) out(i, j) = std::ldexp(out(i, j), kRoom);
  }
}

}  // namespace

template <class T>
void center(MatrixView<const T> k, Estimator estimator, MatrixView<T> out,
            const Execution& execution) {
  const UsualArithmetic usual;
  require_centerable(k, estimator);
  require_shape(out, k.rows, k.cols, "out");
  const bool hollow = estimator == Estimator::debiased;
  const Sums sums = sums_of(k, hollow, execution);
  if (have_overflowed<T>(sums)) return center_scaled(k, estimator, out, execution);
  const std::vector<double> row_shifts = shifts_of(sums.rows, sums.total, hollow);
  const std::vector<double> col_shifts = shifts_of(sums.cols, sums.total, hollow);
  const auto& kernels = simd::kernels().of<T>();
  const std::size_t n = k.rows;
  const std::size_t strips = tiles_in(n);
  parallel_for(execution, strips, [&](std::size_t strip, Worker&) {
    Buffer<T> in_scratch(k.col_stride == 1 ? 0 : kRowsAtOnce * n);
    Buffer<T> out_scratch(out.col_stride == 1 ? 0 : kRowsAtOnce * n);
    for_rows_at_once(tile_span(strip, n), [&](Span rows) {
      const simd::Rows<const T> some = adjacent_rows(k, rows, in_scratch);
      const simd::Rows<T> targets =
          out.col_stride == 1
              ? simd::Rows<T>{&out(rows.begin, 0), out.row_stride, rows.size(), n}
              : simd::Rows<T>{out_scratch.data(), static_cast<std::ptrdiff_t>(n), rows.size(), n};
      kernels.shift_rows(some, targets, &row_shifts[rows.begin], col_shifts.data());
      if (out.col_stride != 1) copy_rows(out_scratch.data(), rows, out);
      if (!hollow) return;
      for (std::size_t i = rows.begin; i < rows.end; ++i) out(i, i) = 0;
    });
  });
}

template void center(MatrixView<const float>, Estimator, MatrixView<float>, const Execution&);
template void center(MatrixView<const double>, Estimator, MatrixView<double>, const Execution&);

}  // namespace isogram
