// Gram tiles: blocks of inner products, L1 distances and squared distances, and kernel functions of
// them, row by row.
#pragma once

#include <cstddef>
#include <cstdint>

#include "expecting-inl.hpp"
#include "kernels.hpp"
#include "lanes-inl.hpp"
#include "vector-inl.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

// A micro-kernel holds rows × vectors of sums, kMicroRows × 3, which are all that fit into the
// registers beside three vectors of b and one broadcast element of a: 8 × 3 of 32 registers, 4 × 3
// of 16.
inline constexpr std::size_t kPanelVectors = 3;
template <class T>
inline constexpr std::size_t kPanel = kPanelVectors * kLanes<T>;
template <class T>
inline constexpr std::size_t kMicroRows = kPanel<T> % kRegisterRows == 0 ? kRegisterRows : 3;

// Where a panel of b has fewer vectors, more rows: with fewer sums a multiply-add would wait for
// the one before. kMicroRows again where these rows would cross panels of a.
template <class T, std::size_t kVectors>
inline constexpr std::size_t kTallRows = kPanel<T> % (kMicroRows<T> * kPanelVectors / kVectors) == 0
                                             ? kMicroRows<T> * kPanelVectors / kVectors
                                             : kMicroRows<T>;

// The last rows of a, if no more than half of a micro-kernel, take smaller ones: those wait for
// their sums, but the whole one would multiply rows that nobody asked for.
template <class T>
inline constexpr std::size_t kFewRows = kMicroRows<T> < 8 ? 1 : kMicroRows<T> / 4;

// A micro-kernel uses a part of a panel of a, about one line in three. Hardware prefetchers follow
// such strides too late: without this prefetch a tenth of the speed is lost.
inline constexpr std::size_t kPrefetchedDepth = 8;

// Memory of the next micro-kernels, prefetched line by line: without that they would wait for it,
// and another tenth of the speed would be lost.
template <class T>
struct Upcoming {
  const T* at;
  std::size_t step;  // elements per element of depth
};

// A micro-kernel prefetches a line per element of depth: kPieces micro-kernels prefetch one depth
// panel.
template <class T>
inline constexpr std::size_t kPieces = (kPanel<T> * sizeof(T) + kLine - 1) / kLine;

// The base of operations: accumulate() adds the term of two elements to a sum; total() adds the sum
// of one depth panel to the sum of the panels before.
struct Sum {
  template <class V>
  static V total(V before, V sum) {
    return before + sum;
  }
};

struct Product : Sum {
  template <class V>
  static V accumulate(V sum, V a, V b) {
    return sum + a * b;
  }
};

struct AbsoluteDifference : Sum {
  template <class V>
  static V accumulate(V sum, V a, V b) {
    const V difference = a - b;
    return sum + (difference < 0 ? -difference : difference);
  }
};

struct SquaredDifference : Sum {
  template <class V>
  static V accumulate(V sum, V a, V b) {
    const V difference = a - b;
    return sum + difference * difference;
  }
};

// kRows rows of one panel of a, from `a` on, against the first kVectors vectors of one panel of b,
// over `depth` elements.
template <class Operation, std::size_t kRows, std::size_t kVectors, class T>
inline void micro_block(const T* a, const T* b, std::size_t depth, T* out, std::size_t stride,
                        bool add, Upcoming<T> upcoming, Expecting& expecting) {
  // Lines of a large result come from the outer cache: they do so during the products.
#pragma GCC unroll 24
  for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kVectors; ++v) {
      __builtin_prefetch(out + i * stride + v * kLanes<T>, 1);
    }
  }
  Vector<T> sums[kRows][kVectors] = {};
  std::size_t share = expecting.share();  // one line in every fourth step
  for (std::size_t k = 0; k < depth; ++k, a += kPanel<T>, b += kPanel<T>) {
    if (share > 0 && k % 4 == 0) {
      expecting.fetch();
      --share;
    }
    __builtin_prefetch(a + kPrefetchedDepth * kPanel<T>);
    __builtin_prefetch(upcoming.at, 0, 2);
    upcoming.at += upcoming.step;
    Vector<T> right[kVectors];
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kVectors; ++v) right[v] = load(b + v * kLanes<T>);
#pragma GCC unroll 24
    for (std::size_t i = 0; i < kRows; ++i) {
      const Vector<T> left = broadcast(a[i]);
#pragma GCC unroll 3
      for (std::size_t v = 0; v < kVectors; ++v) {
        sums[i][v] = Operation::accumulate(sums[i][v], left, right[v]);
      }
    }
  }
  for (; share > 0; --share) expecting.fetch();
