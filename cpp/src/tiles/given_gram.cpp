#include "tiles/given_gram.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "isogram/detail/centering.hpp"
#include "isogram/error.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

// Rows are cut into at most kParts parts for any number of threads, so that sums have the same
// bits.
constexpr std::size_t kParts = 32;

// Rows of a tile that are compared with their mirror images at once: those stay in the L1 cache.
constexpr std::size_t kComparedRows = 32;

// A centred sample is equal to the mean if its square is at most this share of the largest.
constexpr double kRounding = 64 * std::numeric_limits<double>::epsilon();

// Calls body(part, rows, worker) for all parts of n rows.
template <class Body>
void for_each_part(std::size_t n, const Execution& execution, Body body) {
  const std::size_t parts = std::min(n, kParts);
  parallel_for(
      execution, parts,
      [&](std::size_t part, Worker& worker) { body(part, part_span(n, part, parts), worker); },
      threads_for(n * n));
}

double epsilon_of(ElementType type) {
  switch (type) {
    case ElementType::float16:
      return 0x1p-10;
    case ElementType::bfloat16:
      return 0x1p-7;
    case ElementType::float32:
      return std::numeric_limits<float>::epsilon();
    case ElementType::float64:
      break;
  }
  return std::numeric_limits<double>::epsilon();
}

std::string text_of(double value) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

std::string text_of(std::size_t i, std::size_t j) {
  return "(" + std::to_string(i) + ", " + std::to_string(j) + ")";
}

// Throws std::invalid_argument for the first entry that is not finite.
void require_finite(const InputView& k, const Execution& execution) {
  const RowReader reader(k);
  FirstNotFinite bad(kParts);
  for_each_part(k.rows, execution, [&](std::size_t part, Span rows, Worker& worker) {
    std::vector<double> row(k.cols);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      worker.check();
      reader.read(i, row.data());
      bad.inspect(part, i, row.data(), k.cols);
    }
  });
  bad.throw_if_found(k.name);
}

// Entries of a matrix, as rows `stride` apart.
template <class T>
struct Entries {
  const T* first;
  std::size_t stride;
};

// Whether rows are stored as T, one after another.
template <class T>
bool lies_in_rows(const InputView& k) {
  return k.row_stride >= 0 && stored_row<T>(k, 0);
}

// A tile of the matrix: where it lies if it lies in rows, else a copy in `scratch`.
template <class T>
Entries<T> entries_of(const InputView& k, Span rows, Span cols, Buffer<T>& scratch) {
  if (lies_in_rows<T>(k)) {
    return {stored_row<T>(k, rows.begin) + cols.begin, static_cast<std::size_t>(k.row_stride)};
  }
  if constexpr (std::is_same_v<T, double>) {
    if (scratch.size() == 0) scratch = Buffer<double>::unset(kTileSize);
    const RowReader reader(columns_of(k, cols));
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      reader.read(i, &scratch[(i - rows.begin) * kTileEdge]);
    }
  }
  return {scratch.data(), kTileEdge};
}

// Sums over tiles on and above the diagonal, and comparisons of them with their mirror images, for
// one thread.
template <class T>
class UpperTiles {
 public:
  explicit UpperTiles(const InputView& k)
      : k_(k), kernels_(simd::kernels().of<T>()), turned_(kComparedRows * kTileEdge) {}

  // Adds the rows of tile (row, col), and its columns if it lies above the diagonal. Returns
  // whether it has the bits of its mirror image.
  bool add(Cell cell, double* column_sums, simd::RowSums* row_sums) {
    const Span rows = tile_span(cell.row, k_.rows);
    const Span cols = tile_span(cell.col, k_.rows);
    const Entries<T> tile = entries_of(k_, rows, cols, copy_);
    const Entries<T> mirrored = entries_of(k_, cols, rows, mirrored_copy_);
    double* const sums = cell.row == cell.col ? ignored_.data() : column_sums;
    bool is_same = true;
    for (std::size_t begin = 0; begin < rows.size(); begin += kComparedRows) {
      const std::size_t count = std::min(kComparedRows, rows.size() - begin);
      const T* const first = tile.first + begin * tile.stride;
      kernels_.transpose(mirrored.first + begin, mirrored.stride, cols.size(), count,
                         turned_.data(), kTileEdge);
      for (std::size_t i = 0; i < count; ++i) {
        is_same &= std::memcmp(first + i * tile.stride, &turned_[i * kTileEdge],
                               cols.size() * sizeof(T)) == 0;
      }
      kernels_.add_rows({first, static_cast<std::ptrdiff_t>(tile.stride), count, cols.size()}, sums,
                        row_sums + begin);
    }
    return is_same;
  }

 private:
  const InputView& k_;
  const simd::KernelTable<T>& kernels_;
  Buffer<T> turned_;
  Buffer<T> copy_;
  Buffer<T> mirrored_copy_;
  std::array<double, kTileEdge> ignored_{};
};

