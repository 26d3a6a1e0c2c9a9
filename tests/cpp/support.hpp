// Shared by the C++ tests: inputs of every type and memory order, SIMD levels, and tolerances.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "isogram/simd.hpp"
#include "isogram_reference/gram.hpp"

// Some tests ask for more memory than the machine has, and expect isogram::OutOfMemory rather than
// the sanitizers' own report.
#if defined(__SANITIZE_ADDRESS__)
extern "C" __attribute__((used)) inline const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}
#elif defined(__SANITIZE_THREAD__)
extern "C" __attribute__((used)) inline const char* __tsan_default_options() {
  return "allocator_may_return_null=1";
}
#endif

namespace isogram_test {

using isogram::ElementType;
using isogram_reference::Matrix;
using isogram_reference::Real;
using isogram_reference::Vec;

// ---- SIMD levels -----------------------------------------------------------------------------

// Calls test() once at every level that this machine runs, and asserts that the level was in use.
template <class Test>
void at_every_level(Test test) {
  const std::vector<isogram::simd::Level> levels = isogram::simd::available();
  const isogram::simd::Level before = isogram::simd::level();
  std::size_t ran = 0;
  for (const isogram::simd::Level level : levels) {
    SCOPED_TRACE(std::string("level ") + std::string(isogram::simd::name(level)));
    isogram::simd::set_level(level);
    ASSERT_EQ(isogram::simd::level(), level);
    test();
    ++ran;
  }
  isogram::simd::set_level(before);
  ASSERT_EQ(ran, levels.size());
  ASSERT_GE(ran, 1U);
}

// ---- Tolerances ------------------------------------------------------------------------------

template <class T>
constexpr double eps() {
  return std::numeric_limits<T>::epsilon();
}

// An upper bound on the error of a sum of `depth` products in T, in panels of 256, relative to the
// sum of magnitudes: half an eps for every addition within a panel, for every panel, and for
// rounding and shifting two inputs.
template <class T>
double sum_error(std::size_t depth) {
  const std::size_t panel = 256;
  const std::size_t additions = std::min(depth, panel) + (depth + panel - 1) / panel;
  return (static_cast<double>(additions) / 2 + 4) * eps<T>();
}

// sum_error() for sums of many such sums: their errors are independent, so that the number of
// additions counts by its root.
template <class T>
double typical_sum_error(std::size_t depth) {
  return (std::sqrt(sum_error<T>(depth) / eps<T>()) + 4) * eps<T>();
}

inline void expect_close(Real got, Real want, Real tolerance, const std::string& where) {
  if (std::isinf(want) || std::isinf(got)) {
    EXPECT_EQ(got, want) << where;
  } else {
    EXPECT_TRUE(std::abs(got - want) <= tolerance)
        << where << ": got " << got << ", want " << want << ", off by " << std::abs(got - want)
        << ", allowed " << tolerance;
  }
}

inline std::string at(std::size_t i, std::size_t j) {
  return "(" + std::to_string(i) + ", " + std::to_string(j) + ")";
}

// ---- Inputs ----------------------------------------------------------------------------------

inline constexpr ElementType kTypes[] = {ElementType::float16, ElementType::bfloat16,
                                         ElementType::float32, ElementType::float64};

inline const char* name_of(ElementType type) {
  switch (type) {
    case ElementType::float16:
      return "float16";
    case ElementType::bfloat16:
      return "bfloat16";
    case ElementType::float32:
      return "float32";
    case ElementType::float64:
      break;
  }
  return "float64";
}

inline std::size_t size_of(ElementType type) {
  return type == ElementType::float64 ? 8 : type == ElementType::float32 ? 4 : 2;
}

enum class Order { c, fortran, padded, negative, zero_row_stride, zero_col_stride };

inline constexpr Order kOrders[] = {
    Order::c,        Order::fortran,         Order::padded,
    Order::negative, Order::zero_row_stride, Order::zero_col_stride};

inline const char* name_of(Order order) {
  constexpr const char* kNames[] = {
      "C", "F", "padded", "negative", "zero row stride", "zero column stride"};
  return kNames[static_cast<int>(order)];
}

// The place of element (i, j) of a rows × cols matrix, and the memory of the matrix.
struct Strides {
  std::ptrdiff_t offset = 0;
  std::ptrdiff_t row = 0;
  std::ptrdiff_t col = 0;
  std::size_t size = 0;
};

inline Strides strides_of(Order order, std::size_t rows, std::size_t cols) {
  const auto r = static_cast<std::ptrdiff_t>(rows);
  const auto c = static_cast<std::ptrdiff_t>(cols);
  switch (order) {
    case Order::c:
      return {0, c, 1, rows * cols};
    case Order::fortran:
      return {0, 1, r, rows * cols};
    case Order::padded:
      return {1, 2 * c + 3, 2, rows * (2 * cols + 3) + 1};
    case Order::negative:
      return {r * c - 1, -c, -1, rows * cols};
    case Order::zero_row_stride:
      return {0, 0, 1, cols};
    case Order::zero_col_stride:
      break;
  }
  return {0, 1, 0, rows};
}

// ---- The 16-bit types, by another way than the library's -------------------------------------

inline double value_of_bits(std::uint16_t bits, ElementType type) {
  const int fraction_bits = type == ElementType::float16 ? 10 : 7;
  const int exponent_bits = 15 - fraction_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> fraction_bits) & ((1 << exponent_bits) - 1);
  const int fraction = bits & ((1 << fraction_bits) - 1);
  const double sign = bits >> 15 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return fraction ? NAN : sign * INFINITY;
  const int leading = exponent == 0 ? 0 : 1 << fraction_bits;
  return sign * std::ldexp(leading + fraction, std::max(exponent, 1) - bias - fraction_bits);
}

