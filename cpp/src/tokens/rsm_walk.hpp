// The walk over the pairs of inputs of a semantic RSM.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "isogram/rsm.hpp"
#include "threads/team.hpp"
#include "tiles/grid.hpp"
#include "tiles/walk.hpp"
#include "tokens/rsm_entries.hpp"
#include "tokens/rsm_matcher.hpp"
#include "tokens/rsm_products.hpp"
#include "tokens/rsm_sides.hpp"
#include "tokens/rsm_unmatched.hpp"

namespace isogram {

// The entries of a thread's affinities: of a block without matching, of a window, or of two groups.
template <class T>
std::size_t affinity_entries_for(const TokenLayout& layout, std::size_t panel, std::size_t rows,
                                 std::size_t cols) {
  std::size_t edge = padded(layout.group * layout.max_tokens, panel);
  if (layout.matching == Matching::window) edge = padded(layout.window, panel);
  if (layout.matching == Matching::none) edge = UnmatchedBlocks<T>::edge(rows, cols);
  return product(edge, edge);
}

// Computes the entries of a tile, or of a list of pairs.
template <class T>
class RsmWalk {
 public:
  RsmWalk(const RsmPlan& plan, const RsmSides<T>& sides, const RsmOutputs<T>& outputs,
          const Execution& execution)
      : options_(plan.options),
        sides_(sides),
        layout_(sides.layout),
        rows_(sides.rows),
        cols_(sides.cols),
        execution_(execution),
        products_(sides.kernels, sides.layout),
        entries_(plan, sides, outputs) {
    if (is_unmatched() && !layout_.is_listed) unmatched_.emplace(sides, entries_, execution);
  }

  // All entries of a tile.
  void run() {
    const auto blocks = [&](const TokenSets<T>& sets) {
      return unmatched_ ? unmatched_->blocks(sets.inputs()) : sets.groups();
    };
    const std::size_t edge = groups_scored_together();
    const Grid grid = block_grid(blocks(rows_), blocks(cols_), sides_.is_symmetric, edge);
    walk(grid, execution_, [&](Cell cell, Matcher<T>& matcher, Worker& worker) {
      if (unmatched_) return unmatched_->add(cell, matcher, worker);
      if (is_one_by_one()) return add_each(entries_of(cell), matcher, worker);
      if (!layout_.is_narrow()) return add_groups(cell, matcher, worker);
      add_scored_together(cell, edge, matcher, worker);
    });
  }

  // The entries of a part of a list, some at a time; `done` of `total` come before them.
  void run(std::span<const Entry> listed, std::size_t done, std::size_t total) {
    const std::size_t at_once = listed_at_once();
    const Grid grid = Grid::full(1, blocks_in(listed.size(), at_once));
    const Execution part = within(execution_, done, total, at_once);
    std::optional<UnmatchedPairs<T>> unmatched;
    if (is_unmatched()) unmatched.emplace(sides_, entries_);
    walk(grid, part, [&](Cell cell, Matcher<T>& matcher, Worker& worker) {
      const Span span = block_span(cell.col, listed.size(), at_once);
      const auto at_once = listed.subspan(span.begin, span.size());
      if (unmatched) {
        for (const Entry& entry : at_once) unmatched->add(entry, matcher, worker);
        return;
      }
      std::vector<Entry> entries(at_once.begin(), at_once.end());
      if (is_one_by_one()) return add_each(std::move(entries), matcher, worker);
      add_listed(std::move(entries), matcher, worker);
    });
  }

 private:
  // The most entries of a list that are matched together.
  static constexpr std::size_t kListedAtOnce = 16;

  bool is_unmatched() const { return options_.matching == Matching::none; }

  std::size_t stride_for(std::size_t cols) const { return padded(cols, sides_.kernels.panel); }

  std::size_t affinity_entries() const {
    return affinity_entries_for<T>(layout_, sides_.kernels.panel, rows_.inputs(), cols_.inputs());
  }

  // Narrow tokens are scored a pair at a time: those of a list are seldom of neighbouring inputs.
  std::size_t listed_at_once() const {
    if (is_unmatched()) return kListedAtOnce;
    if (is_one_by_one() || layout_.is_narrow()) return 1;
    const std::size_t edge = stride_for(layout_.max_tokens);
    return std::clamp(affinity_entries() / product(edge, edge), std::size_t{1}, kListedAtOnce);
  }

