// Sums over the entries of Gram matrices, in float64 whatever the entries are.

namespace {

// As many doubles as one vector holds of T: a float vector widens to two registers.
template <class T>
struct Wide {
  typedef double type __attribute__((vector_size(kLanes<T> * sizeof(double))));
};

template <class T>
inline typename Wide<T>::type widen(const T* p) {
  return __builtin_convertvector(load(p), typename Wide<T>::type);
}

template <class T>
inline double horizontal_wide_sum(typename Wide<T>::type x) {
  double total = 0;
  for (std::size_t lane = 0; lane < kLanes<T>; ++lane) total += x[lane];
  return total;
}

template <class T>
double sum(const T* row, std::size_t n) noexcept {
  typename Wide<T>::type sums{};
  double rest = 0;
  sweep<T>(
      n, [&](std::size_t j) { sums += widen(row + j); }, [&](std::size_t j) { rest += row[j]; });
  return horizontal_wide_sum<T>(sums) + rest;
}

template <class T>
double dot(const T* a, const T* b, std::size_t n) noexcept {
  typename Wide<T>::type sums{};
  double rest = 0;
  sweep<T>(
      n, [&](std::size_t j) { sums += widen(a + j) * widen(b + j); },
      [&](std::size_t j) { rest += static_cast<double>(a[j]) * b[j]; });
  return horizontal_wide_sum<T>(sums) + rest;
}

template <class T>
void add_to(double* sums, const T* row, std::size_t n) noexcept {
  for (std::size_t j = 0; j < n; ++j) sums[j] += row[j];
}

template <class T>
void subtract_shifts(const T* row, T* out, std::size_t n, double row_shift,
                     const double* column_shift) noexcept {
  for (std::size_t j = 0; j < n; ++j) {
    out[j] = static_cast<T>(row[j] - (row_shift + column_shift[j]));
  }
}

}  // namespace
