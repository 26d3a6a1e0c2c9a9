#include <pybind11/pybind11.h>

#include "isogram/parallel.hpp"
#include "module.hpp"

// For threadpoolctl, which finds thread pools by loading their libraries with ctypes: plain C
// symbols, visible although everything else of the module is hidden.
extern "C" {
__attribute__((visibility("default"))) int isogram_get_num_threads() {
  return isogram::get_num_threads();
}

__attribute__((visibility("default"))) void isogram_set_num_threads(int num_threads) {
  // A C function must not throw; threadpoolctl passes num_threads ≥ 1.
  isogram::set_num_threads(num_threads > 0 ? num_threads : 0);
}
}

namespace isogram::bindings {

using namespace pybind11::literals;

void register_parallel(pybind11::module_& module) {
  module.def("get_num_threads", &get_num_threads);
  module.def("set_num_threads", &set_num_threads, "num_threads"_a);
}

}  // namespace isogram::bindings
