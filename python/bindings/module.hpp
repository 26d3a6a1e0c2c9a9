// The register functions of the bindings, one per operation.
#pragma once

#include <pybind11/pybind11.h>

namespace isogram::bindings {

// The metaclass of the module's classes: `type`, because a type stub cannot name pybind11's own
// metaclass.
inline pybind11::metaclass ordinary_class() {
  return pybind11::metaclass(reinterpret_cast<PyObject*>(&PyType_Type));
}

void register_gram(pybind11::module_& module);
void register_errors(pybind11::module_& module);
void register_center(pybind11::module_& module);
void register_features(pybind11::module_& module);
void register_cka(pybind11::module_& module);
void register_moments(pybind11::module_& module);
void register_graph(pybind11::module_& module);
void register_gbs(pybind11::module_& module);
void register_communities(pybind11::module_& module);
void register_match(pybind11::module_& module);
void register_rsm(pybind11::module_& module);
void register_compare(pybind11::module_& module);
void register_jsd(pybind11::module_& module);
void register_permuted_products(pybind11::module_& module);
void register_arithmetic(pybind11::module_& module);
void register_random(pybind11::module_& module);
void register_simd(pybind11::module_& module);
void register_parallel(pybind11::module_& module);
void register_build_info(pybind11::module_& module);

}  // namespace isogram::bindings
