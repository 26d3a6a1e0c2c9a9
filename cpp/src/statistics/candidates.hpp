// The choice of the nearest of some candidates.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "statistics/edges.hpp"

namespace isogram {

template <class T>
bool exceeds(const Edge<T>& a, const Edge<T>& b, double tolerance) {
  return static_cast<double>(a.weight) - b.weight > tolerance;
}

// An edge, and its closeness or NaN.
template <class T>
struct Candidate {
  Edge<T> edge;
  double closeness = std::numeric_limits<double>::quiet_NaN();
};

template <class T>
bool is_better_weight(const Candidate<T>& a, const Candidate<T>& b) {
  return is_better(a.edge, b.edge);
}

// Moves the k nearest of more than k candidates to the front: by weight, and by closeness where
// rounding could have decided between weights.
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

}  // namespace isogram
