#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "isogram/arithmetic.hpp"
#include "isogram/error.hpp"
#include "isogram/gram.hpp"
#include "simd/kernels.hpp"
#include "statistics/middle.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/deep_tiles.hpp"
#include "tiles/gram_facts.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

// Squared distances in T of pairs of rows, in their order, and the most terms of a partial sum. A
// square of entries that are not finite is not finite.
template <class T>
struct RoundedSquares {
  std::vector<T> values;
  std::size_t terms;
};

// Of all pairs of rows.
template <class T>
RoundedSquares<T> rounded_squares(const InputView& x, const Execution& execution) {
  const Transform as_given;
  const DeepTiles<T> tiles(simd::kernels().of<T>(), simd::kernels().of<T>().squared_differences,
                           {x, as_given}, std::nullopt, execution);
  std::vector<T> values(x.rows * (x.rows - 1) / 2);
  const auto copy_row = [&](std::size_t i, Worker&) {
    T* out = values.data() + i * (2 * x.rows - i - 1) / 2;
    for (std::size_t j = i + 1; j < x.rows;) {
      const std::size_t end = std::min(x.rows, (j / tiles.edge() + 1) * tiles.edge());
      out = std::copy_n(tiles.entry(i, j), end - j, out);
      j = end;
    }
  };
  parallel_for(execution, x.rows - 1, copy_row, threads_for(values.size()));
  return {std::move(values), simd::kDepthPanel + blocks_in(x.cols, simd::kDepthPanel)};
}

// Of some pairs of rows that are stored as T.
template <class T>
RoundedSquares<T> rounded_squares(const InputView& x, MatrixView<const std::int64_t> pairs,
                                  const Execution& execution) {
  std::vector<T> values(pairs.rows);
  constexpr std::size_t chunk = 64;
  parallel_for(execution, blocks_in(pairs.rows, chunk), [&](std::size_t task, Worker& worker) {
    const Span of_task = block_span(task, pairs.rows, chunk);
    for (std::size_t p = of_task.begin; p < of_task.end; ++p) {
      worker.check(x.cols);
      const auto i = static_cast<std::size_t>(pairs(p, 0));
      const auto j = static_cast<std::size_t>(pairs(p, 1));
      require(i < x.rows && j < x.rows, "`pairs` must be indices of rows");
      values[p] = simd::kernels().of<T>().squared_distance(stored_row<T>(x, i), stored_row<T>(x, j),
                                                           x.cols);
    }
  });
  return {std::move(values), x.cols / 16 + 64};
}

// The rounded squares that may be a middle one of exact squares. A sum of terms ≥ 0 has a relative
// error of at most half an epsilon for each term and three for those of a difference that is
// squared. Below kLeast, squares may have vanished.
template <class T>
Bracket<T> bracket_of_exact(Middle<T> middle, std::size_t terms) {
  constexpr double kLeast = sizeof(T) == sizeof(float) ? 0x1p-80 : 0x1p-900;
  constexpr double kMost = std::numeric_limits<T>::max();
  const double relative = static_cast<double>(terms + 8) * std::numeric_limits<T>::epsilon();
  if (relative >= 1) return {T(0), std::numeric_limits<T>::max()};  // of 10^8 columns
  const double wide = (1 + relative) / (1 - relative);
  const double low = middle.lower / wide;
  const double high = std::max<double>(middle.upper, kLeast) * wide;
  return {static_cast<T>(low > kLeast ? low : 0), static_cast<T>(std::min(high, kMost))};
}

// The pairs of rows whose distance may be a middle one, and the number of pairs that are nearer.
struct MiddlePairs {
  std::vector<std::size_t> numbers;
  std::size_t nearer = 0;
};

