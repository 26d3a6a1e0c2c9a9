// Precision from Python's argument.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "arguments.hpp"
#include "isogram/rsm.hpp"

namespace isogram::bindings {

inline Precision precision_from(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Precision>, 3> names{{
      {"float32", Precision::float32},
      {"bfloat16", Precision::bfloat16},
      {"int8", Precision::int8},
  }};
  return from_name<Precision>(names, name, "precision");
}

}  // namespace isogram::bindings
