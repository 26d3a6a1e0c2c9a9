// Jensen–Shannon divergences (see isogram/jsd.hpp), a tile at a time.
//
// All functions only enqueue work, allocate nothing and never wait; a failed launch throws
// isogram::cuda::Error. Results repeat bit for bit, on any device.
#pragma once

#include "isogram/cuda/device.hpp"

namespace isogram::cuda {

// out[i, :] = x[i, :] / Σ x[i, :], in float64. A row that is no distribution becomes NaN: with a
// negative entry, a NaN or infinity, or a sum off 1 by more than 1e-3 (16-bit types: 1e-2).
void normalise_rows(Stream stream, const Input& x, const Matrix<double>& out);

// tile[i, j] = Jensen–Shannon divergence in bits between row i of p and row j of q, normalised rows
// of equally many columns. Symmetric exactly: swapped arguments give the transpose. Equal rows give
// exactly 0, nothing leaves [0, 1], and NaN stays NaN.
//
// With m = (a + b)/2 and r = |a − b|/(a + b), a pair of entries counts m · g(r), where
//   g(r) = [(1 + r) log2(1 + r) + (1 − r) log2(1 − r)]/2 = Σ_{k ≥ 1} r^2k / (2k (2k − 1) ln 2)
// No term of the series is negative, so it keeps the relative accuracy that the difference of two
// logarithms of near equals would lose: a few eps of T for every pair of entries, and for their
// sum, which is float64. So T = float may do all but a − b, a + b and the sums in float32, at twice
// the rate and with shorter series; and p and q need no logarithms beside them.
// r < 1/2 takes the series (10 terms for float, 24 for double), the others 1 − H(a/(a + b)), the
// entropy of a coin. Cost: p.rows · q.rows · p.cols times a division and either of them, about 80
// float32 instructions where lanes disagree: compute sets the pace.
template <class T>
void jsd(Stream stream, const Matrix<const double>& p, const Matrix<const double>& q,
         const Matrix<T>& tile);

}  // namespace isogram::cuda
