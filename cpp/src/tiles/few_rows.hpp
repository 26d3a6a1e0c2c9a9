// Inner products of a few long rows. In the panels that tiles are computed from, most lanes would
// be padding, or packing would take as long as multiplying.
#pragma once

#include <cstddef>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "tiles/gram_facts.hpp"
#include "tiles/packed.hpp"

namespace isogram {

// All inner products of the rows of x, or of the rows of x with the rows of y. A piece of columns
// is read, measured, shifted and multiplied while it is in the cache of a core, so no copy of the
// input is written. Products of one piece of 512 columns are summed in T, pieces in float64.
template <class T>
class FewRows {
 public:
  // Whether x and y have at most kMostRows rows each.
  static bool are_in(const InputView& x, const InputView* y);

  // Whether they have so few in all that panels take longer.
  static bool pay(const InputView& x, const InputView* y);

  // Whether Rows::squares is computed; zeros if not.
  enum class Squares { wanted, unwanted };

  // Multiplies the rows and surveys them. Columns::as_given: `largest` is the largest magnitude of
  // a row. Columns::centered: that of the centred row. Otherwise rows are shifted by the means of
  // all, and `largest` is the largest distance from middle_row(). +∞ where an entry is not finite.
  FewRows(const InputView& x, const InputView* y, Columns columns, Squares squares,
          const Execution& execution);

  // Multiplies the transformed rows without a survey; takes_parts(transform) must hold.
  FewRows(const InputView& x, const InputView* y, const Transform& transform, Squares squares,
          const Execution& execution);

  // ⟨x_i, y_j⟩, or ⟨x_i, x_j⟩.
  double product(std::size_t i, std::size_t j) const {
    return is_symmetric_ && j < i ? product(j, i) : products_[i * stride_ + j];
  }

  // For each row of one input: Σ x² of the values that are multiplied, and the largest magnitude
  // that the survey found.
  struct Rows {
    std::vector<double> squares;
    std::vector<double> largest;
  };
  bool is_symmetric() const { return is_symmetric_; }
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
