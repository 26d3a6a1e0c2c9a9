#include "isogram/rsm.hpp"

#include <pybind11/gil_safe_call_once.h>
#include <pybind11/stl.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <variant>

#include "arguments.hpp"
#include "module.hpp"
#include "precision.hpp"

namespace isogram::bindings {

namespace {

constexpr std::array<std::pair<std::string_view, Matching>, 6> kMatchings{{
    {"exact", Matching::exact},
    {"window", Matching::window},
    {"topk", Matching::topk},
    {"greedy", Matching::greedy},
    {"none", Matching::none},
    {"bound", Matching::bound},
}};

// Inputs from Python: an array (n, s, c), with `lengths` tokens per input; or a list of arrays (s,
// c).
class Inputs {
 public:
  Inputs(const py::object& inputs, const OptionalArray& lengths, const char* name)
      : matrices_(matrices(inputs, name)),
        tokens_(py::isinstance<py::list>(inputs)
                    ? TokenInputs(matrices_)
                    : TokenInputs(tokens_view(py::cast<py::array>(inputs), lengths), name)) {}
  Inputs(const Inputs&) = delete;  // tokens_ may point into matrices_
  Inputs& operator=(const Inputs&) = delete;

  const TokenInputs& operator*() const { return tokens_; }
  std::size_t size() const { return tokens_.size(); }

 private:
  static std::vector<InputView> matrices(const py::object& inputs, const char* name) {
    if (!py::isinstance<py::list>(inputs)) return {};
    const auto list = py::cast<py::list>(inputs);
    return input_views(list, std::vector<std::string>(list.size(), name));
  }

  std::vector<InputView> matrices_;
  TokenInputs tokens_;
};

// The number of matched pairs of `rows` rows with columns, or with themselves.
std::size_t pairs_of(std::size_t rows, const std::optional<Inputs>& cols) {
  return cols ? rows * cols->size() : rows * (rows - 1) / 2;
}

// The rows and columns of an RSM; without columns, rows with themselves.
struct Sides {
  Sides(const py::object& tokens, const OptionalArray& lengths, const py::object& other,
        const OptionalArray& other_lengths)
      : rows(tokens, lengths, "tokens") {
    if (!other.is_none()) cols.emplace(other, other_lengths, "other");
  }

  std::size_t pairs() const { return pairs_of(rows.size(), cols); }

  Inputs rows;
  std::optional<Inputs> cols;
};

// Rank × channels, or all channels.
using OptionalAxes = std::optional<py::array_t<double, py::array::c_style>>;

MatrixView<const double> axes_view(const OptionalAxes& axes) {
  if (!axes) return {};
  if (axes->ndim() != 2) throw py::value_error("`axes` must be 2-D");
  return {axes->data(), static_cast<std::size_t>(axes->shape(0)),
          static_cast<std::size_t>(axes->shape(1))};
}

RsmOptions options_of(const std::string& matching, std::size_t window_or_k,
                      const std::string& precision, const OptionalAxes& axes) {
  return {from_name<Matching>(kMatchings, matching, "matching"), window_or_k,
          precision_from(precision), axes_view(axes)};
}

using Plan = std::tuple<std::size_t, bool, int>;

RsmPlan plan_of(const RsmOptions& options, const Plan& plan) {
  const auto& [max_tokens, is_centered, distance_exponent] = plan;
  return {options, max_tokens, is_centered, distance_exponent};
}

Plan planned(const RsmOptions& options, const TokenFacts& facts, bool is_float64) {
  const RsmPlan plan = is_float64 ? isogram::plan_rsm<double>(options, facts)
                                  : isogram::plan_rsm<float>(options, facts);
  return {plan.max_tokens, plan.is_centered, plan.distance_exponent};
}

Plan plan_rsm(const py::object& tokens, const OptionalArray& lengths, const py::object& other,
              const OptionalArray& other_lengths, const std::string& matching,
              std::size_t window_or_k, const std::string& precision, const OptionalAxes& axes,
              bool is_float64, int num_threads) {
  const RsmOptions options = options_of(matching, window_or_k, precision, axes);
  const Sides sides(tokens, lengths, other, other_lengths);
  TokenFacts facts;
  Call(num_threads).run([&](const Execution& execution) {
    facts = survey_tokens(*sides.rows, execution);
    if (sides.cols) facts = merged(facts, survey_tokens(**sides.cols, execution));
  });
  return planned(options, facts, is_float64);
}

// Calls body with the outputs, which must all have one type.
template <class Body>
void with_outputs(const OptionalArray& linear, const OptionalArray& cosine,
                  const OptionalArray& distance, const OptionalArray& loss, Body body) {
  const OptionalArray& any = linear ? linear : cosine ? cosine : distance;
  if (!any) throw py::type_error("expected an output array");
  with_output(*any, [&]<class T>(MatrixView<T>) {
    body(RsmOutputs<T>{output_view<T>(linear), output_view<T>(cosine), output_view<T>(distance),
                       output_view<T>(loss)});
  });
}

// The packed rows of tiles. Keeps the arrays alive to which it refers.
class PackedRows {
 public:
  PackedRows(const py::object& tokens, const OptionalArray& lengths, const std::string& matching,
             std::size_t window_or_k, const std::string& precision, const OptionalAxes& axes,
             const Plan& plan, bool is_float64, int num_threads)
      : arrays_(tokens, lengths, axes), inputs_(tokens, lengths, "tokens") {
    const RsmPlan whole = plan_of(options_of(matching, window_or_k, precision, axes), plan);
    Call(num_threads).run([&](const Execution& execution) {
      if (is_float64) {
        rows_.emplace<RsmRows<double>>(whole, *inputs_, execution);
      } else {
        rows_.emplace<RsmRows<float>>(whole, *inputs_, execution);
      }
    });
  }

