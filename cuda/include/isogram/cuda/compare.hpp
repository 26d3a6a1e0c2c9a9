// The steps in comparing RSMs (see isogram/compare.hpp) that are no array operations: triangles,
// numbers of discordant pairs, and a search for entries that are not finite.
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

}  // namespace isogram::cuda
