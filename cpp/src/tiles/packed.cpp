#include "tiles/packed.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "threads/team.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

// Entries of the rows that a packer keeps back: they stay in a core's own cache unless rows are
// very long.
constexpr std::size_t kKeptEntries = std::size_t{1} << 17;

// Elements of the rows kept back that are packed between two checks for an interrupt.
constexpr std::size_t kDepthAtOnce = std::size_t{1} << 16;

// Columns of a panel's rows that are packed and measured together: they stay in the L1 cache.
constexpr std::size_t kMeasuredColumns = 128;

// The least number of rows kept back, a cache line of a panel: with fewer, every line would be
// loaded and stored several times.
template <class T>
constexpr std::size_t kRowsOfLine = 64 / sizeof(T);

// Above kRoomless, differences and sums of a row's numbers may overflow; scaled by 2^−kRoom they
// cannot.
constexpr double kRoomless = 0x1p960;
constexpr int kRoom = 64;

// Squares of a row with such a sum neither overflow nor, if they matter, vanish: the row need not
// be scaled before it is divided by its norm.
bool is_moderate(double squares) {
  constexpr double least = 0x1p-500;
  return squares > least && squares < 1 / least;
}

// A row less its mean has all digits of T where the mean is a sum in more than T.
template <class T>
constexpr bool kHasMean = sizeof(T) < sizeof(double);

// Relative to the first entry, so that a constant row becomes exactly zero.
void subtract_mean(double* row, std::size_t n) {
  const double first = row[0];
  for (std::size_t j = 0; j < n; ++j) row[j] -= first;
  const double mean = simd::kernels().float64.sum(row, n) / static_cast<double>(n);
  for (std::size_t j = 0; j < n; ++j) row[j] -= mean;
}

void subtract_scaled_rest(double* row, const std::vector<double>& rest, int exponent) {
  const double scale = std::ldexp(1.0, -exponent);
  for (std::size_t j = 0; j < rest.size(); ++j) row[j] -= rest[j] * scale;
}

void subtract(const std::vector<double>* shifts, std::vector<double>& row) {
  if (!shifts) return;
  simd::kernels().float64.subtract_shifts(row.data(), row.data(), row.size(), 0, shifts->data());
}

// Scales the row to a maximum in [1/2, 1) and returns the exponent taken out.
int normalise_exponent(double* row, std::size_t n) {
  const int exponent = exponent_of(largest_magnitude(row, n));
  scale_down(row, n, exponent);
  return exponent;
}

void normalise(double* row, std::size_t n) {
  const auto& kernels = simd::kernels().float64;
  double squares = kernels.dot(row, row, n);
  if (!is_moderate(squares)) {
    normalise_exponent(row, n);  // squares neither overflow nor vanish
    squares = kernels.dot(row, row, n);
  }
  if (squares > 0) kernels.divide(row, row, n, 0, std::sqrt(squares));
}

}  // namespace

int transform_row(std::size_t i, double* row, std::size_t n, const Transform& transform) {
  if (transform.unit_rows) {
    transform.unit_rows->apply(i, {transform.first_column, transform.first_column + n}, row);
  }
  check_worker(n);
  // Where the scale does not matter: room for differences, and sums of them.
  const bool is_difference = transform.origin || transform.center_rows;
  const bool needs_room =
      transform.unit_norm && is_difference && largest_magnitude(row, n) > kRoomless;
  const int exponent = transform.exponent + (needs_room ? kRoom : 0);
  if (transform.origin) subtract_scaled(row, n, transform.origin->data(), exponent);
  if (transform.rest) subtract_scaled_rest(row, *transform.rest, exponent);
  if (transform.center_rows) {
    if (needs_room) scale_down(row, n, kRoom);
    subtract_mean(row, n);
  }
  check_worker(n);
  if (transform.unit_norm) {
    normalise(row, n);
    return 0;
  }
  if (transform.exponent_per_row) return normalise_exponent(row, n);
  if (!transform.origin) scale_down(row, n, transform.exponent);
  return transform.exponent;
}

template <class T>
void fill_with_zeros(T* values, std::size_t n, const Execution& execution) {
  constexpr std::size_t block = std::size_t{1} << 22;
  parallel_for(preparing(execution), blocks_in(n, block), [&](std::size_t task, Worker&) {
    std::fill_n(values + task * block, std::min(block, n - task * block), T(0));
  });
}

template <class T>
RowPacker<T>::RowPacker(std::size_t panel, Transpose transpose, std::size_t depth)
    : panel_(panel),
      transpose_(transpose),
      depth_(depth),
      capacity_(std::min(panel, std::max(kRowsOfLine<T>, kKeptEntries / depth))),
      rows_(Buffer<T>::unset(product(capacity_, depth))) {}