// Rows of a matrix; entries of an asymmetric one are means of those with their mirror images.
class MeanReader {
 public:
  MeanReader(const InputView& k, Span cols, bool has_means)
      : rows_(columns_of(k, cols)), columns_(columns_of(k.transposed(), cols)) {
    if (has_means) mirrored_.resize(cols.size());
  }

  void read(std::size_t i, double* out) {
    rows_.read(i, out);
    if (mirrored_.empty()) return;
    columns_.read(i, mirrored_.data());
    for (std::size_t j = 0; j < mirrored_.size(); ++j) out[j] = out[j] / 2 + mirrored_[j] / 2;
  }

 private:
  RowReader rows_;
  RowReader columns_;
  std::vector<double> mirrored_;
};

// The largest |entry|, and the largest difference of an entry and its mirror image.
struct Extent {
  double entry = 0;
  double difference = 0;
};

Extent extent_of(const InputView& k, const Execution& execution) {
  const RowReader by_rows(k);
  const RowReader by_columns(k.transposed());
  std::array<Extent, kParts> parts;
  for_each_part(k.rows, execution, [&](std::size_t part, Span rows, Worker& worker) {
    std::vector<double> row(k.rows);
    std::vector<double> column(k.rows);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      worker.check();
      by_rows.read(i, row.data());
      by_columns.read(i, column.data());
      parts[part].entry = std::max(parts[part].entry, largest_magnitude(row.data(), k.rows));
      for (std::size_t j = 0; j < k.rows; ++j) {
        parts[part].difference = std::max(parts[part].difference, std::abs(row[j] - column[j]));
      }
    }
  });
  Extent all;
  for (const Extent& part : parts) {
    all = {std::max(all.entry, part.entry), std::max(all.difference, part.difference)};
  }
  return all;
}

// Throws std::invalid_argument for the first entry that differs from its mirror image by more than
// `tolerance`.
[[noreturn]] void throw_asymmetric(const InputView& k, double tolerance) {
  const RowReader by_rows(k);
  const RowReader by_columns(k.transposed());
  std::vector<double> row(k.rows);
  std::vector<double> column(k.rows);
  for (std::size_t i = 0; i < k.rows; ++i) {
    by_rows.read(i, row.data());
    by_columns.read(i, column.data());
    for (std::size_t j = i; j < k.rows; ++j) {
      if (std::abs(row[j] - column[j]) <= tolerance) continue;
      throw std::invalid_argument("`" + k.name + "` must be a Gram matrix, symmetric, got " +
                                  text_of(row[j]) + " at " + text_of(i, j) + " and " +
                                  text_of(column[j]) + " at " + text_of(j, i));
    }
  }
  throw InputChanged(k.name.c_str());
}

}  // namespace

GivenGram::GivenGram(const InputView& k, const Execution& execution)
    : k_(k),
      stored_(k.col_stride != 1 && k.row_stride == 1 ? k.transposed() : k),
      factors_(k.rows, 1.0),
      shifts_(k.rows) {
  if (k.rows != k.cols) {
    throw std::invalid_argument("`" + k.name + "` must be a Gram matrix, square, got shape " +
                                text_of(k.rows, k.cols));
  }
  is_float_ = lies_in_rows<float>(stored_);
  const bool is_certain = is_float_ ? add_upper<float>(execution) : add_upper<double>(execution);
  if (is_certain) return;
  require_finite(k, execution);
  const Extent extent = extent_of(k, execution);
  if (extent.difference == 0) return;
  // Half of the type's digits: rounding of products that cancelled, as in squared distances.
  const double tolerance = std::sqrt(epsilon_of(k.type)) * extent.entry;
  if (!(extent.difference <= tolerance)) throw_asymmetric(k, tolerance);
  has_means_ = true;
  add_means(execution);
}

GivenGram GivenGram::centered(const InputView& k, bool hollow, const Execution& execution) {
  GivenGram gram(k, execution);
  gram.take_off(hollow);
  // Even, as a factor has half of it; not so small that its reciprocal would be infinite.
  const int half = std::max(exponent_of(gram.largest_row_), -1022) / 2;
  gram.exponent_ = 2 * half;
  gram.factors_.assign(k.rows, std::ldexp(1.0, -half));
  return gram;
}

GivenGram GivenGram::cosines(const InputView& k, bool center, const Execution& execution) {
  GivenGram gram(k, execution);
  std::vector<double> squares = gram.diagonal();
  gram.require_norms(squares);
  double least = 0;
  if (center) {
    gram.take_off(false);
    least = kRounding * *std::max_element(squares.begin(), squares.end());
  } else {
    gram.shifts_.assign(k.rows, 0.0);
  }
  for (std::size_t i = 0; i < squares.size(); ++i) {
    const double square = squares[i] - 2 * gram.shifts_[i];
    gram.factors_[i] = square > least ? 1 / std::sqrt(square) : 0;
  }
  return gram;
}

