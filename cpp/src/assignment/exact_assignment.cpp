#include "assignment/exact_assignment.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "assignment/fixed_point.hpp"

namespace isogram {

namespace {

// Entries read between two checks for an interrupt.
constexpr std::size_t kEntriesPerCheck = std::size_t{1} << 16;

// Attempts to repair the first duals of a rectangular problem.
constexpr int kMostMended = 4;

bool is_forbidden(double cost) {
  return cost == std::numeric_limits<double>::infinity();
}

// The range of the finite costs, in exponents of bits: the lowest bit set in any cost, and the
// highest of the largest cost.
struct Range {
  int lowest = 0;
  int highest = 0;
  double largest = 0;
};

Range range_of(MatrixView<const double> costs) {
  Range range{std::numeric_limits<int>::max(), 0, 0};
  for (std::size_t i = 0; i < costs.rows; ++i) {
    check_worker();
    for (std::size_t j = 0; j < costs.cols; ++j) {
      const double cost = costs(i, j);
      if (cost == 0 || is_forbidden(cost)) continue;
      const Digits of_cost(cost);
      range.lowest = std::min(range.lowest, of_cost.exponent + std::countr_zero(of_cost.digits));
      range.largest = std::max(range.largest, std::fabs(cost));
    }
  }
  if (range.largest == 0) return {};
  const Digits of_largest(range.largest);
  range.highest = of_largest.exponent + static_cast<int>(std::bit_width(of_largest.digits));
  return range;
}

// Dijkstra's algorithm on reduced costs, from each free row in turn; simd/assign_paths-inl.hpp
// defines the terms. Nothing is rounded, so that no column is scanned twice.
template <std::size_t kWords>
class ExactAssignment {
 public:
  using Number = FixedPoint<kWords>;

  ExactAssignment(MatrixView<const double> costs, const Range& range, const double* dual,
                  std::int32_t* column_of, Worker* worker)
      : costs_(costs),
        lowest_(range.lowest),
        column_of_(column_of),
        worker_(worker),
        dual_(costs.cols),
        distance_(costs.cols),
        predecessor_(costs.cols),
        row_of_(costs.cols),
        state_(costs.cols) {
    // A path has at most as many edges as there are columns: clamped duals keep all sums in range.
    const double most = range.largest * static_cast<double>(costs.rows);
    for (std::size_t j = 0; j < costs.cols; ++j) {
      const double bounded = std::isfinite(dual[j]) && std::isfinite(most)
                                 ? std::clamp(dual[j], -most, costs.rows < costs.cols ? 0.0 : most)
                                 : 0.0;
      dual_[j] = Number::of(bounded, lowest_);
    }
  }

  bool solve() {
    keep_tight_rows();
    for (std::size_t row = 0; row < costs_.rows; ++row) {
      if (column_of_[row] < 0 && !augment(row)) return false;
    }
    return true;
  }

 private:
  // unreached: no path to the column is known; todo: a path is; settled: the shortest is.
  enum class State : std::uint8_t { unreached, todo, settled };

  Number cost(std::size_t i, std::size_t j) const { return Number::of(costs_(i, j), lowest_); }

  void ask_worker(std::size_t entries) {
    looked_at_ += entries;
    if (worker_ == nullptr || looked_at_ < kEntriesPerCheck) return;
    looked_at_ = 0;
    worker_->check();
  }

  // Whether the row is matched at its smallest reduced cost.
  bool is_tight(std::size_t row) {
    const auto matched = static_cast<std::size_t>(column_of_[row]);
    if (is_forbidden(costs_(row, matched))) return false;
    const Number reduced = cost(row, matched) - dual_[matched];
    for (std::size_t j = 0; j < costs_.cols; ++j) {
      if (!is_forbidden(costs_(row, j)) && cost(row, j) - dual_[j] < reduced) return false;
    }
    return true;
  }

