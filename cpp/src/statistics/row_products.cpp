#include "statistics/row_products.hpp"

#include <array>
#include <utility>

#include "simd/kernels.hpp"
#include "statistics/cosine_graph.hpp"
#include "threads/team.hpp"

namespace isogram {

namespace {

// The fine tiles of a coarse tile in a round-robin schedule: in round r, strip i of the rows meets
// strip r − i of the columns. No strip is in two tiles of a round, and every sum is added in one
// order.
class RoundRobin {
 public:
  RoundRobin(std::size_t rows, std::size_t cols, bool is_upper)
      : rows_(tiles_in(rows)), cols_(tiles_in(cols)), is_upper_(is_upper) {}

  std::size_t rounds() const { return std::max(rows_, cols_); }
  std::size_t cells() const { return is_upper_ ? Grid::upper(rows_).cells() : rows_ * cols_; }

  // The tiles of a round; none after the last round. If the columns are the rows, only tiles on and
  // above the diagonal.
  std::vector<Cell> round(std::size_t number) const {
    std::vector<Cell> cells;
    for (std::size_t i = 0; number < rounds() && i < rows_; ++i) {
      const std::size_t j = (number + rounds() - i) % rounds();
      if (is_upper_ ? i <= j : j < cols_) cells.push_back({i, j});
    }
    return cells;
  }

 private:
  std::size_t rows_;
  std::size_t cols_;
  bool is_upper_;
};

template <class T>
class FullGraphs {
 public:
  FullGraphs(std::span<const TileWindow<T>> graphs, const LayerPairs& pairs)
      : graphs_(graphs), pairs_(pairs), is_diagonal_(graphs[0].is_diagonal()) {}

  // Two rounds run at a time, with separate sums, to keep the threads busy.
  TileProducts sum(const Execution& execution) const {
    const RoundRobin schedule(graphs_[0].rows(), graphs_[0].cols(), is_diagonal_);
    std::array<TileProducts, 2> sums{new_sums(), new_sums()};
    PerWorker scratch(execution, schedule.rounds(),
                      [&] { return Buffer<T>::unset(product(graphs_.size(), kTileSize)); });
    std::size_t done = 0;
    for (std::size_t round = 0; round < schedule.rounds(); round += sums.size()) {
      const std::array<std::vector<Cell>, 2> cells{schedule.round(round),
                                                   schedule.round(round + 1)};
      const std::size_t tasks = cells[0].size() + cells[1].size();
      parallel_for(within(execution, done, schedule.cells()), tasks, scratch,
                   [&](std::size_t task, Buffer<T>& own, Worker& worker) {
                     const bool is_second = task >= cells[0].size();
                     const Cell cell =
                         is_second ? cells[1][task - cells[0].size()] : cells[0][task];
                     add_tile(cell, own.data(), sums[is_second], worker);
                   });
      done += tasks;
    }
    sums[0].rows.merge(sums[1].rows);
    sums[0].cols.merge(sums[1].cols);
    return std::move(sums[0]);
  }

 private:
  TileProducts new_sums() const {
    const std::size_t pairs = pairs_.list().size();
    return {{pairs, graphs_[0].rows()}, {pairs, is_diagonal_ ? 0 : graphs_[0].cols()}};
  }

  // Adds a fine tile to the products of its rows, and its mirror image to those of its columns.
  void add_tile(Cell cell, T* scratch, TileProducts& sums, Worker& worker) const {
    for (std::size_t layer = 0; layer < graphs_.size(); ++layer) {
      worker.check();
      graphs_[layer].compute(cell, scratch + layer * kTileSize);
      if (is_diagonal_) set_diagonal(cell, T(0), scratch + layer * kTileSize);
    }
    RowProducts& mirrored = is_diagonal_ ? sums.rows : sums.cols;
    for (std::size_t p = 0; p < pairs_.list().size(); ++p) {
      const auto [first, second] = pairs_.list()[p];
      add_products(cell, scratch + first * kTileSize, scratch + second * kTileSize, sums.rows.of(p),
                   mirrored.of(p));
    }
  }

  void add_products(Cell cell, const T* a, const T* b, double* of_rows, double* of_cols) const {
    const auto& kernels = simd::kernels().of<T>();
    const Span rows = tile_span(cell.row, graphs_[0].rows());
    const Span cols = tile_span(cell.col, graphs_[0].cols());
    if (!is_diagonal_ || cell.row != cell.col) {
      kernels.add_products(a, b, kTileEdge, rows.size(), cols.size(), of_rows + rows.begin,
                           of_cols + cols.begin);
      return;
    }
    for (std::size_t i = rows.begin; i < rows.end; ++i, a += kTileEdge, b += kTileEdge) {
      of_rows[i] += kernels.dot(a, b, cols.size());
    }
  }

  std::span<const TileWindow<T>> graphs_;
  const LayerPairs& pairs_;
  bool is_diagonal_;
};

template <class T>
double dot_of_rows(const Csr<T>& a, const Csr<T>& b, std::size_t i) {
  double sum = 0;
  const auto skip = [](auto) {};
  merge_row(a, b, i, skip, skip,
            [&](auto e, auto f) { sum += static_cast<double>(a.data[e]) * b.data[f]; });
  return sum;
}

}  // namespace

RowProducts::RowProducts(std::span<const double> values, std::size_t rows)
    : rows_(rows), products_(Buffer<double>::unset(values.size())) {
  std::copy(values.begin(), values.end(), products_.begin());
}

void RowProducts::merge(const RowProducts& other) {
  simd::kernels().float64.add_row(other.products_.data(), products_.size(), products_.data());
}

void RowProducts::merge(TileProducts&& part, const CoarseTile& tile) {
  if (tile.rows.size() == rows_) {
    *this = std::move(part.rows);
    return;
  }
  if (products_.size() == 0) *this = RowProducts(part.rows.pairs(), rows_);
  merge_at(part.rows, tile.rows);
  if (tile.is_mirrored()) merge_at(part.cols, tile.cols);
}

void RowProducts::merge_at(const RowProducts& part, Span rows) {
  for (std::size_t pair = 0; pair < part.pairs(); ++pair) {
    simd::kernels().float64.add_row(part.of(pair), rows.size(), of(pair) + rows.begin);
  }
}

template <class T>
TileProducts row_products(std::span<const TileWindow<T>> graphs, const LayerPairs& pairs,
                          const Execution& execution) {
  return FullGraphs<T>(graphs, pairs).sum(execution);
}

template <class T>
RowProducts row_products(std::span<const Csr<T>> graphs, const LayerPairs& pairs,
                         const Execution& execution) {
  const std::size_t n = nodes_of(graphs[0]);
  RowProducts products(pairs.list().size(), n);
  parallel_for(execution, tiles_in(n), [&](std::size_t strip, Worker& worker) {
    const Span rows = tile_span(strip, n);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      worker.check();
      for (std::size_t p = 0; p < pairs.list().size(); ++p) {
        const auto [first, second] = pairs.list()[p];
        products.of(p)[i] = dot_of_rows(graphs[first], graphs[second], i);
      }
    }
  });
  return products;
}

template TileProducts row_products(std::span<const TileWindow<float>>, const LayerPairs&,
                                   const Execution&);
template TileProducts row_products(std::span<const TileWindow<double>>, const LayerPairs&,
                                   const Execution&);
template RowProducts row_products(std::span<const Csr<float>>, const LayerPairs&, const Execution&);
template RowProducts row_products(std::span<const Csr<double>>, const LayerPairs&,
                                  const Execution&);

}  // namespace isogram
