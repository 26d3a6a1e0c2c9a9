// Random inputs for the fuzzer: features with the troubles of trained networks, in a random type
// and memory order, and options for them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "isogram/isogram.hpp"
#include "isogram_reference/gram.hpp"
#include "support.hpp"

namespace isogram_test {

using isogram::Kernel;
using isogram::KernelOptions;

// ---- Drawing ---------------------------------------------------------------------------------

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : engine_(seed) {}

  std::size_t up_to(std::size_t most) {  // 0 … most
    return std::uniform_int_distribution<std::size_t>(0, most)(engine_);
  }
  std::size_t between(std::size_t least, std::size_t most) { return least + up_to(most - least); }
  bool chance(double probability) { return uniform() < probability; }
  double uniform() { return std::uniform_real_distribution<double>()(engine_); }
  double normal() { return std::normal_distribution<double>()(engine_); }
  double power_of_ten(double least, double most) {
    return std::pow(10.0, least + (most - least) * uniform());
  }
  template <class Range>
  auto one_of(const Range& range) {
    return range[up_to(std::size(range) - 1)];
  }

 private:
  std::mt19937_64 engine_;
};

// Mostly small, sometimes beyond a tile or a panel.
inline std::size_t some_rows(Generator& random, std::size_t least) {
  return random.chance(0.2) ? random.between(47, 110) : random.between(least, 24);
}
inline std::size_t some_depth(Generator& random) {
  return random.chance(0.1) ? random.between(250, 530) : random.between(1, 40);
}

inline Matrix low_rank(Generator& random, std::size_t n, std::size_t d) {
  const std::size_t rank = random.between(1, 8);
  Matrix x(n, Vec(d));
  Matrix latent(n, Vec(rank));
  Matrix mixing(d, Vec(rank));
  for (Vec& row : latent) {
    for (Real& value : row) value = random.normal();
  }
  for (Vec& row : mixing) {
    for (Real& value : row) value = random.normal();
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < d; ++k) {
      x[i][k] = isogram_reference::inner(latent[i], mixing[k]) + 0.5 * random.normal();
    }
  }
  return x;
}

// ---- Troubles: each changes the features, and says what it did -------------------------------

struct Trouble {
  const char* name;
  void (*add)(Generator& random, Matrix& x, double reach);  // reach: powers of ten within T's range
};

template <class Change>
void on_entries(Matrix& x, Change change) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t k = 0; k < x[i].size(); ++k) change(i, k, x[i][k]);
  }
}

inline constexpr Trouble kTroubles[] = {
    {"none", [](Generator&, Matrix&, double) {}},
    {"a common offset",
     [](Generator& random, Matrix& x, double) {
       const double offset = random.power_of_ten(0, 5);
       on_entries(x, [&](std::size_t, std::size_t, Real& value) { value += offset; });
     }},
    {"an offset of every column",
     [](Generator& random, Matrix& x, double) {
       Vec offsets(x[0].size());
       const double size = random.power_of_ten(0, 5);
       for (Real& offset : offsets) offset = size * random.normal();
       on_entries(x, [&](std::size_t, std::size_t k, Real& value) { value += offsets[k]; });
     }},
    {"a massive channel",
     [](Generator& random, Matrix& x, double) {
       const double offset = random.power_of_ten(1, 4);
       const std::size_t channel = random.up_to(x[0].size() - 1);
       for (Vec& row : x) row[channel] += offset;
     }},
    {"a far row",
     [](Generator& random, Matrix& x, double) {
       const double factor = random.power_of_ten(1, 8);
       for (Real& value : x[random.up_to(x.size() - 1)]) value *= factor;
     }},
    {"two clusters far apart",
     [](Generator& random, Matrix& x, double) {
       const double distance = random.power_of_ten(1, 5);
       for (std::size_t i = 0; i < x.size() / 2; ++i) {
         for (Real& value : x[i]) value += distance;
       }
     }},
    {"another scale",
     [](Generator& random, Matrix& x, double reach) {
       const double factor = random.power_of_ten(-reach, reach);
       on_entries(x, [&](std::size_t, std::size_t, Real& value) { value *= factor; });
     }},
    {"zero rows",
     [](Generator& random, Matrix& x, double) {
       for (Vec& row : x) {
         if (random.chance(0.2)) row = Vec(row.size(), 0);
       }
     }},
    {"duplicates",
     [](Generator& random, Matrix& x, double) {
       for (Vec& row : x) {
         if (random.chance(0.3)) row = x[random.up_to(x.size() - 1)];
       }
     }},
    {"near-duplicates",
     [](Generator& random, Matrix& x, double) {
       const double distance = random.power_of_ten(-5, -1);
       for (Vec& row : x) {
         if (!random.chance(0.5)) continue;
         row = x[0];
         for (Real& value : row) value += distance * random.normal();
       }
     }},
    {"constant columns",
     [](Generator& random, Matrix& x, double) {
       for (std::size_t k = 0; k < x[0].size(); ++k) {
         if (!random.chance(0.3)) continue;
         for (Vec& row : x) row[k] = x[0][k];
       }
     }},
    {"few values",
     [](Generator&, Matrix& x, double) {
       on_entries(x, [&](std::size_t, std::size_t, Real& value) { value = std::round(value); });
     }},
};

