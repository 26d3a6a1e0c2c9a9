#include "isogram/jsd.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "isogram/arithmetic.hpp"
#include "isogram/detail/distribution.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// Rows and columns of a block of divergences: both sides stay in the cache for usual row lengths.
constexpr std::size_t kBlockEdge = 32;

// Long rows are read in parts of kClasses classes, with a check for an interrupt between two parts.
constexpr std::size_t kClasses = std::size_t{1} << 18;

// Calls body([begin, end)) for parts of n classes.
template <class Body>
void for_each_part(std::size_t n, Worker& worker, Body body) {
  for (std::size_t begin = 0; begin < n; begin += kClasses) {
    if (begin > 0) worker.check();
    body(Span{begin, std::min(n, begin + kClasses)});
  }
}

// The shortest text that reads as the same value.
std::string text_of(double value) {
  char text[32];
  const auto end = std::to_chars(std::begin(text), std::end(text), value).ptr;
  return std::string(text, end);
}

// The check that a row is a distribution, part by part.
struct RowCheck {
  double sum = 0;
  double negative = 0;  // the first negative entry, else 0
  std::size_t column = 0;

  void include(const double* values, Span part) {
    sum += simd::kernels().float64.sum(values, part.size());
    if (negative < 0) return;
    const double* end = values + part.size();
    const double* found = std::find_if(values, end, [](double p) { return p < 0; });
    if (found == end) return;
    negative = *found;
    column = part.begin + static_cast<std::size_t>(found - values);
  }
};

void require_distribution(const InputView& x, std::size_t i, const RowCheck& check) {
  if (check.negative < 0) {
    throw std::invalid_argument("`" + x.name + "` must not be negative, got " +
                                text_of(check.negative) + " at index (" + std::to_string(i) + ", " +
                                std::to_string(check.column) + ")");
  }
  if (std::abs(check.sum - 1) <= detail::sum_tolerance(x.type)) return;
  throw std::invalid_argument("`" + x.name + "` must have rows that sum to 1, got a sum of " +
                              text_of(check.sum) + " in row " + std::to_string(i));
}

// Reads and checks all rows. place(i, part, worker) returns the memory for a part of row i;
// finish(i, check, worker) is called after its last part. Messages count rows from `first`.
template <class Place, class Finish>
void survey_rows(const InputView& x, const Execution& execution, Place place, Finish finish,
                 std::size_t first = 0) {
  const RowReader reader(x);
  FirstNotFinite bad(x.rows);
  std::vector<RowCheck> checks(x.rows);
  parallel_for(execution, blocks_in(x.rows, kBlockEdge), [&](std::size_t block, Worker& worker) {
    const Span rows = block_span(block, x.rows, kBlockEdge);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      worker.check();
      for_each_part(x.cols, worker, [&](Span part) {
        double* values = place(i, part, worker);
        reader.read(i, part, values);
        bad.inspect(i, first + i, values, part.size(), part.begin);
        checks[i].include(values, part);
      });
      finish(i, checks[i], worker);
    }
  });
  bad.throw_if_found(x.name);
  for (std::size_t i = 0; i < x.rows; ++i) require_distribution(x, first + i, checks[i]);
}

// The rows of an input as distributions that sum to 1 in float64, and their logarithms.
class Distributions {
 public:
  Distributions(const InputView& x, const Execution& execution)
      : rows_(x.rows),
        size_(x.cols),
        values_(Buffer<double>::unset(product(x.rows, x.cols))),
        logarithms_(Buffer<double>::unset(values_.size())) {
    const auto place = [&](std::size_t i, Span part, Worker&) {
      return &values_[i * size_ + part.begin];
    };
    survey_rows(x, execution, place, [&](std::size_t i, const RowCheck& check, Worker& worker) {
      for_each_part(size_, worker, [&](Span part) {
        double* values = place(i, part, worker);
        for (std::size_t k = 0; k < part.size(); ++k) values[k] /= check.sum;
        simd::kernels().logarithms(values, &logarithms_[i * size_ + part.begin], part.size());
      });
    });
  }

  std::size_t rows() const { return rows_; }
  std::size_t size() const { return size_; }
  const double* row(std::size_t i) const { return values_.data() + i * size_; }
  const double* logarithms(std::size_t i) const { return logarithms_.data() + i * size_; }

