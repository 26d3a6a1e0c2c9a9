// The best edges of the nodes of a coarse tile, by the weights of its fine tiles alone.
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

// Edges that are kept beyond the k best: rounding may have put them there.
inline constexpr std::size_t kSpareEdges = 3;

// The k best edges of every node to columns of a coarse tile, in whatever order edges are offered,
// and spare edges: the next best, if they are worse than the k best by at most `tolerance`.
template <class T>
class BestEdges {
 public:
  // `others` columns are offered to every node.
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

  // The least weights that may count.
  const T* reaches(std::size_t node) const { return &reach_[node]; }

  // Several threads may offer edges: whoever does to the nodes of a strip locks it.
  std::unique_lock<std::mutex> lock(std::size_t strip) { return std::unique_lock(locks_[strip]); }

  void offer(std::size_t node, std::size_t column, T weight) {
    if (weight < reach_[node]) return;  // most are; their heap need not come into the cache
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

  // Those of a node once all are offered: first the k best, the worst of them in front; then the
  // others in order.
  std::span<Edge<T>> of(std::size_t node) { return {&edges_[node * count_], count_}; }

 private:
  std::size_t k_;
  std::size_t count_;
  double tolerance_;
  Buffer<Edge<T>> edges_;  // of each node a heap of k, and spare edges
  Buffer<T> reach_;
  std::vector<std::mutex> locks_;
};

// Best edges of the nodes on both sides of a coarse tile; on the diagonal these are the same.
template <class T>
struct BestOfTile {
  BestEdges<T> rows;
  std::optional<BestEdges<T>> other;
  BestEdges<T>& cols() { return other ? *other : rows; }
};

// The strips of fine tiles that best_edges() computes, one task each; on the diagonal those below
// it are empty.
Grid strips_of(std::size_t rows, std::size_t cols);

// The k best edges of all nodes of a tile, and the next best that are worse by at most `tolerance`.
template <class T>
BestOfTile<T> best_edges(const TileWindow<T>& tiles, std::size_t k, double tolerance,
                         const Execution& execution);

}  // namespace isogram
