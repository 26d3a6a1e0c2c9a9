// What comparisons of RSMs (see isogram/compare.hpp) take beyond array operations: triangles,
// numbers of discordant pairs, Jensen–Shannon divergences, and a search for what is not finite.
//
// All functions only enqueue work, allocate nothing and never wait; a failed launch throws
// isogram::cuda::Error. Results repeat bit for bit, on any device.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"

namespace isogram::cuda {

// The entries above the diagonal of a square matrix, row by row: n (n − 1)/2. Any type → float64.
void upper_triangle(Stream stream, const Input& k, double* out);

// Which entries of a matrix count.
enum class Part { all, off_diagonal, above_diagonal };

// Where the first entry in C order that is NaN or infinite stands, of those that count: *first =
// min(*first, row · cols + col). Before the call it is 2^64 − 1 (as int64: −1), and stays so where
// all are finite.
void find_not_finite(Stream stream, const Input& x, unsigned long long* first,
                     Part part = Part::all);

// *count += the pairs i < j with values[i] > values[j]: Kendall's discordant pairs, for values of
// one side after sorting by the other (Knight 1966). A stable merge sort between `values` and
// `scratch`, n doubles each; returns which of the two then holds the values in order. O(n log² n)
// comparisons; exact for n < 2^32. No NaN.
double* count_inversions(Stream stream, double* values, double* scratch, std::int64_t n,
                         unsigned long long* count);

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