#pragma GCC unroll 24
  for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kVectors; ++v) {
      T* target = out + i * stride + v * kLanes<T>;
      store(target, add ? Operation::total(load(target), sums[i][v]) : sums[i][v]);
    }
  }
}

// The depth panels after the one in use: the next panel of b; after the last panel of b the next
// depth panels of all of a as well.
template <class T>
struct NextPanels {
  const T* b;
  const T* a;  // or null
  std::size_t a_stride;
  std::size_t length;  // depth of the panel in use

  // The share of micro-kernel number `n`, perhaps empty.
  Upcoming<T> share(std::size_t n, std::size_t a_panels) const {
    constexpr std::size_t line = kLine / sizeof(T);
    const std::size_t panel = n / kPieces<T>;
    if (panel > (a == nullptr ? 0 : a_panels)) return {b, 0};
    const T* first = panel == 0 ? b : a + (panel - 1) * a_stride;
    return {first + n % kPieces<T> * length * line, line};
  }
};

// A micro-kernel at the edge: writes `rows` rows and `cols` columns only.
template <class Operation, std::size_t kRows, std::size_t kVectors, class T>
inline void edge_block(const T* a, std::size_t rows, const T* b, std::size_t cols,
                       std::size_t depth, T* out, std::size_t stride, bool add,
                       Upcoming<T> upcoming, Expecting& expecting) {
  constexpr std::size_t width = kVectors * kLanes<T>;
  T sums[kRows * width] = {};
  for (std::size_t i = 0; add && i < rows; ++i) {
    for (std::size_t j = 0; j < cols; ++j) sums[i * width + j] = out[i * stride + j];
  }
  micro_block<Operation, kRows, kVectors>(a, b, depth, sums, width, add, upcoming, expecting);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < cols; ++j) out[i * stride + j] = sums[i * width + j];
  }
}

// `rows` rows of a against `cols` columns of one panel of b, kVectors vectors, over one depth
// panel.
template <class Operation, std::size_t kVectors, class T>
inline void column_block(const T* a, std::size_t rows, const T* b, std::size_t cols,
                         std::size_t depth, std::size_t length, T* out, std::size_t stride,
                         bool add, bool has_room, const NextPanels<T>& next, Expecting& expecting) {
  const std::size_t a_panels = (rows + kPanel<T> - 1) / kPanel<T>;
  std::size_t n = 0;
  const auto add_rows = [&]<std::size_t kRows>(std::size_t i) {
    const T* left = a + i / kPanel<T> * kPanel<T> * depth + i % kPanel<T>;
    const Upcoming<T> upcoming = next.share(n++, a_panels);
    if (has_room || (rows - i >= kRows && cols == kVectors * kLanes<T>)) {
      micro_block<Operation, kRows, kVectors>(left, b, length, out + i * stride, stride, add,
                                              upcoming, expecting);
    } else {
      const std::size_t count = rows - i < kRows ? rows - i : kRows;
      edge_block<Operation, kRows, kVectors>(left, count, b, cols, length, out + i * stride, stride,
                                             add, upcoming, expecting);
    }
  };
  constexpr std::size_t tall = kTallRows<T, kVectors>;
  // A tall micro-kernel whose last kMicroRows rows would all be spare is not taken.
  constexpr std::size_t beyond = tall > 2 * kMicroRows<T> ? tall - kMicroRows<T> : kMicroRows<T>;
  std::size_t i = 0;
  for (; rows > i + beyond; i += tall) add_rows.template operator()<tall>(i);
  for (; rows > i + kMicroRows<T> / 2; i += kMicroRows<T>) {
    add_rows.template operator()<kMicroRows<T>>(i);
  }
  for (; i < rows; i += kFewRows<T>) add_rows.template operator()<kFewRows<T>>(i);
}