// Features, the type in which they are stored, and a description for failures.
struct Features {
  Matrix values;
  std::string story;
};

// One to three different troubles.
template <class T>
Features some_features(Generator& random, std::size_t n, std::size_t d) {
  Features features{low_rank(random, n, d), ""};
  std::vector<Trouble> troubles(std::begin(kTroubles), std::end(kTroubles));
  for (std::size_t count = random.between(1, 3); count > 0; --count) {
    const std::size_t chosen = random.up_to(troubles.size() - 1);
    troubles[chosen].add(random, features.values, sizeof(T) == 4 ? 12 : 100);
    features.story += std::string(features.story.empty() ? "" : ", then ") + troubles[chosen].name;
    troubles.erase(troubles.begin() + static_cast<std::ptrdiff_t>(chosen));
  }
  return features;
}

inline Real largest_of(const Matrix& x) {
  Real largest = 0;
  for (const Vec& row : x) {
    for (const Real value : row) largest = std::max(largest, std::abs(value));
  }
  return largest;
}

// A type that holds the values: T's own, or a narrower one.
template <class T>
ElementType some_type(Generator& random, const Matrix& values) {
  if (sizeof(T) == 8 && random.chance(0.8)) return ElementType::float64;
  const Real largest = largest_of(values);
  const ElementType type =
      random.one_of(std::vector{ElementType::float32, ElementType::bfloat16, ElementType::float16});
  if (largest > 1e37L) return sizeof(T) == 8 ? ElementType::float64 : ElementType::float32;
  return type == ElementType::float16 && largest > 6e4L ? ElementType::float32 : type;
}

inline constexpr Order kDistinct[] = {Order::c, Order::fortran, Order::padded, Order::negative};

template <class T>
Input stored(Generator& random, const Matrix& values, const char* name) {
  return Input(some_type<T>(random, values), random.one_of(kDistinct), values, name);
}

inline isogram::Execution some_threads(Generator& random) {
  isogram::Execution execution;
  execution.num_threads = static_cast<int>(random.between(1, 3));
  return execution;
}

// The median distance of the rows, times a random factor.
inline double some_bandwidth(Generator& random, const Matrix& x, Kernel kernel) {
  Vec distances;
  for (std::size_t i = 1; i < x.size(); ++i) {
    const Vec& other = x[random.up_to(i - 1)];
    distances.push_back(kernel == Kernel::laplacian
                            ? isogram_reference::l1_distance(x[i], other)
                            : std::sqrt(isogram_reference::squared_distance(x[i], other)));
  }
  std::sort(distances.begin(), distances.end());
  const Real median = distances.empty() ? 0 : distances[distances.size() / 2];
  const double factor = random.power_of_ten(-0.5, 1);
  return median > 0 ? factor * static_cast<double>(median) : factor;
}

inline KernelOptions some_kernel(Generator& random, const Matrix& x) {
  constexpr Kernel kKernels[] = {Kernel::linear,    Kernel::cosine,    Kernel::correlation,
                                 Kernel::rbf,       Kernel::laplacian, Kernel::laplacian_l2,
                                 Kernel::polynomial};
  KernelOptions options{.kernel = random.one_of(kKernels)};
  options.bandwidth = some_bandwidth(random, x, options.kernel);
  const double square = static_cast<double>(largest_of(x) * largest_of(x)) + 1e-30;
  options.gamma = random.chance(0.3) && square < 1e6 ? 0 : random.normal() / square;
  options.degree = static_cast<int>(random.between(1, 5));
  options.coef0 = random.normal();
  return options;
}

inline std::string kernel_name(const KernelOptions& options) {
  constexpr const char* kNames[] = {"linear",    "cosine",       "correlation", "rbf",
                                    "laplacian", "laplacian_l2", "polynomial"};
  return kNames[static_cast<int>(options.kernel)];
}

}  // namespace isogram_test
