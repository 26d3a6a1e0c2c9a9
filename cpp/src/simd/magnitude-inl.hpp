// Magnitudes of entries, and with them whether all are finite.

namespace {

template <class T>
T largest_magnitude(const T* row, std::size_t n) noexcept {
  constexpr std::size_t at_once = 2;  // of each, because one would wait for itself
  Vector<T> lowest[at_once] = {};     // of x and of −x
  Vector<T> poison[at_once] = {};     // 0 · x is NaN for what is not finite
  const auto take = [&](std::size_t k, Vector<T> x) {
    lowest[k] = minimum(minimum(x, -x), lowest[k]);
    poison[k] += x * T{0};
  };
  std::size_t j = 0;
  for (; j + at_once * kLanes<T> <= n; j += at_once * kLanes<T>) {
    unrolled<at_once>([&](std::size_t k) { take(k, load(row + j + k * kLanes<T>)); });
  }
  for (; j < n; ++j) take(0, broadcast(row[j]));
  const T largest = -horizontal_minimum<T>(minimum(lowest[0], lowest[1]));
  return horizontal_sum<T>(poison[0] + poison[1]) == 0 ? largest : kInfinity<T>;
}

}  // namespace
