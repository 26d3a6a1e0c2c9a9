// Sums over the entries of Gram matrices, in float64 for both types of entries.
#pragma once

#include <cstddef>

#include "expecting-inl.hpp"
#include "kernels.hpp"
#include "lanes-inl.hpp"
#include "magnitude-inl.hpp"
#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

inline constexpr std::size_t kWideLanes = kLanes<double>;
inline constexpr std::size_t kSums = 4;  // independent sums: an addition takes about four cycles

// A vector with as many elements T as a vector has doubles.
template <class T>
struct Narrow {
  typedef T type __attribute__((vector_size(kWideLanes * sizeof(T))));
};

template <class T>
inline Vector<double> widened(const T* p) {
  [[maybe_unused]] constexpr bool is_float = sizeof(T) == sizeof(float);
  // GCC 12 would convert the vector in parts (and warns of the intrinsic without a mask).
#if defined(__AVX512F__)
  if constexpr (is_float) return _mm512_maskz_cvtps_pd(0xff, _mm256_loadu_ps(p));
#elif defined(__AVX__)
  if constexpr (is_float) return _mm256_cvtps_pd(_mm_loadu_ps(p));
#elif defined(__SSE2__)
  if constexpr (is_float) return _mm_cvtps_pd((__m128)_mm_loadl_epi64((const __m128i*)p));
#endif
  typename Narrow<T>::type x;
  __builtin_memcpy(&x, p, sizeof x);
  return __builtin_convertvector(x, Vector<double>);
}

template <class T>
inline void store_narrowed(T* p, Vector<double> x) {
  const auto narrow = __builtin_convertvector(x, typename Narrow<T>::type);
  __builtin_memcpy(p, &narrow, sizeof narrow);
}

// The sum of n terms: vector(j) returns terms j to j + kWideLanes − 1, scalar(j) term j.
template <class OnVector, class OnScalar>
inline double wide_sum(std::size_t n, OnVector vector, OnScalar scalar) {
  Vector<double> sums[kSums] = {};
  std::size_t j = 0;
  for (; j + kSums * kWideLanes <= n; j += kSums * kWideLanes) {
    unrolled<kSums>([&](std::size_t s) { sums[s] += vector(j + s * kWideLanes); });
  }
  for (; j + kWideLanes <= n; j += kWideLanes) sums[0] += vector(j);
  double rest = 0;
  for (; j < n; ++j) rest += scalar(j);
  return horizontal_sum<double>((sums[0] + sums[1]) + (sums[2] + sums[3])) + rest;
}

template <class T>
double sum(const T* row, std::size_t n) noexcept {
  return wide_sum(
      n, [&](std::size_t j) { return widened(row + j); },
      [&](std::size_t j) { return static_cast<double>(row[j]); });
}

template <class T>
double dot(const T* a, const T* b, std::size_t n) noexcept {
  return wide_sum(
      n, [&](std::size_t j) { return widened(a + j) * widened(b + j); },
      [&](std::size_t j) { return static_cast<double>(a[j]) * b[j]; });
}

template <class T>
double squared_deviations(const T* row, std::size_t n, double shift) noexcept {
  const auto square = [](auto x) { return x * x; };
  return wide_sum(
      n, [&](std::size_t j) { return square(widened(row + j) - shift); },
      [&](std::size_t j) { return square(row[j] - shift); });
}

template <class T>
RowSums add_row(const T* row, std::size_t n, double* sums) noexcept {
  double magnitude = 0;
  Vector<double> magnitudes{};
  const double total = wide_sum(
      n,
      [&](std::size_t j) {
        const Vector<double> x = widened(row + j);
        store(sums + j, load(sums + j) + x);
        magnitudes += absolute<double>(x);
        return x;
      },
      [&](std::size_t j) {
        const double x = row[j];
        sums[j] += x;
        magnitude += x < 0 ? -x : x;
        return x;
      });
  return {total, magnitude + horizontal_sum<double>(magnitudes)};
}

