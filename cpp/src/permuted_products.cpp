#include "isogram/permuted_products.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "isogram/arithmetic.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/buffer.hpp"
#include "tiles/grid.hpp"
#include "tiles/input.hpp"

namespace isogram {

namespace {

using Matrices = std::span<const MatrixView<const float>>;
using Permutations = MatrixView<const std::int32_t>;

// Floats per cache line; the length of a kept row is a multiple of it.
constexpr std::size_t kLine = kAlignment / sizeof(float);

// Entries of a row that are gathered and multiplied together: those of some matrices stay in the L1
// cache, and float32 sums stay short.
constexpr std::size_t kChunk = 512;

// Permutations that pass over a row of L while it is in the cache.
constexpr std::size_t kTogether = 8;

// Matrices that are gathered side by side: each of a permutation's numbers is loaded for all of
// them at once.
constexpr std::size_t kSharing = 4;

// How many rows a call of row_products() takes of each side.
std::size_t rows_per_call(std::size_t p, std::size_t q) {
  return std::max(p, q) <= 2 ? 2 : simd::kProductRows;
}

template <class T>
void require_adjacent(MatrixView<T> matrix, const char* name) {
  if (matrix.cols > 1 && matrix.col_stride != 1) {
    throw std::invalid_argument(std::string("`") + name +
                                "` must have rows of adjacent entries, got entries " +
                                std::to_string(matrix.col_stride) + " apart");
  }
}

void require_matrices(Matrices matrices, const char* name, std::size_t n) {
  for (const MatrixView<const float>& matrix : matrices) {
    if (matrix.rows != n || matrix.cols != n) {
      throw std::invalid_argument(std::string("`") + name + "` must be of square matrices, " +
                                  std::to_string(n) + " x " + std::to_string(n) + ", got " +
                                  std::to_string(matrix.rows) + " x " +
                                  std::to_string(matrix.cols));
    }
    require_adjacent(matrix, name);
  }
}

void require_permutations(Permutations permutations, std::size_t n) {
  if (permutations.cols != n) {
    throw std::invalid_argument("`permutations` must be of " + std::to_string(n) +
                                " numbers, got " + std::to_string(permutations.cols));
  }
  require_adjacent(permutations, "permutations");
  std::vector<std::size_t> last(n, permutations.rows);  // the row that a number was last seen in
  for (std::size_t b = 0; b < permutations.rows; ++b) {
    for (std::size_t r = 0; r < n; ++r) {
      const std::int32_t at = permutations(b, r);
      const auto index = static_cast<std::size_t>(at);
      if (at < 0 || index >= n || last[index] == b) {
        throw std::invalid_argument("`permutations` must have each number from 0 to " +
                                    std::to_string(n - 1) + " once in row " + std::to_string(b) +
                                    ", got " + std::to_string(at) + " at " + std::to_string(r));
      }
      last[index] = b;
    }
  }
}

// Entries of a row of kCount matrices in another order, padded with zeros to whole lines. Inlined,
// its loop would not have the registers to itself.
template <std::size_t kCount>
[[gnu::noinline]] void gather_rows(const MatrixView<const float>* l, std::size_t row,
                                   const std::int32_t* columns, std::size_t entries, float* out,
                                   std::size_t stride) {
  std::array<const float*, kCount> from;
  for (std::size_t c = 0; c < kCount; ++c) {
    from[c] = l[c].data + static_cast<std::ptrdiff_t>(row) * l[c].row_stride;
  }
  for (std::size_t s = 0; s < entries; ++s) {
    const std::int32_t column = columns[s];
    for (std::size_t c = 0; c < kCount; ++c) out[c * stride + s] = from[c][column];
  }
  for (std::size_t c = 0; c < kCount; ++c) {
    std::fill(out + c * stride + entries, out + c * stride + padded(entries, kLine), 0.0F);
  }
}

// The entries of all K right of the diagonal, row by row, and the diagonals. A row of all matrices
// lies together, each padded with zeros to whole lines.
class Triangles {
 public:
  Triangles(Matrices k, std::size_t padded_count, const Execution& execution)
      : n_(k[0].rows), begins_(n_ + 1), diagonals_(n_ * k.size()) {
    for (std::size_t r = 0; r < n_; ++r) {
      begins_[r + 1] = begins_[r] + product(padded_count, length(r));
    }
    entries_ = Buffer<float>(begins_[n_]);
    parallel_for(execution, n_, [&](std::size_t r, Worker& worker) {
      for (std::size_t i = 0; i < k.size(); ++i) {
        worker.check(n_ - r);
        const float* row = k[i].data + static_cast<std::ptrdiff_t>(r) * k[i].row_stride;
        diagonals_[r * k.size() + i] = row[r];
        std::copy(row + r + 1, row + n_, entries_.data() + begins_[r] + i * length(r));
      }
    });
  }

