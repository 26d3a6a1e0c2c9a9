// Gram matrices that are given in place of features, as tiles.
#pragma once

#include <cstddef>
#include <vector>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "isogram/span.hpp"

namespace isogram {

// A symmetric matrix K in the caller's memory, whose tiles are
//   (K_ij − s_i − s_j) f_i f_j
// in float64, with a shift s and a factor f of every sample. A matrix is symmetric up to √eps of
// its type times its largest entry; entries that differ from their mirror images count with the
// mean of both. K is read once, before its tiles are. The makers throw std::invalid_argument unless
// it is square, symmetric and finite.
class GivenGram {
 public:
  // K centred (hollow: U-centred, where the diagonal does not count) and divided by 2^exponent(),
  // so that no square of an entry leaves the range of float64.
  static GivenGram centered(const InputView& k, bool hollow, const Execution& execution);

  // Cosines K_ij / √(K_ii K_jj); `center`: of the double-centred K. 0 for samples without a norm.
  // Throws std::invalid_argument for a diagonal entry that is negative, or that is 0 in a row with
  // other entries.
  static GivenGram cosines(const InputView& k, bool center, const Execution& execution);

  const InputView& view() const { return k_; }
  std::size_t samples() const { return k_.rows; }
  int exponent() const { return exponent_; }

  // Σ (s_i + s_j)² over all pairs of samples, in the unit of the tiles.
  double squares_taken_off() const;

  // Writes a block of the matrix, with rows `stride` apart.
  void compute(Span rows, Span cols, double* out, std::size_t stride) const;

 private:
  GivenGram(const InputView& k, const Execution& execution);
  template <class T>
  bool add_upper(const Execution& execution);
  void add_means(const Execution& execution);
  void take_off(bool hollow);
  std::vector<double> diagonal() const;
  void require_norms(const std::vector<double>& squares) const;
  template <class T>
  void compute_stored(Span rows, Span cols, double* out, std::size_t stride) const;
  template <class T>
  void shift_and_scale(std::size_t i, Span cols, const T* row, double* out) const;

  InputView k_;
  InputView stored_;             // k_, or its transpose if that has adjacent entries in its rows
  bool is_float_ = false;        // rows are stored as float
  bool has_means_ = false;       // entries are means of two
  double largest_row_ = 0;       // at least the largest |entry|
  std::vector<double> factors_;  // f
  std::vector<double> shifts_;   // s; sums of rows until they are taken off
  int exponent_ = 0;
};

}  // namespace isogram