// A 16-bit pattern at or next to `value`; tests read back its value.
inline std::uint16_t bits_near(double value, ElementType type) {
  if (type == ElementType::bfloat16) {
    return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(value)) >>
                                      16);
  }
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) return 0x7e00;
  const double magnitude = std::abs(value);
  if (magnitude >= 65520) return static_cast<std::uint16_t>(sign | 0x7c00);
  if (magnitude == 0) return sign;
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  exponent = std::max(exponent - 1, -14);
  const auto steps = static_cast<int>(std::lround(std::ldexp(magnitude, 10 - exponent)));
  const int rounded = steps + (exponent + 14) * 1024;  // a carry moves on to the next exponent
  return static_cast<std::uint16_t>(sign | rounded);
}

// A matrix in memory of its own, in any type and order, with NaN between its elements.
class Input {
 public:
  Input(ElementType type, Order order, const Matrix& values, std::string name = "x")
      : type_(type),
        rows_(values.size()),
        cols_(values[0].size()),
        strides_(strides_of(order, rows_, cols_)),
        memory_(strides_.size * size_of(type), static_cast<unsigned char>(0xff)),
        name_(std::move(name)) {
    for (std::size_t i = 0; i < rows_; ++i) {
      for (std::size_t j = 0; j < cols_; ++j) set(i, j, static_cast<double>(values[i][j]));
    }
  }

  isogram::InputView view() const {
    const unsigned char* first =
        memory_.data() + strides_.offset * static_cast<std::ptrdiff_t>(size_of(type_));
    return {first, type_, rows_, cols_, strides_.row, strides_.col, name_};
  }

  // The values after rounding to the type.
  Matrix values() const {
    Matrix result(rows_, Vec(cols_));
    for (std::size_t i = 0; i < rows_; ++i) {
      for (std::size_t j = 0; j < cols_; ++j) result[i][j] = get(i, j);
    }
    return result;
  }

  void set(std::size_t i, std::size_t j, double value) {
    if (type_ == ElementType::float64) {
      write(i, j, value);
    } else if (type_ == ElementType::float32) {
      write(i, j, static_cast<float>(value));
    } else {
      write(i, j, bits_near(value, type_));
    }
  }

