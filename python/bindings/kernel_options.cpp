#include "kernel_options.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "arguments.hpp"

namespace isogram::bindings {

namespace {

constexpr std::array<std::pair<std::string_view, Kernel>, 7> kKernels{{
    {"linear", Kernel::linear},
    {"cosine", Kernel::cosine},
    {"correlation", Kernel::correlation},
    {"rbf", Kernel::rbf},
    {"laplacian", Kernel::laplacian},
    {"laplacian_l2", Kernel::laplacian_l2},
    {"polynomial", Kernel::polynomial},
}};

}  // namespace

py::tuple kernel_names() {
  py::list names;
  for (const auto& [name, kernel] : kKernels) names.append(name);
  return names;
}

std::string kernel_name(Kernel kernel) {
  for (const auto& [name, value] : kKernels) {
    if (value == kernel) return std::string(name);
  }
  return "";
}

Kernel kernel_from(const std::string& name) {
  return from_name<Kernel>(kKernels, name, "kernel");
}

KernelOptions kernel_options(const std::string& kernel, double bandwidth, double gamma, int degree,
                             double coef0) {
  return {kernel_from(kernel), bandwidth, gamma, degree, coef0};
}

}  // namespace isogram::bindings
