#include <pybind11/pybind11.h>

#include "isogram/version.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace py = pybind11;
using namespace py::literals;

namespace {

#if defined(__clang__)
constexpr const char* kCompiler = "Clang " __clang_version__;
#else
constexpr const char* kCompiler = "GCC " __VERSION__;
#endif

#if defined(ISOGRAM_HAS_CUDA)
constexpr bool kHasCuda = true;
#else
constexpr bool kHasCuda = false;
#endif

py::dict build_info() {
  return py::dict("version"_a = ISOGRAM_VERSION, "compiler"_a = kCompiler,
                  "build_type"_a = ISOGRAM_BUILD_TYPE, "cuda"_a = kHasCuda);
}

}  // namespace

void register_build_info(py::module_& module) {
  module.def("build_info", &build_info);
}

}  // namespace isogram::bindings
