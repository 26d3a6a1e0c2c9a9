// Jensen–Shannon divergences of predictions, to hold an RSM against.
#pragma once

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// out[i, j] = H(m) − (H(p_i) + H(q_j))/2 = (KL(p_i‖m) + KL(q_j‖m))/2 in bits, m = (p_i + q_j)/2,
// between the rows of p (n × c), or between those of p and q (Lin 1991). Rows are renormalised in
// float64; one set gives an exactly symmetric result with a zero diagonal. Equal rows give exactly
// 0, and rounding never leaves [0, 1]. Types: any → float64 → T. Cost n·m·c logarithms (half for
// one set); memory: the rows and their logarithms as float64. Bit-identical for any number of
// threads. Throws std::invalid_argument: no rows or columns, different column counts, a negative
// entry, a NaN or infinity, a row whose sum is not 1 within 1e-3 (16-bit types: 1e-2), out of the
// wrong shape.
template <class T>
void jsd(const InputView& p, MatrixView<T> out, const Execution& execution = {});
template <class T>
void jsd(const InputView& p, const InputView& q, MatrixView<T> out,
         const Execution& execution = {});

// Throws as jsd() does unless the rows of x are distributions. For a result that is computed in
// blocks, each by a call of jsd() with some rows of p and some of q, or of p again: blocks have the
// bits of the whole, but errors of jsd() number the rows of the block.
void require_distributions(const InputView& x, const Execution& execution = {});

}  // namespace isogram
