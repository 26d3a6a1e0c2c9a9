#include "tiles/few_rows.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>

#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

// Pieces of more rows, and what is fetched meanwhile, would not stay in the second-level cache.
constexpr std::size_t kMostRows = 2 * kTileEdge;
static_assert(kMostRows <= simd::kMostCenteredRows);

// Columns of a piece, whose products are summed in T: few enough to keep the digits, and for
// sixteen rows of float32 to stay in the first-level cache.
constexpr std::size_t kPiece = 4 * simd::kDepthPanel;

// A line more than a piece: columns of many rows would otherwise lie in the same places of the
// first-level cache.
template <class T>
constexpr std::size_t kStride = kPiece + kAlignment / sizeof(T);

// Entries that are surveyed together and then read once more: they stay in the cache of a core.
constexpr std::size_t kSurveyedEntries = std::size_t{1} << 16;
constexpr std::size_t kMostSurveyedColumns = 8 * kPiece;

// The most parts of the columns. It does not depend on the number of threads, so the result does
// not either.
constexpr std::size_t kParts = 32;
constexpr std::size_t kLeastColumns = 8 * kPiece;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t columns_of_part(std::size_t cols) {
  return std::max(padded(blocks_in(cols, kParts), kPiece), kLeastColumns);
}

std::size_t surveyed_columns(std::size_t rows) {
  return std::clamp(kSurveyedEntries / rows / kPiece * kPiece, kPiece, kMostSurveyedColumns);
}

std::size_t padded_rows(std::size_t rows) {
  return padded(rows, simd::kProductRows);
}

void take_larger(const std::vector<double>& values, std::vector<double>& largest) {
  for (std::size_t i = 0; i < largest.size(); ++i) largest[i] = std::max(largest[i], values[i]);
}

}  // namespace

// The shift of some columns, and whether the largest magnitude of the shifted rows is measured; or
// nothing but that the columns lose their means, which are found as they are read.
template <class T>
struct FewRows<T>::Shift {
  const double* origin = nullptr;
  const double* rest = nullptr;
  bool is_measured = false;
  bool is_mean = false;
  bool with_rest = false;  // of the mean
  Survey survey = {};      // whose origin it is, if it is the columns' own

  Shift from(std::size_t column) const {
    return {origin ? origin + column : nullptr, rest ? rest + column : nullptr, is_measured,
            is_mean, with_rest};
  }
};

namespace {

// A piece of columns of one input, as T, row after row; zeros fill the last cache line of a row.
template <class T>
class Piece {
 public:
  explicit Piece(const InputView& x)
      : reader_(x),
        rows_(product(padded_rows(x.rows), kStride<T>)),
        wide_(kPiece),
        middle_(middle_rows(x.rows)) {}

  // Returns whether the next piece is being fetched.
  template <class Shift>
  bool read(Span columns, const Shift& shift, typename FewRows<T>::Rows& found) {
    const InputView& x = reader_.view();
    if (shift.is_mean && is_centered_at_once(columns)) {
      center({stored_entry<T>(x, 0, columns.begin), x.row_stride, x.rows, columns.size()},
             shift.with_rest, Ahead::fetched, found);
      return true;
    }
    for (std::size_t i = 0; i < x.rows; ++i) {
      T* row = rows_.data() + i * kStride<T>;
      const double largest = read_row(i, columns, shift, row);
      if (shift.is_measured) found.largest[i] = std::max(found.largest[i], largest);
      std::fill(row + columns.size(), row + length(columns), T(0));
    }
    if (shift.is_mean) center(kept(length(columns)), shift.with_rest, Ahead::left, found);
    return false;
  }

  void add_squares(Span columns, std::vector<double>& squares) const {
    for (std::size_t i = 0; i < squares.size(); ++i) {
      squares[i] += simd::kernels().of<T>().dot(row(i), row(i), columns.size());
    }
  }

  const T* row(std::size_t i) const { return rows_.data() + i * kStride<T>; }
  static std::size_t length(Span columns) { return padded(columns.size(), kAlignment / sizeof(T)); }

 private:
  // Whether the next columns of rows are fetched, or left where they are.
  enum class Ahead { fetched, left };

  // Whether rows are centred as they are read. They are copied first where a line of each would
  // not stay in the first-level cache between its two readings: of many rows, or of rows that are
  // whole pages apart, whose lines have the same place in it.
  bool is_centered_at_once(Span columns) const {
    constexpr std::size_t most_rows = 31;
    constexpr std::size_t page = 4096 / sizeof(T);
    const InputView& x = reader_.view();
    return x.rows <= most_rows && stored_row<T>(x, 0) && columns.size() == length(columns) &&
           static_cast<std::size_t>(x.row_stride) % page != 0;
  }

