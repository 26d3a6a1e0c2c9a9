// Magnitudes of entries, and with them whether all are finite.

namespace {

// The largest of the magnitudes taken; number k is 0 or 1, in turns, because one would wait for
// itself.
template <class T>
class Magnitudes {
 public:
  void take(std::size_t k, Vector<T> x) {
    lowest_[k] = minimum(minimum(x, -x), lowest_[k]);
    poison_[k] += x * T{0};
  }

  // +∞ if one was NaN or infinite.
  T largest() const {
    if (!(horizontal_sum<T>(poison_[0] + poison_[1]) == 0)) return kInfinity<T>;
    return -horizontal_minimum<T>(minimum(lowest_[0], lowest_[1]));
  }

 private:
  Vector<T> lowest_[2] = {};  // of x and of −x
  Vector<T> poison_[2] = {};  // 0 · x is NaN for what is not finite
};

template <class T>
T largest_magnitude(const T* row, std::size_t n) noexcept {
  Magnitudes<T> magnitudes;
  std::size_t j = 0;
  for (; j + 2 * kLanes<T> <= n; j += 2 * kLanes<T>) {
    unrolled<2>([&](std::size_t k) { magnitudes.take(k, load(row + j + k * kLanes<T>)); });
  }
  for (; j < n; ++j) magnitudes.take(0, broadcast(row[j]));
  return magnitudes.largest();
}

}  // namespace
