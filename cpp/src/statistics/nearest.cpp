#include "statistics/nearest.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "isogram/error.hpp"
#include "simd/kernels.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"
#include "tiles/packed.hpp"
#include "tiles/tile.hpp"
#include "tiles/walk.hpp"

namespace isogram {

namespace {

// Edges that are kept beyond the k best: rounding may have put them there.
constexpr std::size_t kSpareEdges = 3;

// Of the tolerance: edges are kept that are worse than the k best by so much, which leaves room for
// the rounding of the difference.
constexpr double kReached = 1.5;

// A block of open rows has at most this many entries: a call is stopped only after a block, and
// must not go on for long after Ctrl-C.
constexpr std::size_t kEntriesAtOnce = std::size_t{1} << 23;

// The order of a heap with the worst edge on top: the smallest weight, of equal ones the largest
// column.
template <class T>
bool is_better(const Edge<T>& a, const Edge<T>& b) {
  return a.weight > b.weight || (a.weight == b.weight && a.column < b.column);
}

// Below every cosine: what a node's edges start from.
template <class T>
constexpr T kNoCosine = T(-2);

template <class T>
void replace_worst(Edge<T>* heap, std::size_t count, const Edge<T>& edge) {
  std::size_t place = 0;
  for (std::size_t child = 1; child < count; child = 2 * place + 1) {
    if (child + 1 < count && is_better(heap[child], heap[child + 1])) ++child;
    if (is_better(heap[child], edge)) break;
    heap[place] = heap[child];
    place = child;
  }
  heap[place] = edge;
}

// The k best edges of every node, in whatever order edges are offered, and spare edges: the next
// best, if they are worse than the k best by at most `tolerance`. Several threads may offer tiles:
// the nodes of a strip have a lock.
template <class T>
class BestEdges {
 public:
  BestEdges(std::size_t nodes, std::size_t k, double tolerance)
      : nodes_(nodes),
        k_(k),
        count_(std::min(k + kSpareEdges, nodes - 1)),
        tolerance_(tolerance),
        edges_(product(nodes, count_)),
        reach_(nodes),
        locks_(tiles_in(nodes)) {
    std::fill(edges_.begin(), edges_.end(), Edge<T>{kNoCosine<T>, 0});
    std::fill(reach_.begin(), reach_.end(), kNoCosine<T>);
  }

  // Offers the entries above the diagonal to the nodes at both ends; cell.row ≤ cell.col.
  void offer(Cell cell, const T* tile) {
    const Span rows = tile_span(cell.row, nodes_);
    const Span cols = tile_span(cell.col, nodes_);
    const bool is_diagonal = cell.row == cell.col;
    const std::unique_lock rows_lock(locks_[cell.row]);
    const auto cols_lock = is_diagonal ? std::unique_lock<std::mutex>()
                                       : std::unique_lock<std::mutex>(locks_[cell.col]);
    const T* of_cols = &reach_[cols.begin];
    for (std::size_t i = 0; i < rows.size(); ++i, tile += kTileEdge) {
      const T& of_row = reach_[rows.begin + i];
      const auto next = [&](std::size_t j) {
        return kernels_.first_reaching(tile, of_row, of_cols, j, cols.size());
      };
      for (std::size_t j = next(is_diagonal ? i + 1 : 0); j < cols.size(); j = next(j + 1)) {
        offer_edge(rows.begin + i, cols.begin + j, tile[j]);
        offer_edge(cols.begin + j, rows.begin + i, tile[j]);
      }
    }
  }

  // Those of a node once all are offered: first the k best, the worst of them in front; then the
  // others in order.
  std::span<Edge<T>> of(std::size_t node) { return {&edges_[node * count_], count_}; }

