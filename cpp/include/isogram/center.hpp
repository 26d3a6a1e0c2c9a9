// Centring of Gram matrices.
#pragma once

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// biased    H K H with H = I − 11ᵀ/n (Gretton et al. 2005)
// debiased  U-centring (Székely and Rizzo 2014; Song et al. 2012): with a zeroed diagonal,
//           K_ij − R_i/(n−2) − C_j/(n−2) + S/((n−1)(n−2)) off the diagonal, 0 on it, where R, C
//           and S are the sums of rows, of columns and of all
enum class Estimator { biased, debiased };

// The centred k (n × n, symmetric or not), written to out (n × n), which may be k itself.
//
// Sums of a row and its column that differ by no more than the rounding of n additions are taken to
// be equal, so that a symmetric matrix stays exactly symmetric.
// Types: T → float64 sums and differences → T, T = float or double.
// Cost: one pass for the sums, one to subtract them. Memory: 24 n bytes, 8 n more for each 1/32 of
// the rows, and 8 n² more where sums overflow.
// Throws std::invalid_argument: k not square, n < 3 for the debiased estimator, out of another
// shape, a NaN or infinity.
template <class T>
void center(MatrixView<const T> k, Estimator estimator, MatrixView<T> out,
            const Execution& execution = {});

}  // namespace isogram
