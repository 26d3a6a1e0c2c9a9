#include "ranks/triangle.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

#include "tiles/input.hpp"

namespace isogram {

namespace {

constexpr std::size_t kFewestPairs = 3;  // of three samples, the fewest that are compared

// Whether a triangle has NaNs. Throws std::invalid_argument for its first infinity.
bool has_nans(const Buffer<double>& triangle, const std::string& name, std::size_t n) {
  FirstNotFinite infinite(n);
  bool found = false;
  std::vector<double> row(n);
  for (std::size_t i = 0; i + 1 < n; ++i) {
    const double* entries = triangle.data() + row_begin(i, n);
    const std::size_t size = n - i - 1;
    for (std::size_t j = 0; j < size; ++j) {
      const bool is_missing = std::isnan(entries[j]);
      row[j] = is_missing ? 0.0 : entries[j];
      found = found || is_missing;
    }
    infinite.inspect(i, i, row.data(), size, i + 1);
  }
  infinite.throw_if_found(name);
  return found;
}

Buffer<double> first_of(const Buffer<double>& values, std::size_t count) {
  Buffer<double> result = Buffer<double>::unset(count);
  std::copy(values.begin(), values.begin() + count, result.begin());
  return result;
}

[[noreturn]] void throw_missing_in_one(const InputView& x, const InputView& other, std::size_t i,
                                       std::size_t j) {
  throw std::invalid_argument("`" + x.name + "` must be finite, got nan at index (" +
                              std::to_string(i) + ", " + std::to_string(j) + "), where `" +
                              other.name +
                              "` is a number: pairs are left out that are NaN in both");
}

}  // namespace

Buffer<double> triangle_of(const InputView& x, const Execution& execution, bool* has_missing) {
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
  if (has_missing == nullptr) {
    bad.throw_if_found(x.name);
  } else {
    *has_missing = bad.is_found() && has_nans(triangle, x.name, n);
  }
  return triangle;
}

void leave_out_missing(Buffer<double>& a, const InputView& of_a, Buffer<double>& b,
                       const InputView& of_b) {
  std::size_t place = 0;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < of_a.rows; ++i) {
    for (std::size_t j = i + 1; j < of_a.rows; ++j, ++place) {
      const bool is_missing = std::isnan(a[place]);
      if (is_missing != std::isnan(b[place])) {
        throw_missing_in_one(is_missing ? of_a : of_b, is_missing ? of_b : of_a, i, j);
      }
      if (is_missing) continue;
      a[kept] = a[place];
      b[kept++] = b[place];
    }
  }
  if (kept < kFewestPairs) {
    throw std::invalid_argument("`" + of_a.name + "` must have at least " +
                                std::to_string(kFewestPairs) + " pairs that are not NaN, got " +
                                std::to_string(kept));
  }
  a = first_of(a, kept);
  b = first_of(b, kept);
}

}  // namespace isogram