  // The groups on each side of a block whose narrow tokens are scored together; no bit depends on
  // it.
  std::size_t groups_scored_together() const {
    if (!layout_.is_narrow()) return 1;
    constexpr std::size_t blocks_per_thread = 8;
    const std::size_t edge = layout_.groups_scored_together();
    const std::size_t blocks = blocks_in(rows_.groups(), edge) * blocks_in(cols_.groups(), edge);
    const std::size_t threads = team_size(execution_, blocks);
    return threads == 1 || blocks >= blocks_per_thread * threads ? edge : 1;
  }

  template <class Body>
  void walk(const Grid& grid, const Execution& execution, Body body) {
    const auto new_matcher = [this] { return Matcher<T>(options_, layout_, affinity_entries()); };
    walk_tiles(grid, execution, new_matcher, body);
  }

  // Whether each input is a group, and the affinities of a pair would leave the cache.
  bool is_in_strips() const {
    return options_.matching == Matching::exact && layout_.group == 1 && !layout_.is_narrow();
  }

  bool is_one_by_one() const { return is_in_strips() || options_.matching == Matching::window; }

  // The entries of a cell of groups.
  std::vector<Entry> entries_of(Cell cell) const {
    const Span inputs = rows_.group(cell.row);
    const Span others = cols_.group(cell.col);
    std::vector<Entry> entries;
    entries.reserve(inputs.size() * others.size());
    for (std::size_t i = inputs.begin; i < inputs.end; ++i) {
      for (std::size_t j = others.begin; j < others.end; ++j) {
        const bool is_diagonal = sides_.is_symmetric && i == j;
        if (is_diagonal || sides_.is_wanted(i, j)) entries.push_back(Entry::of_matrix(i, j));
      }
    }
    return entries;
  }

  // Writes the entries of inputs with themselves; returns the others.
  std::vector<Entry> without_diagonal(std::vector<Entry> entries) const {
    const auto is_diagonal = [&](const Entry& entry) { return sides_.is_diagonal(entry); };
    for (const Entry& entry : entries) {
      if (is_diagonal(entry)) entries_.write_diagonal(entry);
    }
    std::erase_if(entries, is_diagonal);
    return entries;
  }

  void add_each(std::vector<Entry> all, Matcher<T>& matcher, Worker& worker) const {
    for (const Entry& entry : without_diagonal(std::move(all))) {
      const Match match = is_in_strips() ? match_in_strips(entry, matcher, worker)
                                         : match_windows(entry.i, entry.j, matcher, worker);
      entries_.write_matched(entry, match, matcher, worker);
    }
  }

  Match match_in_strips(const Entry& entry, Matcher<T>& matcher, Worker& worker) const {
    const auto a = rows_.rows({entry.i, entry.i + 1});
    const auto b = cols_.rows({entry.j, entry.j + 1});
    const auto strip = [&](std::size_t first, std::size_t count) {
      const std::size_t stride = stride_for(b.count);
      products_.of({a.data + first * rows_.depth(), count}, b, rows_.depth(),
                   matcher.affinities.data(), stride, worker);
      return MatrixView<const T>(matcher.affinities.data(), count, b.count,
                                 static_cast<std::ptrdiff_t>(stride), 1);
    };
    const AffinityStrips<T> affinity{a.count, b.count, kTileEdge, strip};
    const Assignment found = matcher.solve(affinity, worker);
    return {found.total, found.columns};
  }

  // The entries of a block of groups of narrow tokens.
  void add_scored_together(Cell block, std::size_t edge, Matcher<T>& matcher,
                           Worker& worker) const {
    const Span rows = block_span(block.row, rows_.groups(), edge);
    const Span cols = block_span(block.col, cols_.groups(), edge);
    for (std::size_t row = rows.begin; row < rows.end; ++row) {
      const std::size_t first = sides_.is_symmetric ? std::max(row, cols.begin) : cols.begin;
      for (std::size_t col = first; col < cols.end; ++col) add_groups({row, col}, matcher, worker);
    }
    write_kept(
        [](std::size_t, const Rescoring::Pair& pair) { return Entry::of_matrix(pair.i, pair.j); },
        matcher, worker);
  }

