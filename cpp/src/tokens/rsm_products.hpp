// Affinities: the inner products of all tokens of some inputs with all tokens of others, in any
// precision.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/grid.hpp"
#include "tokens/rsm_matcher.hpp"
#include "tokens/tokens.hpp"

namespace isogram {

// The int8 rows of inputs of one group, with the scales and sums that turn products into
// affinities.
struct ScaledRows {
  ScaledRows(const TokenSets<float>& sets, Span inputs)
      : words(sets.words(inputs.begin)),
        count(sets.rows(inputs).count),
        scales(sets.narrow().scales(inputs.begin)),
        sums(sets.narrow().sums(inputs.begin)) {}

  // affinities = (products − offset Σ a) · (scale of the row · scale of the column)
  void scale(const simd::ByteKernels& kernels, Span rows, const ScaledRows& columns, Span cols,
             const std::int32_t* products, float* affinities, std::size_t stride) const {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      kernels.scale(products + i * kTileEdge, cols.size(), kernels.offset * sums[rows.begin + i],
                    scales[rows.begin + i], columns.scales + cols.begin, affinities + i * stride);
    }
  }

  const std::int32_t* words;
  std::size_t count;
  const float* scales;
  const std::int32_t* sums;
};

// Fills affinities with stride `stride`, tile by tile.
template <class T>
class AffinityProducts {
 public:
  AffinityProducts(const simd::KernelTable<T>& kernels, const TokenLayout& layout)
      : kernels_(kernels), layout_(layout) {}

  // Affinities between all tokens of two pieces.
  void of(typename TokenSets<T>::Rows a, typename TokenSets<T>::Rows b, std::size_t depth, T* out,
          std::size_t stride, Worker& worker) const {
    for_each_tile(a.count, b.count, a.data == b.data, worker, [&](Span rows, Span columns) {
      kernels_.inner_products(
          a.data + rows.begin * depth, rows.size(), b.data + columns.begin * depth, columns.size(),
          depth, out + rows.begin * stride + columns.begin, stride, {.has_room = true});
    });
  }

  // Affinities between inputs of two groups. The first input of each range begins a panel.
  void of(const TokenSets<T>& a, Span a_inputs, const TokenSets<T>& b, Span b_inputs,
          Matcher<T>& matcher, T* out, std::size_t stride, Worker& worker) const {
    if (layout_.byte_kernels) {
      multiply_bytes(a, a_inputs, b, b_inputs, matcher, out, stride, worker);
    } else if (layout_.pair_kernels) {
      multiply_pairs(a, a_inputs, b, b_inputs, out, stride, worker);
    } else {
      of(a.rows(a_inputs), b.rows(b_inputs), a.depth(), out, stride, worker);
    }
  }

  // Affinities of two inputs of a list.
  void of(const TokenSets<T>& a, std::size_t i, const TokenSets<T>& b, std::size_t j,
          Matcher<T>& matcher, T* out, std::size_t stride, Worker& worker) const {
    if (!layout_.has_tails()) return of(a, {i, i + 1}, b, {j, j + 1}, matcher, out, stride, worker);
    const auto rows = a.body(i);
    const auto columns = b.body(j);
    of(rows, columns, a.depth(), out, stride, worker);
    const auto last_rows = a.tail(i);
    const auto last_columns = b.tail(j);
    if (last_rows.count > 0) {
      kernels_.inner_products(last_rows.panel + last_rows.first, last_rows.count, columns.data,
                              columns.count, a.depth(), out + rows.count * stride, stride,
                              {.has_room = true});
    }
    if (last_columns.count > 0) {
      multiply_last_columns(rows, last_rows, last_columns, a.depth(), matcher, out + columns.count,
                            stride);
    }
  }

 private:
  // Affinities of all tokens of an input with the tail of another. The tail is the rows of the
  // product: a few rows cost what they should, a few columns as much as a whole vector.
  void multiply_last_columns(typename TokenSets<T>::Rows rows,
                             typename TokenSets<T>::Tail last_rows,
                             typename TokenSets<T>::Tail tail, std::size_t depth,
                             Matcher<T>& matcher, T* out, std::size_t stride) const {
    const T* of_tail = tail.panel + tail.first;
    const std::size_t turned_stride = matcher.tail_products.size() / kTailRows;
    T* turned = matcher.tail_products.data();
    const auto multiply = [&](const T* columns, std::size_t count, std::size_t skipped) {
      kernels_.inner_products(of_tail, tail.count, columns, count, depth, turned, turned_stride,
                              {.has_room = true});
      for (std::size_t row = skipped; row < count; ++row, out += stride) {
        for (std::size_t t = 0; t < tail.count; ++t) out[t] = turned[t * turned_stride + row];
      }
    };
    multiply(rows.data, rows.count, 0);
    const std::size_t end = last_rows.first + last_rows.count;
    if (last_rows.count > 0) multiply(last_rows.panel, end, last_rows.first);
  }

  // Calls visit(rows, columns) for the tiles of a product of two pieces or, of a piece with itself,
  // for the tiles on and above the diagonal. Tile by tile, with a check for an interrupt before
  // each.
  template <class Visit>
  static void for_each_tile(std::size_t rows, std::size_t cols, bool is_one_piece, Worker& worker,
                            Visit visit) {
    for (std::size_t p = 0; p < rows; p += kTileEdge) {
      for (std::size_t q = is_one_piece ? p : 0; q < cols; q += kTileEdge) {
        worker.check();
        visit(Span{p, std::min(p + kTileEdge, rows)}, Span{q, std::min(q + kTileEdge, cols)});
      }
    }
  }

  void multiply_pairs(const TokenSets<T>& a, Span a_inputs, const TokenSets<T>& b, Span b_inputs,
                      T* out, std::size_t stride, Worker& worker) const {
    if constexpr (std::is_same_v<T, float>) {  // only float32 tokens are rounded
      const std::int32_t* left = a.words(a_inputs.begin);
      const std::int32_t* right = b.words(b_inputs.begin);
      const auto visit = [&](Span rows, Span columns) {
        layout_.pair_kernels->inner_products(
            left + rows.begin * a.word_depth(), rows.size(), right + columns.begin * b.word_depth(),
            columns.size(), a.word_depth(), out + rows.begin * stride + columns.begin, stride);
      };
      for_each_tile(a.rows(a_inputs).count, b.rows(b_inputs).count, left == right, worker, visit);
    }
  }

  void multiply_bytes(const TokenSets<T>& a, Span a_inputs, const TokenSets<T>& b, Span b_inputs,
                      Matcher<T>& matcher, T* out, std::size_t stride, Worker& worker) const {
    if constexpr (std::is_same_v<T, float>) {
      const ScaledRows of_a(a, a_inputs);
      const ScaledRows of_b(b, b_inputs);
      const simd::ByteKernels& kernels = *layout_.byte_kernels;
      std::int32_t* products = matcher.byte_products.data();
      const auto visit = [&](Span rows, Span columns) {
        kernels.inner_products(of_a.words + rows.begin * a.word_depth(), rows.size(),
                               of_b.words + columns.begin * b.word_depth(), columns.size(),
                               a.word_depth(), products, kTileEdge);
        of_a.scale(kernels, rows, of_b, columns, products,
                   out + rows.begin * stride + columns.begin, stride);
      };
      for_each_tile(of_a.count, of_b.count, of_a.words == of_b.words, worker, visit);
    }
  }

  const simd::KernelTable<T>& kernels_;
  const TokenLayout& layout_;
};

}  // namespace isogram
