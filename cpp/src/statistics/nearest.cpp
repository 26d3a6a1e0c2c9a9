#include "statistics/nearest.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "isogram/error.hpp"
#include "simd/kernels.hpp"
#include "statistics/cosine_graph.hpp"
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

// Offers a fine tile to the nodes at both ends of its edges, on the diagonal those above it. The
// strips' locks come in one order: of rows before those of columns, and of one set those of the
// smaller number first, as cell.row ≤ cell.col.
template <class T>
void offer_tile(Cell cell, const T* tile, BestOfTile<T>& best) {
  BestEdges<T>& of_rows = best.rows;
  BestEdges<T>& of_cols = best.cols();
  const Span rows = tile_span(cell.row, of_rows.nodes());
  const Span cols = tile_span(cell.col, of_cols.nodes());
  const bool is_diagonal = !best.other && cell.row == cell.col;
  const std::unique_lock rows_lock = of_rows.lock(cell.row);
  const auto cols_lock = is_diagonal ? std::unique_lock<std::mutex>() : of_cols.lock(cell.col);
  const auto& kernels = simd::kernels().of<T>();
  const T* col_reaches = of_cols.reaches(cols.begin);
  for (std::size_t i = 0; i < rows.size(); ++i, tile += kTileEdge) {
    const T& reach = *of_rows.reaches(rows.begin + i);
    const auto next = [&](std::size_t j) {
      return kernels.first_reaching(tile, reach, col_reaches, j, cols.size());
    };
    for (std::size_t j = next(is_diagonal ? i + 1 : 0); j < cols.size(); j = next(j + 1)) {
      of_rows.offer(rows.begin + i, cols.begin + j, tile[j]);
      of_cols.offer(cols.begin + j, rows.begin + i, tile[j]);
    }
  }
}

// Fine tiles of one column, one below another, that are computed in one go. Strips that lie side by
// side come one after another: the best edges of the nodes of their rows, and these packed, stay in
// a core's own cache.
constexpr std::size_t kStripTiles = 16;

// The strips of a coarse tile. On the diagonal those below it are empty.
Grid strips_of(std::size_t rows, std::size_t cols) {
  return Grid::full((tiles_in(rows) + kStripTiles - 1) / kStripTiles, tiles_in(cols));
}