 private:
  void offer_edge(std::size_t node, std::size_t column, T weight) {
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

  const simd::KernelTable<T>& kernels_ = simd::kernels().of<T>();
  std::size_t nodes_;
  std::size_t k_;
  std::size_t count_;
  double tolerance_;
  Buffer<Edge<T>> edges_;  // of each node a heap of k, and spare edges
  Buffer<T> reach_;        // the least weight that may count
  std::vector<std::mutex> locks_;
};

template <class T>
BestEdges<T> best_edges(const GramTiles<T>& tiles, std::size_t k, double tolerance,
                        const Execution& execution) {
  const Grid grid = Grid::upper(tiles_in(tiles.rows()));
  BestEdges<T> edges(tiles.rows(), k, tolerance);
  walk_tiles(grid, execution, new_tile<T>, [&](Cell cell, Buffer<T>& tile, Worker&) {
    tiles.compute(cell, tile.data());
    edges.offer(cell, tile.data());
  });
  return edges;
}

// ---- Closeness -------------------------------------------------------------------------------

// How far the cosine in a tile can be from that of the rows. A packed entry is rounded once, and
// so is what divides a product; a dot product is summed in short panels, a norm in at least eight
// sums.
template <class T>
double cosine_rounding(std::size_t depth) {
  constexpr double unit = std::numeric_limits<T>::epsilon() / 2;
  const std::size_t panels = depth / simd::kDepthPanel + 1;
  const auto steps = static_cast<double>(std::min(depth, simd::kDepthPanel) + panels + 16);
  const double of_sum = steps * unit / std::max(0.5, 1 - steps * unit);
  const double of_norms = static_cast<double>(depth) / 8 * std::numeric_limits<double>::epsilon();
  return of_sum + of_norms;
}

// A number that grows with the cosine of two unit rows: the cosine c itself between ±1/2, beyond
// them ±1/(2 − 2|c|), which is at least 1 in magnitude. There 2 − 2|c| is `squares`, of the
// differences of the rows, or their sums, and so keeps its digits where c is ±1 but for rounding.
double closeness(double cosine, double squares) {
  if (std::abs(cosine) < 0.5) return cosine;
  return std::copysign(1 / std::max(squares, std::numeric_limits<double>::min()), cosine);
}

// No row is closer than an equal one.
constexpr double kClosest = 1 / std::numeric_limits<double>::min();

double closeness(const double* a, const double* b, std::size_t n, double* scratch) {
  const auto& kernels = simd::kernels().float64;
  const double cosine = kernels.dot(a, b, n);
  if (std::abs(cosine) < 0.5) return cosine;
  if (cosine > 0) {
    kernels.subtract_shifts(a, scratch, n, 0, b);
  } else {
    std::copy_n(a, n, scratch);
    kernels.add_row(b, n, scratch);
  }
  return closeness(cosine, kernels.dot(scratch, scratch, n));
}

double cosine_of(double closeness) {
  const double magnitude = std::abs(closeness);
  return magnitude < 0.5 ? closeness : std::copysign(1 - 0.5 / magnitude, closeness);
}

// One thread's way to unit rows in float64.
class UnitRows {
 public:
  UnitRows(const InputView& x, const Transform& transform)
      : reader_(x), transform_(transform), depth_(x.cols) {}

  void read(std::size_t row, double* out) const {
    reader_.read(row, out);
    transform_row(row, out, depth_, transform_);
  }

 private:
  RowReader reader_;
  Transform transform_;
  std::size_t depth_;
};

// Some rows, fewer than a tile has, and the closest of all others to each.
class OpenRows {
 public:
  OpenRows(const InputView& x, const Transform& transform, std::span<const std::size_t> rows,
           std::size_t k)
      : name_(x.name),
        rows_(rows),
        k_(k),
        depth_(x.cols),
        own_(product(padded_rows(), depth_)),
        heaps_(rows.size() * k, {-std::numeric_limits<double>::infinity(), 0}) {
    const UnitRows reader(x, transform);
    RowPacker<double> packer(kernels_, depth_);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      double* place = &own_[r / kernels_.panel * kernels_.panel * depth_ + r % kernels_.panel];
      reader.read(rows[r], packer.place_for(place));
    }
    packer.flush();
  }

  // Offers columns `cols` of all rows, unit rows in panels, to each.
  void offer(const Packed<double>& all, Span cols) {
    const double* others = all.rows_from(cols.begin);
    multiply(kernels_.inner_products, own_, others, cols, cosines_);
    bool has_near = false;
    bool has_opposite = false;
    bool is_finite = true;
    for_each(cols, [&](std::size_t r, std::size_t, double cosine) {
      is_finite &= !std::isnan(cosine);
      has_near |= cosine >= 0.5 && edges(r)[0].weight < kClosest;
      has_opposite |= cosine <= -0.5 && edges(r)[0].weight < 0;
    });
    if (!is_finite) throw InputChanged(name_.c_str());
    if (has_near) multiply(kernels_.squared_differences, own_, others, cols, differences_);
    if (has_opposite) {
      if (negated_.size() == 0) negate();
      multiply(kernels_.squared_differences, negated_, others, cols, sums_);
    }
    for_each(cols, [&](std::size_t r, std::size_t j, double cosine) {
      if (rows_[r] == cols.begin + j) return;
      if (cosine >= 0.5 ? !has_near : cosine <= -0.5 && !has_opposite) return;
      const Buffer<double>& squares = cosine > 0 ? differences_ : sums_;
      const double value =
          std::abs(cosine) < 0.5 ? cosine : closeness(cosine, squares[r * kTileEdge + j]);
      const Edge<double> edge{value, static_cast<std::int32_t>(cols.begin + j)};
      Edge<double>* heap = edges(r);
      if (is_better(edge, heap[0])) replace_worst(heap, k_, edge);
    });
  }

