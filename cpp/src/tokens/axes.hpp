// Axes along which a matching sees tokens, and tokens along them.
#pragma once

#include <cstddef>

#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "tiles/buffer.hpp"
#include "tiles/packed.hpp"

namespace isogram {

// Throws std::invalid_argument unless the rows are so nearly orthonormal that bounds hold.
void require_axes(MatrixView<const double> axes);

// The coordinates of tokens, in float64. Packed once, for any number of threads.
class Axes {
 public:
  Axes(MatrixView<const double> axes, const Execution& execution);

  std::size_t rank() const { return axes_.rows(); }

  // Memory of one thread, for at most so many tokens at once.
  class Coordinates {
   public:
    Coordinates(const Axes& axes, std::size_t tokens);
    static std::size_t bytes_for(std::size_t rank, std::size_t channels, std::size_t tokens);

    // Of `count` tokens, one after another.
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