  std::size_t size() const { return inputs_.size(); }

  template <class T>
  const RsmRows<T>& of() const {
    const auto* rows = std::get_if<RsmRows<T>>(&rows_);
    if (!rows) throw py::type_error("expected outputs of the type of the packed rows");
    return *rows;
  }

 private:
  std::tuple<py::object, OptionalArray, OptionalAxes> arrays_;
  Inputs inputs_;
  std::variant<std::monostate, RsmRows<float>, RsmRows<double>> rows_;
};

int semantic_rsm(const py::object& tokens, const OptionalArray& lengths, const py::object& other,
                 const OptionalArray& other_lengths, const std::string& matching,
                 std::size_t window_or_k, const std::string& precision, const OptionalAxes& axes,
                 const OptionalArray& linear, const OptionalArray& cosine,
                 const OptionalArray& distance, const OptionalArray& loss, int num_threads,
                 const py::object& progress) {
  const RsmOptions options = options_of(matching, window_or_k, precision, axes);
  const Sides sides(tokens, lengths, other, other_lengths);
  int exponent = 0;
  with_outputs(linear, cosine, distance, loss, [&](const auto& outputs) {
    Call(num_threads, progress, sides.pairs()).run([&](const Execution& execution) {
      const TokenInputs& rows = *sides.rows;
      exponent = sides.cols ? isogram::semantic_rsm(rows, **sides.cols, options, outputs, execution)
                            : isogram::semantic_rsm(rows, options, outputs, execution);
    });
  });
  return exponent;
}

void semantic_rsm_tile(const PackedRows& rows, const py::object& other,
                       const OptionalArray& other_lengths, const OptionalArray& linear,
                       const OptionalArray& cosine, const OptionalArray& distance,
                       const OptionalArray& loss, int num_threads, const py::object& progress) {
  std::optional<Inputs> cols;
  if (!other.is_none()) cols.emplace(other, other_lengths, "other");
  with_outputs(linear, cosine, distance, loss, [&]<class T>(const RsmOutputs<T>& outputs) {
    const RsmRows<T>& packed = rows.of<T>();
    Call(num_threads, progress, pairs_of(rows.size(), cols)).run([&](const Execution& execution) {
      cols ? isogram::semantic_rsm_tile(packed, **cols, outputs, execution)
           : isogram::semantic_rsm_tile(packed, outputs, execution);
    });
  });
}

using IndexArray = py::array_t<std::int64_t, py::array::c_style>;

std::span<const std::int64_t> indices(const IndexArray& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

void semantic_rsm_pairs(const py::object& tokens, const OptionalArray& lengths,
                        const py::object& other, const OptionalArray& other_lengths,
                        const IndexArray& i, const IndexArray& j, const std::string& matching,
                        std::size_t window_or_k, const std::string& precision,
                        const OptionalAxes& axes, const Plan& plan, const OptionalArray& linear,
                        const OptionalArray& cosine, const OptionalArray& distance,
                        const OptionalArray& loss, int num_threads, const py::object& progress) {
  const RsmPlan whole = plan_of(options_of(matching, window_or_k, precision, axes), plan);
  const Sides sides(tokens, lengths, other, other_lengths);
  const RsmPairs pairs{indices(i), indices(j)};
  with_outputs(linear, cosine, distance, loss, [&](const auto& outputs) {
    Call(num_threads, progress, pairs.rows.size()).run([&](const Execution& execution) {
      sides.cols
          ? isogram::semantic_rsm_pairs(whole, *sides.rows, **sides.cols, pairs, outputs, execution)
          : isogram::semantic_rsm_pairs(whole, *sides.rows, pairs, outputs, execution);
    });
  });
}

std::size_t rsm_tile_bytes(const std::string& matching, std::size_t window_or_k,
                           const std::string& precision, const OptionalAxes& axes, const Plan& plan,
                           bool is_float64, std::size_t channels, std::size_t rows,
                           std::size_t cols, bool has_distances, bool is_listed, int num_threads) {
  const RsmPlan whole = plan_of(options_of(matching, window_or_k, precision, axes), plan);
  const Execution execution{num_threads, {}};
  return is_float64 ? isogram::rsm_tile_bytes<double>(whole, channels, rows, cols, has_distances,
                                                      execution, is_listed)
                    : isogram::rsm_tile_bytes<float>(whole, channels, rows, cols, has_distances,
                                                     execution, is_listed);
}

Plan plan_of_facts(const std::string& matching, std::size_t window_or_k,
                   const std::string& precision, const OptionalAxes& axes, bool is_float64,
                   std::size_t fewest, std::size_t most, std::optional<int> largest_norm) {
  return planned(options_of(matching, window_or_k, precision, axes), {fewest, most, largest_norm},
                 is_float64);
}

// NotFiniteToken in Python: a ValueError with attributes for the inputs, the index and the value.
void register_not_finite(py::module_& module) {
  const py::object type = py::reinterpret_steal<py::object>(
      PyErr_NewException("isogram._core.NotFiniteToken", PyExc_ValueError, nullptr));
  module.attr("NotFiniteToken") = type;
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> stored;
  stored.call_once_and_store_result([&] { return type; });
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const NotFiniteToken& error) {
      const py::object raised = stored.get_stored()(error.what());
      raised.attr("inputs") = error.name;
      raised.attr("index") = py::make_tuple(error.input, error.token, error.channel);
      raised.attr("value") = error.value;
      PyErr_SetObject(py::type::of(raised).ptr(), raised.ptr());
    }
  });
}

}  // namespace

