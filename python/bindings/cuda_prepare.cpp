#include "isogram/cuda/prepare.hpp"

#include <array>
#include <string>

#include "arguments.hpp"
#include "cuda_arguments.hpp"
#include "cuda_module.hpp"

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

}  // namespace

void register_cuda_prepare(py::module_& module) {
  module.def("column_scratch", &cuda::column_scratch, py::kw_only(), "rows"_a, "cols"_a);
  module.def("column_means", &column_means, "stream"_a, "x"_a, "means"_a, "rests"_a, "scratch"_a);
  module.def("row_reaches", &row_reaches, "stream"_a, "x"_a, "origin"_a, "reaches"_a);
  module.def("bulk_means", &bulk_means, "stream"_a, "x"_a, py::kw_only(), "origin"_a, "reaches"_a,
             "limit"_a, "means"_a, "scratch"_a);
  module.def("scaling_scratch", &cuda::scaling_scratch);
  module.def("scaling_exponent", &scaling_exponent, "stream"_a, "x"_a, "y"_a, "origin"_a,
             "exponent"_a, "scratch"_a);
  module.def("prepare", &prepare, "stream"_a, "x"_a, py::kw_only(), "how"_a, "origin"_a, "rest"_a,
             "exponent"_a, "rows"_a, "squared_norms"_a, "exponents"_a);
  module.def("prepare_unit_differences", &prepare_unit_differences, "stream"_a, "x"_a,
             py::kw_only(), "deviations"_a, "direction"_a, "squares"_a, "length"_a, "rows"_a);
}

}  // namespace isogram::bindings
