// Affinities of tokens like those of a feature map: neighbours are near-duplicates.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace isogram {

// Affinities of two sets of `tokens` points on a curve that comes near itself many times.
inline std::vector<float> smooth_affinities(std::size_t tokens, double phase) {
  constexpr std::size_t kChannels = 16;
  const auto channel = [](std::size_t token, std::size_t c, double shift) {
    const double frequency = 0.05 * static_cast<double>(c + 1);
    return std::cos(frequency * static_cast<double>(token) + shift * static_cast<double>(c * c));
  };
  std::vector<float> affinities(tokens * tokens);
  for (std::size_t i = 0; i < tokens; ++i) {
    for (std::size_t j = 0; j < tokens; ++j) {
      double sum = 0;
      for (std::size_t c = 0; c < kChannels; ++c) {
        sum += channel(i, c, 0.0) * channel(j, c, phase);
      }
      affinities[i * tokens + j] = static_cast<float>(sum);
    }
  }
  return affinities;
}

}  // namespace isogram