template <class T>
T* RowPacker<T>::place_for(T* panel_row) {
  if (count_ == capacity_ || panel_row != first_ + count_) flush();
  if (count_ == 0) first_ = panel_row;
  return rows_.data() + count_++ * depth_;
}

template <class T>
template <class Source>
const T* RowPacker<T>::add(const Source* row, T* panel_row) {
  T* rounded = place_for(panel_row);
  check_worker(depth_);
  for (std::size_t k = 0; k < depth_; ++k) rounded[k] = static_cast<T>(row[k]);
  return rounded;
}

template <class T>
void RowPacker<T>::flush() {
  if (count_ == 0) return;
  for (std::size_t k = 0; k < depth_; k += kDepthAtOnce) {
    check_worker();
    transpose_(rows_.data() + k, depth_, count_, std::min(kDepthAtOnce, depth_ - k),
               first_ + k * panel_, panel_);
  }
  count_ = 0;
}

// Packs a row divided by its norm, or with `center` less its mean first. Values that are not stored
// as T are divided in place. Returns false if the row must be scaled first, or is constant, or is
// not finite.
template <class T, class Values>
bool pack_divided(Values* row, std::size_t n, bool center, RowPacker<T>& packer, T* panel_row) {
  using Value = std::remove_const_t<Values>;
  const auto& kernels = simd::kernels().of<Value>();
  const double mean = center ? kernels.sum(row, n) / static_cast<double>(n) : 0;
  const double squares = kernels.squared_deviations(row, n, mean);
  if (!is_moderate(squares)) return false;
  if constexpr (std::is_same_v<Value, T>) {
    kernels.divide(row, packer.place_for(panel_row), n, mean, std::sqrt(squares));
  } else {
    kernels.divide(row, row, n, mean, std::sqrt(squares));
    packer.add(row, panel_row);
  }
  return true;
}

template <class T>
Packed<T>::Packed(const simd::KernelTable<T>& kernels, std::size_t rows, std::size_t depth,
                  Memory memory)
    : kernels_(&kernels),
      rows_(rows),
      depth_(depth),
      panel_(kernels.panel),
      panels_(blocks_in(rows, panel_)),
      data_((memory == Memory::kept ? &Buffer<T>::kept : &Buffer<T>::unset)(
          product(product(panels_, panel_), depth_))),
      squared_norms_(panels_ * panel_) {}

template <class T>
void Packed<T>::fill(const InputView& x, const Transform& transform, Finite finite,
                     const Execution& execution) {
  start(x, transform, execution);
  const RowReader reader(x);
  if (finite == Finite::known && transform.is_identity() && is_stored_as<T>(x)) {
    return fill_as_stored(x, execution);
  }
  FirstNotFinite bad(panels_);
  const std::size_t threads = std::min(panels_, threads_for(rows_ * depth_));
  PerWorker packers(execution, threads, [&] { return RowPacker<T>(*kernels_, depth_); });
  const bool is_shifted = transform.origin && transform.is_shift();
  const bool is_divided = transform.is_division() && (kHasMean<T> || !transform.center_rows);
  const bool is_difference = transform.origin || transform.rest;
  const auto divide = [&](auto* row, RowPacker<T>& packer, T* panel_row) {
    return pack_divided(row, depth_, transform.center_rows, packer, panel_row);
  };
  const auto pack_panel = [&](std::size_t p, RowPacker<T>& packer, Worker& worker) {
    const std::size_t begin = p * panel_;
    const std::size_t end = std::min(rows_, begin + panel_);
    T* panel = data_.data() + p * depth_ * panel_;
    std::vector<double> row(depth_);
    for (std::size_t i = begin; i < end; ++i) {
      worker.check(depth_);
      T* panel_row = panel + i - begin;
      if (const T* stored = is_shifted ? stored_row<T>(x, i) : nullptr) {
        T* shifted = packer.place_for(panel_row);
        const double* origin = transform.origin->data();
        if (transform.rest) {
          kernels_->subtract_means(stored, shifted, depth_, origin, transform.rest->data());
        } else {
          kernels_->subtract_shifts(stored, shifted, depth_, 0, origin);
        }
        squared_norms_[i] = squared_norm_as<T>(kernels_->dot(shifted, shifted, depth_));
        if (std::isfinite(largest_magnitude(shifted, depth_))) continue;
      }
      const T* undivided = is_divided && !is_difference ? stored_row<T>(x, i) : nullptr;
      if (undivided && divide(undivided, packer, panel_row)) {
        squared_norms_[i] = 1;
        continue;
      }
      reader.read(i, row.data());
      check_worker(depth_);
      bad.inspect(p, i, row.data(), depth_);
      if (is_divided) {
        subtract(transform.origin, row);
        subtract(transform.rest, row);
        if (divide(row.data(), packer, panel_row)) {
          squared_norms_[i] = 1;
          continue;
        }
        if (is_difference) reader.read(i, row.data());
      }
      const int exponent = transform_row(i, row.data(), depth_, transform);
      if (transform.exponent_per_row) exponents_[i] = exponent;
      const T* rounded = packer.add(row.data(), panel_row);
      squared_norms_[i] = squared_norm_as<T>(kernels_->dot(rounded, rounded, depth_));
    }
    packer.flush();
  };
  parallel_for(execution, panels_, packers, pack_panel);
  bad.throw_if_found(x.name);
}

