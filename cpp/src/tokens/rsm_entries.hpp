// Entries of an RSM from the matched sums of pairs of inputs.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "isogram/detail/matched_sum.hpp"
#include "isogram/detail/rounding.hpp"
#include "isogram/rsm.hpp"
#include "simd/kernels.hpp"
#include "threads/team.hpp"
#include "tiles/input.hpp"
#include "tokens/rsm_matcher.hpp"
#include "tokens/rsm_rematch.hpp"
#include "tokens/rsm_sides.hpp"

namespace isogram {

template <class T>
class RsmEntries {
 public:
  RsmEntries(const RsmPlan& plan, const RsmSides<T>& sides, const RsmOutputs<T>& outputs)
      : plan_(plan), sides_(sides), outputs_(outputs) {}

  // The identity is the optimal matching of an input with itself.
  void write_diagonal(const Entry& entry) const {
    const double squared_norm = sides_.rows.squared_norm(entry.i);
    const int exponent = 2 * sides_.rows.exponent(entry.i);
    if (outputs_.linear.data) store(outputs_.linear, entry, std::ldexp(squared_norm, exponent));
    if (outputs_.cosine.data) store(outputs_.cosine, entry, squared_norm > 0 ? 1 : 0);
    if (outputs_.distance.data) store(outputs_.distance, entry, 0);
    if (outputs_.loss.data) store(outputs_.loss, entry, 0);
  }

  // Writes an entry from the matched sum of packed tokens.
  void write_matched(const Entry& entry, const Match& match, Matcher<T>& matcher,
                     Worker& worker) const {
    if (outputs_.loss.data) store(outputs_.loss, entry, 0);
    if (!plan_.is_centered) return write(entry, match, matcher, worker);
    const double total = restored(match.total, product_of_means(entry.i, entry.j));
    write(entry, {total, match.columns}, matcher, worker);
  }

  void write_rescored(const Entry& entry, const Rescoring::Pair& pair, const std::int32_t* columns,
                      Matcher<T>& matcher, Worker& worker) const {
    write_matched(entry, {pair.total, columns}, matcher, worker);
    if (!outputs_.loss.data) return;
    const TokenSets<T>& rows = sides_.rows;
    const double of_sum = std::numeric_limits<T>::epsilon() / 2 *
                          detail::ulps_of_panels(static_cast<double>(rows.depth()));
    const double bound =
        pair.dual_bound + detail::narrowing_bound(rows.narrow().norms(pair.i),
                                                  sides_.cols.narrow().norms(pair.j), of_sum);
    store(outputs_.loss, entry,
          detail::loss_entry(bound, pair.total, of_row(pair.i), of_col(pair.j)));
  }

  // Writes an entry from the matched sum of tokens before centring, in scaled units.
  void write(const Entry& entry, const Match& match, Matcher<T>& matcher, Worker& worker) const {
    const detail::InputNorms a = of_row(entry.i);
    const detail::InputNorms b = of_col(entry.j);
    if (outputs_.linear.data) {
      store(outputs_.linear, entry, detail::linear_entry(match.total, a, b));
    }
    if (outputs_.cosine.data) {
      store(outputs_.cosine, entry, detail::cosine_entry(match.total, a, b));
    }
    if (outputs_.distance.data) {
      const Scaled distance = distance_of(entry.i, entry.j, match, matcher, worker);
      store(outputs_.distance, entry,
            std::ldexp(distance.value, distance.exponent - plan_.distance_exponent));
    }
  }

  // The matched sum of tokens before centring.
  double restored(double total, double product_of_means) const {
    return total + static_cast<double>(plan_.max_tokens) * product_of_means;
  }

 private:
  // Subtracting an origin from all tokens of an input, with the mean `left` of stored tokens,
  // changes a sum over s matched tokens by s (⟨mean_i, mean_j⟩ − ⟨left_i, left_j⟩): this is the
  // factor of s.
  double product_of_means(std::size_t i, std::size_t j) const {
    const auto dot = simd::kernels().float64.dot;
    const std::size_t channels = sides_.rows.channels();
    const double product = dot(sides_.rows.mean(i), sides_.cols.mean(j), channels);
    const double* of_row = sides_.rows.mean_left(i);
    const double* of_col = sides_.cols.mean_left(j);
    return of_row && of_col ? product - dot(of_row, of_col, channels) : product;
  }

  static detail::InputNorms norms_of(const TokenSets<T>& sets, std::size_t input) {
    return {sets.squared_norm(input), sets.exponent(input)};
  }
  detail::InputNorms of_row(std::size_t i) const { return norms_of(sides_.rows, i); }
  detail::InputNorms of_col(std::size_t j) const { return norms_of(sides_.cols, j); }
  int unit_of(std::size_t i, std::size_t j) const { return detail::unit_of(of_row(i), of_col(j)); }

  NearDistances<T> near_distances() const {
    return {plan_.options, sides_.layout,     sides_.rows,
            sides_.cols,   sides_.row_inputs, sides_.col_inputs};
  }

  Scaled distance_of(std::size_t i, std::size_t j, const Match& match, Matcher<T>& matcher,
                     Worker& worker) const {
    const detail::SquaredDistance squared =
        detail::squared_distance(match.total, of_row(i), of_col(j));
    if (!detail::has_cancelled<T>(squared)) return {std::sqrt(squared.value), unit_of(i, j)};
    const NearDistances<T> near = near_distances();
    const Scaled distance = near.by_differences(i, j, match.columns);
    if (!match.columns || !may_be_mismatched(i, j, distance)) return distance;
    return near.matched_again(i, j, distance, unit_of(i, j), matcher, worker);
  }

  // Never for narrow tokens, whose loss has a bound of its own.
  bool may_be_mismatched(std::size_t i, std::size_t j, const Scaled& distance) const {
    if (sides_.layout.is_narrow()) return false;
    if (!near_distances().is_shortest() && sizeof(T) == sizeof(double)) return false;
    const double in_unit = std::ldexp(distance.value, distance.exponent - unit_of(i, j));
    return distance.value > 0 &&
           detail::may_be_mismatched<T>(in_unit, sides_.rows.bulk_norm(i), of_row(i),
                                        sides_.cols.bulk_norm(j), of_col(j));
  }

  void store(MatrixView<T> out, const Entry& entry, double value) const {
    const auto [row, col] = entry.place;
    out(row, col) = static_cast<T>(value);
    if (sides_.is_symmetric && !sides_.layout.is_listed) out(col, row) = static_cast<T>(value);
  }

  const RsmPlan& plan_;
  const RsmSides<T>& sides_;
  const RsmOutputs<T>& outputs_;
};

}  // namespace isogram
