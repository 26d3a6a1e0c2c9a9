#include "isogram/compare.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "buffer.hpp"
#include "input.hpp"
#include "isogram/arithmetic.hpp"
#include "merge_sort.hpp"
#include "simd/kernels.hpp"
#include "team.hpp"
#include "tile.hpp"

namespace isogram {

namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// Rows per task where each row is read, and entries per partial sum.
constexpr std::size_t kRowsPerTask = 16;
constexpr std::size_t kSumBlock = 4096;

std::size_t row_tasks(std::size_t rows) {
  return (rows + kRowsPerTask - 1) / kRowsPerTask;
}

// Calls body(i, row i) for all rows in parallel, then throws if any entry was not finite.
void for_each_row(const InputView& x, const Execution& execution,
                  const std::function<void(std::size_t i, double* row)>& body) {
  const RowReader reader(x);
  FirstNotFinite bad(row_tasks(x.rows));
  parallel_for(execution, row_tasks(x.rows), [&](std::size_t task, Worker& worker) {
    std::vector<double> row(x.cols);
    for (std::size_t i = task * kRowsPerTask; i < std::min(x.rows, (task + 1) * kRowsPerTask);
         ++i) {
      worker.check();
      reader.read(i, row.data());
      bad.inspect(task, i, row.data(), x.cols);
      body(i, row.data());
    }
  });
  bad.throw_if_found(x.name);
}

// x ↦ (x − origin) · 2^−exponent.
class Scaling {
 public:
  // Takes values whose largest distance from `origin` is `reach` to at most 1.
  Scaling(double origin, double reach) : origin_(origin), exponent_(exponent_of(reach)) {}
  void apply(double* values, std::size_t n) const {
    for (std::size_t j = 0; j < n; ++j) values[j] -= origin_;
    scale_down(values, n, exponent_);
  }

 private:
  double origin_;
  int exponent_;
};

double largest_of(const double* values, std::size_t n) {
  double largest = 0;
  for (std::size_t j = 0; j < n; ++j) largest = std::max(largest, std::abs(values[j]));
  return largest;
}

// Sums in blocks, so that rounding does not grow with the whole length.
double sum(const Buffer<double>& values) {
  const auto& kernels = simd::kernels().float64;
  double total = 0;
  for (std::size_t begin = 0; begin < values.size(); begin += kSumBlock) {
    total += kernels.sum(values.data() + begin, std::min(kSumBlock, values.size() - begin));
  }
  return total;
}

double dot(const Buffer<double>& a, const Buffer<double>& b) {
  const auto& kernels = simd::kernels().float64;
  double total = 0;
  for (std::size_t begin = 0; begin < a.size(); begin += kSumBlock) {
    total += kernels.dot(a.data() + begin, b.data() + begin, std::min(kSumBlock, a.size() - begin));
  }
  return total;
}

// ⟨a, b⟩ / (‖a‖ ‖b‖), where only rounding can leave [−1, 1]; 1 exactly for equal arguments.
double cosine_of(double ab, double aa, double bb) {
  return std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0);
}

// The entries above the diagonal, row by row.
Buffer<double> triangle_of(const InputView& x, const Execution& execution) {
  const std::size_t n = x.rows;
  Buffer<double> triangle(product(n, n - 1) / 2);
  for_each_row(x, execution, [&](std::size_t i, const double* row) {
    std::copy(row + i + 1, row + n, triangle.data() + i * (2 * n - i - 1) / 2);
  });
  return triangle;
}

bool is_constant(const Buffer<double>& values) {
  return std::all_of(values.begin(), values.end(), [&](double x) { return x == values[0]; });
}

void scale_to_one(Buffer<double>& values) {
  Scaling(0.0, largest_of(values.data(), values.size())).apply(values.data(), values.size());
}

void subtract_mean(Buffer<double>& values) {
  const double mean = sum(values) / static_cast<double>(values.size());
  for (double& x : values) x -= mean;
}

