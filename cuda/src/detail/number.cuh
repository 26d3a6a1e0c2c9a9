// Reading matrices of any element type and strides.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "isogram/cuda/device.hpp"

namespace isogram::cuda {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

__device__ inline double widened(double x) {
  return x;
}
__device__ inline float widened(float x) {
  return x;
}
__device__ inline float widened(std::int32_t x) {  // rounded, beyond 2^24
  return static_cast<float>(x);
}
__device__ inline float widened(BFloat16 x) {
  return __uint_as_float(static_cast<std::uint32_t>(x.bits) << 16);
}

// The bits of a half, shifted to a float's exponent and fraction, stand for 2^-112 times the value.
// One multiplication corrects normal and subnormal numbers alike. Infinity and NaN need the missing
// exponent bits.
__device__ inline float widened(Half x) {
  const std::uint32_t magnitude = x.bits & 0x7fffU;
  const std::uint32_t special = magnitude > 0x7bffU ? 0x7f800000U : 0U;
  const std::uint32_t sign = (x.bits & 0x8000U) << 16;
  const float value = __uint_as_float(magnitude << 13) * 0x1p112F;
  return __uint_as_float(__float_as_uint(value) | special | sign);
}

// An Input whose element type is known.
template <class Element>
struct Reader {
  using Value = std::conditional_t<std::is_same_v<Element, double>, double, float>;

  const Element* data;
  std::int64_t row_stride;
  std::int64_t col_stride;

  __device__ Value operator()(std::int64_t row, std::int64_t col) const {
    return widened(data[row * row_stride + col * col_stride]);
  }
};

// Calls visit(Reader<Element>) with the element type of x.
template <class Visit>
void with_reader(const Input& x, Visit visit) {
  const auto visit_as = [&]<class Element>(std::type_identity<Element>) {
    visit(Reader<Element>{static_cast<const Element*>(x.data), x.row_stride, x.col_stride});
  };
  switch (x.type) {
    case Type::float16:
      return visit_as(std::type_identity<Half>());
    case Type::bfloat16:
      return visit_as(std::type_identity<BFloat16>());
    case Type::float32:
      return visit_as(std::type_identity<float>());
    case Type::float64:
      return visit_as(std::type_identity<double>());
  }
}

// One entry, for code that reads so rarely that it can look up the type each time.
__device__ inline double entry_of(const Input& x, std::int64_t row, std::int64_t col) {
  const std::int64_t at = row * x.row_stride + col * x.col_stride;
  switch (x.type) {
    case Type::float16:
      return widened(static_cast<const Half*>(x.data)[at]);
    case Type::bfloat16:
      return widened(static_cast<const BFloat16*>(x.data)[at]);
    case Type::float32:
      return static_cast<const float*>(x.data)[at];
    case Type::float64:
      break;
  }
  return static_cast<const double*>(x.data)[at];
}

}  // namespace isogram::cuda