template <class Operation, class T>
inline void block(const T* a, std::size_t rows, const T* b, std::size_t cols, std::size_t depth,
                  T* out, std::size_t stride, const BlockOptions& options = {}) {
  const auto pieces = [](std::size_t n, std::size_t size) { return (n + size - 1) / size; };
  const std::size_t blocks =
      pieces(rows, kMicroRows<T>) * pieces(cols, kPanel<T>) * pieces(depth, kDepthPanel);
  Expecting expecting(options.expected, options.is_upper ? (blocks + 1) / 2 : blocks);
  for (std::size_t begin = 0; begin < depth; begin += kDepthPanel) {
    const std::size_t length = depth - begin < kDepthPanel ? depth - begin : kDepthPanel;
    const T* left = a + begin * kPanel<T>;
    const T* right = b + begin * kPanel<T>;
    for (std::size_t j = 0; j < cols; j += kPanel<T>, right += kPanel<T> * depth) {
      const std::size_t width = cols - j < kPanel<T> ? cols - j : kPanel<T>;
      const bool is_cut = options.is_upper && j + kPanel<T> < rows;
      const bool is_last = cols - j <= kPanel<T> && begin + length < depth;
      const std::size_t after = (begin + length) * kPanel<T>;
      const NextPanels<T> next{is_last ? b + after : right + kPanel<T> * depth,
                               is_last ? a + after : nullptr, kPanel<T> * depth, length};
      const std::size_t vectors = (width + kLanes<T> - 1) / kLanes<T>;
      const auto columns = vectors == 1   ? &column_block<Operation, 1, T>
                           : vectors == 2 ? &column_block<Operation, 2, T>
                                          : &column_block<Operation, 3, T>;
      columns(left, is_cut ? j + kPanel<T> : rows, right, width, depth, length, out + j, stride,
              options.add || begin > 0, options.has_room, next, expecting);
    }
  }
}

template <class T>
void inner_products(const T* a, std::size_t rows, const T* b, std::size_t cols, std::size_t depth,
                    T* out, std::size_t stride, const BlockOptions& options) noexcept {
  block<Product>(a, rows, b, cols, depth, out, stride, options);
}

template <class T>
void l1_distances(const T* a, std::size_t rows, const T* b, std::size_t cols, std::size_t depth,
                  T* out, std::size_t stride, const BlockOptions& options) noexcept {
  block<AbsoluteDifference>(a, rows, b, cols, depth, out, stride, options);
}

template <class T>
void squared_differences(const T* a, std::size_t rows, const T* b, std::size_t cols,
                         std::size_t depth, T* out, std::size_t stride,
                         const BlockOptions& options) noexcept {
  block<SquaredDifference>(a, rows, b, cols, depth, out, stride, options);
}

template <class T>
T folded_product(const T* a, const T* b, std::size_t depth, std::size_t panels) noexcept {
  constexpr std::size_t at_once = 8;  // independent sums, side by side in memory
  T total{};
  for (std::size_t p = 0; p < panels; p += at_once * kLanes<T>) {
    const std::size_t left = panels - p;
    const std::size_t vectors = (left + kLanes<T> - 1) / kLanes<T>;
    const std::size_t count = vectors < at_once ? vectors : at_once;
    Vector<T> sums[at_once] = {};
    for (std::size_t k = 0; k < depth; ++k) {
      const T* left_row = a + k * padded_fold<T>(panels) + p;
      const T* right_row = b + k * padded_fold<T>(panels) + p;
#pragma GCC unroll 8
      for (std::size_t v = 0; v < at_once; ++v) {
        if (v >= count) continue;
        sums[v] = Product::accumulate(sums[v], load(left_row + v * kLanes<T>),
                                      load(right_row + v * kLanes<T>));
      }
    }
    T of_panels[at_once * kLanes<T>];
    unrolled<at_once>([&](std::size_t v) { store(of_panels + v * kLanes<T>, sums[v]); });
    for (std::size_t i = 0; i < count * kLanes<T> && i < left; ++i) {
      total = p + i == 0 ? of_panels[i] : Product::total(total, of_panels[i]);
    }
  }
  return total;
}

