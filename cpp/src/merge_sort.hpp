// A parallel, stable merge sort that counts the exchanges it saves a bubble sort.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "buffer.hpp"
#include "team.hpp"

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

// The runs of `width` items from `begin` on, the last of them cut off at `end`.
template <class Item>
Runs<Item> runs_at(const Item* items, std::size_t begin, std::size_t width, std::size_t end) {
  const std::size_t middle = std::min(begin + width, end);
  const std::size_t last = std::min(middle + width, end);
  return {items + begin, middle - begin, items + middle, last - middle};
}

// How many of the first `count` merged items come from the left run.
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

// Writes the merged items [begin, end) of two runs. Every item of the right run that passes some of
// the left one is exchanged with each of them: returns how often that happened.
template <class Item, class Less>
std::uint64_t merge_range(const Runs<Item>& runs, std::size_t begin, std::size_t end, Item* out,
                          Less less) {
  std::size_t left = taken_from_left(runs, begin, less);
  std::size_t right = begin - left;
  std::uint64_t exchanges = 0;
  for (; begin < end && left < runs.left_size && right < runs.right_size; ++begin) {
    const Item* const own = runs.left + left;
    const Item* const other = runs.right + right;
    // As likely as not: a branch would be mispredicted every other time, so there is none.
    const std::uint64_t passes = less(*other, *own) ? 1 : 0;
    *out++ = *(passes ? other : own);
    exchanges += passes * (runs.left_size - left);
    right += passes;
    left += 1 - passes;
  }
  for (; begin < end && left < runs.left_size; ++begin) *out++ = runs.left[left++];
  for (; begin < end; ++begin) *out++ = runs.right[right++];
  return exchanges;
}

// Sorts runs of kFirstRun items by insertion.
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

// Sorts n items, leaving them in `items`; `scratch` takes as many.
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
// Every level of merging is cut into tasks of kSortChunk results, however long its runs.
// Memory: a second buffer of the same size.
template <class Item, class Less>
std::uint64_t merge_sort(Buffer<Item>& items, Less less, const Execution& execution) {
  const std::size_t n = items.size();
  const std::size_t chunks = (n + kSortChunk - 1) / kSortChunk;
  Buffer<Item> scratch(n);
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
