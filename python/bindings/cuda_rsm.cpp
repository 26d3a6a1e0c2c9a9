// Functions that are called for every block of pairs take arguments that are converted once, before
// the first block: instances of the classes below, which hold addresses of arrays and keep the
// arrays alive.
#include "isogram/cuda/rsm.hpp"

#include <pybind11/stl.h>

#include <string>
#include <variant>

#include "arguments.hpp"
#include "cuda_arguments.hpp"
#include "cuda_module.hpp"
#include "precision.hpp"

namespace isogram::bindings {

namespace {

// ---- Preparing tokens ------------------------------------------------------------------------

cuda::Tokens tokens_of(const py::object& tokens, const py::object& lengths) {
  cuda::Tokens result = DeviceArray(tokens).tokens();
  result.lengths = optional_items<const std::int32_t>(lengths);
  return result;
}

void summarise_tokens(StreamAddress stream, const py::object& tokens, const py::object& lengths,
                      const py::object& exponents, const py::object& squared_norms,
                      const py::object& means, const py::object& not_finite,
                      const py::object& means_left, const py::object& bulk_norms) {
  cuda::summarise_tokens(stream_at(stream), tokens_of(tokens, lengths),
                         {.exponents = DeviceArray(exponents).items<int>(),
                          .squared_norms = DeviceArray(squared_norms).items<double>(),
                          .means = optional_items<double>(means),
                          .not_finite = DeviceArray(not_finite).items<std::int64_t>(),
                          .means_left = optional_items<double>(means_left),
                          .bulk_norms = optional_items<double>(bulk_norms)});
}

void order_tokens(StreamAddress stream, const py::object& tokens, const py::object& lengths,
                  const py::object& exponents, const py::object& scratch, const py::object& order) {
  cuda::order_tokens(stream_at(stream), tokens_of(tokens, lengths),
                     DeviceArray(exponents).items<int>(), DeviceArray(scratch).items<double>(),
                     DeviceArray(order).items<std::int32_t>());
}

// The part of a TokenSummary that packing reads.
cuda::TokenSummary summary_of(const py::object& exponents, const py::object& means) {
  return {.exponents = DeviceArray(exponents).items<int>(),
          .squared_norms = nullptr,
          .means = optional_items<double>(means),
          .not_finite = nullptr};
}

// An array (…, tokens per input, items per token) of adjacent items.
template <class T>
cuda::PackedTokens<T> packed_tokens(const DeviceArray& packed) {
  const int last = packed.axes() - 1;
  return {packed.items<T>(), packed.extent(last - 1), packed.extent(last)};
}

void pack_tokens(StreamAddress stream, const py::object& tokens, const py::object& lengths,
                 const py::object& exponents, const py::object& means, const py::object& order,
                 const py::object& packed) {
  with_type_of(packed, [&](auto type) {
    cuda::pack_tokens(stream_at(stream), tokens_of(tokens, lengths), summary_of(exponents, means),
                      optional_items<const std::int32_t>(order),
                      packed_tokens<decltype(type)>(DeviceArray(packed)));
  });
}

void* items_of_any_type(const DeviceArray& rounded) {
  if (rounded.holds<std::int8_t>()) return rounded.items<std::int8_t>();
  if (rounded.holds<std::uint16_t>()) return rounded.items<std::uint16_t>();
  if (rounded.holds<float>()) return rounded.items<float>();
  return rounded.items<double>();
}

cuda::RoundedTokens rounded_tokens(const DeviceArray& rounded, const py::object& scales,
                                   const py::object& norms) {
  return {.data = items_of_any_type(rounded),
          .stride = rounded.extent(2),
          .scales = optional_items<float>(scales),
          .norms = reinterpret_cast<cuda::RoundedNorms*>(DeviceArray(norms).items<double>())};
}

void round_tokens(StreamAddress stream, const py::object& tokens, const py::object& lengths,
                  const py::object& exponents, const py::object& means,
                  const std::string& precision, const py::object& packed, const py::object& rounded,
                  const py::object& scales, const py::object& norms) {
  cuda::round_tokens(stream_at(stream), tokens_of(tokens, lengths), summary_of(exponents, means),
                     precision_from(precision), packed_tokens<float>(DeviceArray(packed)),
                     rounded_tokens(DeviceArray(rounded), scales, norms));
}

void round_coordinates(StreamAddress stream, const py::object& tokens,
                       const py::object& coordinates, const std::string& precision,
                       const py::object& rounded, const py::object& scales,
                       const py::object& norms) {
  const DeviceArray packed(tokens);
  const DeviceArray out(rounded);
  const auto round =
      out.holds<double>() ? cuda::round_coordinates<double> : cuda::round_coordinates<float>;
  round(stream_at(stream), packed.extent(0), packed_tokens<const double>(packed),
        packed_tokens<const double>(DeviceArray(coordinates)), precision_from(precision),
        rounded_tokens(out, scales, norms));
}

// ---- Blocks of pairs -------------------------------------------------------------------------

template <class T>
T* items_or_null(const DeviceArray* array) {
  return array ? array->items<T>() : nullptr;
}

// The inputs on one side of a block, and their tokens to be matched: `size` tokens per input from
// number `begin` on, or `counts` tokens. In the matrix of affinities every input has `spacing` rows
// or columns.
struct Extent {
  Extent(std::int64_t inputs, std::int64_t spacing, std::int64_t begin, std::int64_t size,
         const DeviceArray* counts)
      : inputs(inputs),
        spacing(spacing),
        begin(begin),
        size(size),
        counts(items_or_null<const std::int32_t>(counts)) {}

