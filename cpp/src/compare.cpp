#include "isogram/compare.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "isogram/arithmetic.hpp"
#include "ranks/entries.hpp"
#include "ranks/ranks.hpp"
#include "ranks/triangle.hpp"
#include "statistics/correlation.hpp"
#include "statistics/rsm_rows.hpp"

namespace isogram {

namespace {

double spearman(Entries a, Entries b, const Execution& execution) {
  Buffer<double> ranks_a = ranks_of(std::move(a), execution);
  return pearson(std::move(ranks_a), ranks_of(std::move(b), execution), execution);
}

// Of ranks less their mean, (m + 1)/2, which is exact: nothing cancels.
double rho_a(Entries a, Entries b, const Execution& execution) {
  const Buffer<double> ranks_a = ranks_of(std::move(a), execution);
  const Buffer<double> ranks_b = ranks_of(std::move(b), execution);
  const auto m = static_cast<double>(ranks_a.size());
  const double mean = (m + 1) / 2;
  const double product = sum_of_chunks<double>(ranks_a.size(), execution, [&](Span span) {
    double total = 0;
    for (std::size_t i = span.begin; i < span.end; ++i) {
      total += (ranks_a[i] - mean) * (ranks_b[i] - mean);
    }
    return total;
  });
  return 12 * product / (m * (m * m - 1));
}

double by_ranks(const InputView& a, const InputView& b, Comparison method,
                const Execution& execution) {
  bool a_misses = false;
  bool b_misses = false;
  Entries of_a = entries_of(a, execution, &a_misses);
  Entries of_b = entries_of(b, execution, &b_misses);
  if (a_misses || b_misses) leave_out_missing(of_a.values, a, of_b.values, b);
  if (method == Comparison::kendall) return kendall(of_a, of_b, Tau::b, execution);
  if (method == Comparison::kendall_a) return kendall(of_a, of_b, Tau::a, execution);
  const auto compared = method == Comparison::spearman ? &spearman : &rho_a;
  return compared(std::move(of_a), std::move(of_b), execution);
}

double by_entries(const InputView& a, const InputView& b, Comparison method,
                  const Execution& execution) {
  bool a_misses = false;
  bool b_misses = false;
  Buffer<double> of_a = triangle_of(a, execution, &a_misses);
  Buffer<double> of_b = triangle_of(b, execution, &b_misses);
  if (a_misses || b_misses) leave_out_missing(of_a, a, of_b, b);
  const auto compared = method == Comparison::cosine ? &cosine : &pearson;
  return compared(std::move(of_a), std::move(of_b), execution);
}

std::string shape_of(const InputView& x) {
  return std::to_string(x.rows) + " x " + std::to_string(x.cols);
}

void require_comparable(const InputView& a, const InputView& b, std::size_t least) {
  if (a.rows != a.cols) {
    throw std::invalid_argument("`" + a.name + "` must be square, got " + shape_of(a));
  }
  if (b.rows != a.rows || b.cols != a.cols) {
    throw std::invalid_argument("`" + b.name + "` must be " + shape_of(a) + " like `" + a.name +
                                "`, got " + shape_of(b));
  }
  if (a.rows < least) {
    throw std::invalid_argument("`" + a.name + "` must have at least " + std::to_string(least) +
                                " rows, got " + std::to_string(a.rows));
  }
}

}  // namespace

double compare(const InputView& a, const InputView& b, Comparison method,
               const Execution& execution) {
  const UsualArithmetic usual;
  require_comparable(a, b, method == Comparison::cka ? 4 : 3);
  if (method == Comparison::cka) return cka_of_rsms(a, b, execution);
  if (method == Comparison::gbs) return gbs_of_rsms(a, b, execution);
  const bool of_entries = method == Comparison::pearson || method == Comparison::cosine;
  return of_entries ? by_entries(a, b, method, execution) : by_ranks(a, b, method, execution);
}

void rank_entries(const InputView& rsm, double* ranks, const Execution& execution) {
  const UsualArithmetic usual;
  require_comparable(rsm, rsm, 3);
  const Buffer<double> found = ranks_of(entries_of(rsm, execution), execution);
  for_each_chunk(found.size(), execution, [&](std::size_t, Span span) {
    std::copy(found.data() + span.begin, found.data() + span.end, ranks + span.begin);
  });
}

}  // namespace isogram