template <class T>
T squared_distance(const T* a, const T* b, std::size_t n) noexcept {
  constexpr std::size_t at_once = 8;  // independent sums: a multiply-add takes about four cycles
  Vector<T> sums[at_once] = {};
  std::size_t k = 0;
  const auto add = [&](std::size_t s) {
    sums[s] = SquaredDifference::accumulate(sums[s], load(a + k), load(b + k));
    k += kLanes<T>;
  };
  while (k + at_once * kLanes<T> <= n) unrolled<at_once>(add);
  while (k + kLanes<T> <= n) add(0);
  unrolled<at_once / 2>([&](std::size_t s) { sums[s] += sums[s + at_once / 2]; });
  T sum = horizontal_sum<T>((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; k < n; ++k) sum = SquaredDifference::accumulate(sum, a[k], b[k]);
  return sum;
}

template <class T>
double matched_products(const T* a, const T* b, const std::int32_t* columns,
                        std::size_t rows) noexcept {
  constexpr std::size_t at_once = 4;  // independent sums: an addition takes about four cycles
  Vector<T> sums[at_once] = {};
  const auto add = [&](std::size_t i, Vector<T>& sum) {
    if (columns[i] < 0) return;
    const T* row = a + i * kSliceChannels;
    const T* other = b + static_cast<std::size_t>(columns[i]) * kSliceChannels;
    unrolled<kSliceChannels / kLanes<T>>(
        [&](std::size_t v) { sum += load(row + v * kLanes<T>) * load(other + v * kLanes<T>); });
  };
  std::size_t i = 0;
  for (; i + at_once <= rows; i += at_once) {
    unrolled<at_once>([&](std::size_t s) { add(i + s, sums[s]); });
  }
  for (; i < rows; ++i) add(i, sums[0]);
  return horizontal_sum<T>((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

template <class T>
std::size_t squared_distances(T* row, std::size_t n, T a_squared, const T* b_squared,
                              T relative) noexcept {
  Bits<T> certain{};
  std::size_t count = 0;
  for_row<T>(
      n,
      [&](std::size_t j) {
        const Vector<T> both = a_squared + load(b_squared + j);
        const Vector<T> distance = both - T{2} * load(row + j);
        certain -= distance >= relative * both;
        store(row + j, distance < T{0} ? Vector<T>{} : distance);
      },
      [&](std::size_t j) {
        const T both = a_squared + b_squared[j];
        const T distance = both - T{2} * row[j];
        count += distance >= relative * both;
        row[j] = distance < T{0} ? T{0} : distance;
      });
  for (std::size_t lane = 0; lane < kLanes<T>; ++lane) {
    count += static_cast<std::size_t>(certain[lane]);
  }
  return n - count;
}

// By repeated squaring.
template <class T>
inline T power(T base, int degree) {
  T result = base;
  for (int left = degree - 1; left > 0; left /= 2) {
    if (left % 2 == 1) result = result * base;
    base = base * base;
  }
  return result;
}

template <class T>
void polynomials(T* row, std::size_t n, T gamma, T coef0, int degree) noexcept {
  for_row<T>(
      n, [&](std::size_t j) { store(row + j, power(gamma * load(row + j) + coef0, degree)); },
      [&](std::size_t j) { row[j] = power(gamma * row[j] + coef0, degree); });
}

}  // namespace
}  // namespace isogram::simd::ISOGRAM_LEVEL