// kRows rows side by side: memory serves requests for several rows at once; requests for one row
// would wait for each other.
template <std::size_t kRows, class T>
inline void add_rows_at_once(const T* rows, std::ptrdiff_t stride, std::size_t n,
                             double* column_sums, RowSums* row_sums) {
  const auto row = [&](std::size_t i) { return rows + static_cast<std::ptrdiff_t>(i) * stride; };
  Vector<double> sums[kRows] = {};
  Vector<double> magnitudes[kRows] = {};
  std::size_t j = 0;
  for (; j + kWideLanes <= n; j += kWideLanes) {
    Vector<double> of_columns = load(column_sums + j);
    unrolled<kRows>([&](std::size_t i) {
      const Vector<double> x = widened(row(i) + j);
      of_columns += x;
      sums[i] += x;
      magnitudes[i] += absolute<double>(x);
    });
    store(column_sums + j, of_columns);
  }
  unrolled<kRows>([&](std::size_t i) {
    row_sums[i].sum += horizontal_sum<double>(sums[i]);
    row_sums[i].magnitude += horizontal_sum<double>(magnitudes[i]);
  });
  for (; j < n; ++j) {
    unrolled<kRows>([&](std::size_t i) {
      const double x = row(i)[j];
      column_sums[j] += x;
      row_sums[i].sum += x;
      row_sums[i].magnitude += x < 0 ? -x : x;
    });
  }
}

template <class T>
void add_rows(const Rows<const T>& rows, double* column_sums, RowSums* row_sums) noexcept {
  const T* row = rows.first;
  std::size_t left = rows.count;
  constexpr auto at_once = static_cast<std::ptrdiff_t>(kRegisterRows);
  for (; left >= kRegisterRows; left -= kRegisterRows, row += at_once * rows.stride) {
    add_rows_at_once<kRegisterRows>(row, rows.stride, rows.n, column_sums, row_sums);
    row_sums += kRegisterRows;
  }
  for (; left > 0; --left, row += rows.stride) {
    add_rows_at_once<1>(row, rows.stride, rows.n, column_sums, row_sums++);
  }
}

template <class T>
double add_differences(const T* row, const double* origin, std::size_t n,
                       double* column_sums) noexcept {
  Magnitudes<double> magnitudes;
  const auto add = [&](std::size_t k, std::size_t at) {
    const Vector<double> x = widened(row + at) - load(origin + at);
    store(column_sums + at, load(column_sums + at) + x);
    magnitudes.include(k, x);
  };
  std::size_t j = 0;
  for (; j + 2 * kWideLanes <= n; j += 2 * kWideLanes) {
    unrolled<2>([&](std::size_t k) { add(k, j + k * kWideLanes); });
  }
  for (; j + kWideLanes <= n; j += kWideLanes) add(0, j);
  for (; j < n; ++j) {
    const double x = row[j] - origin[j];
    column_sums[j] += x;
    magnitudes.include(0, broadcast(x));
  }
  return magnitudes.largest();
}

template <class V>
inline V middle_of_three(V a, V b, V c) {
  return maximum(minimum(a, b), minimum(maximum(a, b), c));
}

// The median of 1, 3 or 5 values; value(k) is one of them.
template <class V, class Value>
inline V middle_value(std::size_t count, Value value) {
  if (count == 1) return value(0);
  if (count == 3) return middle_of_three<V>(value(0), value(1), value(2));
  const V low = maximum<V>(minimum<V>(value(0), value(1)), minimum<V>(value(2), value(3)));
  const V high = minimum<V>(maximum<V>(value(0), value(1)), maximum<V>(value(2), value(3)));
  return middle_of_three<V>(value(4), low, high);
}

// Vectors of columns that are centred together: a line of T, unless that takes too many registers.
template <class T>
inline constexpr std::size_t kCentered =
    kLine / sizeof(T) < 4 * kWideLanes ? kLine / sizeof(T) / kWideLanes : 4;

// kCentered vectors of columns, from `first` on, of all rows.
template <bool kWithRest, class T>
class ColumnsToCenter {
 public:
  using Line = Vector<double>[kCentered<T>];

