// How alike two RSMs are, and Jensen–Shannon divergences to hold them against.
#pragma once

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// pearson spearman kendall cosine: over the entries above the diagonal; kendall is tau-b
// cka: debiased CKA with both RSMs as Gram matrices; gbs: mean cosine of rows, zero diagonals
enum class Comparison { pearson, spearman, kendall, cosine, cka, gbs };

// One number for two n × n matrices; NaN where it is undefined (a constant triangle, a vanishing
// norm). Everything in float64. Cost n² (spearman, kendall: n² log n) and as much memory for the
// two triangles. Throws std::invalid_argument: not square, different sizes, n < 3 (cka: n < 4), a
// NaN or infinity.
double compare(const InputView& a, const InputView& b, Comparison method,
               const Execution& execution = {});

// out[i, j] = H((p_i + q_j)/2) − (H(p_i) + H(q_j))/2 in bits, between the rows of p (n × c), or
// between those of p and q (Lin 1991). Rows are renormalised in float64; one set gives an exactly
// symmetric result with a zero diagonal. Throws std::invalid_argument: no rows or columns,
// different column counts, a negative entry, a NaN or infinity, a row whose sum is not 1 within
// 1e-3 (16-bit types: 1e-2), out of the wrong shape.
template <class T>
void jsd(const InputView& p, MatrixView<T> out, const Execution& execution = {});
template <class T>
void jsd(const InputView& p, const InputView& q, MatrixView<T> out,
         const Execution& execution = {});

}  // namespace isogram