  // Writes rows less their columns' means, with the bits of the means of a survey.
  void center(const simd::Rows<const T>& rows, bool with_rest, Ahead ahead,
              typename FewRows<T>::Rows& found) {
    const simd::ColumnCenter center{middle_.data(), middle_.size(), strips_of(rows.count),
                                    with_rest, ahead == Ahead::fetched};
    simd::kernels().of<T>().center_columns(rows, center, kept<T>(rows.n), found.largest.data());
  }

  template <class Value = const T>
  simd::Rows<Value> kept(std::size_t n) {
    return {rows_.data(), static_cast<std::ptrdiff_t>(kStride<T>), reader_.view().rows, n};
  }

  // Returns the largest magnitude of the shifted row.
  template <class Shift>
  double read_row(std::size_t i, Span columns, const Shift& shift, T* row) {
    const auto& kernels = simd::kernels();
    const std::size_t n = columns.size();
    const T* stored = shift.rest ? nullptr : stored_row<T>(reader_.view(), i);
    if (stored) {
      stored += columns.begin;
      if (shift.origin) {
        kernels.of<T>().subtract_shifts(stored, row, n, 0, shift.origin);
      } else {
        std::copy_n(stored, n, row);
      }
      return shift.is_measured ? largest_magnitude(row, n) : 0;
    }
    double* wide = wide_.data();
    reader_.read(i, columns, wide);
    if (shift.origin) kernels.float64.subtract_shifts(wide, wide, n, 0, shift.origin);
    const double largest = shift.is_measured ? largest_magnitude(wide, n) : 0;
    if (shift.rest) kernels.float64.subtract_shifts(wide, wide, n, 0, shift.rest);
    for (std::size_t k = 0; k < n; ++k) row[k] = static_cast<T>(wide[k]);
    return largest;
  }

  RowReader reader_;
  Buffer<T> rows_;
  std::vector<double> wide_;
  std::vector<std::size_t> middle_;
};

// Where the rows of a piece are stored as T.
template <class T>
class StoredRows {
 public:
  const StoredRows& of(const InputView& x, const InputView* y, Span columns) {
    bytes_ = columns.size() * sizeof(T);
    starts_.clear();
    add(x, columns.begin);
    if (y) add(*y, columns.begin);
    return *this;
  }

  simd::ExpectedRows part(std::size_t index, std::size_t parts) const {
    const Span rows = part_span(starts_.size(), index, parts);
    return {starts_.data() + rows.begin, rows.size(), bytes_};
  }

 private:
  void add(const InputView& x, std::size_t column) {
    const T* start = stored_entry<T>(x, 0, column);
    if (!start || bytes_ == 0) return;
    for (std::size_t i = 0; i < x.rows; ++i, start += x.row_stride) starts_.push_back(start);
  }

  std::vector<const void*> starts_;
  std::size_t bytes_ = 0;
};

// Adds the products of one piece, while those of the next come from memory.
template <class T>
void add_products(const Piece<T>& left, std::size_t rows, const Piece<T>& right, std::size_t cols,
                  std::size_t length, bool is_upper, double* products, const StoredRows<T>& next) {
  const auto row_products = simd::kernels().of<T>().row_products;
  const std::size_t strips = blocks_in(rows, simd::kProductRows);
  for (std::size_t strip = 0; strip < strips; ++strip) {
    const std::size_t i = strip * simd::kProductRows;
    const std::size_t j = is_upper ? i : 0;
    row_products(left.row(i), simd::kProductRows, right.row(j), cols - j, kStride<T>, length,
                 products + i * cols + j, cols, next.part(strip, strips));
  }
}

}  // namespace

// The sums over some columns.
template <class T>
struct FewRows<T>::Part {
  std::vector<double> products;
  Rows left;
  Rows right;

  static Rows zeros(std::size_t rows) {
    return {std::vector<double>(rows), std::vector<double>(rows)};
  }

  void add(const Part& other) {
    for (std::size_t e = 0; e < products.size(); ++e) products[e] += other.products[e];
    add(other.left, left);
    add(other.right, right);
  }

 private:
  static void add(const Rows& part, Rows& sums) {
    for (std::size_t i = 0; i < part.squares.size(); ++i) sums.squares[i] += part.squares[i];
    take_larger(part.largest, sums.largest);
  }
};

