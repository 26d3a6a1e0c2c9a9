// KernelOptions from Python's arguments.
#pragma once

#include <string>

#include <pybind11/pybind11.h>

#include "isogram/gram.hpp"

namespace isogram::bindings {

// The names of the kernels, in the order of the enum.
pybind11::tuple kernel_names();
std::string kernel_name(Kernel kernel);
Kernel kernel_from(const std::string& name);

KernelOptions kernel_options(const std::string& kernel, double bandwidth, double gamma, int degree,
                             double coef0);

}  // namespace isogram::bindings
