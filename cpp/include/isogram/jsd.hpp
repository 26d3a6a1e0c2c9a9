// Jensen–Shannon divergences of predictions: a matrix to compare with an RSM.
#pragma once

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// out[i, j] = H(m) − (H(p_i) + H(q_j))/2 = (KL(p_i‖m) + KL(q_j‖m))/2 in bits, m = (p_i + q_j)/2,
// between the rows of p (n × c; out is n × n), or between the rows of p and of q (m × c; out is
// n × m) (Lin 1991). Rows are renormalised in float64. Without q the result is exactly symmetric.
// Equal rows give exactly 0, and results stay in [0, 1]. The same bits for any number of threads.
// Types: any → float64 → T, T = float or double. Cost: n·m·c logarithms, half of them without q.
// Memory: the rows and their logarithms as float64.
// Throws std::invalid_argument: no rows or columns, different column counts, a negative entry, a
// NaN or infinity, a row whose sum is not 1 within 1e-3 (16-bit types: 1e-2), out of the wrong
// shape.
template <class T>
void jsd(const InputView& p, MatrixView<T> out, const Execution& execution = {});
template <class T>
void jsd(const InputView& p, const InputView& q, MatrixView<T> out,
         const Execution& execution = {});

// Throws std::invalid_argument as jsd() does unless the rows of x are distributions. A matrix can
// be computed in blocks, one call of jsd() each, with the same bits; then errors of jsd() number
// rows within the block, and this function, called first, numbers rows of x. Cost: one pass over x.
void require_distributions(const InputView& x, const Execution& execution = {});

}  // namespace isogram