  // Frees rows that are not tight. In a rectangular problem free columns must have dual 0 and no
  // dual may be positive; freeing a column raises its dual to 0, after which other rows may no
  // longer be tight: so several attempts.
  void keep_tight_rows() {
    const bool is_square = costs_.rows == costs_.cols;
    for (int attempt = 0;; ++attempt) {
      bool is_kept = true;
      std::fill(row_of_.begin(), row_of_.end(), -1);
      for (std::size_t i = 0; i < costs_.rows; ++i) {
        if (column_of_[i] < 0) continue;
        ask_worker(costs_.cols);
        if (is_tight(i)) {
          row_of_[static_cast<std::size_t>(column_of_[i])] = static_cast<std::int32_t>(i);
        } else {
          column_of_[i] = -1;
          is_kept = false;
        }
      }
      if (is_square) return;
      if (is_kept && attempt > 0) return;
      if (attempt == kMostMended) return begin_anew();
      for (std::size_t j = 0; j < costs_.cols; ++j) {
        if (row_of_[j] < 0) dual_[j] = Number();
      }
    }
  }

  void begin_anew() {
    std::fill(row_of_.begin(), row_of_.end(), -1);
    std::fill_n(column_of_, costs_.rows, -1);
    std::fill(dual_.begin(), dual_.end(), Number());
  }

  // Relaxes the edges of `row`. `base` is the row's distance less its dual.
  void relax(std::size_t row, const Number& base) {
    ask_worker(costs_.cols);
    for (std::size_t j = 0; j < costs_.cols; ++j) {
      if (state_[j] == State::settled || is_forbidden(costs_(row, j))) continue;
      const Number path = cost(row, j) - dual_[j] + base;
      if (state_[j] == State::todo && !(path < distance_[j])) continue;
      state_[j] = State::todo;
      distance_[j] = path;
      predecessor_[j] = row;
    }
  }

  // The nearest todo column, of equally near ones a free one; or the number of columns.
  std::size_t nearest() const {
    std::size_t best = costs_.cols;
    for (std::size_t j = 0; j < costs_.cols; ++j) {
      if (state_[j] != State::todo) continue;
      if (best == costs_.cols || distance_[j] < distance_[best] ||
          (row_of_[j] < 0 && row_of_[best] >= 0 && distance_[j] == distance_[best])) {
        best = j;
      }
    }
    return best;
  }

  // Matches a free row along a shortest augmenting path. Returns false if no path exists.
  bool augment(std::size_t root) {
    std::fill(state_.begin(), state_.end(), State::unreached);
    relax(root, Number());  // the root's dual shifts all distances alike
    for (;;) {
      const std::size_t column = nearest();
      if (column == costs_.cols) return false;
      if (row_of_[column] < 0) {
        augment_to(root, column);
        return true;
      }
      state_[column] = State::settled;
      const auto row = static_cast<std::size_t>(row_of_[column]);
      relax(row, distance_[column] - (cost(row, column) - dual_[column]));
    }
  }

  // Updates the duals and augments along the path to the sink.
  void augment_to(std::size_t root, std::size_t sink) {
    for (std::size_t j = 0; j < costs_.cols; ++j) {
      if (state_[j] == State::settled) dual_[j] = dual_[j] + distance_[j] - distance_[sink];
    }
    for (std::size_t row = costs_.rows; row != root;) {
      row = predecessor_[sink];
      const std::int32_t next = column_of_[row];
      row_of_[sink] = static_cast<std::int32_t>(row);
      column_of_[row] = static_cast<std::int32_t>(sink);
      sink = static_cast<std::size_t>(next);
    }
  }

  MatrixView<const double> costs_;
  int lowest_;
  std::int32_t* column_of_;
  Worker* worker_;
  std::size_t looked_at_ = 0;
  std::vector<Number> dual_;
  std::vector<Number> distance_;
  std::vector<std::size_t> predecessor_;
  std::vector<std::int32_t> row_of_;
  std::vector<State> state_;
};

}  // namespace

bool assign_exactly(MatrixView<const double> costs, const double* dual, std::int32_t* column_of,
                    Worker* worker) {
  const Range range = range_of(costs);
  // Room for sums of fewer than 16 · rows costs, which duals and distances are, and for a sign.
  const int headroom = static_cast<int>(std::bit_width(costs.rows)) + 5;
  const int bits = range.highest - range.lowest + headroom;
  const auto solve = [&]<std::size_t kWords>() {
    return ExactAssignment<kWords>(costs, range, dual, column_of, worker).solve();
  };
  if (bits <= 2 * 64) return solve.template operator()<2>();
  if (bits <= 4 * 64) return solve.template operator()<4>();
  if (bits <= 8 * 64) return solve.template operator()<8>();
  return solve.template operator()<34>();  // the 2098 bits of doubles, and the headroom
}

}  // namespace isogram
