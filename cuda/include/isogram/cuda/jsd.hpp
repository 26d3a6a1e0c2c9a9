// Jensen–Shannon divergences (see isogram/jsd.hpp), tile by tile. The rules of device.hpp hold.
#pragma once

#include "isogram/cuda/device.hpp"

namespace isogram::cuda {

// out[i, :] = x[i, :] / Σ x[i, :]. A row that is no distribution becomes NaN: a negative entry, a
// NaN or infinity, a sum that is not 1 within 1e-3 (16-bit types: 1e-2). Types: any → float64.
// Cost: two passes, a block of threads per row.
void normalise_rows(Stream stream, const Input& x, const Matrix<double>& out);

// tile[i, j] = Jensen–Shannon divergence in bits between row i of p and row j of q, normalised rows
// with equal numbers of columns. Swapped arguments give exactly the transpose. Equal rows give
// exactly 0, results stay in [0, 1], and NaN stays NaN.
//
// With m = (a + b)/2 and r = |a − b|/(a + b), a pair of entries (a, b) adds m · g(r), where
//   g(r) = [(1 + r) log2(1 + r) + (1 − r) log2(1 − r)]/2 = Σ_{k ≥ 1} r^2k / (2k (2k − 1) ln 2)
// No term of the series is negative, so that it keeps the relative accuracy that a difference of
// two logarithms loses for a ≈ b: a few eps of T per pair of entries. Therefore T = float computes
// all but a − b, a + b and the sums in float32, at twice the rate and with a shorter series, and p
// and q need no stored logarithms. r < 1/2 takes the series (10 terms for float, 24 for double),
// other r take 1 − H(a/(a + b)) with the entropy H of a coin.
// Types: float64 → T terms → float64 sums → T. Cost: p.rows · q.rows · p.cols divisions and series
// or logarithms, about 80 float32 instructions where the lanes of a warp need both: compute sets
// the pace.
template <class T>
void jsd(Stream stream, const Matrix<const double>& p, const Matrix<const double>& q,
         const Matrix<T>& tile);

}  // namespace isogram::cuda