template <class T>
BestOfTile<T> best_edges(const TileWindow<T>& tiles, std::size_t k, double tolerance,
                         const Execution& execution) {
  const bool is_diagonal = tiles.is_diagonal();
  const std::size_t rows = tiles.rows();
  const std::size_t cols = tiles.cols();
  BestOfTile<T> best{BestEdges<T>(rows, is_diagonal ? rows - 1 : cols, k, tolerance), {}};
  if (!is_diagonal) best.other.emplace(cols, rows, k, tolerance);
  const auto compute_strip = [&](Cell strip, Buffer<T>& tile, Worker& worker) {
    const std::size_t begin = strip.row * kStripTiles;
    const std::size_t end = is_diagonal ? strip.col + 1 : tiles_in(rows);
    for (std::size_t row = begin; row < std::min(begin + kStripTiles, end); ++row) {
      worker.check();
      tiles.compute({row, strip.col}, tile.data());
      offer_tile({row, strip.col}, tile.data(), best);
    }
  };
  walk_tiles(strips_of(rows, cols), execution, new_tile<T>, compute_strip);
  return best;
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

// Rows of unit norm in float64.
Transform unit_transform(const GramFacts& facts) {
  return {.origin = facts.origin.empty() ? nullptr : &facts.origin,
          .rest = facts.rest.empty() ? nullptr : &facts.rest,
          .unit_norm = true};
}

// One thread's way to unit rows.
class UnitRowReader {
 public:
  UnitRowReader(const InputView& x, const GramFacts& facts)
      : reader_(x), transform_(unit_transform(facts)) {}

  std::size_t depth() const { return reader_.view().cols; }
  const std::string& name() const { return reader_.view().name; }
  void read(std::size_t row, double* out) const {
    reader_.read(row, out);
    transform_row(row, out, depth(), transform_);
  }

 private:
  RowReader reader_;
  Transform transform_;
};

// How close one row after another is to others.
class RowCloseness {
 public:
  RowCloseness(const InputView& rows, const InputView& cols, const GramFacts& facts)
      : rows_(rows, facts), cols_(cols, facts), memory_(3 * rows_.depth()) {}

  void go_to(std::size_t row) { rows_.read(row, memory_.data()); }

  double to(std::size_t column) {
    const std::size_t depth = rows_.depth();
    double* other = memory_.data() + depth;
    cols_.read(column, other);
    const double value = closeness(memory_.data(), other, depth, other + depth);
    if (std::isnan(value)) throw InputChanged(rows_.name().c_str());  // there is no order with it
    return value;
  }

 private:
  UnitRowReader rows_;
  UnitRowReader cols_;
  std::vector<double> memory_;
};

// Some rows, fewer than a tile has, and the closest of all columns to each.
class OpenRows {
 public:
  OpenRows(const InputView& x, const GramFacts& facts, std::span<const std::size_t> rows,
           std::size_t k, bool is_diagonal)
      : name_(x.name),
        rows_(rows),
        k_(k),
        is_diagonal_(is_diagonal),
        depth_(x.cols),
        own_(product(padded_rows(), depth_)),
        heaps_(rows.size() * k, {-std::numeric_limits<double>::infinity(), 0}) {
    const UnitRowReader reader(x, facts);
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
      if (is_diagonal_ && rows_[r] == cols.begin + j) return;
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
  bool is_diagonal_;  // the columns are the rows, which are not their own neighbours
  std::size_t depth_;
  Buffer<double> own_;      // in panels
  Buffer<double> negated_;  // the same, where it is needed
  Buffer<double> cosines_;  // tiles
  Buffer<double> differences_;
  Buffer<double> sums_;
  std::vector<Edge<double>> heaps_;
};

// ---- The choice ------------------------------------------------------------------------------

// Of weights that differ by more, the larger is that of the larger cosine, whatever the rounding.
template <class T>
double tolerance_of(std::size_t depth) {
  return 2 * cosine_rounding<T>(depth);
}

template <class T>
bool exceeds(const Edge<T>& a, const Edge<T>& b, double tolerance) {
  return static_cast<double>(a.weight) - b.weight > tolerance;
}

// An edge, and its closeness where that is known.
template <class T>
struct Candidate {
  Edge<T> edge;
  double closeness = std::numeric_limits<double>::quiet_NaN();
};

template <class T>
bool is_better_weight(const Candidate<T>& a, const Candidate<T>& b) {
  return is_better(a.edge, b.edge);
}

// Puts the k nearest of more candidates in front: by their weights, and those between which
// rounding could have decided by their closeness.
template <class T, class ClosenessTo>
void put_nearest_first(std::span<Candidate<T>> candidates, std::size_t k, double tolerance,
                       ClosenessTo closeness_to) {
  const auto after = candidates.begin() + static_cast<std::ptrdiff_t>(k);
  std::nth_element(candidates.begin(), after, candidates.end(), is_better_weight<T>);
  const Edge<T> first_out = after->edge;
  const Edge<T> last_in = std::max_element(candidates.begin(), after, is_better_weight<T>)->edge;
  if (exceeds(last_in, first_out, tolerance)) return;
  std::sort(candidates.begin(), candidates.end(), is_better_weight<T>);
  const auto begin = std::partition_point(
      candidates.begin(), candidates.end(),
      [&](const Candidate<T>& c) { return exceeds(c.edge, first_out, tolerance); });
  const auto end = std::partition_point(begin, candidates.end(), [&](const Candidate<T>& c) {
    return !exceeds(last_in, c.edge, tolerance);
  });
  std::for_each(begin, end, [&](Candidate<T>& c) {
    if (std::isnan(c.closeness)) c.closeness = closeness_to(c.edge.column);
  });
  std::sort(begin, end, [](const Candidate<T>& a, const Candidate<T>& b) {
    return is_better(Edge<double>{a.closeness, a.edge.column},
                     Edge<double>{b.closeness, b.edge.column});
  });
}

// The neighbours of every row of one side of a coarse tile, from the best edges in tiles of T.
template <class T>
class NeighbourChoice {
 public:
  // `is_zero(i)` says whether row i has no entry but 0.
  template <class IsZero>
  NeighbourChoice(const InputView& own, const InputView& others, const GramFacts& facts,
                  BestEdges<T>& best, IsZero is_zero, const Execution& execution)
      : own_(own),
        others_(others),
        is_diagonal_(&own == &others),
        facts_(facts),
        tolerance_(tolerance_of<T>(own.cols)),
        best_(best),
        cases_(own.rows),
        execution_(preparing(execution)) {
    if (best.k() == 0) return;
    parallel_for(execution_, tiles_in(own.rows), [&](std::size_t strip, Worker&) {
      const Span rows = tile_span(strip, own_.rows);
      for (std::size_t i = rows.begin; i < rows.end; ++i) cases_[i] = case_of(i, is_zero);
    });
  }

  // Rows of which more than the edges that were kept could be nearest.
  std::size_t open_rows() const {
    return static_cast<std::size_t>(std::count(cases_.begin(), cases_.end(), Case::open));
  }

  // Columns count from `first_col`.
  Neighbours<T> neighbours(std::size_t k, std::size_t first_col) {
    Neighbours<T> result(own_.rows, k);
    if (best_.k() == 0) return result;
    rank_kept_edges();
    rank_open_rows();
    const auto first = static_cast<std::int32_t>(first_col);
    for (std::size_t i = 0; i < own_.rows; ++i) {
      std::transform(
          best_.of(i).begin(), best_.of(i).begin() + best_.k(), result.of(i).begin(),
          [first](const Edge<T>& edge) { return Edge<T>{edge.weight, edge.column + first}; });
    }
    return result;
  }

 private:
  enum class Case : unsigned char { settled, among_kept, open };

  // Puts the edges of a row in order unless the k best are certain.
  template <class IsZero>
  Case case_of(std::size_t row, IsZero is_zero) {
    const std::size_t k = best_.k();
    const std::span<Edge<T>> kept = best_.of(row);
    const Edge<T> last_in = kept[0];
    if (kept.size() == k || exceeds(last_in, kept[k], tolerance_)) return Case::settled;
    if (is_zero(row)) return Case::settled;  // its cosines are exactly 0
    std::sort(kept.begin(), kept.end(), is_better<T>);
    const bool is_all = kept.size() == others_.rows - (is_diagonal_ ? 1 : 0);
    return is_all || exceeds(last_in, kept.back(), tolerance_) ? Case::among_kept : Case::open;
  }

  // Orders those of the kept edges between which rounding could have decided.
  void rank_kept_edges() {
    parallel_for(execution_, tiles_in(own_.rows), [&](std::size_t strip, Worker& worker) {
      const Span rows = tile_span(strip, own_.rows);
      std::optional<RowCloseness> closeness;
      std::vector<Candidate<T>> candidates;
      for (std::size_t i = rows.begin; i < rows.end; ++i) {
        if (cases_[i] != Case::among_kept) continue;
        worker.check();
        if (!closeness) closeness.emplace(own_, others_, facts_);
        closeness->go_to(i);
        candidates.clear();
        for (const Edge<T>& edge : best_.of(i)) candidates.push_back({edge});
        put_nearest_first(std::span(candidates), best_.k(), tolerance_, [&](std::int32_t column) {
          return closeness->to(static_cast<std::size_t>(column));
        });
        std::transform(candidates.begin(), candidates.end(), best_.of(i).begin(),
                       [](const Candidate<T>& c) { return c.edge; });
      }
    });
  }

  // Finds the nearest of all to the rows of which the best edges in tiles say too little.
  void rank_open_rows() {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < own_.rows; ++i) {
      if (cases_[i] == Case::open) open.push_back(i);
    }
    if (open.empty()) return;
    Packed<double> all(simd::kernels().float64, others_);
    all.fill(others_, unit_transform(facts_), Finite::known, execution_);
    const std::size_t at_once = std::clamp(kEntriesAtOnce / own_.cols, std::size_t{1}, kTileEdge);
    parallel_for(execution_, (open.size() + at_once - 1) / at_once,
                 [&](std::size_t block, Worker& worker) {
                   const std::size_t begin = block * at_once;
                   const std::size_t count = std::min(at_once, open.size() - begin);
                   rank_rows(std::span(open).subspan(begin, count), all, worker);
                 });
  }

  void rank_rows(std::span<const std::size_t> rows, const Packed<double>& all, Worker& worker) {
    OpenRows open(own_, facts_, rows, best_.k(), is_diagonal_);
    for (std::size_t col = 0; col < tiles_in(others_.rows); ++col) {
      worker.check();
      open.offer(all, tile_span(col, others_.rows));
    }
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const Edge<double>* heap = open.edges(r);
      std::transform(heap, heap + best_.k(), best_.of(rows[r]).begin(),
                     [](const Edge<double>& edge) {
                       return Edge<T>{static_cast<T>(cosine_of(edge.weight)), edge.column};
                     });
    }
  }

  const InputView& own_;
  const InputView& others_;
  bool is_diagonal_;  // the others are the rows themselves
  const GramFacts& facts_;
  double tolerance_;
  BestEdges<T>& best_;
  std::vector<Case> cases_;
  Execution execution_;
};

