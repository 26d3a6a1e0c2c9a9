#include "isogram/permuted_products.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "arguments.hpp"
#include "module.hpp"

namespace isogram::bindings {

namespace {

using Stack = py::array_t<float, py::array::c_style>;
using Permutations = py::array_t<std::int32_t, py::array::c_style>;

std::vector<MatrixView<const float>> matrices_of(const Stack& stack) {
  if (stack.ndim() != 3) throw py::type_error("expected a 3-D array of float32");
  const auto rows = static_cast<std::size_t>(stack.shape(1));
  const auto cols = static_cast<std::size_t>(stack.shape(2));
  std::vector<MatrixView<const float>> matrices;
  for (py::ssize_t i = 0; i < stack.shape(0); ++i) matrices.push_back({stack.data(i), rows, cols});
  return matrices;
}

py::array_t<double> permuted_products(const Stack& k, const Stack& l,
                                      const Permutations& permutations, bool is_upper,
                                      int num_threads, const py::object& progress) {
  if (permutations.ndim() != 2) throw py::type_error("expected a 2-D array of int32");
  const std::vector<MatrixView<const float>> of_k = matrices_of(k);
  const std::vector<MatrixView<const float>> of_l = matrices_of(l);
  const auto count = static_cast<std::size_t>(permutations.shape(0));
  const MatrixView<const std::int32_t> rows(permutations.data(), count,
                                            static_cast<std::size_t>(permutations.shape(1)));
  py::array_t<double> out({permutations.shape(0), k.shape(0), l.shape(0)});
  const std::span<double> values(out.mutable_data(), static_cast<std::size_t>(out.size()));
  Call(num_threads, progress, count).run([&](const Execution& execution) {
    isogram::permuted_products(of_k, of_l, rows, is_upper, values, execution);
  });
  return out;
}

}  // namespace

void register_permuted_products(py::module_& module) {
  module.def("permuted_products", &permuted_products, "k"_a.noconvert(), "l"_a.noconvert(),
             "permutations"_a.noconvert(), py::kw_only(), "is_upper"_a, "num_threads"_a,
             "progress"_a);
}

}  // namespace isogram::bindings
