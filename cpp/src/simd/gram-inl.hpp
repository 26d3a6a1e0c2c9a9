// Gram tiles: blocks of inner products and of L1 distances, and what turns them into kernels.

namespace {

// A micro-kernel holds kMicroRows × 3 vectors of sums: as many as the registers take beside three
// vectors of b and one broadcast element of a (8 × 3 of 32 registers, 4 × 3 of 16).
inline constexpr std::size_t kPanelVectors = 3;
template <class T>
inline constexpr std::size_t kPanel = kPanelVectors * kLanes<T>;
template <class T>
inline constexpr std::size_t kMicroRows = kPanel<T> % kRegisterRows == 0 ? kRegisterRows : 3;

// Depth is cut into panels so that one of b stays in the nearest cache, and so that float32 sums
// stay short: rounding grows with the depth of a panel plus the number of panels.
inline constexpr std::size_t kDepthPanel = 256;

struct Product {
  template <class V>
  static V accumulate(V sum, V a, V b) {
    return sum + a * b;
  }
};

struct AbsoluteDifference {
  template <class V>
  static V accumulate(V sum, V a, V b) {
    const V difference = a - b;
    return sum + (difference < 0 ? -difference : difference);
  }
};

// kMicroRows rows of one panel of a, from `a` on, against one panel of b, over `depth` elements.
template <class Operation, class T>
inline void micro_block(const T* a, const T* b, std::size_t depth, T* out, std::size_t stride,
                        bool add) {
  constexpr std::size_t rows = kMicroRows<T>;
  Vector<T> sums[rows][kPanelVectors] = {};
  for (std::size_t k = 0; k < depth; ++k, a += kPanel<T>, b += kPanel<T>) {
    Vector<T> right[kPanelVectors];
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kPanelVectors; ++v) right[v] = load(b + v * kLanes<T>);
#pragma GCC unroll 8
    for (std::size_t i = 0; i < rows; ++i) {
      const Vector<T> left = broadcast(a[i]);
#pragma GCC unroll 3
      for (std::size_t v = 0; v < kPanelVectors; ++v) {
        sums[i][v] = Operation::accumulate(sums[i][v], left, right[v]);
      }
    }
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < rows; ++i) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kPanelVectors; ++v) {
      T* target = out + i * stride + v * kLanes<T>;
      store(target, add ? load(target) + sums[i][v] : sums[i][v]);
    }
  }
}

template <class Operation, class T>
inline void block(const T* a, std::size_t a_panels, const T* b, std::size_t b_panels,
                  std::size_t depth, T* out, std::size_t stride) {
  for (std::size_t begin = 0; begin < depth; begin += kDepthPanel) {
    const std::size_t length = depth - begin < kDepthPanel ? depth - begin : kDepthPanel;
    for (std::size_t q = 0; q < b_panels; ++q) {
      const T* right = b + (q * depth + begin) * kPanel<T>;
      for (std::size_t p = 0; p < a_panels; ++p) {
        const T* left = a + (p * depth + begin) * kPanel<T>;
        T* corner = out + p * kPanel<T> * stride + q * kPanel<T>;
        for (std::size_t i = 0; i < kPanel<T>; i += kMicroRows<T>) {
          micro_block<Operation>(left + i, right, length, corner + i * stride, stride, begin > 0);
        }
      }
    }
  }
}

template <class T>
void inner_products(const T* a, std::size_t a_panels, const T* b, std::size_t b_panels,
                    std::size_t depth, T* out, std::size_t stride) noexcept {
  block<Product>(a, a_panels, b, b_panels, depth, out, stride);
}

template <class T>
void l1_distances(const T* a, std::size_t a_panels, const T* b, std::size_t b_panels,
                  std::size_t depth, T* out, std::size_t stride) noexcept {
  block<AbsoluteDifference>(a, a_panels, b, b_panels, depth, out, stride);
}

template <class T>
std::size_t squared_distances(T* row, std::size_t n, T a_squared, const T* b_squared,
                              T relative) noexcept {
  Bits<T> close{};
  std::size_t count = 0;
  sweep<T>(
      n,
      [&](std::size_t j) {
        const Vector<T> both = a_squared + load(b_squared + j);
        const Vector<T> distance = both - T{2} * load(row + j);
        close -= distance < relative * both;
        store(row + j, distance < T{0} ? Vector<T>{} : distance);
      },
      [&](std::size_t j) {
        const T both = a_squared + b_squared[j];
        const T distance = both - T{2} * row[j];
        count += distance < relative * both;
        row[j] = distance < T{0} ? T{0} : distance;
      });
  for (std::size_t lane = 0; lane < kLanes<T>; ++lane) {
    count += static_cast<std::size_t>(close[lane]);
  }
  return count;
}

// By squaring: no degree takes long.
template <class T>
inline T power(T base, int degree) {
  T result = base;
  for (int left = degree - 1; left > 0; left /= 2) {
    if (left % 2 == 1) result = result * base;
    base = base * base;
  }
  return result;
}

template <class T>
void polynomials(T* row, std::size_t n, T gamma, T coef0, int degree) noexcept {
  sweep<T>(
      n, [&](std::size_t j) { store(row + j, power(gamma * load(row + j) + coef0, degree)); },
      [&](std::size_t j) { row[j] = power(gamma * row[j] + coef0, degree); });
}

}  // namespace