  // The length of row r as it is kept, and the entries that are not padding.
  std::size_t length(std::size_t r) const { return padded(entries(r), kLine); }
  std::size_t entries(std::size_t r) const { return n_ - r - 1; }

  const float* row(std::size_t r) const { return entries_.data() + begins_[r]; }
  const float* diagonal(std::size_t r) const {
    return diagonals_.data() + r * (diagonals_.size() / n_);
  }

 private:
  std::size_t n_;
  std::vector<std::size_t> begins_;
  std::vector<float> diagonals_;  // n × p
  Buffer<float> entries_;
};

class PermutedProducts {
 public:
  PermutedProducts(Matrices k, Matrices l, Permutations permutations, bool is_upper,
                   std::span<double> out, const Execution& execution)
      : n_(k[0].rows),
        p_(k.size()),
        l_(l),
        permutations_(permutations),
        is_upper_(is_upper),
        out_(out),
        rows_(rows_per_call(p_, l.size())),
        padded_p_(padded(p_, rows_)),
        padded_q_(padded(l.size(), rows_)),
        triangles_(k, padded_p_, preparing(execution)) {}

  void compute(const Execution& execution) const {
    const std::size_t tasks = blocks_in(permutations_.rows, kTogether);
    PerWorker scratch(execution, tasks, [this] { return Scratch(*this); });
    parallel_for(execution, tasks, scratch, [&](std::size_t task, Scratch& own, Worker& worker) {
      const std::size_t begin = task * kTogether;
      add_permutations({begin, std::min(begin + kTogether, permutations_.rows)}, own, worker);
    });
  }

 private:
  // Working memory of one thread.
  struct Scratch {
    explicit Scratch(const PermutedProducts& of)
        : row_of(product(kTogether, of.n_)),
          gathered(product(of.padded_q_, padded(of.n_, kLine))),
          sums(product(kTogether, of.table())),
          diagonal(product(kTogether, of.table())) {}

    Buffer<std::size_t> row_of;  // the inverse of each permutation
    Buffer<float> gathered;      // a part of a row of every L
    Buffer<double> sums;         // Σ over the entries right of the diagonal, per permutation
    Buffer<double> diagonal;
  };

  std::size_t table() const { return padded_p_ * padded_q_; }

  // Row by row of L, so that what is read at random lies in the cache; rows of K are read in order.
  void add_permutations(Span some, Scratch& scratch, Worker& worker) const {
    std::fill(scratch.sums.begin(), scratch.sums.end(), 0.0);
    std::fill(scratch.diagonal.begin(), scratch.diagonal.end(), 0.0);
    for (std::size_t b = some.begin; b < some.end; ++b) {
      std::size_t* row_of = &scratch.row_of[(b - some.begin) * n_];
      for (std::size_t r = 0; r < n_; ++r) row_of[permutations_(b, r)] = r;
    }
    for (std::size_t row = 0; row < n_; ++row) {
      for (std::size_t b = some.begin; b < some.end; ++b) {
        const std::size_t r = scratch.row_of[(b - some.begin) * n_ + row];
        worker.check(l_.size() * (n_ - r));
        const std::size_t table_of_b = (b - some.begin) * table();
        add_row(r, row, &permutations_(b, 0), scratch, &scratch.sums[table_of_b]);
        add_diagonal(r, row, &scratch.diagonal[table_of_b]);
      }
    }
    for (std::size_t b = some.begin; b < some.end; ++b) {
      double* of_b = &out_[b * p_ * l_.size()];
      for (std::size_t i = 0; i < p_; ++i) {
        for (std::size_t j = 0; j < l_.size(); ++j) {
          const std::size_t entry = (b - some.begin) * table() + i * padded_q_ + j;
          const double value = 2 * scratch.sums[entry] + scratch.diagonal[entry];
          of_b[i * l_.size() + j] = is_upper_ && i > j ? 0 : value;
        }
      }
    }
  }

