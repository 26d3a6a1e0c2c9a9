// Sums over the entries of Gram matrices, in float64 whatever the entries are.

namespace {

inline constexpr std::size_t kWideLanes = kLanes<double>;
inline constexpr std::size_t kSums = 4;  // running sums at a time: additions take so long

// As many T as one vector holds doubles.
template <class T>
struct Narrow {
  typedef T type __attribute__((vector_size(kWideLanes * sizeof(T))));
};

template <class T>
inline Vector<double> widen(const T* p) {
  typename Narrow<T>::type x;
  __builtin_memcpy(&x, p, sizeof x);
  return __builtin_convertvector(x, Vector<double>);
}

template <class T>
inline void store_narrowed(T* p, Vector<double> x) {
  const auto narrow = __builtin_convertvector(x, typename Narrow<T>::type);
  __builtin_memcpy(p, &narrow, sizeof narrow);
}

// Σ over [0, n) of what vector(j) gives for kWideLanes entries from j on, and scalar(j) for one.
template <class OnVector, class OnScalar>
inline double wide_sum(std::size_t n, OnVector vector, OnScalar scalar) {
  Vector<double> sums[kSums] = {};
  std::size_t j = 0;
  for (; j + kSums * kWideLanes <= n; j += kSums * kWideLanes) {
    unrolled<kSums>([&](std::size_t s) { sums[s] += vector(j + s * kWideLanes); });
  }
  for (; j + kWideLanes <= n; j += kWideLanes) sums[0] += vector(j);
  double rest = 0;
  for (; j < n; ++j) rest += scalar(j);
  return horizontal_sum<double>((sums[0] + sums[1]) + (sums[2] + sums[3])) + rest;
}

template <class T>
double sum(const T* row, std::size_t n) noexcept {
  return wide_sum(
      n, [&](std::size_t j) { return widen(row + j); },
      [&](std::size_t j) { return static_cast<double>(row[j]); });
}

template <class T>
double dot(const T* a, const T* b, std::size_t n) noexcept {
  return wide_sum(
      n, [&](std::size_t j) { return widen(a + j) * widen(b + j); },
      [&](std::size_t j) { return static_cast<double>(a[j]) * b[j]; });
}

template <class T>
RowSums add_row(const T* row, std::size_t n, double* sums) noexcept {
  double magnitude = 0;
  Vector<double> magnitudes{};
  const double total = wide_sum(
      n,
      [&](std::size_t j) {
        const Vector<double> x = widen(row + j);
        store(sums + j, load(sums + j) + x);
        magnitudes += absolute<double>(x);
        return x;
      },
      [&](std::size_t j) {
        const double x = row[j];
        sums[j] += x;
        magnitude += x < 0 ? -x : x;
        return x;
      });
  return {total, magnitude + horizontal_sum<double>(magnitudes)};
}

template <class T>
void subtract_shifts(const T* row, T* out, std::size_t n, double row_shift,
                     const double* column_shift) noexcept {
  std::size_t j = 0;
  for (; j + kWideLanes <= n; j += kWideLanes) {
    store_narrowed(out + j, widen(row + j) - (row_shift + load(column_shift + j)));
  }
  for (; j < n; ++j) out[j] = static_cast<T>(row[j] - (row_shift + column_shift[j]));
}

}  // namespace
