// This level's table of kernels. Each family of kernels has a header.
#pragma once

#include "assign-inl.hpp"
#include "assign_paths-inl.hpp"
#include "assign_start-inl.hpp"
#include "axis-inl.hpp"
#include "bytes-inl.hpp"
#include "exponential-inl.hpp"
#include "gram-inl.hpp"
#include "logarithm-inl.hpp"
#include "magnitude-inl.hpp"
#include "nearest-inl.hpp"
#include "sum-inl.hpp"
#include "transpose-inl.hpp"

#include "kernels.hpp"

namespace isogram::simd::ISOGRAM_LEVEL {
namespace {

template <class T>
constexpr KernelTable<T> table_of() {
  return {
      .panel = kPanel<T>,
      .inner_products = &inner_products<T>,
      .folded_product = &folded_product<T>,
      .l1_distances = &l1_distances<T>,
      .squared_differences = &squared_differences<T>,
      .transpose = &transpose<T>,
      .squared_distance = &squared_distance<T>,
      .matched_products = &matched_products<T>,
      .squared_distances = &squared_distances<T>,
      .exponentials = &exponentials<T>,
      .polynomials = &polynomials<T>,
      .sum = &sum<T>,
      .dot = &dot<T>,
      .squared_deviations = &squared_deviations<T>,
      .add_row = &add_row<T>,
      .add_rows = &add_rows<T>,
      .add_differences = &add_differences<T>,
      .center_columns = &center_columns<T>,
      .add_products = &add_products<T>,
      .subtract_shifts = &subtract_shifts<T>,
      .subtract_means = &subtract_means<T>,
      .shift_rows = &shift_rows<T>,
      .divide = &divide<T>,
      .shift_and_scale = &shift_and_scale<T>,
      .widen = &widen<T>,
      .first_reaching = &first_reaching<T>,
      .largest_magnitude = &largest_magnitude<T>,
      .row_products = &row_products<T>,
      .assignment =
          {
              .read_costs = &read_costs<T>,
              .scale = &scale<T>,
              .find_duals = &find_duals<T>,
              .start = &start_assignment<T>,
              .augment = &augment<T>,
              .augment_two = &augment_two<T>,
              .any_between = &any_between<T>,
              .slack = &slack<T>,
          },
  };
}

}  // namespace

const Kernels& kernels() {
  static constexpr Kernels table{Level::ISOGRAM_LEVEL, table_of<float>(), table_of<double>(),
                                 kByteKernels,         &logarithms,       &divergence,
                                 &subtract_axis,       &divide_residuals};
  return table;
}
}  // namespace isogram::simd::ISOGRAM_LEVEL