void register_rsm(py::module_& module) {
  register_not_finite(module);
  module.def("plan_of_facts", &plan_of_facts, py::kw_only(), "matching"_a, "window_or_k"_a,
             "precision"_a, "axes"_a, "is_float64"_a, "fewest"_a, "most"_a, "largest_norm"_a);
  module.def("plan_rsm", &plan_rsm, "tokens"_a, "lengths"_a, "other"_a, "other_lengths"_a,
             py::kw_only(), "matching"_a, "window_or_k"_a, "precision"_a, "axes"_a, "is_float64"_a,
             "num_threads"_a);
  module.def("rsm_tile_bytes", &rsm_tile_bytes, py::kw_only(), "matching"_a, "window_or_k"_a,
             "precision"_a, "axes"_a, "plan"_a, "is_float64"_a, "channels"_a, "rows"_a, "cols"_a,
             "has_distances"_a, "is_listed"_a, "num_threads"_a);
  module.def("semantic_rsm", &semantic_rsm, "tokens"_a, "lengths"_a, "other"_a, "other_lengths"_a,
             py::kw_only(), "matching"_a, "window_or_k"_a, "precision"_a, "axes"_a, "linear"_a,
             "cosine"_a, "distance"_a, "loss"_a, "num_threads"_a, "progress"_a);
  module.def("semantic_rsm_pairs", &semantic_rsm_pairs, "tokens"_a, "lengths"_a, "other"_a,
             "other_lengths"_a, "i"_a, "j"_a, py::kw_only(), "matching"_a, "window_or_k"_a,
             "precision"_a, "axes"_a, "plan"_a, "linear"_a, "cosine"_a, "distance"_a, "loss"_a,
             "num_threads"_a, "progress"_a);
  py::class_<PackedRows>(module, "PackedRows", ordinary_class())
      .def(py::init<const py::object&, const OptionalArray&, const std::string&, std::size_t,
                    const std::string&, const OptionalAxes&, const Plan&, bool, int>(),
           "tokens"_a, "lengths"_a, py::kw_only(), "matching"_a, "window_or_k"_a, "precision"_a,
           "axes"_a, "plan"_a, "is_float64"_a, "num_threads"_a);
  module.def("semantic_rsm_tile", &semantic_rsm_tile, "rows"_a, "other"_a, "other_lengths"_a,
             py::kw_only(), "linear"_a, "cosine"_a, "distance"_a, "loss"_a, "num_threads"_a,
             "progress"_a);
}

}  // namespace isogram::bindings
