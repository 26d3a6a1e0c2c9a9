// The register functions of the CUDA bindings, one per operation.
#pragma once

#include <pybind11/pybind11.h>

namespace isogram::bindings {

void register_cuda_prepare(pybind11::module_& module);
void register_cuda_distances(pybind11::module_& module);
void register_cuda_gram(pybind11::module_& module);
void register_cuda_center(pybind11::module_& module);
void register_cuda_cka(pybind11::module_& module);
void register_cuda_graph(pybind11::module_& module);
void register_cuda_gbs(pybind11::module_& module);
void register_cuda_compare(pybind11::module_& module);
void register_cuda_jsd(pybind11::module_& module);
void register_cuda_match(pybind11::module_& module);
void register_cuda_rsm(pybind11::module_& module);

}  // namespace isogram::bindings
