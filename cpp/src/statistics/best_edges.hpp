// The best edges of the nodes of a coarse tile, by the weights in its fine tiles.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "isogram/parallel.hpp"
#include "statistics/edges.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"
#include "tiles/window.hpp"

namespace isogram {

// Edges kept beyond the k best, because rounding may have misplaced them.
inline constexpr std::size_t kSpareEdges = 3;

// The k best edges of every node to columns of a coarse tile, and up to kSpareEdges spare edges:
// the next best that are worse by at most `tolerance`. They do not depend on the order in which
// edges are offered.
template <class T>
class BestEdges {
 public:
  // `others` is the number of columns offered to every node.
  BestEdges(std::size_t nodes, std::size_t others, std::size_t k, double tolerance)
      : k_(std::min(k, others)),
        count_(std::min(k + kSpareEdges, others)),
        tolerance_(tolerance),
        edges_(product(nodes, count_)),
        reach_(nodes),
        locks_(tiles_in(nodes)) {
    std::fill(edges_.begin(), edges_.end(), Edge<T>{kNoCosine<T>, 0});
    std::fill(reach_.begin(), reach_.end(), kNoCosine<T>);
  }

  std::size_t nodes() const { return reach_.size(); }
  std::size_t k() const { return k_; }

  // The least weight of an edge that may still be kept, per node.
  const T* reaches(std::size_t node) const { return &reach_[node]; }

  // Several threads may offer edges: a thread locks a strip while it offers to its nodes.
  std::unique_lock<std::mutex> lock(std::size_t strip) { return std::unique_lock(locks_[strip]); }

  void offer(std::size_t node, std::size_t column, T weight) {
    if (weight < reach_[node]) return;  // most edges return here, without a read of the heap
    Edge<T> edge{weight, static_cast<std::int32_t>(column)};
    Edge<T>* heap = &edges_[node * count_];
    if (is_better(edge, heap[0])) {
      const Edge<T> worst = heap[0];
      replace_worst(heap, k_, edge);
      reach_[node] = static_cast<T>(heap[0].weight - tolerance_);
      edge = worst;
    }
    if (edge.weight < reach_[node]) return;
    for (std::size_t spare = k_; spare < count_; ++spare) {
      if (is_better(edge, heap[spare])) std::swap(edge, heap[spare]);
    }
  }

  // The edges of a node after all were offered: first the k best, with the worst of them in front;
  // then the spare edges in order.
  std::span<Edge<T>> of(std::size_t node) { return {&edges_[node * count_], count_}; }

 private:
  std::size_t k_;
  std::size_t count_;
  double tolerance_;
  Buffer<Edge<T>> edges_;  // per node a heap of k edges, and spare edges
  Buffer<T> reach_;
  std::vector<std::mutex> locks_;
};

// The best edges of the nodes on both sides of a coarse tile, which are one set on the diagonal.
template <class T>
struct BestOfTile {
  BestEdges<T> rows;
  std::optional<BestEdges<T>> other;
  BestEdges<T>& cols() { return other ? *other : rows; }
};

// The strips of fine tiles that best_edges() computes, one task each. In a coarse tile on the
// diagonal, strips below the diagonal are empty.
Grid strips_of(std::size_t rows, std::size_t cols);

// The best edges of all nodes of a coarse tile; see BestEdges.
template <class T>
BestOfTile<T> best_edges(const TileWindow<T>& tiles, std::size_t k, double tolerance,
                         const Execution& execution);

}  // namespace isogram