  // Adds row r of all K times row `row` of all L, permuted, right of the diagonal of K.
  void add_row(std::size_t r, std::size_t row, const std::int32_t* permutation, Scratch& scratch,
               double* sums) const {
    const auto& kernels = simd::kernels().float32;
    const std::size_t stride = triangles_.length(r);
    for (std::size_t begin = 0; begin < stride; begin += kChunk) {
      const std::size_t length = std::min(kChunk, stride - begin);
      const std::size_t entries = std::min(length, triangles_.entries(r) - begin);
      // The products wait for these from memory; the gathering takes as long.
      for (std::size_t i = 0; i < p_; ++i) {
        fetch(triangles_.row(r) + i * stride + begin, length);
      }
      gather(row, permutation + r + 1 + begin, entries, scratch.gathered.data() + begin, stride);
      for (std::size_t i = 0; i < padded_p_; i += rows_) {
        const std::size_t j = is_upper_ ? i : 0;
        kernels.row_products(triangles_.row(r) + i * stride + begin, rows_,
                             scratch.gathered.data() + j * stride + begin, padded_q_ - j, stride,
                             length, sums + i * padded_q_ + j, padded_q_, {});
      }
    }
  }

  // Entries of a row of every L in another order, padded with zeros to whole lines.
  void gather(std::size_t row, const std::int32_t* columns, std::size_t entries, float* out,
              std::size_t stride) const {
    std::size_t j = 0;
    for (; j + kSharing <= l_.size(); j += kSharing) {
      gather_rows<kSharing>(&l_[j], row, columns, entries, out + j * stride, stride);
    }
    for (; j < l_.size(); ++j) {
      gather_rows<1>(&l_[j], row, columns, entries, out + j * stride, stride);
    }
  }

  void add_diagonal(std::size_t r, std::size_t row, double* sums) const {
    for (std::size_t j = 0; j < l_.size(); ++j) {
      const double of_l = l_[j](row, row);
      for (std::size_t i = 0; i < p_; ++i) {
        sums[i * padded_q_ + j] += triangles_.diagonal(r)[i] * of_l;
      }
    }
  }

  std::size_t n_;
  std::size_t p_;
  Matrices l_;
  Permutations permutations_;
  bool is_upper_;
  std::span<double> out_;
  std::size_t rows_;
  std::size_t padded_p_;
  std::size_t padded_q_;
  Triangles triangles_;
};

}  // namespace

void permuted_products(Matrices k, Matrices l, Permutations permutations, bool is_upper,
                       std::span<double> out, const Execution& execution) {
  const UsualArithmetic usual;
  if (k.empty() || l.empty() || k[0].rows == 0) {
    throw std::invalid_argument("`k` and `l` must have a matrix each, got none");
  }
  const std::size_t n = k[0].rows;
  require_matrices(k, "k", n);
  require_matrices(l, "l", n);
  require_permutations(permutations, n);
  if (is_upper && k.size() != l.size()) {
    throw std::invalid_argument("`is_upper` must be false for " + std::to_string(k.size()) +
                                " matrices with " + std::to_string(l.size()) + ", got true");
  }
  if (out.size() != permutations.rows * k.size() * l.size()) {
    throw std::invalid_argument("`out` must have an entry for each permutation and pair, got " +
                                std::to_string(out.size()));
  }
  if (permutations.rows == 0) return;
  PermutedProducts(k, l, permutations, is_upper, out, execution).compute(execution);
}

}  // namespace isogram
