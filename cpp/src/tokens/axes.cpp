#include "tokens/axes.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "isogram/detail/rounding.hpp"
#include "isogram/error.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/grid.hpp"

namespace isogram {

namespace {

std::size_t in_panels(std::size_t rows) {
  return padded(rows, simd::kernels().float64.panel);
}

}  // namespace

// The spectral norm of the symmetric I − V Vᵀ is at most its largest row sum of magnitudes.
void require_axes(MatrixView<const double> axes) {
  require(axes.rows > 0 && axes.rows <= axes.cols,
          "`axes` must be at least one, and no more than there are channels");
  Buffer<double> rows = Buffer<double>::unset(product(axes.rows, axes.cols));
  for (std::size_t i = 0; i < axes.rows; ++i) {
    for (std::size_t c = 0; c < axes.cols; ++c) rows[i * axes.cols + c] = axes(i, c);
  }
  std::vector<double> defects(axes.rows);
  for (std::size_t i = 0; i < axes.rows; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double product = simd::kernels().float64.dot(rows.data() + i * axes.cols,
                                                         rows.data() + j * axes.cols, axes.cols);
      const double defect = std::abs(product - (i == j ? 1 : 0));
      defects[i] += defect;
      if (j < i) defects[j] += defect;
    }
  }
  for (const double defect : defects) {  // NaN is refused too
    require(defect <= detail::kAxesDefect, "`axes` must be orthonormal");
  }
}

Axes::Axes(MatrixView<const double> axes, const Execution& execution) {
  const InputView rows(axes, "axes");
  axes_ = Packed<double>(simd::kernels().float64, rows);
  axes_.fill(rows, {}, Finite::known, preparing(execution));
}

Axes::Coordinates::Coordinates(const Axes& axes, std::size_t tokens)
    : axes_(axes.axes_),
      stride_(in_panels(axes.rank())),
      packer_(simd::kernels().float64, axes_.depth()),
      panels_(product(in_panels(tokens), axes_.depth())),
      values_(Buffer<double>::unset(product(in_panels(tokens), stride_))) {}

std::size_t Axes::Coordinates::bytes_for(std::size_t rank, std::size_t channels,
                                         std::size_t tokens) {
  return 8 *
         (product(in_panels(tokens), channels + in_panels(rank)) + product(in_panels(1), channels));
}

void Axes::Coordinates::find(const double* tokens, std::size_t count) {
  const std::size_t depth = axes_.depth();
  const auto& kernels = simd::kernels().float64;
  for (std::size_t s = 0; s < count; ++s) {
    check_worker();
    packer_.add(tokens + s * depth,
                panels_.data() + s / kernels.panel * kernels.panel * depth + s % kernels.panel);
  }
  packer_.flush();
  for (std::size_t s = 0; s < count; s += kTileEdge) {
    for (std::size_t r = 0; r < axes_.rows(); r += kTileEdge) {
      check_worker();
      kernels.inner_products(panels_.data() + s * depth, std::min(kTileEdge, count - s),
                             axes_.rows_from(r), std::min(kTileEdge, axes_.rows() - r), depth,
                             values_.data() + s * stride_ + r, stride_, {});
    }
  }
}

}  // namespace isogram
