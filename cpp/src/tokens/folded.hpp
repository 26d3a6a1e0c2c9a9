// Long rows, folded for the products of single pairs (simd::KernelTable::folded_product).
#pragma once

#include <algorithm>
#include <cstddef>

#include "simd/kernels.hpp"
#include "tiles/grid.hpp"

namespace isogram {

// How rows of one length are folded. Rows of fewer than kDepthPanel elements are one panel.
template <class T>
struct Fold {
  explicit Fold(std::size_t length)
      : depth(std::min(length, simd::kDepthPanel)), panels(blocks_in(length, depth)) {}

  // Elements from one of a panel to the next, and elements of a folded row.
  std::size_t stride() const { return simd::padded_fold<T>(panels); }
  std::size_t elements() const { return depth * stride(); }

  std::size_t place_of(std::size_t element) const {
    return element % depth * stride() + element / depth;
  }

  T product(const simd::KernelTable<T>& kernels, const T* a, const T* b) const {
    return kernels.folded_product(a, b, depth, panels);
  }

  std::size_t depth;  // of a panel
  std::size_t panels;
};

}  // namespace isogram
