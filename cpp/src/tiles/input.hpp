// Reading of inputs of any element type and strides, surveys of them, and refusal of entries that
// are not finite.
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "isogram/detail/scaling.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"

namespace isogram {

// "`name` must be finite, got nan at index (3, 7)"
std::string not_finite_message(const std::string& name, std::initializer_list<std::size_t> index,
                               double value);

// Throws std::invalid_argument with not_finite_message().
[[noreturn]] void throw_not_finite(const std::string& name,
                                   std::initializer_list<std::size_t> index, double value);

// Throws std::invalid_argument unless x has rows and columns.
void require_not_empty(const InputView& x);

// Bytes of an element.
std::ptrdiff_t size_of(ElementType type);

// Throws std::invalid_argument unless x has columns and at least `least` rows.
void require_rows(const InputView& x, std::size_t least);

// Throws std::invalid_argument unless `view`, the argument `name`, is rows × cols.
template <class T>
void require_shape(const MatrixView<T>& view, std::size_t rows, std::size_t cols, const char* name);

// The first index of an entry that is not finite, or n.
std::size_t first_not_finite(const double* values, std::size_t n);

// Rows of an InputView as doubles.
class RowReader {
 public:
  explicit RowReader(InputView view);
  void read(std::size_t row, double* out) const {
    if (view_.source) return read(row, {0, view_.cols}, out);
    read_(view_, row, out);
  }
  // Columns [columns.begin, columns.end) of the row.
  void read(std::size_t row, Span columns, double* out) const;
  const InputView& view() const { return view_; }

 private:
  InputView view_;
  void (*read_)(const InputView& view, std::size_t row, double* out);
};

// The first entry in C order that is not finite, found by several tasks.
class FirstNotFinite {
 public:
  explicit FirstNotFinite(std::size_t tasks) : found_(tasks) {}

  // Searches n entries of a row from column `col` on, as part of `task`.
  void inspect(std::size_t task, std::size_t row, const double* values, std::size_t n,
               std::size_t col = 0);

  bool is_found() const;

  // Throws std::invalid_argument that names the argument and the entry, if one was found.
  void throw_if_found(const std::string& name) const;

  // Throws NotFiniteToken if one was found; for tokens, where each input is a task.
  void throw_if_token_found(const std::string& name) const;

 private:
  struct Entry {
    bool found = false;
    std::size_t row = 0;
    std::size_t col = 0;
    double value = 0;
    bool is_before(const Entry& other) const;
  };
  std::vector<Entry> found_;  // one per task
};

// The result of a pass over an input.
struct Survey {
  std::vector<double> row_largest;  // max_j |x_ij − origin_j|, at most the largest double
  double largest = 0;               // of all rows
  double smallest_row = 0;          // the smallest of a row that is not 0, or 0
  std::vector<double> mean_row;     // set by survey_columns() and survey_bulk()
  std::vector<double> residual;     // set with it: the mean of all rows less mean_row
};

// The survey of rows with known max |entry|.
Survey survey_of(std::vector<double> row_largest);

// Surveys x relative to the row `origin` (0 if null). Throws std::invalid_argument unless x is
// finite.
Survey survey(const InputView& x, const std::vector<double>* origin, const Execution& execution);

// The number of strips of rows whose sums a survey adds: rows of one strip are added one after
// another.
std::size_t strips_of(std::size_t rows);

// survey() relative to middle_row(x), with the mean of every column. Means are summed relative to
// that row, so that the mean of a constant column is exact.
Survey survey_columns(const InputView& x, const Execution& execution);

// survey_columns() with the mean of the rows that are not far from the others: an origin amid most
// rows. A single row of huge norm draws the mean of all rows away from every other row, and
// subtracting that mean would cost their digits. Makes a second pass if some rows are far.
Survey survey_bulk(const InputView& x, const Execution& execution);

// Whether survey_bulk() finds rows that are far from the others, by max_j |x_ij − middle_j| of
// each.
bool has_far_rows(const std::vector<double>& row_largest);

// The median of a few rows of x, column by column: an entry of x amid the others, and exact for a
// constant column.
std::vector<double> middle_row(const InputView& x, const Execution& execution);

// The rows that middle_row() reads, and the median of n columns of theirs, which begin at row(i).
std::vector<std::size_t> middle_rows(std::size_t rows);
void take_middle(std::size_t rows, const std::function<const double*(std::size_t)>& row,
                 std::size_t n, double* out);

// Whether all rows of x are equal.
bool has_equal_rows(const InputView& x, const Execution& execution);

// Rows [rows.begin, rows.end) of x, and columns [columns.begin, columns.end). Rows of a source are
// in memory until others are read.
InputView rows_of(const InputView& x, Span rows);
InputView columns_of(const InputView& x, Span columns);

// max |value|; +∞ if a value is NaN or infinite.
template <class T>
T largest_magnitude(const T* values, std::size_t n);

// Row i of x if it is stored as adjacent values of T, else null.
template <class T>
const T* stored_row(const InputView& x, std::size_t i);

// The address of an entry of such a row, else null.
template <class T>
const T* stored_entry(const InputView& x, std::size_t row, std::size_t column) {
  const T* stored = stored_row<T>(x, row);
  return stored ? stored + column : nullptr;
}

// Loads entries of a row ahead of time. Where rows take turns, the hardware does not look far
// enough ahead.
template <class T>
void fetch(const T* values, std::size_t n) {
  constexpr std::size_t line = 64 / sizeof(T);
  for (std::size_t k = 0; k < n; k += line) __builtin_prefetch(values + k, 0, 2);
}

using detail::exponent_of;
using detail::Scaled;
using detail::scaling_exponent_of;

// √Σ x² over rows that are added one after another. Rows whose squares would overflow or vanish are
// scaled and summed apart.
class Norm {
 public:
  void add(const double* row, std::size_t n);
  Scaled result() const;

 private:
  double huge_ = 0;
  double moderate_ = 0;
  double tiny_ = 0;
};

// values · 2^−exponent.
void scale_down(double* values, std::size_t n, int exponent);

// (values − origin) · 2^−exponent. Large numbers are scaled before the subtraction: their
// difference may overflow, and scaling down does not round them.
void subtract_scaled(double* values, std::size_t n, const double* origin, int exponent);

}  // namespace isogram
