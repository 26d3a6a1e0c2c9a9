// isogram._core: the C++ core for the Python package, one register function per operation.
// The Python layer checks arguments; nothing else is meant to call this module.
#include "module.hpp"

#include <pybind11/pybind11.h>

#include "interpreter.hpp"

ISOGRAM_MODULE(_core, module) {
  using namespace isogram::bindings;
  module.doc() = "The C++ core of isogram. Private: use the functions of the isogram package.";
  load_numpy();
  register_errors(module);
  register_gram(module);
  register_center(module);
  register_features(module);
  register_cka(module);
  register_moments(module);
  register_graph(module);
  register_gbs(module);
  register_communities(module);
  register_match(module);
  register_rsm(module);
  register_compare(module);
  register_jsd(module);
  register_permuted_products(module);
  register_arithmetic(module);
  register_random(module);
  register_simd(module);
  register_parallel(module);
  register_build_info(module);
}