// Adds up the rows, of the tiles on and above the diagonal. Returns whether all entries have the
// bits of their mirror images and are finite.
template <class T>
bool GivenGram::add_upper(const Execution& execution) {
  const std::size_t n = samples();
  const std::size_t strips = tiles_in(n);
  struct Part {
    std::vector<double> sums;  // of the rows from its first one on
    double largest_row = 0;
    bool is_certain = true;
  };
  std::vector<Part> parts(std::min(strips, kParts));
  const auto add_part = [&](std::size_t index, Worker& worker) {
    const Span own = part_span(strips, index, parts.size());
    const std::size_t first = own.begin * kTileEdge;
    Part& part = parts[index];
    part.sums.assign(n - first, 0.0);
    UpperTiles<T> tiles(stored_);
    for (std::size_t row = own.begin; row < own.end; ++row) {
      std::array<simd::RowSums, kTileEdge> of_rows{};
      for (std::size_t col = row; col < strips; ++col) {
        worker.check();
        double* const of_columns = &part.sums[col * kTileEdge - first];
        part.is_certain &= tiles.add({row, col}, of_columns, of_rows.data());
      }
      const Span rows = tile_span(row, n);
      for (std::size_t i = rows.begin; i < rows.end; ++i) {
        const simd::RowSums& row_sums = of_rows[i - rows.begin];
        part.sums[i - first] += row_sums.sum;
        part.is_certain &= std::isfinite(row_sums.magnitude);
        part.largest_row = std::max(part.largest_row, row_sums.magnitude);
      }
    }
  };
  parallel_for(execution, parts.size(), add_part, threads_for(n * n));
  bool is_certain = true;
  for (const Part& part : parts) {
    const std::size_t first = n - part.sums.size();
    for (std::size_t i = first; i < n; ++i) shifts_[i] += part.sums[i - first];
    largest_row_ = std::max(largest_row_, part.largest_row);
    is_certain &= part.is_certain;
  }
  return is_certain;
}

// Adds up the rows of means.
void GivenGram::add_means(const Execution& execution) {
  const std::size_t n = samples();
  for_each_part(n, execution, [&](std::size_t, Span rows, Worker& worker) {
    MeanReader reader(stored_, {0, n}, true);
    std::vector<double> row(n);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      worker.check();
      reader.read(i, row.data());
      shifts_[i] = simd::kernels().float64.sum(row.data(), n);
    }
  });
}

// Makes the shifts of the sums of rows.
void GivenGram::take_off(bool hollow) {
  if (hollow) {
    const std::vector<double> of_samples = diagonal();
    for (std::size_t i = 0; i < samples(); ++i) shifts_[i] -= of_samples[i];
  }
  const double total = simd::kernels().float64.sum(shifts_.data(), samples());
  const auto shares = detail::centering_shares(static_cast<double>(samples()), hollow);
  for (double& shift : shifts_) shift = shares.shift(shift, total);
}

std::vector<double> GivenGram::diagonal() const {
  std::vector<double> entries(samples());
  for (std::size_t i = 0; i < samples(); ++i) {
    RowReader(columns_of(k_, {i, i + 1})).read(i, &entries[i]);
  }
  return entries;
}

void GivenGram::require_norms(const std::vector<double>& squares) const {
  const RowReader reader(k_);
  std::vector<double> row(samples());
  for (std::size_t i = 0; i < samples(); ++i) {
    if (squares[i] > 0) continue;
    reader.read(i, row.data());
    if (largest_magnitude(row.data(), samples()) == 0) continue;
    throw std::invalid_argument("`" + k_.name +
                                "` must be a Gram matrix, with the squared norms of samples on its "
                                "diagonal, got " +
                                text_of(squares[i]) + " at " + text_of(i, i) +
                                "; compare_rsms with method 'gbs' compares rows of any matrices");
  }
}

double GivenGram::squares_taken_off() const {
  double sum = 0;
  double squares = 0;
  for (const double shift : shifts_) {
    const double scaled = std::ldexp(shift, -exponent_);
    sum += scaled;
    squares += scaled * scaled;
  }
  return 2 * (static_cast<double>(samples()) * squares + sum * sum);
}

void GivenGram::compute(Span rows, Span cols, double* out, std::size_t stride) const {
  if (!has_means_ && is_float_) return compute_stored<float>(rows, cols, out, stride);
  if (!has_means_ && lies_in_rows<double>(stored_)) {
    return compute_stored<double>(rows, cols, out, stride);
  }
  MeanReader reader(stored_, cols, has_means_);
  for (std::size_t i = rows.begin; i < rows.end; ++i, out += stride) {
    reader.read(i, out);
    shift_and_scale(i, cols, out, out);
  }
}

template <class T>
void GivenGram::compute_stored(Span rows, Span cols, double* out, std::size_t stride) const {
  const T* row = stored_row<T>(stored_, rows.begin) + cols.begin;
  for (std::size_t i = rows.begin; i < rows.end; ++i, row += stored_.row_stride, out += stride) {
    shift_and_scale(i, cols, row, out);
  }
}

template <class T>
void GivenGram::shift_and_scale(std::size_t i, Span cols, const T* row, double* out) const {
  simd::kernels().of<T>().shift_and_scale(row, cols.size(), shifts_[i], &shifts_[cols.begin],
                                          factors_[i], &factors_[cols.begin], out);
}

}  // namespace isogram
