#include "isogram/rsm.hpp"

#include <pybind11/stl.h>

#include <array>

#include "arguments.hpp"
#include "isogram/detail/tokens.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

constexpr std::array<std::pair<std::string_view, Matching>, 5> kMatchings{{
    {"exact", Matching::exact},
    {"window", Matching::window},
    {"topk", Matching::topk},
    {"greedy", Matching::greedy},
    {"none", Matching::none},
}};

constexpr std::array<std::pair<std::string_view, Precision>, 3> kPrecisions{{
    {"float32", Precision::float32},
    {"bfloat16", Precision::bfloat16},
    {"int8", Precision::int8},
}};

// All of one name: the core's messages count the inputs.
std::vector<InputView> token_views(const py::list& samples, const char* name) {
  return input_views(samples, std::vector<std::string>(samples.size(), name));
}

int semantic_rsm(const std::string& function, const py::list& samples,
                 const std::optional<py::list>& other, const std::string& matching,
                 std::size_t window_or_k, const std::string& precision, const OptionalArray& linear,
                 const OptionalArray& cosine, const OptionalArray& distance,
                 const OptionalArray& loss, int num_threads, const py::object& progress) {
  const RsmOptions options{from_name<Matching>(kMatchings, matching, "matching"), window_or_k,
                           from_name<Precision>(kPrecisions, precision, "precision")};
  const std::vector<InputView> inputs = token_views(samples, "tokens");
  const std::vector<InputView> others = token_views(other.value_or(py::list()), "other");
  const std::size_t pairs =
      other ? inputs.size() * others.size() : inputs.size() * (inputs.size() - 1) / 2;
  const OptionalArray& any = linear ? linear : cosine ? cosine : distance;
  if (!any) throw py::type_error("expected an output array");
  int exponent = 0;
  with_output(*any, [&]<class T>(MatrixView<T>) {
    const RsmOutputs<T> outputs{output_view<T>(linear), output_view<T>(cosine),
                                output_view<T>(distance), output_view<T>(loss)};
    Call(function, num_threads, progress, pairs).run([&](const Execution& execution) {
      exponent = other ? isogram::semantic_rsm<T>(inputs, others, options, outputs, execution)
                       : isogram::semantic_rsm<T>(inputs, options, outputs, execution);
    });
  });
  return exponent;
}

bool may_be_centered(const std::string& matching, std::size_t fewest, std::size_t most) {
  return detail::may_be_centered(from_name<Matching>(kMatchings, matching, "matching"), fewest,
                                 most);
}

}  // namespace

void register_rsm(py::module_& module) {
  module.def("may_be_centered", &may_be_centered, "matching"_a, "fewest"_a, "most"_a);
  module.def("semantic_rsm", &semantic_rsm, "function"_a, "samples"_a, "other"_a, py::kw_only(),
             "matching"_a, "window_or_k"_a, "precision"_a, "linear"_a, "cosine"_a, "distance"_a,
             "loss"_a, "num_threads"_a, "progress"_a);
}

}  // namespace isogram::bindings
