#include <pybind11/pybind11.h>

#include <string>

#include "isogram/simd.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace py = pybind11;
using namespace py::literals;

namespace {

py::list simd_levels() {
  py::list names;
  for (const simd::Level level : simd::available()) names.append(simd::name(level));
  return names;
}

}  // namespace

void register_simd(py::module_& module) {
  module.def("simd_levels", &simd_levels);
  module.def("simd_level", [] { return simd::name(simd::level()); });
  module.def("set_simd_level", [](const std::string& name) { simd::set_level(name); }, "name"_a);
}

}  // namespace isogram::bindings
