// Steps of comparing RSMs (see isogram/compare.hpp) that array libraries lack: upper triangles,
// counts of discordant pairs, a search for entries that are not finite. The rules of device.hpp
// hold.
#pragma once

#include <cstdint>

#include "isogram/cuda/device.hpp"

namespace isogram::cuda {

// The n (n − 1)/2 entries above the diagonal of an n × n matrix, row by row. Types: any → float64.
// Cost: one pass.
void upper_triangle(Stream stream, const Input& k, double* out);

// The entries that find_not_finite() searches.
enum class Part { all, off_diagonal, above_diagonal };

// *first = min(*first, row · cols + col) for the first NaN or infinity in C order among the entries
// of `part`. The caller sets *first to 2^64 − 1 (as int64: −1) before; it stays so if all are
// finite. Cost: one pass.
void find_not_finite(Stream stream, const Input& x, unsigned long long* first,
                     Part part = Part::all);

// *count += the number of pairs i < j with values[i] > values[j]: Kendall's discordant pairs, if
// `values` are those of one matrix in the order of the other's (Knight 1966). Merge-sorts n doubles
// stably between `values` and `scratch` (n doubles), and returns the one that holds the sorted
// values. `values` must not hold NaN; the count is exact for n < 2^32. Cost: O(n log² n)
// comparisons.
double* count_inversions(Stream stream, double* values, double* scratch, std::int64_t n,
                         unsigned long long* count);

}  // namespace isogram::cuda
