// What a Gram matrix needs to know of all of its rows before any of its tiles is computed.
#pragma once

#include "isogram/gram.hpp"
#include "isogram/gram_facts.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "tiles/packed.hpp"
#include "tiles/unit_rows.hpp"

namespace isogram {

// Features less their column means: for cosines of centred features. Or, for measures that do not
// change when the rows whose inner products a matrix has are shifted alike, those rows less an
// origin amid most of them: the linear matrix of shifted rows, also of the rows of unit norm that
// make cosines and correlations. No far row and no common part of the rows takes its digits.
// Hollow: shifted, for measures that do not look at the diagonal, which is left out of what the
// scale of far rows must leave room for.
enum class Columns { as_given, centered, shifted, hollow };

// What happens to rows when they are packed; `unit_rows` are theirs where there is an axis. Valid
// as long as both.
Transform transform_of(const GramFacts& facts, const UnitRows* unit_rows);

// The facts of the matrix of the rows of x with themselves, or with those of y, computed in T.
// Passes over the data: none for cosines and correlations (of rows as given, unless they are long);
// else one or two. Those look for what is not finite: throws std::invalid_argument that names the
// first such entry; rows that were not looked at here are looked at when they are packed. Throws it
// too for an option out of range.
template <class T>
GramFacts survey_gram(const InputView& x, const InputView* y, const KernelOptions& options,
                      Columns columns, const Execution& execution);

// The facts of a linear or polynomial matrix, as given, of rows shaped as those of x, and of y if
// there is one, whose largest entry is known, and the smallest of the largest of a row.
template <class T>
GramFacts facts_of_products(const InputView& x, const KernelOptions& options, double largest,
                            double smallest_row, const InputView* y = nullptr);

// What survey_gram() refuses without looking at entries.
void require_gram(const InputView& x, const InputView* y, const KernelOptions& options);

// Whether every number of x is one of T.
template <class T>
bool fits_into(const InputView& x) {
  return sizeof(T) == sizeof(double) || x.type != ElementType::float64;
}

bool uses_distance(Kernel kernel);   // entries are exponentials of distances
bool uses_unit_norm(Kernel kernel);  // entries are cosines
bool uses_products(Kernel kernel);   // entries are functions of inner products of rows as given

}  // namespace isogram
