// The matching of one pair of inputs, and the working memory of a thread for it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "assignment/assignment.hpp"
#include "assignment/greedy.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/rsm.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"
#include "tokens/tokens.hpp"

namespace isogram {

// For Matching::none: the edge, in tiles, of the widest block. It fits the cache beside a panel of
// depth of its rows and columns.
inline constexpr std::size_t kWidestBlock = 3;

// The matched tokens of one pair of inputs.
struct Match {
  double total;                 // the matched sum
  const std::int32_t* columns;  // the position matched with each position, or −1; null: identity
};

// Room for the rows of a tail, and of the micro-kernel that multiplies them.
inline constexpr std::size_t kTailRows = 8;

class Rematcher;

// The working memory of one thread, and the matching of one pair's affinities.
template <class T>
class Matcher {
 public:
  Matcher(const RsmOptions& options, const TokenLayout& layout, std::size_t affinity_entries)
      : affinities(affinity_entries),
        columns(layout.max_tokens),
        byte_products(layout.precision == Precision::int8 ? kTileSize : 0),
        rescoring(layout.pairs_scored_together(), layout.max_tokens),
        mean_products(layout.matching == Matching::none ? kWidestBlock * kTileSize : 0),
        tail_products(tail_entries(layout)),
        options_(options),
        solver_(solver_size(options, layout), solver_size(options, layout)),
        greedy_(layout.max_tokens) {}

  // An upper bound on the bytes, without a Rematcher.
  static std::size_t bytes_for(const RsmOptions& options, const TokenLayout& layout,
                               std::size_t affinity_entries) {
    const std::size_t kept = 4 * layout.pairs_scored_together() * layout.max_tokens;
    const std::size_t products = layout.precision == Precision::int8 ? 4 * kTileSize : 0;
    const std::size_t means = layout.matching == Matching::none ? 8 * kWidestBlock * kTileSize : 0;
    return product(affinity_entries + tail_entries(layout), sizeof(T)) + kept + products + means +
           AssignmentSolver<T>::bytes_for(solver_size(options, layout)) + 40 * layout.max_tokens;
  }

  Match match(MatrixView<const T> affinity, Worker& worker) {
    switch (options_.matching) {
      case Matching::greedy:
        return {greedy_.total(affinity, columns.data(), 0), columns.data()};
      case Matching::bound:
        return {solver_.bound(affinity, &worker), nullptr};
      case Matching::topk:
        return {topk_total(affinity, worker), columns.data()};
      default: {
        const Assignment found = solve(affinity, worker);
        return {found.total, found.columns};
      }
    }
  }

  template <class Affinity>
  Assignment solve(const Affinity& affinity, Worker& worker) {
    return solver_.solve(affinity, Objective::maximize, &worker);
  }

  // Calls visit(k, exact matching of affinity(k)) for k < count.
  template <class Affinity, class Visit>
  void solve_each(std::size_t count, Affinity affinity, Worker& worker, Visit visit) {
    solver_.solve_each(count, affinity, Objective::maximize, &worker, visit);
  }

  // Calls visit(k, match of affinity(k)) for k < count.
  template <class Affinity, class Visit>
  void match_each(std::size_t count, Affinity affinity, Worker& worker, Visit visit) {
    if (options_.matching == Matching::exact) {
      return solve_each(count, affinity, worker, [&](std::size_t k, const Assignment& found) {
        visit(k, Match{found.total, found.columns});
      });
    }
    for (std::size_t k = 0; k < count; ++k) {
      worker.check();
      visit(k, match(affinity(k), worker));
    }
  }

  Buffer<T> affinities;
  Buffer<std::int32_t> columns;        // of a match composed of parts
  Buffer<std::int32_t> byte_products;  // one tile
  Rescoring rescoring;
  Buffer<double> mean_products;          // kTileEdge rows of a block
  Buffer<T> tail_products;               // of a tail with all tokens of an input
  std::unique_ptr<Rematcher> rematcher;  // set once a pair needs it

 private:
  static std::size_t tail_entries(const TokenLayout& layout) {
    return layout.has_tails() ? kTailRows * padded(layout.max_tokens, kTileEdge) : 0;
  }

  static std::size_t solver_size(const RsmOptions& options, const TokenLayout& layout) {
    if (options.matching == Matching::greedy || options.matching == Matching::none) return 1;
    const bool is_whole =
        options.matching == Matching::exact || options.matching == Matching::bound;
    return is_whole ? layout.max_tokens : std::min(options.window_or_k, layout.max_tokens);
  }

  // Rows and columns are sorted by descending norm: the first `window_or_k` of both are matched
  // exactly, the rest greedily.
  double topk_total(MatrixView<const T> a, Worker& worker) {
    const std::size_t rows = std::min(options_.window_or_k, a.rows);
    const std::size_t cols = std::min(options_.window_or_k, a.cols);
    const MatrixView<const T> top(a.data, rows, cols, a.row_stride, a.col_stride);
    const Assignment of_top = solver_.solve(top, Objective::maximize, &worker);
    std::copy_n(of_top.columns, rows, columns.data());
    std::fill(columns.data() + rows, columns.data() + a.rows, -1);
    if (rows == a.rows || cols == a.cols) return of_top.total;
    const MatrixView<const T> rest(&a(rows, cols), a.rows - rows, a.cols - cols, a.row_stride,
                                   a.col_stride);
    return of_top.total +
           greedy_.total(rest, columns.data() + rows, static_cast<std::int32_t>(cols));
  }

  RsmOptions options_;
  AssignmentSolver<T> solver_;
  GreedyMatcher<T> greedy_;
};

}  // namespace isogram
