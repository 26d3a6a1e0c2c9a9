// Axes of the exact matching, and the coordinates of tokens along them.
#pragma once

#include <cstddef>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "tiles/buffer.hpp"
#include "tiles/packed.hpp"

namespace isogram {

// Throws std::invalid_argument unless the rows are orthonormal up to detail::kAxesDefect.
void require_axes(MatrixView<const double> axes);

// Axes packed once for all threads; coordinates are float64.
class Axes {
 public:
  Axes(MatrixView<const double> axes, const Execution& execution);

  std::size_t rank() const { return axes_.rows(); }

  // The working memory of one thread, for at most `tokens` tokens at a time.
  class Coordinates {
   public:
    Coordinates(const Axes& axes, std::size_t tokens);
    static std::size_t bytes_for(std::size_t rank, std::size_t channels, std::size_t tokens);

    // Computes the coordinates of `count` adjacent tokens.
    void find(const double* tokens, std::size_t count);
    double* of(std::size_t token) { return values_.data() + token * stride_; }

   private:
    const Packed<double>& axes_;
    std::size_t stride_;
    RowPacker<double> packer_;
    Buffer<double> panels_;
    Buffer<double> values_;
  };

 private:
  Packed<double> axes_;
};

}  // namespace isogram
