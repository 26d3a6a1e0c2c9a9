#include "isogram/gram.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "isogram/arithmetic.hpp"
#include "isogram/error.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"
#include "tiles/tile.hpp"

namespace isogram {

namespace {

// Computes ‖x_i − x_j‖.
class DistanceReader {
 public:
  explicit DistanceReader(const InputView& x) : reader_(x), a_(x.cols), b_(x.cols) {}

  double distance(std::size_t i, std::size_t j) {
    if (i != row_in_a_) reader_.read(row_in_a_ = i, a_.data());
    reader_.read(j, b_.data());
    simd::kernels().float64.subtract_shifts(b_.data(), b_.data(), b_.size(), 0, a_.data());
    Norm norm;
    norm.add(b_.data(), b_.size());
    const auto [value, exponent] = norm.result();
    return std::ldexp(value, exponent);
  }

 private:
  RowReader reader_;
  std::vector<double> a_;
  std::vector<double> b_;
  std::size_t row_in_a_ = static_cast<std::size_t>(-1);
};

void require_finite(const InputView& x, const Execution& execution) {
  require_not_empty(x);
  survey(x, nullptr, preparing(execution));
}

// Throws std::invalid_argument for rows of another length than the facts', which would be read
// beyond their ends.
void require_rows_of(const GramFacts& facts, const InputView& rows, const InputView* cols) {
  require_not_empty(rows);
  if (cols) require_not_empty(*cols);
  const auto fits = [&](const std::vector<double>& columns) {
    return columns.empty() || columns.size() == rows.cols;
  };
  const bool fits_axis = !facts.axis || (fits(facts.axis->axis) && fits(facts.axis->centred));
  require(fits(facts.origin) && fits(facts.rest) && fits_axis && (!cols || cols->cols == rows.cols),
          "the rows of a tile must have as many columns as those of the facts");
}

template <class T>
bool is_finite_block(const GramBlock<T>& block) {
  for (std::size_t i = 0; i < block.rows.size(); ++i) {
    if (!std::isfinite(largest_magnitude(block.row(i), block.cols.size()))) return false;
  }
  return true;
}

// Whether all entries are finite.
template <class T>
bool write_gram(const GramTiles<T>& tiles, MatrixView<T> out, const Execution& execution,
                const MatrixView<T>* mirror = nullptr) {
  std::atomic<bool> has_overflowed = false;
  const auto compute = [&](const GramBlock<T>& block, const simd::ExpectedRows& expected) {
    tiles.compute(block, expected);
    if (tiles.facts().may_overflow() && !is_finite_block(block)) {
      has_overflowed.store(true, std::memory_order_relaxed);
    }
  };
  write_blocks(tiles, out, execution, compute, mirror);
  return !has_overflowed;
}

}  // namespace

template <class T>
bool gram(const InputView& x, const KernelOptions& options, MatrixView<T> out,
          const Execution& execution) {
  const UsualArithmetic usual;
  require_shape(out, x.rows, x.rows, "out");
  const GramTiles<T> tiles(x, options, Columns::as_given, preparing(execution));
  return write_gram(tiles, out, execution);
}

template <class T>
bool gram(const InputView& x, const InputView& y, const KernelOptions& options, MatrixView<T> out,
          const Execution& execution) {
  const UsualArithmetic usual;
  require_shape(out, x.rows, y.rows, "out");
  const GramTiles<T> tiles(x, y, options, preparing(execution));
  return write_gram(tiles, out, execution);
}

template <class T>
GramFacts gram_facts(const InputView& x, const InputView* y, const KernelOptions& options,
                     const Execution& execution) {
  const UsualArithmetic usual;
  const Execution quiet = preparing(execution);
  GramFacts facts = survey_gram<T>(x, y, options, Columns::as_given, quiet);
  if (uses_unit_norm(options.kernel)) {  // whose survey does not read the rows
    require_finite(x, quiet);
    if (y) require_finite(*y, quiet);
  }
  return facts;
}

template <class T>
bool gram_tile(const InputView& rows, const InputView* cols, const GramFacts& facts,
               MatrixView<T> out, const Execution& execution, const MatrixView<T>* mirror) {
  const UsualArithmetic usual;
  const Execution quiet = preparing(execution);
  require_rows_of(facts, rows, cols);
  require_shape(out, rows.rows, cols ? cols->rows : rows.rows, "out");
  require(cols || !mirror, "a tile on the diagonal is its own mirror image");
  if (mirror) require_shape(*mirror, out.cols, out.rows, "mirror");
  if (cols) {
    const GramTiles<T> tiles(rows, *cols, facts, quiet);
    return write_gram(tiles, out, execution, mirror);
  }
  const GramTiles<T> tiles(rows, facts, quiet);
  return write_gram(tiles, out, execution);
}

void distances(const InputView& x, MatrixView<const std::int64_t> pairs, double* out,
               const Execution& execution) {
  const UsualArithmetic usual;
  require_finite(x, execution);
  require(pairs.cols == 2, "`pairs` must have two columns");
  constexpr std::size_t chunk = 64;
  parallel_for(execution, blocks_in(pairs.rows, chunk), [&](std::size_t task, Worker& worker) {
    DistanceReader reader(x);
    for (std::size_t p = task * chunk; p < std::min(pairs.rows, (task + 1) * chunk); ++p) {
      worker.check(x.cols);
      const auto i = static_cast<std::size_t>(pairs(p, 0));
      const auto j = static_cast<std::size_t>(pairs(p, 1));
      require(i < x.rows && j < x.rows, "`pairs` must be indices of rows");
      out[p] = reader.distance(i, j);
    }
  });
}

void distances(const InputView& x, double* out, const Execution& execution) {
  const UsualArithmetic usual;
  require_finite(x, execution);
  const auto measure_from = [&](std::size_t i, Worker& worker) {
    DistanceReader reader(x);
    double* row = out + i * (2 * x.rows - i - 1) / 2;
    for (std::size_t j = i + 1; j < x.rows; ++j) {
      worker.check(x.cols);
      row[j - i - 1] = reader.distance(i, j);
    }
  };
  const std::size_t pairs = x.rows * (x.rows - 1) / 2;
  parallel_for(execution, x.rows - 1, measure_from, threads_for(pairs * x.cols));
}

template <class T>
void rbf_from_distances(MatrixView<T> values, double bandwidth, const Execution& execution) {
  const UsualArithmetic usual;
  require(bandwidth > 0 && std::isfinite(bandwidth), "`bandwidth` must be positive and finite");
  const auto& kernels = simd::kernels().of<T>();
  // Finite, because ∞ · 0 is NaN; in float64, because 1 / bandwidth may overflow T.
  const double inverse = std::min(1 / bandwidth, std::numeric_limits<double>::max());
  const auto apply = [&](std::size_t i, Worker&) {
    Buffer<T> row(values.cols);
    for (std::size_t j = 0; j < values.cols; ++j) {
      const double ratio = inverse * values(i, j);
      row[j] = static_cast<T>(-0.5 * ratio * ratio);
    }
    kernels.exponentials(row.data(), values.cols, T(1));
    for (std::size_t j = 0; j < values.cols; ++j) values(i, j) = row[j];
  };
  parallel_for(execution, values.rows, apply, threads_for(values.rows * values.cols));
}

template bool gram(const InputView&, const KernelOptions&, MatrixView<float>, const Execution&);
template bool gram(const InputView&, const KernelOptions&, MatrixView<double>, const Execution&);
template bool gram(const InputView&, const InputView&, const KernelOptions&, MatrixView<float>,
                   const Execution&);
template bool gram(const InputView&, const InputView&, const KernelOptions&, MatrixView<double>,
                   const Execution&);
template GramFacts gram_facts<float>(const InputView&, const InputView*, const KernelOptions&,
                                     const Execution&);
template GramFacts gram_facts<double>(const InputView&, const InputView*, const KernelOptions&,
                                      const Execution&);
template bool gram_tile(const InputView&, const InputView*, const GramFacts&, MatrixView<float>,
                        const Execution&, const MatrixView<float>*);
template bool gram_tile(const InputView&, const InputView*, const GramFacts&, MatrixView<double>,
                        const Execution&, const MatrixView<double>*);
template void rbf_from_distances(MatrixView<float>, double, const Execution&);
template void rbf_from_distances(MatrixView<double>, double, const Execution&);

}  // namespace isogram