double cosine(Buffer<double> a, Buffer<double> b) {
  scale_to_one(a);
  scale_to_one(b);
  const double aa = dot(a, a);
  const double bb = dot(b, b);
  return aa == 0 || bb == 0 ? kUndefined : cosine_of(dot(a, b), aa, bb);
}

void standardise(Buffer<double>& values) {
  scale_to_one(values);
  subtract_mean(values);
  subtract_mean(values);  // what rounding left of a mean far from 0
}

double pearson(Buffer<double> a, Buffer<double> b) {
  if (is_constant(a) || is_constant(b)) return kUndefined;
  standardise(a);
  standardise(b);
  return cosine(std::move(a), std::move(b));
}

struct Ranked {
  double value;
  std::size_t place;
};

// Values become their ranks from 1 on; equal ones share the mean of theirs. A task takes the runs
// of equal values that begin among its own: writing ranks to places all over memory takes long.
void replace_by_ranks(Buffer<double>& values, const Execution& execution) {
  const std::size_t n = values.size();
  Buffer<Ranked> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = {values[i], i};
  merge_sort(order, [](const Ranked& a, const Ranked& b) { return a.value < b.value; }, execution);
  const auto continues = [&](std::size_t i) {
    return i > 0 && order[i].value == order[i - 1].value;
  };
  parallel_for(execution, (n + kSortChunk - 1) / kSortChunk, [&](std::size_t chunk, Worker&) {
    std::size_t begin = chunk * kSortChunk;
    const std::size_t last = std::min(n, begin + kSortChunk);
    while (begin < last && continues(begin)) ++begin;
    for (std::size_t end = begin; begin < last; begin = end) {
      do ++end;
      while (end < n && continues(end));
      const double rank = (static_cast<double>(begin) + static_cast<double>(end) + 1) / 2;
      for (std::size_t i = begin; i < end; ++i) values[order[i].place] = rank;
    }
  });
}

double spearman(Buffer<double> a, Buffer<double> b, const Execution& execution) {
  replace_by_ranks(a, execution);
  replace_by_ranks(b, execution);
  return pearson(std::move(a), std::move(b));
}

struct Point {
  double a;
  double b;
};

// Pairs of points that `same` calls equal, where equal points are neighbours.
template <class Same>
std::uint64_t count_ties(const Buffer<Point>& points, Same same) {
  std::uint64_t ties = 0;
  for (std::size_t begin = 0, end = 0; begin < points.size(); begin = end) {
    while (end < points.size() && same(points[begin], points[end])) ++end;
    const std::uint64_t run = end - begin;
    ties += run * (run - 1) / 2;
  }
  return ties;
}

// tau-b in O(m log m): sorted by (a, b), the exchanges that sorting by b takes are the discordant
// pairs (Knight 1966). All counts are exact for m < 2^32.
double kendall(const Buffer<double>& a, const Buffer<double>& b, const Execution& execution) {
  Buffer<Point> points(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) points[i] = {a[i], b[i]};
  merge_sort(
      points, [](const Point& p, const Point& q) { return p.a < q.a || (p.a == q.a && p.b < q.b); },
      execution);
  const auto same_a = [](const Point& p, const Point& q) { return p.a == q.a; };
  const auto same_b = [](const Point& p, const Point& q) { return p.b == q.b; };
  const std::uint64_t ties_a = count_ties(points, same_a);
  const std::uint64_t ties_both = count_ties(
      points, [&](const Point& p, const Point& q) { return same_a(p, q) && same_b(p, q); });
  const std::uint64_t discordant =
      merge_sort(points, [](const Point& p, const Point& q) { return p.b < q.b; }, execution);
  const std::uint64_t ties_b = count_ties(points, same_b);

  const std::uint64_t pairs = static_cast<std::uint64_t>(a.size()) * (a.size() - 1) / 2;
  if (ties_a == pairs || ties_b == pairs) return kUndefined;
  const std::uint64_t concordant = pairs - ties_a - ties_b + ties_both - discordant;
  const double difference = concordant > discordant ? static_cast<double>(concordant - discordant)
                                                    : -static_cast<double>(discordant - concordant);
  return cosine_of(difference, static_cast<double>(pairs - ties_a),
                   static_cast<double>(pairs - ties_b));
}

