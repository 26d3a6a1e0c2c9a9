// A parallel, stable merge sort that counts the exchanges of a bubble sort.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"

namespace isogram {

// Items per task; runs within one task are merged serially.
inline constexpr std::size_t kSortChunk = std::size_t{1} << 15;

// Two neighbouring sorted runs.
template <class Item>
struct Runs {
  const Item* left;
  std::size_t left_size;
  const Item* right;
  std::size_t right_size;
};

// The two runs of `width` items from `begin` on, cut off at `end`.
template <class Item>
Runs<Item> runs_at(const Item* items, std::size_t begin, std::size_t width, std::size_t end) {
  const std::size_t middle = std::min(begin + width, end);
  const std::size_t last = std::min(middle + width, end);
  return {items + begin, middle - begin, items + middle, last - middle};
}

// The number of items from the left run among the first `count` merged items.
template <class Item, class Less>
std::size_t taken_from_left(const Runs<Item>& runs, std::size_t count, Less less) {
  std::size_t low = count > runs.right_size ? count - runs.right_size : 0;
  std::size_t high = std::min(count, runs.left_size);
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (less(runs.right[count - middle - 1], runs.left[middle])) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// The merge of items [begin, end) of the result of two runs, written to `out`. An item of the right
// run is exchanged with every item of the left run that it passes.
template <class Item, class Less>
class Merge {
 public:
  Merge(const Runs<Item>& runs, std::size_t begin, std::size_t end, Item* out, Less less)
      : less_(less), left_run_end_(runs.left + runs.left_size), out_(out) {
    const std::size_t first = taken_from_left(runs, begin, less);
    const std::size_t last = taken_from_left(runs, end, less);
    left_ = runs.left + first;
    left_end_ = runs.left + last;
    right_ = runs.right + (begin - first);
    right_end_ = runs.right + (end - last);
  }

  // Whether both runs have items left.
  bool has_both() const { return left_ != left_end_ && right_ != right_end_; }

  void step() {
    // Without a branch, which would be mispredicted every second time.
    const std::uint64_t passes = less_(*right_, *left_) ? 1 : 0;
    *out_++ = *(passes ? right_ : left_);
    exchanges_ += passes * static_cast<std::uint64_t>(left_run_end_ - left_);
    right_ += passes;
    left_ += 1 - passes;
  }

  // Merges the rest; returns the number of all exchanges.
  std::uint64_t finish() {
    while (has_both()) step();
    exchanges_ += static_cast<std::uint64_t>(right_end_ - right_) *
                  static_cast<std::uint64_t>(left_run_end_ - left_);
    std::copy(right_, right_end_, std::copy(left_, left_end_, out_));
    return exchanges_;
  }

 private:
  Less less_;
  const Item* left_run_end_;
  const Item* left_;
  const Item* left_end_;
  const Item* right_;
  const Item* right_end_;
  Item* out_;
  std::uint64_t exchanges_ = 0;
};

// From this many items on, both halves are merged in turns: a step has to wait for the one before,
// and a step of the other half fills that time.
inline constexpr std::size_t kInTurns = 64;

// Writes items [begin, end) of the merged runs; returns the number of exchanges.
template <class Item, class Less>
std::uint64_t merge_range(const Runs<Item>& runs, std::size_t begin, std::size_t end, Item* out,
                          Less less) {
  if (end - begin < kInTurns) return Merge<Item, Less>(runs, begin, end, out, less).finish();
  const std::size_t middle = begin + (end - begin) / 2;
  Merge<Item, Less> low(runs, begin, middle, out, less);
  Merge<Item, Less> high(runs, middle, end, out + (middle - begin), less);
  while (low.has_both() && high.has_both()) {
    low.step();
    high.step();
  }
  return low.finish() + high.finish();
}

// The length of the first runs, which are sorted by insertion.
inline constexpr std::size_t kFirstRun = 8;

template <class Item, class Less>
std::uint64_t sort_first_runs(Item* items, std::size_t n, Less less) {
  std::uint64_t exchanges = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Item item = items[i];
    const std::size_t begin = i / kFirstRun * kFirstRun;
    std::size_t place = i;
    for (; place > begin && less(item, items[place - 1]); --place) items[place] = items[place - 1];
    items[place] = item;
    exchanges += i - place;
  }
  return exchanges;
}

// Sorts n items in `items`; `scratch` has room for n. Returns the number of exchanges.
template <class Item, class Less>
std::uint64_t sort_chunk(Item* items, Item* scratch, std::size_t n, Less less) {
  std::uint64_t exchanges = sort_first_runs(items, n, less);
  Item* source = items;
  Item* target = scratch;
  for (std::size_t width = kFirstRun; width < n; width *= 2, std::swap(source, target)) {
    for (std::size_t begin = 0; begin < n; begin += 2 * width) {
      const Runs<Item> runs = runs_at(source, begin, width, n);
      exchanges += merge_range(runs, 0, runs.left_size + runs.right_size, target + begin, less);
    }
  }
  if (source != items) std::copy(source, source + n, items);
  return exchanges;
}

// Sorts by `less` and returns the number of pairs that stood in the wrong order (Knight 1966).
// Every level of merging is cut into tasks of kSortChunk results, whatever the length of its runs.
// Memory: a second buffer of the same size.
template <class Item, class Less>
std::uint64_t merge_sort(Buffer<Item>& items, Less less, const Execution& execution) {
  const std::size_t n = items.size();
  const std::size_t chunks = blocks_in(n, kSortChunk);
  Buffer<Item> scratch = Buffer<Item>::unset(n);
  std::vector<std::uint64_t> exchanges(chunks);
  parallel_for(execution, chunks, [&](std::size_t chunk, Worker&) {
    const std::size_t begin = chunk * kSortChunk;
    exchanges[chunk] += sort_chunk(items.data() + begin, scratch.data() + begin,
                                   std::min(kSortChunk, n - begin), less);
  });
  for (std::size_t width = kSortChunk; width < n; width *= 2) {
    parallel_for(execution, chunks, [&](std::size_t chunk, Worker&) {
      const std::size_t begin = chunk * kSortChunk;
      const std::size_t first = begin / (2 * width) * (2 * width);
      const Runs<Item> runs = runs_at(items.data(), first, width, n);
      exchanges[chunk] += merge_range(runs, begin - first, std::min(begin + kSortChunk, n) - first,
                                      scratch.data() + begin, less);
    });
    std::swap(items, scratch);
  }
  return std::accumulate(exchanges.begin(), exchanges.end(), std::uint64_t{0});
}

}  // namespace isogram
