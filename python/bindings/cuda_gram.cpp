#include "isogram/cuda/gram.hpp"

#include <pybind11/stl.h>

#include <array>

#include "arguments.hpp"
#include "cuda_arguments.hpp"
#include "cuda_module.hpp"
#include "kernel_options.hpp"

namespace isogram::bindings {

namespace {

constexpr std::array<std::pair<std::string_view, cuda::Preparation>, 4> kPreparations{{
    {"scaled", cuda::Preparation::scaled},
    {"shifted", cuda::Preparation::shifted},
    {"unit", cuda::Preparation::unit},
    {"unit_of_deviations", cuda::Preparation::unit_of_deviations},
}};

void column_means(StreamAddress stream, const py::object& x, const py::object& means,
                  const py::object& rests, const py::object& scratch) {
  cuda::column_means(stream_at(stream), DeviceArray(x).input(), DeviceArray(means).items<double>(),
                     DeviceArray(rests).items<double>(), DeviceArray(scratch).items<double>());
}

void row_reaches(StreamAddress stream, const py::object& x, const py::object& origin,
                 const py::object& reaches) {
  cuda::row_reaches(stream_at(stream), DeviceArray(x).input(),
                    DeviceArray(origin).items<const double>(),
                    DeviceArray(reaches).items<double>());
}

void bulk_means(StreamAddress stream, const py::object& x, const py::object& origin,
                const py::object& reaches, const py::object& limit, const py::object& means,
                const py::object& scratch) {
  cuda::bulk_means(
      stream_at(stream), DeviceArray(x).input(), DeviceArray(origin).items<const double>(),
      DeviceArray(reaches).items<const double>(), DeviceArray(limit).items<const double>(),
      DeviceArray(means).items<double>(), DeviceArray(scratch).items<double>());
}

void scaling_exponent(StreamAddress stream, const py::object& x, const py::object& y,
                      const py::object& origin, const py::object& exponent,
                      const py::object& scratch) {
  const cuda::Input other = y.is_none() ? cuda::Input() : DeviceArray(y).input();
  cuda::scaling_exponent(stream_at(stream), DeviceArray(x).input(), y.is_none() ? nullptr : &other,
                         optional_items<double>(origin), DeviceArray(exponent).items<int>(),
                         DeviceArray(scratch).items<double>());
}

void prepare(StreamAddress stream, const py::object& x, const std::string& how,
             const py::object& origin, const py::object& rest, const py::object& exponent,
             const py::object& rows, const py::object& squared_norms, const py::object& exponents) {
  with_type_of(rows, [&](auto type) {
    using T = decltype(type);
    cuda::prepare<T>(stream_at(stream), DeviceArray(x).input(),
                     from_name<cuda::Preparation>(kPreparations, how, "how"),
                     optional_items<double>(origin), optional_items<double>(rest),
                     optional_items<int>(exponent), DeviceArray(rows).matrix<T>(),
                     optional_items<double>(squared_norms), optional_items<int>(exponents));
  });
}

void prepare_unit_differences(StreamAddress stream, const py::object& x, bool deviations,
                              const py::object& direction, const py::object& squares,
                              const py::object& length, const py::object& rows) {
  const cuda::Axis axis{DeviceArray(direction).items<const double>(),
                        DeviceArray(squares).items<const double>(),
                        DeviceArray(length).items<const double>()};
  with_type_of(rows, [&](auto type) {
    using T = decltype(type);
    cuda::prepare_unit_differences<T>(stream_at(stream), DeviceArray(x).input(), deviations, axis,
                                      DeviceArray(rows).matrix<T>());
  });
}

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

cuda::Side side_of(const py::object& source, const py::object& squared_norms,
                   const py::object& exponents) {
  return {DeviceArray(source).input(), DeviceArray(squared_norms).items<const double>(),
          optional_items<const int>(exponents)};
}

void apply_kernel(StreamAddress stream, const std::string& kernel, const py::object& bandwidth,
                  const py::object& exponent, double gamma, double coef0, int degree,
                  const py::object& offset, const py::object& rows, const py::object& row_norms,
                  const py::object& row_exponents, const py::object& cols,
                  const py::object& col_norms, const py::object& col_exponents, bool same,
                  const Place& place, const py::object& tile) {
  const cuda::KernelFunction function =
      function_of(kernel, bandwidth, exponent, gamma, coef0, degree, offset);
  with_type_of(tile, [&](auto type) {
    using T = decltype(type);
    cuda::apply_kernel<T>(stream_at(stream), function, side_of(rows, row_norms, row_exponents),
                          side_of(cols, col_norms, col_exponents), same, place_of(place),
                          DeviceArray(tile).matrix<T>());
  });
}

void laplacian(StreamAddress stream, const std::string& kernel, const py::object& bandwidth,
               const py::object& exponent, double gamma, double coef0, int degree,
               const py::object& offset, const py::object& rows, const py::object& cols,
               const Place& place, const py::object& tile) {
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

void distances(StreamAddress stream, const py::object& x, const py::object& pairs,
               const py::object& out) {
  const DeviceArray distances(out);
  cuda::distances(stream_at(stream), DeviceArray(x).input(),
                  optional_items<const std::int64_t>(pairs), distances.extent(0),
                  distances.items<double>());
}

}  // namespace

void register_cuda_gram(py::module_& module) {
  module.def("column_scratch", &cuda::column_scratch, "rows"_a, "cols"_a);
  module.def("column_means", &column_means, "stream"_a, "x"_a, "means"_a, "rests"_a, "scratch"_a);
  module.def("row_reaches", &row_reaches, "stream"_a, "x"_a, "origin"_a, "reaches"_a);
  module.def("bulk_means", &bulk_means, "stream"_a, "x"_a, "origin"_a, "reaches"_a, "limit"_a,
             "means"_a, "scratch"_a);
  module.def("scaling_scratch", &cuda::scaling_scratch);
  module.def("scaling_exponent", &scaling_exponent, "stream"_a, "x"_a, "y"_a, "origin"_a,
             "exponent"_a, "scratch"_a);
  module.def("prepare", &prepare, "stream"_a, "x"_a, "how"_a, "origin"_a, "rest"_a, "exponent"_a,
             "rows"_a, "squared_norms"_a, "exponents"_a);
  module.def("prepare_unit_differences", &prepare_unit_differences, "stream"_a, "x"_a,
             "deviations"_a, "direction"_a, "squares"_a, "length"_a, "rows"_a);
  module.def("apply_kernel", &apply_kernel, "stream"_a, "kernel"_a, "bandwidth"_a, "exponent"_a,
             "gamma"_a, "coef0"_a, "degree"_a, "offset"_a, "rows"_a, "row_norms"_a,
             "row_exponents"_a, "cols"_a, "col_norms"_a, "col_exponents"_a, "same"_a, "place"_a,
             "tile"_a);
  module.def("laplacian", &laplacian, "stream"_a, "kernel"_a, "bandwidth"_a, "exponent"_a,
             "gamma"_a, "coef0"_a, "degree"_a, "offset"_a, "rows"_a, "cols"_a, "place"_a, "tile"_a);
  module.def("mirror", &mirror, "stream"_a, "upper"_a, "lower"_a);
  module.def("mirror_diagonal", &mirror_diagonal, "stream"_a, "square"_a);
  module.def("distances", &distances, "stream"_a, "x"_a, "pairs"_a, "out"_a);
}

}  // namespace isogram::bindings
