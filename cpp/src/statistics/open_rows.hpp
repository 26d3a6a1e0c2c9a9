// The closest of all columns to a few rows, in float64.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "simd/kernels.hpp"
#include "statistics/edges.hpp"
#include "tiles/buffer.hpp"
#include "tiles/gram_facts.hpp"
#include "tiles/grid.hpp"
#include "tiles/packed.hpp"

namespace isogram {

// Some rows, fewer than a tile has, and the closest of all columns to each.
class OpenRows {
 public:
  OpenRows(const InputView& x, const GramFacts& facts, std::span<const std::size_t> rows,
           std::size_t k, bool is_diagonal);

  // Offers columns `cols` of all rows, unit rows in panels, to each.
  void offer(const Packed<double>& all, Span cols);

  // The k closest of a row once all are offered: a heap.
  Edge<double>* edges(std::size_t r) { return &heaps_[r * k_]; }

 private:
  std::size_t padded_rows() const {
    return (rows_.size() + kernels_.panel - 1) / kernels_.panel * kernels_.panel;
  }

  void multiply(Block<double> block, const Buffer<double>& own, const double* others, Span cols,
                Buffer<double>& tile) const;
  void negate();
  template <class Visit>
  void for_each(Span cols, Visit visit) const;

  const simd::KernelTable<double>& kernels_ = simd::kernels().float64;
  const std::string& name_;  // of the input
  std::span<const std::size_t> rows_;
  std::size_t k_;
  bool is_diagonal_;  // the columns are the rows, which are not their own neighbours
  std::size_t depth_;
  Buffer<double> own_;      // in panels
  Buffer<double> negated_;  // the same, where it is needed
  Buffer<double> cosines_;  // tiles
  Buffer<double> differences_;
  Buffer<double> sums_;
  std::vector<Edge<double>> heaps_;
};

}  // namespace isogram