  ColumnsToCenter(const T* first, Rows<const T> rows, ColumnCenter center, Vector<double>* largest)
      : first_(first), rows_(rows), center_(center), largest_(largest) {}

  void fetch_next() const {
    const T* next = first_ + rows_.n;
    for (std::size_t i = 0; i < rows_.count; ++i, next += rows_.stride) {
      __builtin_prefetch(next, 0, 2);
    }
  }

  // Adds the differences from the median of a few rows.
  void add_differences(Line& middle, Line& sum) const {
    for_each([&](std::size_t v) {
      middle[v] = middle_value<Vector<double>>(center_.middles, [&](std::size_t k) {
        const auto row = static_cast<std::ptrdiff_t>(center_.middle[k]);
        return widened(first_ + row * rows_.stride + v * kWideLanes);
      });
    });
    const T* row = first_;
    for (std::size_t strip = 1, i = 0; strip <= center_.strips; ++strip) {
      const std::size_t end =
          strip < center_.strips ? rows_.count * strip / center_.strips : rows_.count;
      Line of_strip{};
      for (; i < end; ++i, row += rows_.stride) {
        Line x;
        differences(row, middle, x);
        for_each([&](std::size_t v) { of_strip[v] += x[v]; });
        if constexpr (!kWithRest) include(x, largest_[i]);
      }
      for_each([&](std::size_t v) { sum[v] += of_strip[v]; });
    }
  }

  void subtract_means(const Line& middle, const Line& sum, T* out, std::ptrdiff_t stride) const {
    Line mean;
    Line rest;
    for_each([&](std::size_t v) {
      const Vector<double> of_differences = sum[v] / static_cast<double>(rows_.count);
      mean[v] = middle[v] + of_differences;
      rest[v] = of_differences - (mean[v] - middle[v]);
    });
    const T* row = first_;
    for (std::size_t i = 0; i < rows_.count; ++i, row += rows_.stride, out += stride) {
      Line x;
      differences(row, mean, x);
      if constexpr (kWithRest) include(x, largest_[i]);
      for_each([&](std::size_t v) {
        store_narrowed(out + v * kWideLanes, kWithRest ? x[v] - rest[v] : x[v]);
      });
    }
  }

  template <class OfVector>
  static void for_each(OfVector of_vector) {
    unrolled<kCentered<T>>(of_vector);
  }

 private:
  static void differences(const T* row, const Line& shift, Line& x) {
    for_each([&](std::size_t v) { x[v] = widened(row + v * kWideLanes) - shift[v]; });
  }

  static void include(const Line& x, Vector<double>& magnitude) {
    Vector<double> of_line = absolute<double>(x[0]);
    for_each([&](std::size_t v) { of_line = maximum(of_line, absolute<double>(x[v])); });
    magnitude = maximum(magnitude, of_line);
  }

  const T* first_;
  Rows<const T> rows_;
  ColumnCenter center_;
  Vector<double>* largest_;  // of each row
};

template <bool kWithRest, class T>
inline void center_all_columns(const Rows<const T>& rows, const ColumnCenter& center,
                               const Rows<T>& out, double* row_largest) {
  using Columns = ColumnsToCenter<kWithRest, T>;
  Vector<double> largest[kMostCenteredRows] = {};
  Magnitudes<double> of_sums;
  for (std::size_t j = 0; j < rows.n; j += kCentered<T> * kWideLanes) {
    const Columns columns(rows.first + j, rows, center, largest);
    if (center.fetches) columns.fetch_next();
    typename Columns::Line middle;
    typename Columns::Line sum{};
    columns.add_differences(middle, sum);
    Columns::for_each([&](std::size_t v) { of_sums.include(v % 2, sum[v]); });
    columns.subtract_means(middle, sum, out.first + j, out.stride);
  }
  const bool is_finite = of_sums.largest() < kInfinity<double>;
  for (std::size_t i = 0; i < rows.count; ++i) {
    const double found = is_finite ? -minimum_everywhere(-largest[i])[0] : kInfinity<double>;
    row_largest[i] = maximum(row_largest[i], found);
  }
}

