#include "statistics/neighbours.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "statistics/candidates.hpp"
#include "statistics/closeness.hpp"
#include "threads/team.hpp"
#include "tiles/grid.hpp"

namespace isogram {

namespace {

// Appends the neighbours of a row found so far.
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
Buffer<Edge<T>> edges_of(Neighbours<T> neighbours) {
  for (std::size_t i = 0; i < neighbours.rows(); ++i) {
    const std::span<Edge<T>> own = neighbours.of(i);
    std::sort(own.begin(), own.end(),
              [](const auto& a, const auto& b) { return a.column < b.column; });
  }
  return std::move(neighbours.edges);
}

template struct Neighbours<float>;
template void set_closeness(const InputView&, const InputView&, std::size_t, const GramFacts&,
                            const Execution&, Neighbours<float>&);
template void merge_neighbours(const Neighbours<float>&, Span, const InputView*, std::size_t,
                               const GramFacts&, const Execution&, Neighbours<float>&);
template Buffer<Edge<float>> edges_of(Neighbours<float>);

template struct Neighbours<double>;
template void set_closeness(const InputView&, const InputView&, std::size_t, const GramFacts&,
                            const Execution&, Neighbours<double>&);
template void merge_neighbours(const Neighbours<double>&, Span, const InputView*, std::size_t,
                               const GramFacts&, const Execution&, Neighbours<double>&);
template Buffer<Edge<double>> edges_of(Neighbours<double>);

}  // namespace isogram
