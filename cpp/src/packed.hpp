// Inputs packed once for all their tiles: rows as panels (see simd/kernels.hpp), widened to T,
// shifted and scaled so that nothing that follows overflows or cancels.
#pragma once

#include <cstddef>
#include <vector>

#include "buffer.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "simd/kernels.hpp"

namespace isogram {

// What packing does to every row, in float64, in this order.
struct Transform {
  const std::vector<double>* origin = nullptr;  // subtracted from every row
  bool center_rows = false;                     // then the row's own mean
  bool unit_norm = false;                       // then divided by its norm; zero rows stay zero
  int exponent = 0;                             // or times 2^−exponent
  bool exponent_per_row = false;                // or scaled so that its maximum is in [1/2, 1)
};

// `panel` rows interleaved from `lane` of a panel on: element k goes to panel_row[k * panel].
template <class T>
void pack_row(const double* row, std::size_t depth, std::size_t panel, T* panel_row) {
  for (std::size_t k = 0; k < depth; ++k) panel_row[k * panel] = static_cast<T>(row[k]);
}

template <class T>
class Packed {
 public:
  Packed() = default;

  // Memory for x, before anybody spends time on looking at it.
  Packed(const simd::KernelTable<T>& kernels, const InputView& x);

  // Packs x. Throws std::invalid_argument that names the first entry that is not finite.
  void fill(const InputView& x, const Transform& transform, const Execution& execution);

  std::size_t rows() const { return rows_; }
  std::size_t depth() const { return depth_; }
  std::size_t panels() const { return panels_; }
  const T* panel(std::size_t p) const { return data_.data() + p * depth_ * panel_; }

  // ‖row‖² of the packed rows, summed in float64; zeros for the padding up to whole panels.
  const T* squared_norms() const { return squared_norms_.data(); }

  // What the packed row must be multiplied by, as an exponent of 2.
  int exponent(std::size_t row) const { return exponents_.empty() ? exponent_ : exponents_[row]; }
  bool has_row_exponents() const { return !exponents_.empty(); }

 private:
  std::size_t rows_ = 0;
  std::size_t depth_ = 0;
  std::size_t panel_ = 1;
  std::size_t panels_ = 0;
  int exponent_ = 0;
  std::vector<int> exponents_;
  Buffer<T> data_;
  Buffer<T> squared_norms_;
};

}  // namespace isogram