// Rows of a symmetric matrix, U-centred (see center.hpp) and in units of its own spread. The
// measure they serve changes neither with a constant added to all off-diagonal entries nor with
// their scale, so the middle of their range is subtracted first: nothing cancels, nor overflows.
class CenteredRows {
 public:
  CenteredRows(const InputView& k, const Execution& execution)
      : reader_(k), scaling_(scaling_of(k, execution)), shifts_(k.rows) {
    const double n = static_cast<double>(k.rows);
    for_each_row(k, execution, [&](std::size_t i, double* row) {
      scale(i, row);
      shifts_[i] = simd::kernels().float64.sum(row, shifts_.size());
    });
    const double total = sum(shifts_);
    for (double& shift : shifts_) shift = (shift - total / (2 * (n - 1))) / (n - 2);
  }

  void read(std::size_t i, double* row) const {
    reader_.read(i, row);
    scale(i, row);
    simd::kernels().float64.subtract_shifts(row, row, shifts_.size(), shifts_[i], shifts_.data());
    row[i] = 0;
  }

 private:
  static Scaling scaling_of(const InputView& k, const Execution& execution) {
    std::vector<double> low(k.rows);
    std::vector<double> high(k.rows);
    for_each_row(k, execution, [&](std::size_t i, double* row) {
      row[i] = row[i == 0 ? 1 : 0];  // the diagonal does not count
      const auto [least, most] = std::minmax_element(row, row + k.cols);
      low[i] = *least;
      high[i] = *most;
    });
    const double least = *std::min_element(low.begin(), low.end());
    const double most = *std::max_element(high.begin(), high.end());
    const double middle = least == most ? least : least / 2 + most / 2;
    return Scaling(middle, std::max(most - middle, middle - least));
  }

  void scale(std::size_t i, double* row) const {
    scaling_.apply(row, shifts_.size());
    row[i] = 0;
  }

  RowReader reader_;
  Scaling scaling_;
  Buffer<double> shifts_;  // what every entry of a row, and of a column, is centred by
};

// Inner products of the rows of two matrices, row by row, so that sums over the rows have a fixed
// order.
struct RowProducts {
  explicit RowProducts(std::size_t n) : ab(n), aa(n), bb(n) {}
  void set(std::size_t i, const std::vector<double>& a, const std::vector<double>& b) {
    const auto& kernels = simd::kernels().float64;
    ab[i] = kernels.dot(a.data(), b.data(), a.size());
    aa[i] = kernels.dot(a.data(), a.data(), a.size());
    bb[i] = kernels.dot(b.data(), b.data(), a.size());
  }
  Buffer<double> ab;
  Buffer<double> aa;
  Buffer<double> bb;
};

// `read_a` and `read_b` fill row i of either matrix.
template <class ReadA, class ReadB>
RowProducts row_products(std::size_t n, ReadA read_a, ReadB read_b, const Execution& execution) {
  RowProducts products(n);
  parallel_for(execution, row_tasks(n), [&](std::size_t task, Worker& worker) {
    std::vector<double> a(n);
    std::vector<double> b(n);
    for (std::size_t i = task * kRowsPerTask; i < std::min(n, (task + 1) * kRowsPerTask); ++i) {
      worker.check();
      read_a(i, a.data());
      read_b(i, b.data());
      products.set(i, a, b);
    }
  });
  return products;
}

