// Edges to neighbours, and heaps of the best edges.
#pragma once

#include <cstddef>
#include <cstdint>

namespace isogram {

template <class T>
struct Edge {
  T weight;
  std::int32_t column;
};

// The order of a heap with the worst edge on top: the smallest weight, of equal ones the largest
// column.
template <class T>
bool is_better(const Edge<T>& a, const Edge<T>& b) {
  return a.weight > b.weight || (a.weight == b.weight && a.column < b.column);
}

// Below every cosine: the weight of places without an edge.
template <class T>
inline constexpr T kNoCosine = T(-2);

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

}  // namespace isogram
