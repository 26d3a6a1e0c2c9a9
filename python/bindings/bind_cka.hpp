// Layers from arrays, and tables of their similarities: what bindings of CKA and of moments share.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "isogram/cka.hpp"

namespace isogram::bindings {

std::vector<Layer> layers_from(const pybind11::list& arrays, const std::vector<std::string>& names,
                               KernelOptions options, const std::vector<double>& bandwidths);

// HSIC, CKA, and HSIC of each layer of x and of y with itself.
pybind11::tuple to_tuple(HsicTable table);

}  // namespace isogram::bindings
