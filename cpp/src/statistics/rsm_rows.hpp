// CKA and GBS of two RSMs, from products of their rows.
#pragma once

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// Debiased CKA with the RSMs as Gram matrices, and the mean cosine of their rows; diagonals are
// ignored. See Comparison in isogram/compare.hpp.
double cka_of_rsms(const InputView& a, const InputView& b, const Execution& execution);
double gbs_of_rsms(const InputView& a, const InputView& b, const Execution& execution);

}  // namespace isogram