// In float64 a whole tile costs less than a few rows one by one.
bool too_many(std::size_t open_rows, std::size_t rows) {
  return open_rows > rows / 16;
}

template <class T>
Neighbours<T> rounded(const Neighbours<double>& wide) {
  Neighbours<T> result(wide.rows(), wide.k);
  std::transform(
      wide.edges.begin(), wide.edges.end(), result.edges.begin(),
      [](const Edge<double>& edge) { return Edge<T>{static_cast<T>(edge.weight), edge.column}; });
  return result;
}

// The neighbours of a row that were found so far.
template <class T>
void append_found(const Neighbours<T>& neighbours, std::size_t row,
                  std::vector<Candidate<T>>& candidates) {
  for (std::size_t place = row * neighbours.k; place < (row + 1) * neighbours.k; ++place) {
    if (neighbours.edges[place].column < 0) continue;
    candidates.push_back({neighbours.edges[place]});
    if (neighbours.closeness.size() > 0) candidates.back().closeness = neighbours.closeness[place];
  }
}

}  // namespace

template <class T>
Neighbours<T>::Neighbours(std::size_t rows, std::size_t k)
    : k(k), edges(Buffer<Edge<T>>::unset(product(rows, k))) {
  std::fill(edges.begin(), edges.end(), Edge<T>{kNoCosine<T>, -1});
}