// None if a square is not finite: it has overflowed, or an entry is not finite.
template <class T>
std::optional<MiddlePairs> middle_pairs(const RoundedSquares<T>& squares,
                                        const Execution& execution) {
  const T* values = squares.values.data();
  const std::size_t n = squares.values.size();
  if (std::isinf(simd::kernels().of<T>().largest_magnitude(values, n))) return {};
  const Bracket<T> bracket = bracket_of_exact(middle_of(values, n, execution), squares.terms);
  MiddlePairs found;
  constexpr std::size_t group = 64;  // few groups have one inside, and compilers count by vectors
  for (std::size_t begin = 0; begin < n; begin += group) {
    const std::size_t end = std::min(n, begin + group);
    std::uint32_t nearer = 0;
    std::uint32_t farther = 0;
    for (std::size_t p = begin; p < end; ++p) {
      nearer += values[p] < bracket.low;
      farther += values[p] > bracket.high;
    }
    found.nearer += nearer;
    if (nearer + farther == end - begin) continue;
    for (std::size_t p = begin; p < end; ++p) {
      if (values[p] >= bracket.low && values[p] <= bracket.high) found.numbers.push_back(p);
    }
  }
  return found;
}

// The indices of pairs of n rows that are numbered row by row.
class PairReader {
 public:
  PairReader(std::size_t n, const MatrixView<const std::int64_t>* pairs) : n_(n), pairs_(pairs) {}

  // Numbers must not decrease from call to call.
  std::array<std::int64_t, 2> pair(std::size_t number) {
    if (pairs_) return {(*pairs_)(number, 0), (*pairs_)(number, 1)};
    for (; number - first_ >= n_ - 1 - row_; ++row_) first_ += n_ - 1 - row_;
    return {static_cast<std::int64_t>(row_), static_cast<std::int64_t>(row_ + 1 + number - first_)};
  }

 private:
  std::size_t n_;
  const MatrixView<const std::int64_t>* pairs_;
  std::size_t row_ = 0;
  std::size_t first_ = 0;  // number of the first pair of row_
};

double median_of_all(const InputView& x, const MatrixView<const std::int64_t>* pairs,
                     const Execution& execution) {
  std::vector<double> values(pairs ? pairs->rows : x.rows * (x.rows - 1) / 2);
  if (pairs) {
    distances(x, *pairs, values.data(), execution);
  } else {
    distances(x, values.data(), execution);
  }
  return root_median_square(values.data(), values.size(), execution);
}

template <class T>
double median_distance_in(const InputView& x, const MatrixView<const std::int64_t>* pairs,
                          const Execution& execution) {
  const bool is_rounded = !pairs || is_stored_as<T>(x);
  if (!is_rounded) return median_of_all(x, pairs, execution);
  const RoundedSquares<T> squares =
      pairs ? rounded_squares<T>(x, *pairs, execution) : rounded_squares<T>(x, execution);
  const std::optional<MiddlePairs> found = middle_pairs(squares, execution);
  if (!found) return median_of_all(x, pairs, execution);
  std::vector<std::int64_t> indices;
  PairReader reader(x.rows, pairs);
  for (const std::size_t number : found->numbers) {
    const auto [i, j] = reader.pair(number);
    indices.insert(indices.end(), {i, j});
  }
  std::vector<double> exact(found->numbers.size());
  distances(x, {indices.data(), exact.size(), 2}, exact.data(), execution);
  if (has_nan(exact.data(), exact.size(), execution)) {  // x has changed since
    return std::numeric_limits<double>::quiet_NaN();
  }
  const std::size_t n = squares.values.size();
  return root_mean_square(
      at_ranks(std::move(exact), (n - 1) / 2 - found->nearer, n / 2 - found->nearer));
}

}  // namespace

template <class T>
double root_median_square(const T* values, std::size_t n, const Execution& execution) {
  const UsualArithmetic usual;
  require(n > 0, "a median needs at least one value");
  if (has_nan(values, n, execution)) return std::numeric_limits<double>::quiet_NaN();
  return root_mean_square(middle_of(values, n, execution));
}

double median_distance(const InputView& x, const MatrixView<const std::int64_t>* pairs,
                       const Execution& execution) {
  const UsualArithmetic usual;
  require_not_empty(x);
  require(pairs ? pairs->rows > 0 : x.rows > 1, "a median needs at least one pair of rows");
  require(!pairs || pairs->cols == 2, "`pairs` must have two columns");
  return fits_into<float>(x) ? median_distance_in<float>(x, pairs, execution)
                             : median_distance_in<double>(x, pairs, execution);
}

template double root_median_square(const float*, std::size_t, const Execution&);
template double root_median_square(const double*, std::size_t, const Execution&);

}  // namespace isogram
