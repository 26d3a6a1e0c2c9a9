#include "input.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "isogram/error.hpp"
#include "simd/kernels.hpp"
#include "team.hpp"

namespace isogram {

namespace {

// A survey's reductions are cut into this many strips of rows, whatever the number of threads:
// sums come out the same.
constexpr std::size_t kStrips = 32;

double widen(float x) {
  return x;
}
double widen(double x) {
  return x;
}
double widen(BFloat16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}

// Shifting a half's exponent and fraction into a float's place leaves the value 2^-112 too small;
// one multiplication mends normal and subnormal numbers alike. Infinities and NaN then lack the
// exponent of all ones. Free of branches, so that compilers make vectors of it.
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

std::string joined(std::initializer_list<std::size_t> index) {
  std::string text;
  for (const std::size_t i : index) text += (text.empty() ? "" : ", ") + std::to_string(i);
  return text;
}

// One strip's share of a survey.
struct StripSurvey {
  double largest = 0;
  double smallest_row = std::numeric_limits<double>::infinity();
  std::vector<double> sums;
};

void include_row(StripSurvey& strip, double row_largest) {
  strip.largest = std::max(strip.largest, row_largest);
  if (row_largest > 0) strip.smallest_row = std::min(strip.smallest_row, row_largest);
}

Survey survey_strips(const InputView& x, const double* origin, bool with_means,
                     const Execution& execution) {
  const RowReader reader(x);
  const std::size_t strips = std::min(kStrips, x.rows);
  std::vector<StripSurvey> parts(strips);
  FirstNotFinite bad(strips);
  const simd::Kernels& kernels = simd::kernels();
  parallel_for(execution, strips, [&](std::size_t s, Worker& worker) {
    StripSurvey& part = parts[s];
    std::vector<double> row(x.cols);
    if (with_means) part.sums.assign(x.cols, 0.0);
    for (std::size_t i = x.rows * s / strips; i < x.rows * (s + 1) / strips; ++i) {
      worker.check();
      double largest = std::numeric_limits<double>::infinity();
      const float* stored = stored_row<float>(x, i);
      if (stored && with_means) {
        largest = kernels.float32.add_differences(stored, origin, x.cols, part.sums.data());
      } else if (stored && !origin) {
        largest = largest_magnitude(stored, x.cols);
      }
      if (!std::isfinite(largest)) {  // in float64: of float32 because something is wrong
        reader.read(i, row.data());
        bad.inspect(s, i, row.data(), x.cols);
        if (stored && with_means && !bad.found(s) && first_not_finite(origin, x.cols) == x.cols) {
          throw InputChanged(x.name.c_str());  // after it went into the sums
        }
        if (with_means) {
          largest = kernels.float64.add_differences(row.data(), origin, x.cols, part.sums.data());
        } else {
          if (origin) kernels.float64.subtract_shifts(row.data(), row.data(), x.cols, 0, origin);
          largest = largest_magnitude(row.data(), x.cols);
        }
      }
      include_row(part, largest);
    }
  });
  bad.throw_if_found(x.name);

  Survey result;
  result.smallest_row = std::numeric_limits<double>::infinity();
  if (with_means) result.mean_row.assign(x.cols, 0.0);
  for (const StripSurvey& part : parts) {
    result.largest = std::max(result.largest, part.largest);
    result.smallest_row = std::min(result.smallest_row, part.smallest_row);
    for (std::size_t j = 0; j < part.sums.size(); ++j) result.mean_row[j] += part.sums[j];
  }
  if (result.largest == 0) result.smallest_row = 0;
  for (std::size_t j = 0; j < result.mean_row.size(); ++j) {
    result.mean_row[j] = origin[j] + result.mean_row[j] / static_cast<double>(x.rows);
  }
  return result;
}

}  // namespace

void throw_not_finite(const std::string& name, std::initializer_list<std::size_t> index,
                      double value) {
  const char* what = std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  throw std::invalid_argument("`" + name + "` must be finite, got " + what + " at index (" +
                              joined(index) + ")");
}

void require_not_empty(const InputView& x) {
  if (x.rows > 0 && x.cols > 0) return;
  throw std::invalid_argument("`" + x.name + "` must have at least one row and one column, got " +
                              std::to_string(x.rows) + " x " + std::to_string(x.cols));
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

RowReader::RowReader(const InputView& view) : view_(view), read_(reader_of(view.type)) {}

void FirstNotFinite::inspect(std::size_t task, std::size_t row, const double* values,
                             std::size_t n) {
  if (found_[task].found) return;
  const std::size_t col = first_not_finite(values, n);
  if (col < n) found_[task] = {true, row, col, values[col]};
}

void FirstNotFinite::throw_if_found(const std::string& name) const {
  for (const Entry& entry : found_) {
    if (entry.found) throw_not_finite(name, {entry.row, entry.col}, entry.value);
  }
}

void FirstNotFinite::throw_with_task_if_found(const std::string& name) const {
  for (std::size_t task = 0; task < found_.size(); ++task) {
    const Entry& entry = found_[task];
    if (entry.found) throw_not_finite(name, {task, entry.row, entry.col}, entry.value);
  }
}

Survey survey(const InputView& x, const std::vector<double>* origin, const Execution& execution) {
  return survey_strips(x, origin ? origin->data() : nullptr, false, execution);
}

Survey survey_columns(const InputView& x, const Execution& execution) {
  return survey_strips(x, first_row(x).data(), true, execution);
}

InputView columns_of(const InputView& x, Span columns) {
  InputView part = x;
  const auto elements = static_cast<std::ptrdiff_t>(columns.begin) * x.col_stride;
  part.data = static_cast<const std::byte*>(x.data) + elements * size_of(x.type);
  part.cols = columns.size();
  return part;
}

std::vector<double> first_row(const InputView& x) {
  std::vector<double> row(x.cols);
  RowReader(x).read(0, row.data());
  return row;
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

int exponent_of(double x) {
  if (std::isinf(x)) return std::numeric_limits<double>::max_exponent + 1;
  int exponent = 0;
  std::frexp(x, &exponent);
  return exponent;
}

int scaling_exponent_of(double x) {
  constexpr int moderate = 20;
  const int exponent = exponent_of(x);
  return std::abs(exponent) <= moderate ? 0 : exponent;
}

// In two steps, for exponents whose power is no double.
void scale_down(double* values, std::size_t n, int exponent) {
  if (exponent == 0) return;
  const double first = std::ldexp(1.0, -(exponent / 2));
  const double second = std::ldexp(1.0, -(exponent - exponent / 2));
  for (std::size_t j = 0; j < n; ++j) values[j] = values[j] * first * second;
}

}  // namespace isogram
