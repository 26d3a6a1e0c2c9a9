// Entropies: log2 for whole vectors of doubles, by its series around 1.
//
// Writing x = 2^e m with m in [√½, √2) and s = (m − 1)/(m + 1), |s| ≤ 0.1716,
//     log2(x) = e + (2/ln 2) (s + s³/3 + s⁵/5 + …),
// eleven terms of which are within an ulp. tests/cpp/compare_test.cpp asserts the bound.

namespace {

typedef std::uint64_t Words __attribute__((vector_size(kVectorBytes)));

inline constexpr double kSmallestNormal = 0x1p-1022;

// x ≥ kSmallestNormal.
inline Vector<double> binary_logarithm(Vector<double> x) {
  constexpr std::uint64_t root_half = 0x3fe6a09e667f3bcdULL;  // the bits of √½
  constexpr std::uint64_t bias = 1023;
  Words bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  const Words biased = (bits - root_half + (bias << 52)) >> 52;  // e + bias
  const Words mantissa_bits = bits - (biased << 52) + (bias << 52);
  // An integer in the last bits of 2^52 is 2^52 plus that integer: a conversion that every
  // instruction set has.
  const Words exponent_bits = biased | 0x4330000000000000ULL;
  Vector<double> mantissa;
  Vector<double> exponent;
  __builtin_memcpy(&mantissa, &mantissa_bits, sizeof mantissa);
  __builtin_memcpy(&exponent, &exponent_bits, sizeof exponent);
  exponent -= 0x1p52 + static_cast<double>(bias);

  const Vector<double> s = (mantissa - 1.0) / (mantissa + 1.0);
  const Vector<double> square = s * s;
  Vector<double> series = broadcast(1.0 / 21);
#pragma GCC unroll 10
  for (int k = 19; k > 0; k -= 2) series = series * square + 1.0 / k;
  return exponent + 2.88539008177792681472 * (s * series);
}

// x log2(x), and 0 for x = 0.
inline Vector<double> information(Vector<double> x) {
  const Bits<double> vanishes = x < kSmallestNormal;
  const Vector<double> inside = vanishes ? broadcast(1.0) : x;
  return x * binary_logarithm(inside);
}

double mixture_entropy(const double* p, const double* q, std::size_t n) noexcept {
  constexpr std::size_t lanes = kLanes<double>;
  Vector<double> sums{};
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) sums -= information(0.5 * (load(p + j) + load(q + j)));
  double rest[lanes] = {};
  for (std::size_t lane = 0; j + lane < n; ++lane) rest[lane] = 0.5 * (p[j + lane] + q[j + lane]);
  sums -= information(load(rest));
  double total = 0;
  for (std::size_t lane = 0; lane < lanes; ++lane) total += sums[lane];
  return total;
}

}  // namespace