template <class T>
GramTiles<T> graph_tiles(const TileInputs& tile, const GramFacts& facts,
                         const Execution& execution) {
  return tile.cols ? GramTiles<T>(tile.rows, *tile.cols, facts, execution)
                   : GramTiles<T>(tile.rows, facts, execution);
}

template <class T>
TileNeighbours<T> nearest_in_tile(const TileInputs& tile, const TileWindow<T>& tiles, std::size_t k,
                                  const GramFacts& facts, const Execution& execution) {
  const InputView& rows = tile.rows;
  const InputView& cols = tile.cols ? *tile.cols : tile.rows;
  BestOfTile<T> best = best_edges(tiles, k, kReached * tolerance_of<T>(rows.cols), execution);
  NeighbourChoice<T> of_rows(
      rows, cols, facts, best.rows, [&](std::size_t i) { return tiles.is_zero_row(i); }, execution);
  std::optional<NeighbourChoice<T>> of_cols;
  if (tile.cols) {
    of_cols.emplace(
        cols, rows, facts, *best.other, [&](std::size_t j) { return tiles.is_zero_col(j); },
        execution);
  }
  if constexpr (std::is_same_v<T, float>) {
    if (too_many(of_rows.open_rows(), rows.rows) ||
        (of_cols && too_many(of_cols->open_rows(), cols.rows))) {
      const Execution quiet = preparing(execution);
      const GramTiles<double> of_doubles = graph_tiles<double>(tile, facts, quiet);
      const TileNeighbours<double> wide =
          nearest_in_tile(tile, TileWindow(of_doubles), k, facts, quiet);
      return {rounded<T>(wide.rows), rounded<T>(wide.cols)};
    }
  }
  TileNeighbours<T> result{of_rows.neighbours(k, tile.first_col), {}};
  if (of_cols) result.cols = of_cols->neighbours(k, tile.first_row);
  return result;
}

template <class T>
void set_closeness(const InputView& rows, const InputView& cols, std::size_t first_col,
                   const GramFacts& facts, const Execution& execution, Neighbours<T>& neighbours) {
  neighbours.closeness = Buffer<double>(neighbours.edges.size());
  parallel_for(execution, tiles_in(rows.rows), [&](std::size_t strip, Worker& worker) {
    RowCloseness closeness(rows, cols, facts);
    const Span own = tile_span(strip, rows.rows);
    for (std::size_t i = own.begin; i < own.end; ++i) {
      worker.check();
      closeness.go_to(i);
      for (std::size_t place = i * neighbours.k; place < (i + 1) * neighbours.k; ++place) {
        const std::int32_t column = neighbours.edges[place].column;
        if (column < 0) continue;
        neighbours.closeness[place] = closeness.to(static_cast<std::size_t>(column) - first_col);
      }
    }
  });
}