  std::int64_t inputs, spacing, begin, size;
  const std::int32_t* counts;
};

cuda::ProblemGrid pairs(const DeviceArray& affinities, const Extent& rows, const Extent& cols,
                        bool above_diagonal) {
  const std::int64_t stride = affinities.stride(0);
  const std::int64_t first = rows.begin * stride + cols.begin;
  cuda::ProblemGrid grid;
  if (affinities.holds<float>()) {
    grid.data = affinities.matrix<const float>().data + first;
  } else {
    grid.data = affinities.matrix<const double>().data + first;
    grid.type = cuda::Type::float64;
  }
  grid.down = rows.inputs;
  grid.across = cols.inputs;
  grid.down_stride = rows.spacing * stride;
  grid.across_stride = cols.spacing;
  grid.rows = rows.size;
  grid.cols = cols.size;
  grid.row_stride = stride;
  grid.down_rows = rows.counts;
  grid.across_cols = cols.counts;
  grid.above_diagonal = above_diagonal;
  return grid;
}

// The items of one part; a part has an item per pair of the block.
template <class T>
T* part_of(const DeviceArray& items, std::int64_t part, const cuda::ProblemGrid& grid) {
  return items.items<T>() + part * grid.down * grid.across;
}

void match_pairs(StreamAddress stream, const cuda::ProblemGrid& grid, const DeviceArray* columns,
                 const DeviceArray& totals, std::int64_t part, const DeviceArray& gaps,
                 const DeviceArray& not_finite, const DeviceArray& scratch,
                 const DeviceArray* is_proven) {
  cuda::match(
      stream_at(stream), grid, Objective::maximize,
      {items_or_null<std::int32_t>(columns), part_of<double>(totals, part, grid),
       gaps.items<double>(), is_proven ? part_of<std::uint8_t>(*is_proven, part, grid) : nullptr},
      not_finite.items<unsigned long long>(), scratch.items<unsigned char>());
}

void match_greedily(StreamAddress stream, const cuda::ProblemGrid& grid, const DeviceArray* columns,
                    const DeviceArray& totals, std::int64_t part) {
  cuda::match_greedily(stream_at(stream), grid, items_or_null<std::int32_t>(columns),
                       part_of<double>(totals, part, grid));
}

// Turns int32 products into affinities in place.
void scale_products(StreamAddress stream, const DeviceArray& products,
                    const DeviceArray& row_scales, const DeviceArray& col_scales) {
  const cuda::Matrix<std::int32_t> block{products.items<std::int32_t>(), row_scales.extent(0),
                                         col_scales.extent(0), products.stride(0)};
  cuda::scale_products(
      stream_at(stream), block, row_scales.items<const float>(), col_scales.items<const float>(),
      {reinterpret_cast<float*>(block.data), block.rows, block.cols, block.stride});
}

void rescore(StreamAddress stream, const DeviceArray& rows, const DeviceArray& cols,
             const cuda::ProblemGrid& grid, std::int64_t channels, const DeviceArray& columns,
             const DeviceArray& totals) {
  const auto rescore_as = [&]<class T>(T) {
    cuda::rescore<T>(stream_at(stream), packed_tokens<const T>(rows), packed_tokens<const T>(cols),
                     grid, channels, columns.items<const std::int32_t>(), totals.items<double>());
  };
  if (rows.holds<float>()) {
    rescore_as(float());
  } else {
    rescore_as(double());
  }
}

// ---- Entries ---------------------------------------------------------------------------------

struct RsmSide {
  RsmSide(const DeviceArray& exponents, const DeviceArray& squared_norms,
          const DeviceArray* rounded_norms, const DeviceArray* bulk_norms)
      : inputs(exponents.extent(0)),
        summary{.exponents = exponents.items<const int>(),
                .squared_norms = squared_norms.items<const double>(),
                .rounded_norms = reinterpret_cast<const cuda::RoundedNorms*>(
                    items_or_null<const double>(rounded_norms)),
                .bulk_norms = items_or_null<const double>(bulk_norms)} {}