// HSIC is the inner product of the U-centred matrices over n(n − 3), which CKA cancels.
double cka(const InputView& a, const InputView& b, const Execution& execution) {
  const CenteredRows rows_a(a, execution);
  const CenteredRows rows_b(b, execution);
  const RowProducts products = row_products(
      a.rows, [&](std::size_t i, double* row) { rows_a.read(i, row); },
      [&](std::size_t i, double* row) { rows_b.read(i, row); }, execution);
  const double aa = sum(products.aa);
  const double bb = sum(products.bb);
  // Matrices that centring takes to 0, constant ones among them, leave rounding of entries ≤ 1.
  constexpr double rounding = 16 * std::numeric_limits<double>::epsilon();
  const double n = static_cast<double>(a.rows);
  const double vanishing = n * n * rounding * rounding;
  if (aa <= vanishing || bb <= vanishing) return kUndefined;
  return cosine_of(sum(products.ab), aa, bb);
}

double gbs(const InputView& a, const InputView& b, const Execution& execution) {
  survey(a, nullptr, execution);  // for its check that all is finite
  survey(b, nullptr, execution);
  const auto reader_of = [](const InputView& x) {
    return [reader = RowReader(x), n = x.cols](std::size_t i, double* row) {
      reader.read(i, row);
      row[i] = 0;
      Scaling(0.0, largest_of(row, n)).apply(row, n);
    };
  };
  const RowProducts products = row_products(a.rows, reader_of(a), reader_of(b), execution);
  double total = 0;
  for (std::size_t i = 0; i < a.rows; ++i) {
    if (products.aa[i] == 0 || products.bb[i] == 0) continue;
    total += cosine_of(products.ab[i], products.aa[i], products.bb[i]);
  }
  return total / static_cast<double>(a.rows);
}

std::string shape_of(const InputView& x) {
  return std::to_string(x.rows) + " x " + std::to_string(x.cols);
}

void require_comparable(const InputView& a, const InputView& b, std::size_t least) {
  if (a.rows != a.cols) {
    throw std::invalid_argument("`" + a.name + "` must be square, got " + shape_of(a));
  }
  if (b.rows != a.rows || b.cols != a.cols) {
    throw std::invalid_argument("`" + b.name + "` must be " + shape_of(a) + " like `" + a.name +
                                "`, got " + shape_of(b));
  }
  if (a.rows < least) {
    throw std::invalid_argument("`" + a.name + "` must have at least " + std::to_string(least) +
                                " rows, got " + std::to_string(a.rows));
  }
}

}  // namespace

double compare(const InputView& a, const InputView& b, Comparison method,
               const Execution& execution) {
  const UsualArithmetic usual;
  require_comparable(a, b, method == Comparison::cka ? 4 : 3);
  if (method == Comparison::cka) return cka(a, b, execution);
  if (method == Comparison::gbs) return gbs(a, b, execution);
  Buffer<double> of_a = triangle_of(a, execution);
  Buffer<double> of_b = triangle_of(b, execution);
  switch (method) {
    case Comparison::spearman:
      return spearman(std::move(of_a), std::move(of_b), execution);
    case Comparison::kendall:
      return kendall(of_a, of_b, execution);
    case Comparison::cosine:
      return cosine(std::move(of_a), std::move(of_b));
    default:
      return pearson(std::move(of_a), std::move(of_b));
  }
}

// Jensen–Shannon divergences ----------------------------------------------------------------------

namespace {

// Rows and columns of a block of pairs: both sides of it stay in the cache for usual row lengths.
constexpr std::size_t kPairBlock = 32;

bool is_half(ElementType type) {
  return type == ElementType::float16 || type == ElementType::bfloat16;
}

// The rows of an input as distributions that sum to 1 in float64, and their logarithms.
class Distributions {
 public:
  Distributions(const InputView& x, const Execution& execution)
      : rows_(x.rows),
        size_(x.cols),
        values_(product(x.rows, x.cols)),
        logarithms_(values_.size()) {
    Buffer<double> sums(rows_);
    std::vector<std::size_t> negative(rows_, size_);
    for_each_row(x, execution, [&](std::size_t i, const double* row) {
      const auto is_negative = [](double p) { return p < 0; };
      negative[i] = static_cast<std::size_t>(std::find_if(row, row + size_, is_negative) - row);
      sums[i] = simd::kernels().float64.sum(row, size_);
      for (std::size_t k = 0; k < size_; ++k) values_[i * size_ + k] = row[k] / sums[i];
      simd::kernels().logarithms(this->row(i), &logarithms_[i * size_], size_);
    });
    for (std::size_t i = 0; i < rows_; ++i) require_distribution(x, i, negative[i], sums[i]);
  }

