// Inner products of symmetric matrices, one of them with its rows and columns permuted: the null
// distribution of measures that are such products of centred Gram matrices.
#pragma once

#include <cstdint>
#include <span>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"

namespace isogram {

// out[(b · p + i) · q + j] = Σ_rs K_i[r, s] · L_j[π_b(r), π_b(s)] for all permutations π_b, which
// are the rows of `permutations` (B × n), the p matrices K and the q matrices L, all n × n.
//
// Matrices are symmetric: entries below the diagonal of K are not read. With `is_upper`, for p = q,
// entries of out with i > j are not computed, and 0.
// Types: float32 → float32 over at most 512 entries of a row → float64. An error is of about 1e-7
// ‖K‖ ‖L‖. The same bits for any number of threads, and for a permutation whatever the others.
// Cost: B n² (q / 2 gathered entries + p q / 2 products). Memory: 2 p n² bytes, and 4 n q bytes per
// thread.
// Throws std::invalid_argument: no matrix; matrices that are not square or of different sizes; rows
// whose entries are not adjacent; permutations of another length, or that are none; is_upper
// for p ≠ q; out of another size.
void permuted_products(std::span<const MatrixView<const float>> k,
                       std::span<const MatrixView<const float>> l,
                       MatrixView<const std::int32_t> permutations, bool is_upper,
                       std::span<double> out, const Execution& execution = {});

}  // namespace isogram
