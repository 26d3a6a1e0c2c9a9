// The columns closest to a few rows, in float64.
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

// Open rows, at most kTileEdge, and the k closest of all columns to each.
class OpenRows {
 public:
  OpenRows(const InputView& x, const GramFacts& facts, std::span<const std::size_t> rows,
           std::size_t k, bool is_diagonal);

  // Offers columns `cols` to every open row; `all` holds all rows, as packed unit rows.
  void offer(const Packed<double>& all, Span cols);

  // The k closest columns of open row r after all were offered, as a heap.
  Edge<double>* edges(std::size_t r) { return &heaps_[r * k_]; }

 private:
  void multiply(Block<double> block, const Buffer<double>& own, const double* others, Span cols,
                Buffer<double>& tile) const;
  void negate();
  template <class Visit>
  void for_each(Span cols, Visit visit) const;

  const simd::KernelTable<double>& kernels_ = simd::kernels().float64;
  const std::string& name_;  // the input's
  std::span<const std::size_t> rows_;
  std::size_t k_;
  bool is_diagonal_;  // the columns are the rows, which are not their own neighbours
  std::size_t depth_;
  Buffer<double> own_;      // the open rows, in panels
  Buffer<double> negated_;  // −own_, once it is needed
  Buffer<double> cosines_;  // tiles of open rows × columns
  Buffer<double> differences_;
  Buffer<double> sums_;
  std::vector<Edge<double>> heaps_;
};

}  // namespace isogram