 private:
  std::size_t rows_;
  std::size_t size_;
  Buffer<double> values_;
  Buffer<double> logarithms_;
};

// The divergence in bits, clamped to [0, 1], which only rounding can leave. Exactly 0 for equal
// rows.
double divergence(const Distributions& p, std::size_t i, const Distributions& q, std::size_t j,
                  Worker& worker) {
  double sum = 0;
  for_each_part(p.size(), worker, [&](Span part) {
    sum += simd::kernels().divergence(p.row(i) + part.begin, p.logarithms(i) + part.begin,
                                      q.row(j) + part.begin, q.logarithms(j) + part.begin,
                                      part.size());
  });
  return std::clamp(sum, 0.0, 1.0);
}

// Calls body(row, col, worker) for all pairs of rows, or for pairs with row < col.
template <class Body>
void for_each_pair(std::size_t rows, std::size_t cols, bool is_upper, const Execution& execution,
                   Body body) {
  const Grid grid = block_grid(rows, cols, is_upper, kBlockEdge);
  walk_tiles(grid, execution, [&](Cell cell, Worker& worker) {
    const Span block_rows = block_span(cell.row, rows, kBlockEdge);
    const Span block_cols = block_span(cell.col, cols, kBlockEdge);
    for (std::size_t i = block_rows.begin; i < block_rows.end; ++i) {
      worker.check();
      for (std::size_t j = is_upper ? std::max(block_cols.begin, i + 1) : block_cols.begin;
           j < block_cols.end; ++j) {
        body(i, j, worker);
      }
    }
  });
}

// Checks rows that are in memory, from row `first` of the input on.
void require_distributions(const InputView& x, std::size_t first, const Execution& execution) {
  PerWorker memory(execution, blocks_in(x.rows, kBlockEdge),
                   [&] { return Buffer<double>::unset(std::min(kClasses, x.cols)); });
  survey_rows(
      x, execution, [&](std::size_t, Span, Worker& worker) { return memory.of(worker).data(); },
      [](std::size_t, const RowCheck&, Worker&) {}, first);
}

}  // namespace

void require_distributions(const InputView& x, const Execution& execution) {
  const UsualArithmetic usual;
  require_not_empty(x);
  if (x.source) {
    const std::size_t edge = x.source->rows_at_once();
    for (std::size_t block = 0; block < blocks_in(x.rows, edge); ++block) {
      const Span rows = block_span(block, x.rows, edge);
      require_distributions(rows_of(x, rows), rows.begin, execution);
    }
    return;
  }
  require_distributions(x, 0, execution);
}

template <class T>
void jsd(const InputView& p, MatrixView<T> out, const Execution& execution) {
  const UsualArithmetic usual;
  require_not_empty(p);
  require_shape(out, p.rows, p.rows, "out");
  const Distributions rows(p, preparing(execution));
  for (std::size_t i = 0; i < p.rows; ++i) out(i, i) = 0;
  for_each_pair(p.rows, p.rows, true, execution, [&](std::size_t i, std::size_t j, Worker& worker) {
    out(i, j) = out(j, i) = static_cast<T>(divergence(rows, i, rows, j, worker));
  });
}

template <class T>
void jsd(const InputView& p, const InputView& q, MatrixView<T> out, const Execution& execution) {
  const UsualArithmetic usual;
  require_not_empty(p);
  require_not_empty(q);
  if (p.cols != q.cols) {
    throw std::invalid_argument("`" + q.name + "` must have " + std::to_string(p.cols) +
                                " columns like `" + p.name + "`, got " + std::to_string(q.cols));
  }
  require_shape(out, p.rows, q.rows, "out");
  const Distributions rows(p, preparing(execution));
  const Distributions cols(q, preparing(execution));
  for_each_pair(p.rows, q.rows, false, execution,
                [&](std::size_t i, std::size_t j, Worker& worker) {
                  out(i, j) = static_cast<T>(divergence(rows, i, cols, j, worker));
                });
}

template void jsd(const InputView&, MatrixView<float>, const Execution&);
template void jsd(const InputView&, MatrixView<double>, const Execution&);
template void jsd(const InputView&, const InputView&, MatrixView<float>, const Execution&);
template void jsd(const InputView&, const InputView&, MatrixView<double>, const Execution&);

}  // namespace isogram
