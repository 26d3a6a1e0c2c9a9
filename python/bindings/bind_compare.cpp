#include "isogram/compare.hpp"

#include <pybind11/stl.h>

#include <array>

#include "arguments.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

constexpr std::array<std::pair<std::string_view, Comparison>, 9> kComparisons{{
    {"pearson", Comparison::pearson},
    {"spearman", Comparison::spearman},
    {"kendall", Comparison::kendall},
    {"kendall_a", Comparison::kendall_a},
    {"kendall_b", Comparison::kendall},
    {"rho_a", Comparison::rho_a},
    {"cosine", Comparison::cosine},
    {"cka", Comparison::cka},
    {"gbs", Comparison::gbs},
}};

double compare(const py::array& a, const py::array& b, const std::string& method, int num_threads) {
  const Comparison comparison = from_name<Comparison>(kComparisons, method, "method");
  const InputView first = input_view(a, "rsm_a");
  const InputView second = input_view(b, "rsm_b");
  double result = 0;
  Call(num_threads).run([&](const Execution& execution) {
    result = isogram::compare(first, second, comparison, execution);
  });
  return result;
}

py::array_t<double> rank_entries(const py::array& rsm, int num_threads) {
  const InputView entries = input_view(rsm, "rsm");
  const py::ssize_t n = rsm.shape(0);
  py::array_t<double> ranks(n * (n - 1) / 2);
  double* out = ranks.mutable_data();
  Call(num_threads).run([&](const Execution& execution) {
    isogram::rank_entries(entries, out, execution);
  });
  return ranks;
}

}  // namespace

void register_compare(py::module_& module) {
  // For the GPU's ranks, which Python computes.
  module.attr("TIE_RULE") = py::dict(
      "spread"_a = kTieRule.spread, "isolation"_a = kTieRule.isolation,
      "by_chance"_a = kTieRule.by_chance, "largest_power"_a = kTieRule.largest_power,
      "zero"_a = kTieRule.zero, "same_scale"_a = kTieRule.same_scale, "few"_a = kTieRule.few);
  module.def("compare", &compare, "a"_a, "b"_a, py::kw_only(), "method"_a, "num_threads"_a);
  module.def("rank_entries", &rank_entries, "rsm"_a, py::kw_only(), "num_threads"_a);
}

}  // namespace isogram::bindings