  // The k closest of a row once all are offered: a heap.
  Edge<double>* edges(std::size_t r) { return &heaps_[r * k_]; }

 private:
  std::size_t padded_rows() const {
    return (rows_.size() + kernels_.panel - 1) / kernels_.panel * kernels_.panel;
  }

  void multiply(Block<double> block, const Buffer<double>& own, const double* others, Span cols,
                Buffer<double>& tile) const {
    if (tile.size() == 0) tile = Buffer<double>(kTileSize);
    block(own.data(), rows_.size(), others, cols.size(), depth_, tile.data(), kTileEdge, false, {});
  }

  void negate() {
    negated_ = Buffer<double>::unset(own_.size());
    std::transform(own_.begin(), own_.end(), negated_.begin(), std::negate<>());
  }

  template <class Visit>
  void for_each(Span cols, Visit visit) const {
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (std::size_t j = 0; j < cols.size(); ++j) visit(r, j, cosines_[r * kTileEdge + j]);
    }
  }

  const simd::KernelTable<double>& kernels_ = simd::kernels().float64;
  const std::string& name_;  // of the input
  std::span<const std::size_t> rows_;
  std::size_t k_;
  std::size_t depth_;
  Buffer<double> own_;      // in panels
  Buffer<double> negated_;  // the same, where it is needed
  Buffer<double> cosines_;  // tiles
  Buffer<double> differences_;
  Buffer<double> sums_;
  std::vector<Edge<double>> heaps_;
};

// The neighbours of every row from the best edges in tiles of T.
template <class T>
class NeighbourChoice {
 public:
  NeighbourChoice(const InputView& x, std::size_t k, bool center, const GramTiles<T>& tiles,
                  const Execution& execution)
      : x_(x),
        k_(k),
        tolerance_(2 * cosine_rounding<T>(x.cols)),
        best_(best_edges(tiles, k, kReached * tolerance_, execution)),
        cases_(x.rows),
        execution_(preparing(execution)) {
    parallel_for(execution_, tiles_in(x.rows), [&](std::size_t strip, Worker&) {
      const Span rows = tile_span(strip, x_.rows);
      for (std::size_t i = rows.begin; i < rows.end; ++i) {
        cases_[i] = case_of(i, tiles.is_zero(i));
      }
    });
    if (center && !is_settled()) columns_ = survey_columns(x, execution_);
  }

  // Rows of which more than the edges that were kept could be nearest.
  std::size_t open_rows() const {
    return static_cast<std::size_t>(std::count(cases_.begin(), cases_.end(), Case::open));
  }

  Buffer<Edge<T>> edges() {
    rank_kept_edges();
    rank_open_rows();
    auto result = Buffer<Edge<T>>::unset(product(x_.rows, k_));
    for (std::size_t i = 0; i < x_.rows; ++i) {
      Edge<T>* own = &result[i * k_];
      std::copy_n(best_.of(i).begin(), k_, own);
      std::sort(own, own + k_, [](const auto& a, const auto& b) { return a.column < b.column; });
    }
    return result;
  }

 private:
  enum class Case : unsigned char { settled, among_kept, open };

  bool is_settled() const {
    return std::all_of(cases_.begin(), cases_.end(), [](Case c) { return c == Case::settled; });
  }

  // Puts the edges of a row in order unless the k best are certain.
  Case case_of(std::size_t row, bool is_zero) {
    const std::span<Edge<T>> kept = best_.of(row);
    const Edge<T> last_in = kept[0];
    if (kept.size() == k_ || exceeds(last_in, kept[k_])) return Case::settled;
    if (is_zero) return Case::settled;  // its cosines are exactly 0
    std::sort(kept.begin(), kept.end(), is_better<T>);
    const bool is_all = kept.size() == x_.rows - 1;
    return is_all || exceeds(last_in, kept.back()) ? Case::among_kept : Case::open;
  }

  // Whether the cosine of one edge is larger whatever the rounding of both.
  bool exceeds(const Edge<T>& a, const Edge<T>& b) const {
    return static_cast<double>(a.weight) - b.weight > tolerance_;
  }

  Transform transform() const {
    if (!columns_) return {.unit_norm = true};
    return {.origin = &columns_->mean_row, .rest = &columns_->residual, .unit_norm = true};
  }