  std::int64_t inputs;
  cuda::RsmSide summary;
};

cuda::MatchedSums matched_sums(const DeviceArray& totals, std::int64_t parts,
                               const DeviceArray* mean_products, std::int64_t tokens,
                               const DeviceArray* rounded_totals, const DeviceArray* gaps,
                               std::int64_t channels) {
  return {.totals = totals.items<const double>(),
          .parts = parts,
          .mean_products = items_or_null<const double>(mean_products),
          .tokens = tokens,
          .rounded_totals = items_or_null<const double>(rounded_totals),
          .gaps = items_or_null<const double>(gaps),
          .channels = channels};
}

// The caller's tokens of some inputs, and their order.
struct Source {
  Source(const py::object& tokens, const py::object& lengths, const py::object& order)
      : tokens(tokens_of(tokens, lengths)), order(optional_items<const std::int32_t>(order)) {}

  cuda::Tokens tokens;
  const std::int32_t* order;
};

cuda::MatchedTokens matched_tokens(const Source& rows, const Source& cols,
                                   const DeviceArray* columns, std::int64_t parts,
                                   std::int64_t part_stride, std::int64_t part_rows,
                                   std::int64_t part_cols, std::int64_t last_rows, int exponent,
                                   const DeviceArray* is_proven, std::int64_t proven_parts) {
  return {.rows = rows.tokens,
          .cols = cols.tokens,
          .row_order = rows.order,
          .col_order = cols.order,
          .columns = items_or_null<const std::int32_t>(columns),
          .parts = parts,
          .part_stride = part_stride,
          .part_rows = part_rows,
          .part_cols = part_cols,
          .last_rows = last_rows,
          .exponent = exponent,
          .is_proven = items_or_null<std::uint8_t>(is_proven),
          .proven_parts = proven_parts};
}

template <class T>
MatrixView<T> view_of(const DeviceArray* array) {
  if (!array) return {};
  const cuda::Matrix<T> matrix = array->matrix<T>();
  return {matrix.data, static_cast<std::size_t>(matrix.rows), static_cast<std::size_t>(matrix.cols),
          matrix.stride, 1};
}

// The whole matrices of results, of floats or of doubles.
class Entries {
 public:
  Entries(const DeviceArray* linear, const DeviceArray* cosine, const DeviceArray* distance,
          const DeviceArray* loss) {
    const DeviceArray* any = linear ? linear : cosine ? cosine : distance;
    if (!any) throw py::type_error("expected an array of entries");
    const auto outputs = [&]<class T>(T) {
      return RsmOutputs<T>{view_of<T>(linear), view_of<T>(cosine), view_of<T>(distance),
                           view_of<T>(loss)};
    };
    if (any->holds<float>()) {
      outputs_ = outputs(float());
    } else {
      outputs_ = outputs(double());
    }
  }

  void write(StreamAddress stream, const cuda::MatchedSums& sums, const RsmSide& rows,
             const RsmSide& cols, bool same, const Place& place,
             const cuda::MatchedTokens* tokens) const {
    cuda::MatchedSums block = sums;
    block.down = rows.inputs;
    block.across = cols.inputs;
    std::visit(
        [&](const auto& outputs) {
          cuda::write_entries(stream_at(stream), block, rows.summary, cols.summary, same,
                              place_of(place), outputs, tokens);
        },
        outputs_);
  }

