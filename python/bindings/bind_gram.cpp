#include "isogram/gram.hpp"

#include <pybind11/stl.h>

#include <cstdint>

#include "arguments.hpp"
#include "facts.hpp"
#include "kernel_options.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

using Pairs = py::array_t<std::int64_t, py::array::c_style>;

bool gram(const py::array& x, const OptionalArray& y, const std::string& kernel, double gamma,
          int degree, double coef0, double bandwidth, const py::array& out, int num_threads) {
  const KernelOptions options = kernel_options(kernel, bandwidth, gamma, degree, coef0);
  const InputView rows = input_view(x, "x");
  const InputView cols = y ? input_view(*y, "y") : InputView();
  bool is_finite = true;
  with_output(out, [&](auto result) {
    Call(num_threads).run([&](const Execution& execution) {
      is_finite = y ? isogram::gram(rows, cols, options, result, execution)
                    : isogram::gram(rows, options, result, execution);
    });
  });
  return is_finite;
}

py::dict gram_facts(const py::object& x, const py::object& y, const std::string& kernel,
                    double bandwidth, double gamma, int degree, double coef0, bool is_float64,
                    int num_threads) {
  const KernelOptions options = kernel_options(kernel, bandwidth, gamma, degree, coef0);
  const InputView rows = survey_view(x, "x");
  const InputView cols = y.is_none() ? InputView() : survey_view(y, "y");
  const InputView* others = y.is_none() ? nullptr : &cols;
  GramFacts facts;
  Call(num_threads).run([&](const Execution& execution) {
    facts = is_float64 ? isogram::gram_facts<double>(rows, others, options, execution)
                       : isogram::gram_facts<float>(rows, others, options, execution);
  });
  return to_dict(facts);
}

bool gram_tile(const py::array& rows, const OptionalArray& cols, const py::dict& facts,
               const py::array& out, const OptionalArray& mirror, int num_threads,
               const py::object& progress, std::size_t pairs) {
  const GramFacts known = gram_facts_from(facts);
  const InputView left = input_view(rows, "x");
  const InputView right = cols ? input_view(*cols, "y") : InputView();
  bool is_finite = true;
  with_output(out, [&]<class T>(MatrixView<T> result) {
    const MatrixView<T> image = output_view<T>(mirror);
    Call(num_threads, progress, pairs).run([&](const Execution& execution) {
      is_finite = isogram::gram_tile(left, cols ? &right : nullptr, known, result, execution,
                                     mirror ? &image : nullptr);
    });
  });
  return is_finite;
}

py::ssize_t all_pairs(const py::array& x) {
  return x.shape(0) * (x.shape(0) - 1) / 2;
}

// Nothing stands for all pairs.
std::optional<MatrixView<const std::int64_t>> view_of(const std::optional<Pairs>& pairs) {
  if (!pairs) return {};
  if (pairs->ndim() != 2 || pairs->shape(1) != 2) throw py::type_error("expected (m, 2) pairs");
  return MatrixView<const std::int64_t>(pairs->data(), static_cast<std::size_t>(pairs->shape(0)),
                                        2);
}

py::array_t<double> distances(const py::array& x, const std::string& name,
                              const std::optional<Pairs>& pairs, int num_threads) {
  const InputView rows = input_view(x, name);
  const auto chosen = view_of(pairs);
  py::array_t<double> result(pairs ? pairs->shape(0) : all_pairs(x));
  double* out = result.mutable_data();
  Call(num_threads).run([&](const Execution& execution) {
    if (chosen) {
      isogram::distances(rows, *chosen, out, execution);
    } else {
      isogram::distances(rows, out, execution);
    }
  });
  return result;
}

double median_distance(const py::array& x, const std::string& name,
                       const std::optional<Pairs>& pairs, int num_threads) {
  const InputView rows = input_view(x, name);
  const auto chosen = view_of(pairs);
  double result = 0;
  Call(num_threads).run([&](const Execution& execution) {
    result = isogram::median_distance(rows, chosen ? &*chosen : nullptr, execution);
  });
  return result;
}

double root_median_square(const py::array& values, int num_threads) {
  if (values.ndim() != 1 || values.size() == 0 || !(values.flags() & py::array::c_style)) {
    throw py::type_error("expected a contiguous 1-D array with entries");
  }
  const auto n = static_cast<std::size_t>(values.size());
  double result = 0;
  const auto run = [&]<class T>(const T* data) {
    Call(num_threads).run([&](const Execution& execution) {
      result = isogram::root_median_square(data, n, execution);
    });
  };
  if (is_float32(values)) {
    run(static_cast<const float*>(values.data()));
  } else if (py::isinstance<py::array_t<double>>(values)) {
    run(static_cast<const double*>(values.data()));
  } else {
    throw py::type_error("expected an array of float32 or float64");
  }
  return result;
}

void rbf_from_distances(const py::array& values, double bandwidth, int num_threads) {
  with_output(values, [&](auto view) {
    Call(num_threads).run([&](const Execution& execution) {
      isogram::rbf_from_distances(view, bandwidth, execution);
    });
  });
}

}  // namespace

void register_gram(py::module_& module) {
  module.attr("KERNELS") = kernel_names();
  module.def("gram", &gram, "x"_a, "y"_a, "kernel"_a, "gamma"_a, "degree"_a, "coef0"_a,
             "bandwidth"_a, "out"_a, "num_threads"_a);
  module.def("gram_facts", &gram_facts, "x"_a, "y"_a, py::kw_only(), "kernel"_a, "bandwidth"_a,
             "gamma"_a, "degree"_a, "coef0"_a, "is_float64"_a, "num_threads"_a);
  module.def("gram_tile", &gram_tile, "rows"_a, "cols"_a, py::kw_only(), "facts"_a, "out"_a,
             "mirror"_a, "num_threads"_a, "progress"_a, "pairs"_a);
  module.def("distances", &distances, "x"_a, py::kw_only(), "name"_a, "pairs"_a, "num_threads"_a);
  module.def("median_distance", &median_distance, "x"_a, py::kw_only(), "name"_a, "pairs"_a,
             "num_threads"_a);
  module.def("rbf_from_distances", &rbf_from_distances, "values"_a, py::kw_only(), "bandwidth"_a,
             "num_threads"_a);
  module.def("root_median_square", &root_median_square, "values"_a, py::kw_only(), "num_threads"_a);
}

}  // namespace isogram::bindings