template <class T>
void center_columns(const Rows<const T>& rows, const ColumnCenter& center, const Rows<T>& out,
                    double* row_largest) noexcept {
  if (center.with_rest) {
    center_all_columns<true>(rows, center, out, row_largest);
  } else {
    center_all_columns<false>(rows, center, out, row_largest);
  }
}

template <std::size_t kRows, class T>
inline void add_products_of_rows(const T* a, const T* b, std::size_t stride, std::size_t cols,
                                 double* row_sums, double* column_sums) {
  Vector<double> of_rows[kRows] = {};
  std::size_t j = 0;
  for (; j + kWideLanes <= cols; j += kWideLanes) {
    Vector<double> of_columns = load(column_sums + j);
    unrolled<kRows>([&](std::size_t i) {
      const Vector<double> x = widened(a + i * stride + j) * widened(b + i * stride + j);
      of_rows[i] += x;
      of_columns += x;
    });
    store(column_sums + j, of_columns);
  }
  unrolled<kRows>([&](std::size_t i) { row_sums[i] += horizontal_sum<double>(of_rows[i]); });
  for (; j < cols; ++j) {
    unrolled<kRows>([&](std::size_t i) {
      const double x = static_cast<double>(a[i * stride + j]) * b[i * stride + j];
      row_sums[i] += x;
      column_sums[j] += x;
    });
  }
}

template <class T>
void add_products(const T* a, const T* b, std::size_t stride, std::size_t rows, std::size_t cols,
                  double* row_sums, double* column_sums) noexcept {
  std::size_t i = 0;
  for (; i + kSums <= rows; i += kSums) {
    add_products_of_rows<kSums>(a + i * stride, b + i * stride, stride, cols, row_sums + i,
                                column_sums);
  }
  for (; i < rows; ++i) {
    add_products_of_rows<1>(a + i * stride, b + i * stride, stride, cols, row_sums + i,
                            column_sums);
  }
}

template <std::size_t kRows, class T>
inline void shift_rows_at_once(const T* rows, std::ptrdiff_t stride, T* out,
                               std::ptrdiff_t out_stride, std::size_t n, const double* row_shifts,
                               const double* column_shifts) {
  const auto offset = [](std::size_t i, std::ptrdiff_t step) {
    return static_cast<std::ptrdiff_t>(i) * step;
  };
  std::size_t j = 0;
  for (; j + kWideLanes <= n; j += kWideLanes) {
    const Vector<double> shift = load(column_shifts + j);
    unrolled<kRows>([&](std::size_t i) {
      const Vector<double> x = widened(rows + offset(i, stride) + j);
      store_narrowed(out + offset(i, out_stride) + j, x - (row_shifts[i] + shift));
    });
  }
  for (; j < n; ++j) {
    unrolled<kRows>([&](std::size_t i) {
      const double x = rows[offset(i, stride) + static_cast<std::ptrdiff_t>(j)];
      out[offset(i, out_stride) + static_cast<std::ptrdiff_t>(j)] =
          static_cast<T>(x - (row_shifts[i] + column_shifts[j]));
    });
  }
}

template <class T>
void subtract_shifts(const T* row, T* out, std::size_t n, double row_shift,
                     const double* column_shift) noexcept {
  shift_rows_at_once<1>(row, 0, out, 0, n, &row_shift, column_shift);
}

template <class T>
void subtract_means(const T* row, T* out, std::size_t n, const double* mean,
                    const double* rest) noexcept {
  std::size_t j = 0;
  for (; j + kWideLanes <= n; j += kWideLanes) {
    store_narrowed(out + j, (widened(row + j) - load(mean + j)) - load(rest + j));
  }
  for (; j < n; ++j) out[j] = static_cast<T>((row[j] - mean[j]) - rest[j]);
}

