// exp for whole vectors: 2^n times a polynomial on [−ln 2 / 2, ln 2 / 2].
//
// Worst relative error measured over [−87, 88] (float32) and [−708, 709] (float64): see
// tests/cpp/kernels_test.cpp, which asserts the bound. Below the smallest normal number the result
// is 0; above the largest, infinity; exp(NaN) is NaN.

namespace {

template <class T>
struct ExponentialOf;

template <>
struct ExponentialOf<float> {
  static constexpr float lowest = -87.3365448F;  // log of the smallest normal float
  static constexpr float highest = 88.7228317F;
  static constexpr float ln2_high = 0.693145752F;  // 9 trailing zero bits: n * ln2_high is exact
  static constexpr float ln2_low = 1.42860677e-6F;
  static constexpr int mantissa_bits = 23;
  static constexpr int bias = 127;
  static constexpr int degree = 7;
};

template <>
struct ExponentialOf<double> {
  static constexpr double lowest = -708.396418532264106;
  static constexpr double highest = 709.782712893383973;
  static constexpr double ln2_high = 0.693147180369123816490;
  static constexpr double ln2_low = 1.90821492927058770002e-10;
  static constexpr int mantissa_bits = 52;
  static constexpr int bias = 1023;
  static constexpr int degree = 13;
};

// Taylor's coefficients are within an ulp of the best ones at these degrees, and need no table.
template <class T>
inline Vector<T> exponential_of_fraction(Vector<T> r) {
  double factorial = 1;
  for (int k = 2; k <= ExponentialOf<T>::degree; ++k) factorial *= k;
  Vector<T> sum = broadcast(static_cast<T>(1 / factorial));
#pragma GCC unroll 13
  for (int k = ExponentialOf<T>::degree; k > 0; --k) {
    factorial /= k;
    sum = sum * r + static_cast<T>(1 / factorial);
  }
  return sum;
}

// x * 2^n, in two steps, because 2^n alone overflows for the largest results.
template <class T>
inline Vector<T> scale_by_power(Vector<T> x, Bits<T> n) {
  constexpr int shift = ExponentialOf<T>::mantissa_bits;
  const Bits<T> half = n >> 1;
  const Bits<T> first = (half + ExponentialOf<T>::bias) << shift;
  const Bits<T> second = (n - half + ExponentialOf<T>::bias) << shift;
  Vector<T> a;
  Vector<T> b;
  __builtin_memcpy(&a, &first, sizeof a);
  __builtin_memcpy(&b, &second, sizeof b);
  return x * a * b;
}

template <class T>
inline Vector<T> exponential(Vector<T> x) {
  using E = ExponentialOf<T>;
  const Bits<T> too_low = x < E::lowest;
  const Bits<T> too_high = x > E::highest;
  Vector<T> inside = too_low ? broadcast(E::lowest) : x;
  inside = too_high ? broadcast(E::highest) : inside;
  inside = inside == inside ? inside : Vector<T>{};  // NaN has no integer part
  // Adding and subtracting 1.5 * 2^mantissa_bits rounds to the nearest integer.
  const T rounder = static_cast<T>(3LL << (E::mantissa_bits - 1));
  const Vector<T> n = (inside * static_cast<T>(1.44269504088896340736) + rounder) - rounder;
  const Vector<T> r = (inside - n * E::ln2_high) - n * E::ln2_low;
  Vector<T> result =
      scale_by_power<T>(exponential_of_fraction<T>(r), __builtin_convertvector(n, Bits<T>));
  result = too_low ? Vector<T>{} : result;
  result = too_high ? broadcast(static_cast<T>(__builtin_inf())) : result;
  return x == x ? result : x;
}

template <class T>
void exponentials(T* row, std::size_t n, T factor) noexcept {
  std::size_t j = 0;
  for (; j + kLanes<T> <= n; j += kLanes<T>) {
    store(row + j, exponential<T>(factor * load(row + j)));
  }
  if (j == n) return;
  T rest[kLanes<T>] = {};
  for (std::size_t lane = 0; lane < n - j; ++lane) rest[lane] = factor * row[j + lane];
  store(rest, exponential<T>(load(rest)));
  for (std::size_t lane = 0; lane < n - j; ++lane) row[j + lane] = rest[lane];
}

}  // namespace
