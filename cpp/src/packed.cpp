#include "packed.hpp"

#include <algorithm>
#include <cmath>

#include "input.hpp"
#include "team.hpp"

namespace isogram {

namespace {

double largest_of(const double* row, std::size_t n) {
  double largest = 0;
  for (std::size_t j = 0; j < n; ++j) largest = std::max(largest, std::abs(row[j]));
  return largest;
}

void multiply(double* row, std::size_t n, double factor) {
  for (std::size_t j = 0; j < n; ++j) row[j] *= factor;
}

// Relative to the first entry, so that a constant row becomes exactly zero.
void subtract_mean(double* row, std::size_t n) {
  const double first = row[0];
  double sum = 0;
  for (std::size_t j = 0; j < n; ++j) sum += row[j] - first;
  const double mean = first + sum / static_cast<double>(n);
  for (std::size_t j = 0; j < n; ++j) row[j] -= mean;
}

// Scales the row to a maximum in [1/2, 1) and returns the exponent taken out.
int normalise_exponent(double* row, std::size_t n) {
  const int exponent = exponent_of(largest_of(row, n));
  if (exponent != 0) scale_down(row, n, exponent);
  return exponent;
}

void normalise(double* row, std::size_t n) {
  normalise_exponent(row, n);  // squares neither overflow nor vanish
  double squares = 0;
  for (std::size_t j = 0; j < n; ++j) squares += row[j] * row[j];
  if (squares > 0) multiply(row, n, 1 / std::sqrt(squares));
}

// Applies `transform` to one row; returns its exponent.
int transform_row(double* row, std::size_t n, const Transform& transform) {
  if (transform.origin) {
    const double* origin = transform.origin->data();
    for (std::size_t j = 0; j < n; ++j) row[j] -= origin[j];
  }
  if (transform.center_rows) subtract_mean(row, n);
  if (transform.unit_norm) {
    normalise(row, n);
    return 0;
  }
  if (transform.exponent_per_row) return normalise_exponent(row, n);
  if (transform.exponent != 0) scale_down(row, n, transform.exponent);
  return transform.exponent;
}

// As the row will be rounded to T.
template <class T>
double squared_norm(const double* row, std::size_t n) {
  double sum = 0;
  for (std::size_t j = 0; j < n; ++j) {
    const double rounded = static_cast<T>(row[j]);
    sum += rounded * rounded;
  }
  return sum;
}

}  // namespace

template <class T>
Packed<T>::Packed(const simd::KernelTable<T>& kernels, const InputView& x)
    : rows_(x.rows),
      depth_(x.cols),
      panel_(kernels.panel),
      panels_((x.rows + panel_ - 1) / panel_),
      data_(product(product(panels_, panel_), depth_)),
      squared_norms_(panels_ * panel_) {}

template <class T>
void Packed<T>::fill(const InputView& x, const Transform& transform, const Execution& execution) {
  exponent_ = transform.exponent;
  exponents_.assign(transform.exponent_per_row ? rows_ : 0, 0);
  const RowReader reader(x);
  FirstNotFinite bad(panels_);
  parallel_for(execution, panels_, [&](std::size_t p, Worker& worker) {
    std::vector<double> row(depth_);
    T* panel = data_.data() + p * depth_ * panel_;
    for (std::size_t i = p * panel_; i < std::min(rows_, (p + 1) * panel_); ++i) {
      worker.check();
      reader.read(i, row.data());
      bad.inspect(p, i, row.data(), depth_);
      const int exponent = transform_row(row.data(), depth_, transform);
      if (transform.exponent_per_row) exponents_[i] = exponent;
      squared_norms_[i] = static_cast<T>(squared_norm<T>(row.data(), depth_));
      pack_row(row.data(), depth_, panel_, panel + i % panel_);
    }
  });
  bad.throw_if_found(x.name);
}

template class Packed<float>;
template class Packed<double>;

}  // namespace isogram