template <class T>
bool FewRows<T>::are_in(const InputView& x, const InputView* y) {
  return x.rows <= kMostRows && (!y || y->rows <= kMostRows);
}

template <class T>
bool FewRows<T>::pay(const InputView& x, const InputView* y) {
  return x.rows + (y ? y->rows : 0) <= kMostRows;
}

template <class T>
template <class ShiftOf>
void FewRows<T>::multiply(const InputView& x, const InputView* y, ShiftOf shift_of,
                          const Execution& execution) {
  struct State {
    Piece<T> left;
    std::optional<Piece<T>> right;
    StoredRows<T> next;
  };
  const std::size_t cols = y ? y->rows : x.rows;
  const std::size_t edge = columns_of_part(x.cols);
  const std::size_t panel = surveyed_columns(x.rows + (y ? y->rows : 0));
  const Part none{std::vector<double>(padded_rows(x.rows) * cols), Part::zeros(x.rows),
                  Part::zeros(y ? y->rows : 0)};
  std::vector<Part> parts(blocks_in(x.cols, edge), none);
  PerWorker states(execution, parts.size(), [&] {
    return State{Piece<T>(x), y ? std::optional(Piece<T>(*y)) : std::nullopt, {}};
  });
  parallel_for(execution, parts.size(), states, [&](std::size_t p, State& state, Worker& worker) {
    Part& part = parts[p];
    const Span columns = block_span(p, x.cols, edge);
    for (std::size_t from = columns.begin; from < columns.end; from += panel) {
      worker.check();
      const Span some{from, std::min(columns.end, from + panel)};
      const Shift of_left = shift_of(x, some, part.left);
      const Shift of_right = y ? shift_of(*y, some, part.right) : Shift{};
      for (std::size_t k = 0; k < some.size(); k += kPiece) {
        const Span piece{from + k, std::min(some.end, from + k + kPiece)};
        bool is_fetching = state.left.read(piece, of_left.from(k), part.left);
        if (y) is_fetching &= state.right->read(piece, of_right.from(k), part.right);
        if (squares_ == Squares::wanted) {
          state.left.add_squares(piece, part.left.squares);
          if (y) state.right->add_squares(piece, part.right.squares);
        }
        const std::size_t next_end = std::min(x.cols, piece.end + kPiece);
        add_products(state.left, x.rows, y ? *state.right : state.left, cols,
                     Piece<T>::length(piece), !y, part.products.data(),
                     state.next.of(x, y, {piece.end, is_fetching ? piece.end : next_end}));
      }
    }
  });
  for (std::size_t p = 1; p < parts.size(); ++p) parts[0].add(parts[p]);
  stride_ = cols;
  products_ = std::move(parts[0].products);
  left_ = std::move(parts[0].left);
  right_ = std::move(parts[0].right);
}

template <class T>
FewRows<T>::FewRows(const InputView& x, const InputView* y, Columns columns, Squares squares,
                    const Execution& execution)
    : is_symmetric_(!y), squares_(squares) {
  const auto shift_of = [&](const InputView& rows, Span some, Rows& found) {
    if (columns == Columns::as_given) return Shift{.is_measured = true};
    if (fits_into<T>(rows)) {
      return Shift{.is_mean = true, .with_rest = columns == Columns::centered};
    }
    Shift shift;
    try {
      shift.survey = survey_columns(columns_of(rows, some), execution);
    } catch (const std::invalid_argument&) {  // not finite, at an index that is not the caller's
      std::fill(found.largest.begin(), found.largest.end(), kInfinity);
      return shift;
    }
    shift.origin = shift.survey.mean_row.data();
    if (columns == Columns::centered) {
      shift.rest = shift.survey.residual.data();
      shift.is_measured = true;
    } else {
      take_larger(shift.survey.row_largest, found.largest);
    }
    return shift;
  };
  multiply(x, y, shift_of, execution);
}

template <class T>
FewRows<T>::FewRows(const InputView& x, const InputView* y, const Transform& transform,
                    Squares squares, const Execution& execution)
    : is_symmetric_(!y), squares_(squares) {
  const auto shift_of = [&](const InputView&, Span some, Rows&) {
    const auto from = [&](const std::vector<double>* values) {
      return values ? values->data() + some.begin : nullptr;
    };
    return Shift{.origin = from(transform.origin), .rest = from(transform.rest)};
  };
  multiply(x, y, shift_of, execution);
}

template class FewRows<float>;
template class FewRows<double>;

}  // namespace isogram
