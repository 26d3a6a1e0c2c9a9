// Slow and obvious: comparisons of RSMs, and Jensen–Shannon divergences, in long double.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace isogram_reference {

using Rows = std::vector<std::vector<double>>;
using Series = std::vector<long double>;

// The entries above the diagonal.
inline Series triangle(const Rows& k) {
  Series entries;
  for (std::size_t i = 0; i < k.size(); ++i) {
    for (std::size_t j = i + 1; j < k.size(); ++j) entries.push_back(k[i][j]);
  }
  return entries;
}

inline long double cosine(const Series& a, const Series& b) {
  long double ab = 0;
  long double aa = 0;
  long double bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / (std::sqrt(aa) * std::sqrt(bb));
}

inline Series less_mean(Series a) {
  long double mean = 0;
  for (const long double x : a) mean += x / static_cast<long double>(a.size());
  for (long double& x : a) x -= mean;
  return a;
}

inline long double pearson(const Series& a, const Series& b) {
  return cosine(less_mean(a), less_mean(b));
}

// 1 + how many are smaller + half of how many others are equal.
inline Series average_ranks(const Series& a) {
  Series ranks;
  for (const long double x : a) {
    long double rank = 0.5L;
    for (const long double y : a) rank += y < x ? 1.0L : y == x ? 0.5L : 0.0L;
    ranks.push_back(rank);
  }
  return ranks;
}

inline long double spearman(const Series& a, const Series& b) {
  return pearson(average_ranks(a), average_ranks(b));
}

// tau-b: (concordant − discordant) / sqrt(pairs not tied in a · pairs not tied in b).
inline long double kendall(const Series& a, const Series& b) {
  long double difference = 0;
  long double untied_a = 0;
  long double untied_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const int sign_a = (a[i] > a[j]) - (a[i] < a[j]);
      const int sign_b = (b[i] > b[j]) - (b[i] < b[j]);
      difference += sign_a * sign_b;
      untied_a += sign_a != 0;
      untied_b += sign_b != 0;
    }
  }
  return difference / std::sqrt(untied_a * untied_b);
}

// Song et al. 2012, for symmetric matrices.
inline long double debiased_hsic(Rows k, Rows l) {
  const std::size_t n = k.size();
  for (std::size_t i = 0; i < n; ++i) k[i][i] = l[i][i] = 0;
  long double products = 0;
  long double sum_k = 0;
  long double sum_l = 0;
  long double through = 0;  // 1ᵀ K L 1
  for (std::size_t i = 0; i < n; ++i) {
    long double row_k = 0;
    long double row_l = 0;
    for (std::size_t j = 0; j < n; ++j) {
      products += static_cast<long double>(k[i][j]) * l[i][j];
      row_k += k[i][j];
      row_l += l[i][j];
    }
    sum_k += row_k;
    sum_l += row_l;
    through += row_k * row_l;
  }
  const long double m = static_cast<long double>(n);
  return (products + sum_k * sum_l / ((m - 1) * (m - 2)) - 2 * through / (m - 2)) / (m * (m - 3));
}

inline long double cka(const Rows& k, const Rows& l) {
  return debiased_hsic(k, l) / std::sqrt(debiased_hsic(k, k) * debiased_hsic(l, l));
}

// Mean cosine of rows without their diagonal entries; a zero row gives 0.
inline long double mean_row_cosine(const Rows& k, const Rows& l) {
  long double total = 0;
  for (std::size_t i = 0; i < k.size(); ++i) {
    Series a(k[i].begin(), k[i].end());
    Series b(l[i].begin(), l[i].end());
    a[i] = b[i] = 0;
    const long double value = cosine(a, b);
    if (!std::isnan(value)) total += value;
  }
  return total / static_cast<long double>(k.size());
}

inline long double relative_entropy(const Series& p, const Series& q) {
  long double bits = 0;
  for (std::size_t k = 0; k < p.size(); ++k) {
    if (p[k] > 0) bits += p[k] * std::log2(p[k] / q[k]);
  }
  return bits;
}

// Both rows divided by their sums first.
inline long double jensen_shannon(const std::vector<double>& p, const std::vector<double>& q) {
  const auto normalised = [](const std::vector<double>& row) {
    long double sum = 0;
    for (const double x : row) sum += x;
    Series result;
    for (const double x : row) result.push_back(x / sum);
    return result;
  };
  const Series a = normalised(p);
  const Series b = normalised(q);
  Series middle;
  for (std::size_t k = 0; k < a.size(); ++k) middle.push_back((a[k] + b[k]) / 2);
  return (relative_entropy(a, middle) + relative_entropy(b, middle)) / 2;
}

}  // namespace isogram_reference
