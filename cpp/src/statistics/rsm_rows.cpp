#include "statistics/rsm_rows.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "isogram/detail/centering.hpp"
#include "ranks/triangle.hpp"
#include "simd/kernels.hpp"
#include "statistics/correlation.hpp"
#include "statistics/row_products.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

// Calls body(i, row i) for all rows of a square matrix in parallel, with the diagonal replaced by
// 0; then throws if another entry was not finite.
template <class Body>
void for_each_hollow_row(const InputView& x, const Execution& execution, Body body) {
  const RowReader reader(x);
  FirstNotFinite bad(row_tasks(x.rows));
  for_each_task_of_rows(x.rows, execution, [&](std::size_t task, Worker& worker, Span rows) {
    std::vector<double> row(x.cols);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      worker.check();
      reader.read(i, row.data());
      row[i] = 0;
      bad.inspect(task, i, row.data(), x.cols);
      body(i, row.data());
    }
  });
  bad.throw_if_found(x.name);
}

// Rows of a symmetric matrix, U-centred (see center.hpp) and scaled by its spread. CKA does not
// change when a constant is added to all off-diagonal entries, nor with their scale, so the middle
// of their range is subtracted first: nothing cancels or overflows.
class CenteredRows {
 public:
  CenteredRows(const InputView& k, const Execution& execution)
      : reader_(k), scaling_(scaling_of(k, execution)), shifts_(k.rows) {
    for_each_hollow_row(k, execution, [&](std::size_t i, double* row) {
      scale(i, row);
      shifts_[i] = simd::kernels().float64.sum(row, shifts_.size());
    });
    const double total = sum(shifts_, execution);
    const auto shares = detail::centering_shares(static_cast<double>(k.rows), true);
    for (double& shift : shifts_) shift = shares.shift(shift, total);
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
    for_each_hollow_row(k, execution, [&](std::size_t i, double* row) {
      row[i] = row[i == 0 ? 1 : 0];  // ignores the diagonal
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
  Buffer<double> shifts_;  // the shift of each row, and of each column
};

// Inner products of the rows of two matrices, one per row, so that sums over rows have a fixed
// order.
struct ProductsOfRows {
  explicit ProductsOfRows(std::size_t n) : ab(n), aa(n), bb(n) {}
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
ProductsOfRows products_of_rows(std::size_t n, ReadA read_a, ReadB read_b,
                                const Execution& execution) {
  ProductsOfRows products(n);
  for_each_task_of_rows(n, execution, [&](std::size_t, Worker& worker, Span rows) {
    std::vector<double> a(n);
    std::vector<double> b(n);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      worker.check();
      read_a(i, a.data());
      read_b(i, b.data());
      products.set(i, a, b);
    }
  });
  return products;
}

}  // namespace

// CKA from inner products of the U-centred matrices: the factor 1 / (n(n − 3)) of HSIC cancels.
double cka_of_rsms(const InputView& a, const InputView& b, const Execution& execution) {
  const CenteredRows rows_a(a, execution);
  const CenteredRows rows_b(b, execution);
  const ProductsOfRows products = products_of_rows(
      a.rows, [&](std::size_t i, double* row) { rows_a.read(i, row); },
      [&](std::size_t i, double* row) { rows_b.read(i, row); }, execution);
  const double aa = sum(products.aa, execution);
  const double bb = sum(products.bb, execution);
  // Entries are at most 1 before centring: a matrix that centring takes to 0 leaves their rounding.
  constexpr double rounding = 16 * std::numeric_limits<double>::epsilon();
  const double n = static_cast<double>(a.rows);
  const double vanishing = n * n * rounding * rounding;
  if (aa <= vanishing || bb <= vanishing) return kUndefined;
  return cosine_of(sum(products.ab, execution), aa, bb);
}

double gbs_of_rsms(const InputView& a, const InputView& b, const Execution& execution) {
  for (const InputView* x : {&a, &b}) {
    for_each_hollow_row(*x, execution, [](std::size_t, const double*) {});  // checks entries
  }
  const auto reader_of = [](const InputView& x) {
    return [reader = RowReader(x), n = x.cols](std::size_t i, double* row) {
      reader.read(i, row);
      row[i] = 0;
      Scaling(0.0, largest_magnitude(row, n)).apply(row, n);
    };
  };
  const ProductsOfRows products = products_of_rows(a.rows, reader_of(a), reader_of(b), execution);
  return mean_cosine(products.ab.data(), products.aa.data(), products.bb.data(), a.rows);
}

}  // namespace isogram