template <class T>
void Packed<T>::start(const InputView& x, const Transform& transform, const Execution& execution) {
  exponent_ = transform.exponent;
  exponents_.assign(transform.exponent_per_row ? rows_ : 0, 0);
  start(x.cols, execution);
}

template <class T>
void Packed<T>::start(std::size_t depth, const Execution& execution) {
  depth_ = depth;
  if (rows_ % panel_ != 0) {  // padding rows
    fill_with_zeros(data_.data() + (panels_ - 1) * panel_ * depth_, panel_ * depth_, execution);
  }
}

template <class T>
void Packed<T>::fill_as_stored(const InputView& x, const Execution& execution) {
  const auto stride = static_cast<std::size_t>(x.row_stride);
  const auto pack_panel = [&](std::size_t p, Worker&) {
    const std::size_t begin = p * panel_;
    const std::size_t end = std::min(rows_, begin + panel_);
    kernels_->transpose(stored_row<T>(x, begin), stride, end - begin, depth_,
                        data_.data() + begin * depth_, panel_);
    for (std::size_t i = begin; i < end; ++i) {
      const T* row = stored_row<T>(x, i);
      squared_norms_[i] = squared_norm_as<T>(kernels_->dot(row, row, depth_));
    }
  };
  parallel_for(execution, panels_, pack_panel, threads_for(rows_ * depth_));
}

template <class T>
void Packed<T>::fill_measuring(const InputView& x, T* row_largest, const Execution& execution) {
  start(x, {}, execution);
  std::fill(squared_norms_.begin(), squared_norms_.end(), std::numeric_limits<T>::quiet_NaN());
  const auto stride = static_cast<std::size_t>(x.row_stride);
  const auto pack_panel = [&](std::size_t p, Worker& worker) {
    const std::size_t begin = p * panel_;
    const std::size_t end = std::min(rows_, begin + panel_);
    const T* rows = stored_row<T>(x, begin);
    T* panel = data_.data() + begin * depth_;
    for (std::size_t k = 0; k < depth_; k += kMeasuredColumns) {
      const std::size_t length = std::min(kMeasuredColumns, depth_ - k);
      worker.check();
      const std::size_t next = k + length;
      for (std::size_t i = begin; i < end; ++i) {
        fetch(rows + (i - begin) * stride + next, std::min(kMeasuredColumns, depth_ - next));
      }
      kernels_->transpose(rows + k, stride, end - begin, length, panel + k * panel_, panel_);
      for (std::size_t i = begin; i < end; ++i) {
        const T* row = rows + (i - begin) * stride + k;
        row_largest[i] = std::max(row_largest[i], kernels_->largest_magnitude(row, length));
      }
    }
  };
  parallel_for(execution, panels_, pack_panel, threads_for(rows_ * depth_));
}

template <class T>
bool is_stored_as(const InputView& x) {
  return stored_row<T>(x, 0) != nullptr && x.row_stride >= 0;
}

template <class T>
void fill_block(Block<T> block, const Packed<T>& left, Span rows, const Packed<T>& right, Span cols,
                T* out, std::size_t stride, const simd::BlockOptions& options) {
  const T* a = left.rows_from(rows.begin);
  const T* b = right.rows_from(cols.begin);
  simd::BlockOptions own = options;
  own.is_upper = &left == &right && rows.begin == cols.begin;
  block(a, rows.size(), b, cols.size(), left.depth(), out, stride, own);
  if (own.is_upper) mirror_upper(simd::kernels().of<T>(), rows.size(), out, stride);
}

template void fill_with_zeros(float*, std::size_t, const Execution&);
template void fill_with_zeros(double*, std::size_t, const Execution&);
template class RowPacker<float>;
template class RowPacker<double>;
template class RowPacker<std::int32_t>;
template const float* RowPacker<float>::add(const double*, float*);
template const double* RowPacker<double>::add(const double*, double*);
template const std::int32_t* RowPacker<std::int32_t>::add(const std::int32_t*, std::int32_t*);
template class Packed<float>;
template class Packed<double>;
template bool is_stored_as<float>(const InputView&);
template bool is_stored_as<double>(const InputView&);
template void fill_block(Block<float>, const Packed<float>&, Span, const Packed<float>&, Span,
                         float*, std::size_t, const simd::BlockOptions&);
template void fill_block(Block<double>, const Packed<double>&, Span, const Packed<double>&, Span,
                         double*, std::size_t, const simd::BlockOptions&);

}  // namespace isogram