  std::size_t rows() const { return rows_; }
  std::size_t size() const { return size_; }
  const double* row(std::size_t i) const { return values_.data() + i * size_; }
  const double* logarithms(std::size_t i) const { return logarithms_.data() + i * size_; }

 private:
  static void require_distribution(const InputView& x, std::size_t i, std::size_t negative,
                                   double sum) {
    if (negative < x.cols) {
      std::vector<double> row(x.cols);
      RowReader(x).read(i, row.data());
      throw std::invalid_argument("`" + x.name + "` must not be negative, got " +
                                  std::to_string(row[negative]) + " at index (" +
                                  std::to_string(i) + ", " + std::to_string(negative) + ")");
    }
    const double tolerance = is_half(x.type) ? 1e-2 : 1e-3;
    if (std::abs(sum - 1) <= tolerance) return;
    throw std::invalid_argument("`" + x.name + "` must have rows that sum to 1, got a sum of " +
                                std::to_string(sum) + " in row " + std::to_string(i));
  }

  std::size_t rows_;
  std::size_t size_;
  Buffer<double> values_;
  Buffer<double> logarithms_;
};

// In bits; only rounding can leave [0, 1]. Equal rows give exactly 0.
double divergence(const Distributions& p, std::size_t i, const Distributions& q, std::size_t j) {
  return std::clamp(
      simd::kernels().divergence(p.row(i), p.logarithms(i), q.row(j), q.logarithms(j), p.size()),
      0.0, 1.0);
}

// Calls body(row, col) for all pairs of rows, or for those with row < col.
void for_each_pair(std::size_t rows, std::size_t cols, bool is_upper, const Execution& execution,
                   const std::function<void(std::size_t row, std::size_t col)>& body) {
  const auto blocks = [](std::size_t n) { return (n + kPairBlock - 1) / kPairBlock; };
  const Grid grid = is_upper ? Grid::upper(blocks(rows)) : Grid::full(blocks(rows), blocks(cols));
  parallel_for(execution, grid.cells(), [&](std::size_t task, Worker& worker) {
    const auto [block_row, block_col] = grid.cell(task);
    for (std::size_t i = block_row * kPairBlock; i < std::min(rows, (block_row + 1) * kPairBlock);
         ++i) {
      worker.check();
      const std::size_t first = block_col * kPairBlock;
      for (std::size_t j = is_upper ? std::max(first, i + 1) : first;
           j < std::min(cols, first + kPairBlock); ++j) {
        body(i, j);
      }
    }
  });
}

}  // namespace

template <class T>
void jsd(const InputView& p, MatrixView<T> out, const Execution& execution) {
  const UsualArithmetic usual;
  require_not_empty(p);
  require_shape(out, p.rows, p.rows, "out");
  const Distributions rows(p, preparing(execution));
  for (std::size_t i = 0; i < p.rows; ++i) out(i, i) = 0;
  for_each_pair(p.rows, p.rows, true, execution, [&](std::size_t i, std::size_t j) {
    out(i, j) = out(j, i) = static_cast<T>(divergence(rows, i, rows, j));
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
  for_each_pair(p.rows, q.rows, false, execution, [&](std::size_t i, std::size_t j) {
    out(i, j) = static_cast<T>(divergence(rows, i, cols, j));
  });
}

template void jsd(const InputView&, MatrixView<float>, const Execution&);
template void jsd(const InputView&, MatrixView<double>, const Execution&);
template void jsd(const InputView&, const InputView&, MatrixView<float>, const Execution&);
template void jsd(const InputView&, const InputView&, MatrixView<double>, const Execution&);

}  // namespace isogram