template <class T>
void merge_neighbours(const Neighbours<T>& part, Span rows, const InputView* x, std::size_t depth,
                      const GramFacts& facts, const Execution& execution, Neighbours<T>& all) {
  const double tolerance = tolerance_of<T>(depth);
  const std::size_t k = all.k;
  if (all.closeness.size() == 0) all.closeness = Buffer<double>(all.edges.size());
  parallel_for(execution, tiles_in(rows.size()), [&](std::size_t strip, Worker& worker) {
    std::optional<RowCloseness> closeness;
    std::vector<Candidate<T>> candidates;
    const Span own = tile_span(strip, rows.size());
    for (std::size_t i = own.begin; i < own.end; ++i) {
      worker.check();
      const std::size_t row = rows.begin + i;
      candidates.clear();
      append_found(all, row, candidates);
      append_found(part, i, candidates);
      if (candidates.size() > k) {
        bool is_there = false;
        put_nearest_first(std::span(candidates), k, tolerance, [&](std::int32_t column) {
          if (!closeness) closeness.emplace(*x, *x, facts);
          if (!std::exchange(is_there, true)) closeness->go_to(row);
          return closeness->to(static_cast<std::size_t>(column));
        });
        candidates.resize(k);
      }
      for (std::size_t e = 0; e < candidates.size(); ++e) {
        all.edges[row * k + e] = candidates[e].edge;
        all.closeness[row * k + e] = candidates[e].closeness;
      }
    }
  });
}

template <class T>
Buffer<Edge<T>> nearest(const InputView& x, std::size_t k, bool center, const Execution& execution,
                        std::size_t edge) {
  const Execution quiet = preparing(execution);
  const GramFacts facts = survey_cosines<T>(x, center, quiet);
  const GramTiles<T> whole(x, facts, quiet);
  Neighbours<T> all;
  const auto merge_tile = [&](const CoarseTile& at, const Execution& own) {
    const InputView rows = rows_of(x, at.rows);
    const InputView cols = rows_of(x, at.cols);
    const TileInputs tile{rows, at.is_mirrored() ? &cols : nullptr, at.rows.begin, at.cols.begin};
    TileNeighbours<T> found = nearest_in_tile(tile, TileWindow(whole, at), k, facts, own);
    if (at.rows.size() == x.rows) {
      all = std::move(found.rows);
      return;
    }
    if (all.rows() == 0) all = Neighbours<T>(x.rows, k);
    merge_neighbours(found.rows, at.rows, &x, x.cols, facts, quiet, all);
    if (!tile.cols) return;
    merge_neighbours(found.cols, at.cols, &x, x.cols, facts, quiet, all);
  };
  const auto strips = [](const CoarseTile& at) {
    return strips_of(at.rows.size(), at.cols.size()).cells();
  };
  walk_coarse_tiles(coarse_tiles(x.rows, edge), execution, strips, merge_tile);
  return edges_of(std::move(all));
}

template <class T>
Buffer<Edge<T>> edges_of(Neighbours<T> neighbours) {
  for (std::size_t i = 0; i < neighbours.rows(); ++i) {
    const std::span<Edge<T>> own = neighbours.of(i);
    std::sort(own.begin(), own.end(),
              [](const auto& a, const auto& b) { return a.column < b.column; });
  }
  return std::move(neighbours.edges);
}

template struct Neighbours<float>;
template GramTiles<float> graph_tiles(const TileInputs&, const GramFacts&, const Execution&);
template TileNeighbours<float> nearest_in_tile(const TileInputs&, const TileWindow<float>&,
                                               std::size_t, const GramFacts&, const Execution&);
template void set_closeness(const InputView&, const InputView&, std::size_t, const GramFacts&,
                            const Execution&, Neighbours<float>&);
template void merge_neighbours(const Neighbours<float>&, Span, const InputView*, std::size_t,
                               const GramFacts&, const Execution&, Neighbours<float>&);
template Buffer<Edge<float>> edges_of(Neighbours<float>);
template Buffer<Edge<float>> nearest(const InputView&, std::size_t, bool, const Execution&,
                                     std::size_t);

template struct Neighbours<double>;
template GramTiles<double> graph_tiles(const TileInputs&, const GramFacts&, const Execution&);
template TileNeighbours<double> nearest_in_tile(const TileInputs&, const TileWindow<double>&,
                                                std::size_t, const GramFacts&, const Execution&);
template void set_closeness(const InputView&, const InputView&, std::size_t, const GramFacts&,
                            const Execution&, Neighbours<double>&);
template void merge_neighbours(const Neighbours<double>&, Span, const InputView*, std::size_t,
                               const GramFacts&, const Execution&, Neighbours<double>&);
template Buffer<Edge<double>> edges_of(Neighbours<double>);
template Buffer<Edge<double>> nearest(const InputView&, std::size_t, bool, const Execution&,
                                      std::size_t);

}  // namespace isogram