 private:
  template <class Stored>
  void write(std::size_t i, std::size_t j, Stored value) {
    std::memcpy(memory_.data() + place(i, j), &value, sizeof value);
  }
  template <class Stored>
  Stored read(std::size_t i, std::size_t j) const {
    Stored value;
    std::memcpy(&value, memory_.data() + place(i, j), sizeof value);
    return value;
  }
  double get(std::size_t i, std::size_t j) const {
    if (type_ == ElementType::float64) return read<double>(i, j);
    if (type_ == ElementType::float32) return read<float>(i, j);
    return value_of_bits(read<std::uint16_t>(i, j), type_);
  }
  std::size_t place(std::size_t i, std::size_t j) const {
    const std::ptrdiff_t element = strides_.offset + static_cast<std::ptrdiff_t>(i) * strides_.row +
                                   static_cast<std::ptrdiff_t>(j) * strides_.col;
    return static_cast<std::size_t>(element) * size_of(type_);
  }

  ElementType type_;
  std::size_t rows_;
  std::size_t cols_;
  Strides strides_;
  std::vector<unsigned char> memory_;
  std::string name_;
};

inline std::vector<isogram::InputView> views_of(const std::vector<Input>& inputs) {
  std::vector<isogram::InputView> views;
  for (const Input& input : inputs) views.push_back(input.view());
  return views;
}

// A result in memory of its own, in any order; asserts that the memory around it is not written.
template <class T>
class Output {
 public:
  Output(std::size_t rows, std::size_t cols, Order order = Order::c)
      : rows_(rows),
        cols_(cols),
        strides_(strides_of(order, rows, cols)),
        memory_(strides_.size, kPoison) {}

  isogram::MatrixView<T> view() {
    return {memory_.data() + strides_.offset, rows_, cols_, strides_.row, strides_.col};
  }
  T operator()(std::size_t i, std::size_t j) const {
    return memory_[static_cast<std::size_t>(strides_.offset +
                                            static_cast<std::ptrdiff_t>(i) * strides_.row +
                                            static_cast<std::ptrdiff_t>(j) * strides_.col)];
  }
  Matrix values() const {
    Matrix result(rows_, Vec(cols_));
    for (std::size_t i = 0; i < rows_; ++i) {
      for (std::size_t j = 0; j < cols_; ++j) result[i][j] = (*this)(i, j);
    }
    return result;
  }
  void expect_surroundings_untouched() const {
    const auto poisoned =
        static_cast<std::size_t>(std::count(memory_.begin(), memory_.end(), kPoison));
    EXPECT_EQ(poisoned, memory_.size() - rows_ * cols_);
  }
  void expect_exactly_symmetric() const {
    for (std::size_t i = 0; i < rows_; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        ASSERT_EQ((*this)(i, j), (*this)(j, i)) << at(i, j);
      }
    }
  }
  const std::vector<T>& memory() const { return memory_; }

  static constexpr T kPoison = static_cast<T>(-12345.678);

 private:
  std::size_t rows_;
  std::size_t cols_;
  Strides strides_;
  std::vector<T> memory_;
};

// ---- Values ----------------------------------------------------------------------------------

inline Matrix normal_matrix(std::size_t rows, std::size_t cols, unsigned seed, double scale = 1,
                            double offset = 0) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  Matrix x(rows, Vec(cols));
  for (Vec& row : x) {
    for (Real& value : row) value = offset + scale * normal(random);
  }
  return x;
}

// Samples that share structure: n × d, the more alike the smaller `noise`.
inline Matrix mixed_matrix(const Matrix& latent, std::size_t cols, unsigned seed, double noise) {
  const Matrix mixing = normal_matrix(latent[0].size(), cols, seed);
  Matrix x = normal_matrix(latent.size(), cols, seed + 1000, noise);
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t k = 0; k < mixing.size(); ++k) {
      for (std::size_t j = 0; j < cols; ++j) x[i][j] += latent[i][k] * mixing[k][j];
    }
  }
  return x;
}

// The message of the std::invalid_argument that call() throws; fails if it throws none.
template <class Call>
std::string complaint(Call call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  ADD_FAILURE() << "std::invalid_argument expected";
  return "";
}

inline void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "\"" << text << "\" lacks \"" << part << "\"";
}

}  // namespace isogram_test
