// The check that a row is a distribution; shared by the host and GPUs.
#pragma once

#include "isogram/matrix_view.hpp"

namespace isogram::detail {

// How far from 1 the sum of a distribution of this type may be: 16-bit types have 3 digits or
// fewer.
inline double sum_tolerance(ElementType type) {
  return type == ElementType::float16 || type == ElementType::bfloat16 ? 1e-2 : 1e-3;
}

}  // namespace isogram::detail
