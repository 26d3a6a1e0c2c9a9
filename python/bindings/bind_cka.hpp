// Layers from arrays, and tables of their similarities, for the bindings of CKA and of moments.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "isogram/cka.hpp"

namespace isogram::bindings {

std::vector<Layer> layers_from(const pybind11::list& arrays, const std::vector<std::string>& names,
                               KernelOptions options, const std::vector<double>& bandwidths);

// The tuple (hsic, cka, self_x, self_y) of the table's arrays.
pybind11::tuple to_tuple(HsicTable table);

}  // namespace isogram::bindings