  // Orders those of the kept edges between which rounding could have decided.
  void rank_kept_edges() {
    parallel_for(execution_, tiles_in(x_.rows), [&](std::size_t strip, Worker& worker) {
      const Span rows = tile_span(strip, x_.rows);
      const UnitRows reader(x_, transform());
      std::vector<double> memory(3 * x_.cols);
      for (std::size_t i = rows.begin; i < rows.end; ++i) {
        if (cases_[i] != Case::among_kept) continue;
        worker.check();
        rank_kept_edges(i, reader, memory.data());
      }
    });
  }

  void rank_kept_edges(std::size_t row, const UnitRows& reader, double* memory) {
    const std::span<Edge<T>> kept = best_.of(row);
    const Edge<T> last_in = kept[k_ - 1];
    const Edge<T> first_out = kept[k_];
    const auto begin = std::partition_point(kept.begin(), kept.end(),
                                            [&](const auto& e) { return exceeds(e, first_out); });
    const auto end = std::partition_point(begin, kept.end(),
                                          [&](const auto& e) { return !exceeds(last_in, e); });
    struct Ranked {
      Edge<double> closeness;
      T weight;
    };
    std::vector<Ranked> ranked;
    double* own = memory;
    double* other = memory + x_.cols;
    reader.read(row, own);
    for (auto edge = begin; edge != end; ++edge) {
      reader.read(static_cast<std::size_t>(edge->column), other);
      const double value = closeness(own, other, x_.cols, other + x_.cols);
      if (std::isnan(value)) throw InputChanged(x_.name.c_str());  // there is no order with it
      ranked.push_back({{value, edge->column}, edge->weight});
    }
    std::sort(ranked.begin(), ranked.end(),
              [](const Ranked& a, const Ranked& b) { return is_better(a.closeness, b.closeness); });
    std::transform(ranked.begin(), ranked.end(), begin,
                   [](const Ranked& r) { return Edge<T>{r.weight, r.closeness.column}; });
  }

  // Finds the nearest of all to the rows of which the best edges in tiles say too little.
  void rank_open_rows() {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < x_.rows; ++i) {
      if (cases_[i] == Case::open) open.push_back(i);
    }
    if (open.empty()) return;
    Packed<double> all(simd::kernels().float64, x_);
    all.fill(x_, transform(), Finite::known, execution_);
    const std::size_t at_once = std::clamp(kEntriesAtOnce / x_.cols, std::size_t{1}, kTileEdge);
    parallel_for(execution_, (open.size() + at_once - 1) / at_once,
                 [&](std::size_t block, Worker& worker) {
                   const std::size_t begin = block * at_once;
                   const std::size_t count = std::min(at_once, open.size() - begin);
                   rank_rows(std::span(open).subspan(begin, count), all, worker);
                 });
  }

  void rank_rows(std::span<const std::size_t> rows, const Packed<double>& all, Worker& worker) {
    OpenRows open(x_, transform(), rows, k_);
    for (std::size_t col = 0; col < tiles_in(x_.rows); ++col) {
      worker.check();
      open.offer(all, tile_span(col, x_.rows));
    }
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const Edge<double>* heap = open.edges(r);
      std::transform(heap, heap + k_, best_.of(rows[r]).begin(), [](const Edge<double>& edge) {
        return Edge<T>{static_cast<T>(cosine_of(edge.weight)), edge.column};
      });
    }
  }

  const InputView& x_;
  std::size_t k_;
  double tolerance_;  // cosines that differ by more are in the right order
  BestEdges<T> best_;
  std::vector<Case> cases_;
  std::optional<Survey> columns_;
  Execution execution_;
};

// In float64 a whole tile costs less than a few rows one by one.
bool too_many(std::size_t open_rows, std::size_t rows) {
  return open_rows > rows / 16;
}

template <class T>
Buffer<Edge<T>> rounded(const Buffer<Edge<double>>& edges) {
  auto result = Buffer<Edge<T>>::unset(edges.size());
  std::transform(edges.begin(), edges.end(), result.begin(), [](const Edge<double>& edge) {
    return Edge<T>{static_cast<T>(edge.weight), edge.column};
  });
  return result;
}

}  // namespace

template <class T>
Buffer<Edge<T>> nearest(const InputView& x, std::size_t k, bool center,
                        const Execution& execution) {
  NeighbourChoice<T> choice(x, k, center, cosine_tiles<T>(x, center, execution), execution);
  if constexpr (std::is_same_v<T, float>) {
    if (too_many(choice.open_rows(), x.rows)) {
      return rounded<T>(nearest<double>(x, k, center, preparing(execution)));
    }
  }
  return choice.edges();
}

template Buffer<Edge<float>> nearest(const InputView&, std::size_t, bool, const Execution&);
template Buffer<Edge<double>> nearest(const InputView&, std::size_t, bool, const Execution&);

}  // namespace isogram