 private:
  std::variant<RsmOutputs<float>, RsmOutputs<double>> outputs_;
};

void write_entries(StreamAddress stream, const cuda::MatchedSums& sums, const RsmSide& rows,
                   const RsmSide& cols, bool same, const Place& place, const Entries& entries,
                   const cuda::MatchedTokens* tokens) {
  entries.write(stream, sums, rows, cols, same, place, tokens);
}

}  // namespace

void register_cuda_rsm(py::module_& module) {
  module.def("summarise_tokens", &summarise_tokens, "stream"_a, "tokens"_a, "lengths"_a,
             py::kw_only(), "exponents"_a, "squared_norms"_a, "means"_a, "not_finite"_a,
             "means_left"_a, "bulk_norms"_a);
  module.def("order_tokens", &order_tokens, "stream"_a, "tokens"_a, "lengths"_a, py::kw_only(),
             "exponents"_a, "scratch"_a, "order"_a);
  module.def("pack_tokens", &pack_tokens, "stream"_a, "tokens"_a, "lengths"_a, py::kw_only(),
             "exponents"_a, "means"_a, "order"_a, "packed"_a);
  module.def("most_byte_channels", [] { return cuda::kMostByteChannels; });
  module.def("round_tokens", &round_tokens, "stream"_a, "tokens"_a, "lengths"_a, py::kw_only(),
             "exponents"_a, "means"_a, "precision"_a, "packed"_a, "rounded"_a, "scales"_a,
             "norms"_a);
  module.def("round_coordinates", &round_coordinates, "stream"_a, "tokens"_a, "coordinates"_a,
             py::kw_only(), "precision"_a, "rounded"_a, "scales"_a, "norms"_a);

  py::class_<DeviceArray>(module, "Array")
      .def(py::init<const py::object&>(), "array"_a, py::keep_alive<1, 2>());
  py::class_<Extent>(module, "Extent")
      .def(py::init<std::int64_t, std::int64_t, std::int64_t, std::int64_t, const DeviceArray*>(),
           py::kw_only(), "inputs"_a, "spacing"_a, "begin"_a, "size"_a, "counts"_a,
           py::keep_alive<1, 6>());
  py::class_<cuda::ProblemGrid>(module, "ProblemGrid")
      .def(py::init(&pairs), "affinities"_a, "rows"_a, "cols"_a, py::kw_only(), "above_diagonal"_a,
           py::keep_alive<1, 2>(), py::keep_alive<1, 3>(), py::keep_alive<1, 4>());
  module.def("match_pairs", &match_pairs, "stream"_a, "grid"_a, py::kw_only(), "columns"_a,
             "totals"_a, "part"_a, "gaps"_a, "not_finite"_a, "scratch"_a, "is_proven"_a);
  module.def("match_greedily", &match_greedily, "stream"_a, "grid"_a, py::kw_only(), "columns"_a,
             "totals"_a, "part"_a);
  module.def("scale_products", &scale_products, "stream"_a, "products"_a, "row_scales"_a,
             "col_scales"_a);
  module.def("rescore_parts", &cuda::rescore_parts, "channels"_a);
  module.def("rescore", &rescore, "stream"_a, "rows"_a, "cols"_a, py::kw_only(), "grid"_a,
             "channels"_a, "columns"_a, "totals"_a);

  py::class_<RsmSide>(module, "RsmSide")
      .def(py::init<const DeviceArray&, const DeviceArray&, const DeviceArray*,
                    const DeviceArray*>(),
           "exponents"_a, "squared_norms"_a, py::kw_only(), "rounded_norms"_a, "bulk_norms"_a,
           py::keep_alive<1, 2>(), py::keep_alive<1, 3>(), py::keep_alive<1, 4>(),
           py::keep_alive<1, 5>());
  py::class_<cuda::MatchedSums>(module, "MatchedSums")
      .def(py::init(&matched_sums), "totals"_a, py::kw_only(), "parts"_a, "mean_products"_a,
           "tokens"_a, "rounded_totals"_a, "gaps"_a, "channels"_a, py::keep_alive<1, 2>(),
           py::keep_alive<1, 4>(), py::keep_alive<1, 6>(), py::keep_alive<1, 7>());
  py::class_<Source>(module, "Source")
      .def(py::init<const py::object&, const py::object&, const py::object&>(), "tokens"_a,
           "lengths"_a, "order"_a, py::keep_alive<1, 2>(), py::keep_alive<1, 3>(),
           py::keep_alive<1, 4>());
  py::class_<cuda::MatchedTokens>(module, "MatchedTokens")
      .def(py::init(&matched_tokens), "rows"_a, "cols"_a, "columns"_a, py::kw_only(), "parts"_a,
           "part_stride"_a, "part_rows"_a, "part_cols"_a, "last_rows"_a, "exponent"_a,
           "is_proven"_a, "proven_parts"_a, py::keep_alive<1, 2>(), py::keep_alive<1, 3>(),
           py::keep_alive<1, 4>(), py::keep_alive<1, 10>());
  py::class_<Entries>(module, "Entries")
      .def(py::init<const DeviceArray*, const DeviceArray*, const DeviceArray*,
                    const DeviceArray*>(),
           py::kw_only(), "linear"_a, "cosine"_a, "distance"_a, "loss"_a, py::keep_alive<1, 2>(),
           py::keep_alive<1, 3>(), py::keep_alive<1, 4>(), py::keep_alive<1, 5>());
  module.def("write_entries", &write_entries, "stream"_a, "sums"_a, "rows"_a, "cols"_a,
             py::kw_only(), "same"_a, "place"_a, "entries"_a, "tokens"_a);
}

}  // namespace isogram::bindings
