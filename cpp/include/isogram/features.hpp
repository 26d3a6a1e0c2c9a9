// The features of a layer as rows, for products of features with features.
#pragma once

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// out(j, i) = (x_ij − m_j) / √Σ_i (x_ij − m_j)², with m_j the mean of feature j of x (n × d), so
// that ⟨row a, row b⟩ of out (d × n) is the correlation of two features.
//
// A feature whose centred entries are all at most 64 eps of its largest entry, eps that of float64,
// is constant: its row is 0, and are_constant[j], of d, true.
//
// Types: float16, bfloat16, float32, float64 → float64 sums and differences → T, T = float or
// double. Cost: O(n·d), x is read once. Memory per thread: 16 to 64 features in float64. Features
// have the same bits for any number of threads.
// Throws std::invalid_argument: x empty; out of another shape, or without adjacent entries in its
// rows; a NaN or infinity (the message names one).
template <class T>
void standardized_features(const InputView& x, MatrixView<T> out, bool* are_constant,
                           const Execution& execution = {});

}  // namespace isogram
