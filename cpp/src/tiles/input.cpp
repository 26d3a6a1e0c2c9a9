#include "tiles/input.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "isogram/detail/scaling.hpp"
#include "isogram/error.hpp"
#include "isogram/tokens.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/grid.hpp"

namespace isogram {

namespace {

// A survey is cut into at most kParts parts for any number of threads, so that sums have the same
// bits. A part has at least kLeastRows rows, so that column sums are small beside the rows; few
// rows are cut by columns instead.
constexpr std::size_t kParts = 32;
constexpr std::size_t kLeastRows = 16;
constexpr std::size_t kLeastColumns = 4096;

// Columns that are read together: their sums stay in the L1 cache.
constexpr std::size_t kColumnsAtOnce = 1024;

// One part of a source, whose rows are read whole.
std::size_t columns_at_once(const InputView& x) {
  return x.source ? x.cols : kColumnsAtOnce;
}

// A row is far from the others if its distance from the middle is more than kFar times the median
// distance.
constexpr double kFar = 8;

// Differences and sums of doubles that are scaled by 2^−kRoom stay finite.
constexpr int kRoom = 64;

double widen(float x) {
  return x;
}
double widen(double x) {
  return x;
}
double widen(BFloat16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}

// The bits of a half, shifted to a float's exponent and fraction, stand for 2^-112 times the value.
// One multiplication corrects normal and subnormal numbers alike. Infinity and NaN need the missing
// exponent bits. Without branches, so that compilers vectorise it.
double widen(Half x) {
  const std::int32_t magnitude = x.bits & 0x7fff;
  const std::int32_t special = -static_cast<std::int32_t>(magnitude > 0x7bff) & 0x7f800000;
  const auto sign = static_cast<std::int32_t>(static_cast<std::uint32_t>(x.bits & 0x8000) << 16);
  const float value = std::bit_cast<float>(magnitude << 13) * 0x1p112F;
  return std::bit_cast<float>(std::bit_cast<std::int32_t>(value) | special | sign);
}

template <class T>
void read_row(const InputView& view, std::size_t row, double* out) {
  const T* source =
      static_cast<const T*>(view.data) + static_cast<std::ptrdiff_t>(row) * view.row_stride;
  if constexpr (std::is_floating_point_v<T>) {
    if (view.col_stride == 1) return simd::kernels().of<T>().widen(source, view.cols, 0.0, out);
  }
  if (view.col_stride == 1) {
    for (std::size_t j = 0; j < view.cols; ++j) out[j] = widen(source[j]);
  } else {
    for (std::size_t j = 0; j < view.cols; ++j, source += view.col_stride) out[j] = widen(*source);
  }
}

auto reader_of(ElementType type) {
  switch (type) {
    case ElementType::float16:
      return &read_row<Half>;
    case ElementType::bfloat16:
      return &read_row<BFloat16>;
    case ElementType::float32:
      return &read_row<float>;
    case ElementType::float64:
      break;
  }
  return &read_row<double>;
}

std::string joined(std::initializer_list<std::size_t> index) {
  std::string text;
  for (const std::size_t i : index) text += (text.empty() ? "" : ", ") + std::to_string(i);
  return text;
}

// The options of a pass over an input.
struct Look {
  const double* origin = nullptr;          // entries are measured relative to this row
  bool with_sums = false;                  // sums columns, relative to the origin
  const std::vector<char>* left_out = {};  // flags of rows to ignore
  int exponent = 0;                        // all numbers are divided by 2^exponent
};

struct Measures {
  std::vector<double> row_largest;  // max_j |x_ij − origin_j|
  std::vector<double> column_sums;  // Σ_i (x_ij − origin_j)
  bool has_overflowed() const {
    const auto is_finite = [](double value) { return std::isfinite(value); };
    return !std::all_of(row_largest.begin(), row_largest.end(), is_finite) ||
           !std::all_of(column_sums.begin(), column_sums.end(), is_finite);
  }
};

std::size_t number_of(const std::vector<char>& flags) {
  return static_cast<std::size_t>(std::count(flags.begin(), flags.end(), char{1}));
}

// Adds row i to `sums`; returns its largest distance from the origin. A row that is not stored as
// float32, or overflows there, is read as float64 and passed to `inspect`.
template <class Inspect>
double measure_row(const RowReader& reader, std::size_t i, const Look& look,
                   std::vector<double>& row, double* sums, Inspect inspect) {
  const InputView& x = reader.view();
  const simd::Kernels& kernels = simd::kernels();
  const float* stored = look.exponent == 0 ? stored_row<float>(x, i) : nullptr;
  const bool is_summed = stored && look.with_sums;
  if (is_summed) {
    const double largest = kernels.float32.add_differences(stored, look.origin, x.cols, sums);
    if (std::isfinite(largest)) return largest;
  } else if (stored && !look.origin) {
    const double largest = largest_magnitude(stored, x.cols);
    if (std::isfinite(largest)) return largest;
  }
  if (row.size() < x.cols) row.resize(x.cols);
  reader.read(i, row.data());
  inspect(row.data());
  if (is_summed && first_not_finite(row.data(), x.cols) == x.cols &&
      first_not_finite(look.origin, x.cols) == x.cols) {
    throw InputChanged(x.name.c_str());  // the sums have other values of the row
  }
  scale_down(row.data(), x.cols, look.exponent);
  if (look.with_sums) {
    return kernels.float64.add_differences(row.data(), look.origin, x.cols, sums);
  }
  if (look.origin) {
    kernels.float64.subtract_shifts(row.data(), row.data(), x.cols, 0, look.origin);
  }
  return largest_magnitude(row.data(), x.cols);
}

// Where measures of a part of an input go: of its rows, and of the columns of one strip.
struct Target {
  Span cols;
  double* row_largest;  // of the first of these rows
  double* column_sums;
};

// kColumnsAtOnce columns, or the last of them.
struct Piece {
  std::size_t begin;
  RowReader reader;
  Look look;
  double* sums;
};

std::vector<Piece> pieces_of(const InputView& x, const Look& look, const Target& target) {
  const Span cols = target.cols;
  std::vector<Piece> pieces;
  pieces.reserve(blocks_in(cols.size(), kColumnsAtOnce));
  for (std::size_t begin = cols.begin; begin < cols.end; begin += kColumnsAtOnce) {
    const Span some{begin, std::min(cols.end, begin + kColumnsAtOnce)};
    Piece& piece = pieces.emplace_back(begin, RowReader(columns_of(x, some)), look, nullptr);
    if (look.origin) piece.look.origin += begin;
    if (look.with_sums) piece.sums = target.column_sums + (begin - cols.begin);
  }
  return pieces;
}

// Measures columns of rows of x that are in memory: `there`, from row `first` of x on.
template <class Inspect>
void measure_rows(const InputView& there, std::size_t first, const Look& look, const Target& target,
                  std::vector<double>& row, Worker& worker, Inspect inspect) {
  const std::vector<Piece> pieces = pieces_of(there, look, target);
  const auto measure_part = [&](std::size_t i, const Piece& piece) {
    if (look.left_out && (*look.left_out)[first + i]) return;
    const double largest =
        measure_row(piece.reader, i, piece.look, row, piece.sums, [&](const double* values) {
          inspect(first + i, values, piece.reader.view().cols, piece.begin);
        });
    target.row_largest[i] = std::max(target.row_largest[i], largest);
  };
  // With sums, all rows are added to the sums of one piece of columns, which stay in the cache.
  // Without, rows are read one after another, in the order of memory.
  const std::size_t outer = look.with_sums ? pieces.size() : there.rows;
  const std::size_t inner = look.with_sums ? there.rows : pieces.size();
  for (std::size_t a = 0; a < outer; ++a) {
    for (std::size_t b = 0; b < inner; ++b) {
      worker.check(std::min(target.cols.size(), kColumnsAtOnce));
      measure_part(look.with_sums ? b : a, pieces[look.with_sums ? a : b]);
    }
  }
}

// measure() of rows that are read block by block, with the sums of its strips.
Measures measure_source(const InputView& x, const Look& look, const Execution& execution) {
  const std::size_t strips = strips_of(x.rows);
  Measures whole{std::vector<double>(x.rows), std::vector<double>(look.with_sums ? x.cols : 0)};
  FirstNotFinite bad(1);
  parallel_for(execution, 1, [&](std::size_t, Worker& worker) {
    std::vector<double> row;
    for (std::size_t strip = 0; strip < strips; ++strip) {
      std::vector<double> sums(look.with_sums ? x.cols : 0);
      const Span rows = part_span(x.rows, strip, strips);
      for (std::size_t begin = rows.begin; begin < rows.end;) {
        const std::size_t block = begin / x.source->rows_at_once() + 1;
        const std::size_t end = std::min(rows.end, block * x.source->rows_at_once());
        const Target target{{0, x.cols}, &whole.row_largest[begin], sums.data()};
        measure_rows(rows_of(x, {begin, end}), begin, look, target, row, worker,
                     [&](std::size_t i, const double* values, std::size_t count, std::size_t col) {
                       bad.inspect(0, i, values, count, col);
                     });
        begin = end;
      }
      for (std::size_t j = 0; j < sums.size(); ++j) whole.column_sums[j] += sums[j];
    }
  });
  bad.throw_if_found(x.name);
  return whole;
}

Measures measure(const InputView& x, const Look& look, const Execution& execution) {
  if (x.source) return measure_source(x, look, execution);
  const std::size_t strips = strips_of(x.rows);
  const std::size_t blocks = std::clamp<std::size_t>(x.cols / kLeastColumns, 1, kParts / strips);
  Measures whole{std::vector<double>(x.rows), std::vector<double>(look.with_sums ? x.cols : 0)};
  const std::size_t tasks = strips * blocks;
  // Measures of each block, and of each strip; a single one writes to the whole at once.
  Buffer<double> row_largest(blocks > 1 ? product(blocks, x.rows) : 0);
  Buffer<double> column_sums(look.with_sums && strips > 1 ? product(strips, x.cols) : 0);
  FirstNotFinite bad(tasks);
  const auto measure_task = [&](std::size_t task, Worker& worker) {
    const std::size_t strip = task / blocks;
    const std::size_t block = task % blocks;
    const Span rows = part_span(x.rows, strip, strips);
    const Span cols = part_span(x.cols, block, blocks);
    double* largest = blocks > 1 ? &row_largest[block * x.rows] : whole.row_largest.data();
    Target target{cols, largest + rows.begin, nullptr};
    if (look.with_sums) {
      double* sums = strips > 1 ? &column_sums[strip * x.cols] : whole.column_sums.data();
      target.column_sums = sums + cols.begin;
    }
    std::vector<double> row;  // widened to float64
    measure_rows(rows_of(x, rows), rows.begin, look, target, row, worker,
                 [&](std::size_t i, const double* values, std::size_t count, std::size_t col) {
                   bad.inspect(task, i, values, count, col);
                 });
  };
  parallel_for(execution, tasks, measure_task, threads_for(x.rows * x.cols));
  bad.throw_if_found(x.name);
  for (const double* part = row_largest.begin(); part != row_largest.end(); part += x.rows) {
    for (std::size_t i = 0; i < x.rows; ++i) {
      whole.row_largest[i] = std::max(whole.row_largest[i], part[i]);
    }
  }
  for (const double* part = column_sums.begin(); part != column_sums.end(); part += x.cols) {
    for (std::size_t j = 0; j < x.cols; ++j) whole.column_sums[j] += part[j];
  }
  return whole;
}

// `values` · 2^exponent, at most the largest double.
void scale_up(std::vector<double>& values, int exponent) {
  constexpr double limit = std::numeric_limits<double>::max();
  for (double& x : values) x = std::clamp(std::ldexp(x, exponent), -limit, limit);
}

// The measures in the input's own units, with column means in place of column sums. Makes a second,
// scaled pass if sums overflow.
Measures measure_safely(const InputView& x, Look look, const Execution& execution) {
  Measures found = measure(x, look, execution);
  std::vector<double> origin;
  if (found.has_overflowed()) {
    look.exponent = kRoom;
    if (look.origin) {
      origin.assign(look.origin, look.origin + x.cols);
      scale_down(origin.data(), x.cols, kRoom);
      look.origin = origin.data();
    }
    found = measure(x, look, execution);
  }
  std::size_t count = x.rows;
  if (look.left_out) count -= number_of(*look.left_out);
  for (double& sum : found.column_sums) sum /= static_cast<double>(count);
  if (look.exponent != 0) {
    scale_up(found.row_largest, kRoom);
    scale_up(found.column_sums, kRoom);
  }
  return found;
}

// The survey with mean_row = `origin` + `means`. all.column_sums are the means of all rows, and may
// be `means` itself.
Survey survey_of(Measures& all, std::vector<double> origin, const std::vector<double>& means) {
  Survey result = isogram::survey_of(std::move(all.row_largest));
  result.mean_row = std::move(origin);
  for (std::size_t j = 0; j < means.size(); ++j) {
    const double start = result.mean_row[j];
    result.mean_row[j] += means[j];
    all.column_sums[j] -= result.mean_row[j] - start;
  }
  result.residual = std::move(all.column_sums);
  return result;
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double limit_of_far_rows(const std::vector<double>& row_largest) {
  return kFar * median_of(row_largest);
}

std::vector<char> far_rows(const std::vector<double>& row_largest) {
  const double limit = limit_of_far_rows(row_largest);
  std::vector<char> is_far(row_largest.size());
  for (std::size_t i = 0; i < is_far.size(); ++i) is_far[i] = row_largest[i] > limit;
  return is_far;
}

// 2^−exponent as a product of two factors: it may itself be beyond double's range.
std::pair<double, double> factors_of(int exponent) {
  return {std::ldexp(1.0, -(exponent / 2)), std::ldexp(1.0, -(exponent - exponent / 2))};
}

double middle_of(double a, double b, double c) {
  return std::max(std::min(a, b), std::min(std::max(a, b), c));
}

}  // namespace

std::ptrdiff_t size_of(ElementType type) {
  switch (type) {
    case ElementType::float16:
    case ElementType::bfloat16:
      return 2;
    case ElementType::float32:
      return 4;
    case ElementType::float64:
      break;
  }
  return 8;
}

std::string not_finite_message(const std::string& name, std::initializer_list<std::size_t> index,
                               double value) {
  const char* what = std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  return "`" + name + "` must be finite, got " + what + " at index (" + joined(index) + ")";
}

void throw_not_finite(const std::string& name, std::initializer_list<std::size_t> index,
                      double value) {
  throw std::invalid_argument(not_finite_message(name, index, value));
}

void require_not_empty(const InputView& x) {
  if (x.rows > 0 && x.cols > 0) return;
  throw std::invalid_argument("`" + x.name + "` must have at least one row and one column, got " +
                              std::to_string(x.rows) + " x " + std::to_string(x.cols));
}

void require_rows(const InputView& x, std::size_t least) {
  require_not_empty(x);
  if (x.rows >= least) return;
  throw std::invalid_argument("`" + x.name + "` must have at least " + std::to_string(least) +
                              " rows, got " + std::to_string(x.rows));
}

template <class T>
void require_shape(const MatrixView<T>& view, std::size_t rows, std::size_t cols,
                   const char* name) {
  if (view.rows == rows && view.cols == cols) return;
  throw std::invalid_argument(std::string("`") + name + "` must be " + std::to_string(rows) +
                              " x " + std::to_string(cols) + ", got " + std::to_string(view.rows) +
                              " x " + std::to_string(view.cols));
}

template void require_shape(const MatrixView<float>&, std::size_t, std::size_t, const char*);
template void require_shape(const MatrixView<double>&, std::size_t, std::size_t, const char*);

std::size_t first_not_finite(const double* values, std::size_t n) {
  if (std::isfinite(largest_magnitude(values, n))) return n;
  return static_cast<std::size_t>(
      std::find_if(values, values + n, [](double x) { return !std::isfinite(x); }) - values);
}

RowReader::RowReader(InputView view) : view_(std::move(view)), read_(reader_of(view_.type)) {}

void RowReader::read(std::size_t row, Span columns, double* out) const {
  if (!view_.source) return read_(columns_of(view_, columns), row, out);
  read_(columns_of(rows_of(view_, {row, row + 1}), columns), 0, out);
}

bool FirstNotFinite::Entry::is_before(const Entry& other) const {
  return found && (!other.found || row < other.row || (row == other.row && col < other.col));
}

void FirstNotFinite::inspect(std::size_t task, std::size_t row, const double* values, std::size_t n,
                             std::size_t col) {
  const std::size_t place = first_not_finite(values, n);
  if (place == n) return;
  const Entry entry{true, row, col + place, values[place]};
  if (entry.is_before(found_[task])) found_[task] = entry;
}

bool FirstNotFinite::is_found() const {
  return std::any_of(found_.begin(), found_.end(), [](const Entry& entry) { return entry.found; });
}

void FirstNotFinite::throw_if_found(const std::string& name) const {
  Entry first;
  for (const Entry& entry : found_) {
    if (entry.is_before(first)) first = entry;
  }
  if (first.found) throw_not_finite(name, {first.row, first.col}, first.value);
}

void FirstNotFinite::throw_if_token_found(const std::string& name) const {
  for (std::size_t input = 0; input < found_.size(); ++input) {
    const Entry& entry = found_[input];
    if (entry.found) throw NotFiniteToken(name, input, entry.row, entry.col, entry.value);
  }
}

Survey survey_of(std::vector<double> row_largest) {
  Survey result;
  result.row_largest = std::move(row_largest);
  for (const double row : result.row_largest) {
    result.largest = std::max(result.largest, row);
    if (row > 0 && (result.smallest_row == 0 || row < result.smallest_row)) {
      result.smallest_row = row;
    }
  }
  return result;
}

Survey survey(const InputView& x, const std::vector<double>* origin, const Execution& execution) {
  const Look look{.origin = origin ? origin->data() : nullptr};
  return survey_of(measure_safely(x, look, execution).row_largest);
}

std::size_t strips_of(std::size_t rows) {
  return std::clamp<std::size_t>(rows / kLeastRows, 1, kParts);
}

Survey survey_columns(const InputView& x, const Execution& execution) {
  std::vector<double> origin = middle_row(x, execution);
  const Look look{.origin = origin.data(), .with_sums = true};
  Measures found = measure_safely(x, look, execution);
  return survey_of(found, std::move(origin), found.column_sums);
}

Survey survey_bulk(const InputView& x, const Execution& execution) {
  std::vector<double> origin = middle_row(x, execution);
  Look look{.origin = origin.data(), .with_sums = true};
  Measures all = measure_safely(x, look, execution);
  if (!has_far_rows(all.row_largest)) return survey_of(all, std::move(origin), all.column_sums);
  const std::vector<char> is_far = far_rows(all.row_largest);
  look.left_out = &is_far;
  const Measures bulk = measure_safely(x, look, execution);
  return survey_of(all, std::move(origin), bulk.column_sums);
}

bool has_far_rows(const std::vector<double>& row_largest) {
  const double limit = limit_of_far_rows(row_largest);
  return std::any_of(row_largest.begin(), row_largest.end(),
                     [&](double largest) { return largest > limit; });
}

std::vector<double> middle_row(const InputView& x, const Execution& execution) {
  const std::vector<std::size_t> rows = middle_rows(x.rows);
  std::vector<double> middle(x.cols);
  const std::size_t edge = columns_at_once(x);
  const std::size_t blocks = blocks_in(x.cols, edge);
  parallel_for(execution, blocks, [&](std::size_t block, Worker&) {
    const Span span{block * edge, std::min(x.cols, (block + 1) * edge)};
    const RowReader reader(x);
    Buffer<double> values = Buffer<double>::unset(product(rows.size(), span.size()));
    const auto row = [&](std::size_t i) { return values.data() + i * span.size(); };
    for (std::size_t i = 0; i < rows.size(); ++i) reader.read(rows[i], span, row(i));
    take_middle(rows.size(), row, span.size(), &middle[span.begin]);
  });
  return middle;
}

// Never the first row: unusual rows often come first.
std::vector<std::size_t> middle_rows(std::size_t rows) {
  const std::size_t count = rows < 3 ? 1 : rows < 5 ? 3 : 5;
  std::vector<std::size_t> places;
  places.reserve(count);
  for (std::size_t k = 0; k < count; ++k) places.push_back((2 * k + 1) * rows / (2 * count));
  return places;
}

void take_middle(std::size_t rows, const std::function<const double*(std::size_t)>& row,
                 std::size_t n, double* out) {
  const double* a = row(0);
  if (rows == 1) {
    std::copy_n(a, n, out);
    return;
  }
  const double* b = row(1);
  const double* c = row(2);
  if (rows == 3) {
    for (std::size_t j = 0; j < n; ++j) out[j] = middle_of(a[j], b[j], c[j]);
    return;
  }
  const double* d = row(3);
  const double* e = row(4);
  for (std::size_t j = 0; j < n; ++j) {
    const double low = std::max(std::min(a[j], b[j]), std::min(c[j], d[j]));
    const double high = std::min(std::max(a[j], b[j]), std::max(c[j], d[j]));
    out[j] = middle_of(e[j], low, high);
  }
}

bool has_equal_rows(const InputView& x, const Execution& execution) {
  const std::size_t edge = columns_at_once(x);
  const RowReader reader(x);
  Buffer<double> first = Buffer<double>::unset(x.cols);  // read as far as the second row is equal
  Buffer<double> row = Buffer<double>::unset(std::min(x.cols, edge));
  bool are_equal = true;
  const auto compare = [&](std::size_t, Worker& worker) {
    for (std::size_t i = 1; i < x.rows; ++i) {
      for (std::size_t begin = 0; begin < x.cols; begin += edge) {
        const Span piece{begin, std::min(x.cols, begin + edge)};
        worker.check(piece.size());
        if (i == 1) reader.read(0, piece, &first[begin]);
        reader.read(i, piece, row.data());
        are_equal = std::equal(row.data(), row.data() + piece.size(), &first[begin]);
        if (!are_equal) return;
      }
    }
  };
  parallel_for(execution, 1, compare);
  return are_equal;
}

InputView rows_of(const InputView& x, Span rows) {
  if (x.source) {
    InputView there = x.source->read(rows.begin, rows.end);
    there.name = x.name;
    return there;
  }
  return columns_of(x.transposed(), rows).transposed();
}

InputView columns_of(const InputView& x, Span columns) {
  InputView part = x;
  const auto elements = static_cast<std::ptrdiff_t>(columns.begin) * x.col_stride;
  part.data = static_cast<const std::byte*>(x.data) + elements * size_of(x.type);
  part.cols = columns.size();
  return part;
}

template <class T>
T largest_magnitude(const T* values, std::size_t n) {
  return simd::kernels().of<T>().largest_magnitude(values, n);
}

template float largest_magnitude(const float*, std::size_t);
template double largest_magnitude(const double*, std::size_t);

template <class T>
const T* stored_row(const InputView& x, std::size_t i) {
  constexpr auto type = sizeof(T) == sizeof(float) ? ElementType::float32 : ElementType::float64;
  if (x.type != type || x.col_stride != 1) return nullptr;
  return static_cast<const T*>(x.data) + static_cast<std::ptrdiff_t>(i) * x.row_stride;
}

template const float* stored_row(const InputView&, std::size_t);
template const double* stored_row(const InputView&, std::size_t);

namespace {

constexpr int kNormExponent = 600;

double scaled_squares(const double* row, std::size_t n, int exponent) {
  std::vector<double> scaled(row, row + n);
  scale_down(scaled.data(), n, exponent);
  return simd::kernels().float64.dot(scaled.data(), scaled.data(), n);
}

}  // namespace

void Norm::add(const double* row, std::size_t n) {
  const double squares = simd::kernels().float64.dot(row, row, n);
  if (squares >= detail::kSmallestSquares && squares <= detail::kLargestSquares) {
    moderate_ += squares;
  } else if (squares < detail::kSmallestSquares) {
    tiny_ += scaled_squares(row, n, -kNormExponent);
  } else {
    huge_ += scaled_squares(row, n, kNormExponent);
  }
}

Scaled Norm::result() const {
  const auto with = [](double sum, double smaller) {
    return std::sqrt(sum + std::ldexp(smaller, -2 * kNormExponent));
  };
  if (huge_ > 0) return {with(huge_, moderate_), kNormExponent};
  if (moderate_ > 0) return {with(moderate_, tiny_), 0};
  return {std::sqrt(tiny_), -kNormExponent};
}

// In two factors, because the power may be beyond double's range.
void scale_down(double* values, std::size_t n, int exponent) {
  if (exponent == 0) return;
  const auto [first, second] = factors_of(exponent);
  for (std::size_t j = 0; j < n; ++j) values[j] = values[j] * first * second;
}

void subtract_scaled(double* values, std::size_t n, const double* origin, int exponent) {
  if (exponent <= 0) {
    simd::kernels().float64.subtract_shifts(values, values, n, 0, origin);
    return scale_down(values, n, exponent);
  }
  const auto [first, second] = factors_of(exponent);
  for (std::size_t j = 0; j < n; ++j) {
    values[j] = values[j] * first * second - origin[j] * first * second;
  }
}

}  // namespace isogram
