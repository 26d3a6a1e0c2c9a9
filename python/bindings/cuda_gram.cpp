#include "isogram/cuda/gram.hpp"

#include <pybind11/stl.h>

#include <string>

#include "arguments.hpp"
#include "cuda_arguments.hpp"
#include "cuda_module.hpp"
#include "kernel_options.hpp"

namespace isogram::bindings {

namespace {

cuda::KernelFunction function_of(const std::string& kernel, const py::object& bandwidth,
                                 const py::object& exponent, double gamma, double coef0, int degree,
                                 const py::object& offset) {
  return {.kernel = kernel_options(kernel, 1.0, gamma, degree, coef0).kernel,
          .gamma = gamma,
          .coef0 = coef0,
          .degree = degree,
          .bandwidth = optional_items<const double>(bandwidth),
          .exponent = optional_items<const int>(exponent),
          .offset = optional_items<const double>(offset)};
}

cuda::RowSet row_set(const py::object& source, const py::object& squared_norms,
                     const py::object& exponents) {
  return {DeviceArray(source).input(), DeviceArray(squared_norms).items<const double>(),
          optional_items<const int>(exponents)};
}

void apply_kernel(StreamAddress stream, const py::object& rows, const py::object& cols,
                  const py::object& tile, const py::object& row_norms,
                  const py::object& row_exponents, const py::object& col_norms,
                  const py::object& col_exponents, bool same, const Place& place,
                  const std::string& kernel, const py::object& bandwidth,
                  const py::object& exponent, double gamma, double coef0, int degree,
                  const py::object& offset) {
  const cuda::KernelFunction function =
      function_of(kernel, bandwidth, exponent, gamma, coef0, degree, offset);
  with_type_of(tile, [&](auto type) {
    using T = decltype(type);
    cuda::apply_kernel<T>(stream_at(stream), function, row_set(rows, row_norms, row_exponents),
                          row_set(cols, col_norms, col_exponents), same, place_of(place),
                          DeviceArray(tile).matrix<T>());
  });
}

void laplacian(StreamAddress stream, const py::object& rows, const py::object& cols,
               const py::object& tile, const Place& place, const std::string& kernel,
               const py::object& bandwidth, const py::object& exponent, double gamma, double coef0,
               int degree, const py::object& offset) {
  const cuda::KernelFunction function =
      function_of(kernel, bandwidth, exponent, gamma, coef0, degree, offset);
  with_type_of(tile, [&](auto type) {
    using T = decltype(type);
    cuda::laplacian<T>(stream_at(stream), function, DeviceArray(rows).matrix<const T>(),
                       DeviceArray(cols).matrix<const T>(), place_of(place),
                       DeviceArray(tile).matrix<T>());
  });
}

void mirror(StreamAddress stream, const py::object& upper, const py::object& lower) {
  with_type_of(upper, [&](auto type) {
    using T = decltype(type);
    cuda::mirror<T>(stream_at(stream), DeviceArray(upper).matrix<const T>(),
                    DeviceArray(lower).matrix<T>());
  });
}

void mirror_diagonal(StreamAddress stream, const py::object& square) {
  with_type_of(square, [&](auto type) {
    using T = decltype(type);
    cuda::mirror_diagonal<T>(stream_at(stream), DeviceArray(square).matrix<T>());
  });
}

}  // namespace

void register_cuda_gram(py::module_& module) {
  module.def("apply_kernel", &apply_kernel, "stream"_a, "rows"_a, "cols"_a, "tile"_a, py::kw_only(),
             "row_norms"_a, "row_exponents"_a, "col_norms"_a, "col_exponents"_a, "same"_a,
             "place"_a, "kernel"_a, "bandwidth"_a, "exponent"_a, "gamma"_a, "coef0"_a, "degree"_a,
             "offset"_a);
  module.def("laplacian", &laplacian, "stream"_a, "rows"_a, "cols"_a, "tile"_a, py::kw_only(),
             "place"_a, "kernel"_a, "bandwidth"_a, "exponent"_a, "gamma"_a, "coef0"_a, "degree"_a,
             "offset"_a);
  module.def("mirror", &mirror, "stream"_a, "upper"_a, "lower"_a);
  module.def("mirror_diagonal", &mirror_diagonal, "stream"_a, "square"_a);
}

}  // namespace isogram::bindings
