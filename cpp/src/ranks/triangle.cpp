#include "ranks/triangle.hpp"

#include "tiles/input.hpp"

namespace isogram {

Buffer<double> triangle_of(const InputView& x, const Execution& execution) {
  const std::size_t n = x.rows;
  const RowReader reader(x);
  FirstNotFinite bad(n);
  Buffer<double> triangle = Buffer<double>::unset(product(n, n - 1) / 2);
  for_each_row(n - 1, execution, [&](std::size_t i, Worker&) {
    const Span columns{i + 1, n};
    double* row = triangle.data() + row_begin(i, n);
    reader.read(i, columns, row);
    bad.inspect(i, i, row, columns.size(), columns.begin);
  });
  bad.throw_if_found(x.name);
  return triangle;
}

}  // namespace isogram