  void add_groups(Cell cell, Matcher<T>& matcher, Worker& worker) const {
    const std::vector<Entry> entries = without_diagonal(entries_of(cell));
    if (entries.empty()) return;
    const Span inputs = rows_.group(cell.row);
    const Span others = cols_.group(cell.col);
    T* affinities = matcher.affinities.data();
    const std::size_t stride = stride_for(cols_.rows(others).count);
    products_.of(rows_, inputs, cols_, others, matcher, affinities, stride, worker);
    match_all(
        entries, matcher, worker,
        [&](std::size_t k) {
          const Entry& entry = entries[k];
          return affinities + rows_.row_in_group(entry.i) * stride + cols_.row_in_group(entry.j);
        },
        stride);
  }

  void add_listed(std::vector<Entry> all, Matcher<T>& matcher, Worker& worker) const {
    const std::vector<Entry> entries = without_diagonal(std::move(all));
    const std::size_t edge = stride_for(layout_.max_tokens);
    const auto affinities = [&](std::size_t k) {
      return matcher.affinities.data() + k * edge * edge;
    };
    for (std::size_t k = 0; k < entries.size(); ++k) {
      const auto [i, j, place] = entries[k];
      products_.of(rows_, i, cols_, j, matcher, affinities(k), edge, worker);
    }
    match_all(entries, matcher, worker, affinities, edge);
    if (!layout_.is_narrow()) return;
    write_kept([&](std::size_t p, const Rescoring::Pair&) { return entries[p]; }, matcher, worker);
  }

  // Matches entries[k], whose affinities begin at affinities(k), and writes it; the matchings of
  // narrow tokens are kept to be scored.
  template <class Affinities>
  void match_all(const std::vector<Entry>& entries, Matcher<T>& matcher, Worker& worker,
                 Affinities affinities, std::size_t stride) const {
    const auto affinity = [&](std::size_t k) {
      return MatrixView<const T>(affinities(k), rows_.tokens(entries[k].i),
                                 cols_.tokens(entries[k].j), static_cast<std::ptrdiff_t>(stride),
                                 1);
    };
    if (!layout_.is_narrow()) {
      return matcher.match_each(entries.size(), affinity, worker, [&](std::size_t k, Match match) {
        entries_.write_matched(entries[k], match, matcher, worker);
      });
    }
    const auto keep = [&](std::size_t k, const Assignment& found) {
      const auto [i, j, place] = entries[k];
      const Scoring scoring = rows_.narrow().scoring(i, cols_.narrow(), j);
      matcher.rescoring.keep(i, j, rows_.tokens(i), scoring, found);
    };
    matcher.solve_each(entries.size(), affinity, worker, keep);
  }

  // Scores the matchings that were kept, and writes entry(p, pair) of each pair.
  template <class EntryOf>
  void write_kept(EntryOf entry, Matcher<T>& matcher, Worker& worker) const {
    const auto& scored = matcher.rescoring.score(rows_.narrow(), cols_.narrow());
    for (std::size_t p = 0; p < scored.size(); ++p) {
      entries_.write_rescored(entry(p, scored[p]), scored[p], matcher.rescoring.columns(p), matcher,
                              worker);
    }
  }

  Match match_windows(std::size_t i, std::size_t j, Matcher<T>& matcher, Worker& worker) const {
    double total = 0;
    const std::size_t shared = std::min(rows_.tokens(i), cols_.tokens(j));
    std::fill(matcher.columns.begin(), matcher.columns.end(), -1);
    for (std::size_t first = 0; first < shared; first += layout_.window) {
      const std::size_t window = first / layout_.window;
      const auto a = rows_.window_rows(i, window);
      const auto b = cols_.window_rows(j, window);
      const auto stride = static_cast<std::ptrdiff_t>(stride_for(b.count));
      products_.of(a, b, rows_.depth(), matcher.affinities.data(), stride, worker);
      const MatrixView<const T> affinity(matcher.affinities.data(), a.count, b.count, stride, 1);
      const Match found = matcher.match(affinity, worker);
      total += found.total;
      put_columns(found.columns, a.count, b.count, first, matcher.columns.data());
    }
    return {total, matcher.columns.data()};
  }

  const RsmOptions& options_;
  const RsmSides<T>& sides_;
  const TokenLayout& layout_;
  const TokenSets<T>& rows_;
  const TokenSets<T>& cols_;
  const Execution& execution_;
  const AffinityProducts<T> products_;
  const RsmEntries<T> entries_;
  std::optional<UnmatchedBlocks<T>> unmatched_;
};

}  // namespace isogram
