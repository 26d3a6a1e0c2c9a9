#include "statistics/tile_neighbours.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "simd/kernels.hpp"
#include "statistics/best_edges.hpp"
#include "statistics/candidates.hpp"
#include "statistics/closeness.hpp"
#include "statistics/open_rows.hpp"
#include "threads/team.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"
#include "tiles/packed.hpp"

namespace isogram {

namespace {

// Edges are kept that are worse than the k best by up to kReached times the tolerance: the part
// above 1 is for the rounding of the difference.
constexpr double kReached = 1.5;

// The most entries of a block of open rows: an interrupt has to wait until a block is done.
constexpr std::size_t kEntriesAtOnce = std::size_t{1} << 23;

// The neighbours of every row of one side of a coarse tile, from the best edges in tiles of T.
template <class T>
class NeighbourChoice {
 public:
  // is_zero(i): whether all entries of row i are 0.
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

  // The number of open rows: rows that may have a nearest neighbour without a kept edge.
  std::size_t open_rows() const {
    return static_cast<std::size_t>(std::count(cases_.begin(), cases_.end(), Case::open));
  }

  // The k neighbours of every row; columns are numbered from `first_col` on.
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

  // The case of a row. Sorts its edges unless the k best are certain.
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

  // Ranks kept edges by closeness where rounding could have decided between them.
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

  // Compares the open rows with all columns in float64.
  void rank_open_rows() {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < own_.rows; ++i) {
      if (cases_[i] == Case::open) open.push_back(i);
    }
    if (open.empty()) return;
    Packed<double> all(simd::kernels().float64, others_);
    all.fill(others_, unit_transform(facts_), Finite::known, execution_);
    const std::size_t at_once = std::clamp(kEntriesAtOnce / own_.cols, std::size_t{1}, kTileEdge);
    parallel_for(execution_, blocks_in(open.size(), at_once),
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

// Whether a whole tile in float64 costs less than its open rows one by one.
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

}  // namespace

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

template GramTiles<float> graph_tiles(const TileInputs&, const GramFacts&, const Execution&);
template TileNeighbours<float> nearest_in_tile(const TileInputs&, const TileWindow<float>&,
                                               std::size_t, const GramFacts&, const Execution&);

template GramTiles<double> graph_tiles(const TileInputs&, const GramFacts&, const Execution&);
template TileNeighbours<double> nearest_in_tile(const TileInputs&, const TileWindow<double>&,
                                                std::size_t, const GramFacts&, const Execution&);

}  // namespace isogram
