// The inner products of a few long rows, which in panels as the kernels read them would be padding
// for the most part.
#pragma once

#include <cstddef>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "tiles/gram_facts.hpp"
#include "tiles/packed.hpp"

namespace isogram {

// All products of a few rows with themselves, or with a few others. A few columns after another are
// read, measured, shifted and multiplied while they are in a core's own cache: nothing of the size
// of the rows is written. Products of 512 columns are summed in T, those sums in float64.
template <class T>
class FewRows {
 public:
  // Whether the rows of both are those of one tile.
  static bool are_in(const InputView& x, const InputView* y);

  // Whether anybody asks for norms of rows; zeros if not.
  enum class Squares { wanted, unwanted };

  // Of the rows of x, or of them with those of y, surveyed meanwhile: rows as given, with their
  // largest magnitudes; centred rows, with theirs; or rows shifted by the means of all, with their
  // largest distances from the middle_row(). Those are +∞ where an entry is not finite.
  FewRows(const InputView& x, const InputView* y, Columns columns, Squares squares,
          const Execution& execution);

  // Of rows that are transformed, by what takes_parts(), and not surveyed.
  FewRows(const InputView& x, const InputView* y, const Transform& transform, Squares squares,
          const Execution& execution);

  // ⟨x_i, y_j⟩, or ⟨x_i, x_j⟩.
  double product(std::size_t i, std::size_t j) const {
    return is_symmetric_ && j < i ? product(j, i) : products_[i * stride_ + j];
  }

  // Of each row of one input: Σ x² as it is multiplied, and what the survey found.
  struct Rows {
    std::vector<double> squares;
    std::vector<double> largest;
  };
  const Rows& left() const { return left_; }
  const Rows& right() const { return is_symmetric_ ? left_ : right_; }

 private:
  struct Shift;
  struct Part;
  template <class ShiftOf>
  void multiply(const InputView& x, const InputView* y, ShiftOf shift_of,
                const Execution& execution);

  bool is_symmetric_;
  Squares squares_;
  std::size_t stride_;  // of products_
  std::vector<double> products_;
  Rows left_;
  Rows right_;
};

}  // namespace isogram
