// The kernel of a Gram matrix from what Python says about it.
#pragma once

#include <string>

#include "isogram/gram.hpp"

namespace isogram::bindings {

KernelOptions kernel_options(const std::string& kernel, double bandwidth, double gamma, int degree,
                             double coef0);

}  // namespace isogram::bindings