template <class T>
void shift_rows(const Rows<const T>& rows, const Rows<T>& out, const double* row_shifts,
                const double* column_shifts) noexcept {
  const T* row = rows.first;
  T* target = out.first;
  std::size_t left = rows.count;
  constexpr auto at_once = static_cast<std::ptrdiff_t>(kRegisterRows);
  for (; left >= kRegisterRows; left -= kRegisterRows, row_shifts += kRegisterRows) {
    shift_rows_at_once<kRegisterRows>(row, rows.stride, target, out.stride, rows.n, row_shifts,
                                      column_shifts);
    row += at_once * rows.stride;
    target += at_once * out.stride;
  }
  for (; left > 0; --left, row += rows.stride, target += out.stride) {
    subtract_shifts(row, target, rows.n, *row_shifts++, column_shifts);
  }
}

// By division, because the inverse would add a rounding error of its own.
template <class T>
void divide(const T* row, T* out, std::size_t n, double shift, double divisor) noexcept {
  std::size_t j = 0;
  for (; j + kWideLanes <= n; j += kWideLanes) {
    store_narrowed(out + j, (widened(row + j) - shift) / divisor);
  }
  for (; j < n; ++j) out[j] = static_cast<T>((row[j] - shift) / divisor);
}

template <class T>
void shift_and_scale(const T* row, std::size_t n, double row_shift, const double* column_shifts,
                     double row_factor, const double* column_factors, double* out) noexcept {
  std::size_t j = 0;
  for (; j + kWideLanes <= n; j += kWideLanes) {
    const Vector<double> factor = row_factor * load(column_factors + j);
    store(out + j, (widened(row + j) - (row_shift + load(column_shifts + j))) * factor);
  }
  for (; j < n; ++j) {
    out[j] = (row[j] - (row_shift + column_shifts[j])) * (row_factor * column_factors[j]);
  }
}

template <class T>
void widen(const T* row, std::size_t n, double offset, double* out) noexcept {
  std::size_t j = 0;
  for (; j + kWideLanes <= n; j += kWideLanes) store(out + j, widened(row + j) - offset);
  for (; j < n; ++j) out[j] = row[j] - offset;
}

// kRows × kCols inner products, limited by the registers.
template <std::size_t kRows, std::size_t kCols, class T>
inline void row_products_block(const T* a, const T* b, std::size_t stride, std::size_t n,
                               double* sums, std::size_t sums_stride, Expecting& expecting) {
  Vector<T> products[kCols][kProductRows] = {};
  const std::size_t share = expecting.share();
  for (std::size_t k = 0; k < n; k += kLanes<T>) {
    for (std::size_t line = 0; line < share; ++line) expecting.fetch();
    Vector<T> left[kRows];
    unrolled<kRows>([&](std::size_t p) { left[p] = load(a + p * stride + k); });
    unrolled<kCols>([&](std::size_t q) {
      const Vector<T> right = load(b + q * stride + k);
      unrolled<kRows>([&](std::size_t p) { products[q][p] += left[p] * right; });
    });
  }
  unrolled<kCols>([&](std::size_t q) {
    T of_column[kProductRows];
    sum_of_each(products[q], of_column);
    unrolled<kRows>([&](std::size_t p) { sums[p * sums_stride + q] += of_column[p]; });
  });
}

template <class T>
void row_products(const T* a, std::size_t rows, const T* b, std::size_t cols, std::size_t stride,
                  std::size_t n, double* sums, std::size_t sums_stride,
                  const ExpectedRows& expected) noexcept {
  constexpr std::size_t most = kRegisterRows < 8 ? 3 : 4;
  Expecting expecting(expected, (cols + most - 1) / most * (n / kLanes<T>));
  if (rows == 2) return row_products_block<2, 2>(a, b, stride, n, sums, sums_stride, expecting);
  for (std::size_t q = 0, width; q < cols; q += width, b += width * stride, sums += width) {
    const std::size_t left = cols - q;
    // The last columns are two and two, not `most` and one, which would wait for its sums.
    width = left == most + 1 ? 2 : left < most ? left : most;
    const auto block = width == 1   ? &row_products_block<kProductRows, 1, T>
                       : width == 2 ? &row_products_block<kProductRows, 2, T>
                       : width == 3 ? &row_products_block<kProductRows, 3, T>
                                    : &row_products_block<kProductRows, most, T>;
    block(a, b, stride, n, sums, sums_stride, expecting);
  }
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
