// Surveys: the facts of all rows that the tiles of a Gram matrix depend on.
#pragma once

#include <optional>

#include "isogram/gram.hpp"
#include "isogram/gram_facts.hpp"
#include "isogram/matrix_view.hpp"
#include "isogram/parallel.hpp"
#include "tiles/packed.hpp"
#include "tiles/unit_rows.hpp"

namespace isogram {

struct Survey;  // tiles/input.hpp

// The rows whose Gram matrix is computed.
//   as_given  the caller's
//   centered  less the columns' means, for cosines of centred features
//   shifted   less an origin amid most rows: for measures that do not change when all rows are
//             shifted alike. The matrix is linear; for cosine and correlation it is that of the
//             rows of unit norm. Neither a far row nor a common part costs the rows their digits
//   hollow    shifted, for measures that ignore the diagonal: the scale of far rows need not leave
//             room for their squared norms
enum class Columns { as_given, centered, shifted, hollow };

inline bool is_shifted(Columns columns) {
  return columns == Columns::shifted || columns == Columns::hollow;
}

// The transform for packing rows by `facts`; with facts.axis, `unit_rows` must be set. Refers to
// both arguments.
Transform transform_of(const GramFacts& facts, const UnitRows* unit_rows);

// The facts of the matrix in T of the rows of x with themselves or, unless y is null, with the rows
// of y. Passes over the data: none for cosines and correlations of rows as given, unless rows are
// long; else one or two. Throws std::invalid_argument for an option out of range, and names the
// first entry that is not finite if it passes over the data; otherwise packing finds that entry.
template <class T>
GramFacts survey_gram(const InputView& x, const InputView* y, const KernelOptions& options,
                      Columns columns, const Execution& execution);

// The facts of a linear or polynomial matrix of rows as given, from their largest |entry| and the
// smallest row maximum. x, and y unless null, give the shape.
template <class T>
GramFacts facts_of_products(const InputView& x, const KernelOptions& options, double largest,
                            double smallest_row, const InputView* y = nullptr);

// Whether rows are few and long enough for FewRows.
template <class T>
bool has_few_long_rows(const InputView& x, const InputView* y, const KernelOptions& options);

// The facts of a few long rows, which are surveyed while they are multiplied, without the origin.
// None where rows are scaled, or not shifted by the means of all: survey_gram() finds them there.
template <class T>
std::optional<GramFacts> facts_of_few_rows(const InputView& x, const InputView* y,
                                           const KernelOptions& options, Columns columns,
                                           const Survey& found);

// Throws std::invalid_argument for shapes and options that survey_gram() refuses without reading
// entries.
void require_gram(const InputView& x, const InputView* y, const KernelOptions& options);

// Whether T represents every element of x's type exactly.
template <class T>
bool fits_into(const InputView& x) {
  return sizeof(T) == sizeof(double) || x.type != ElementType::float64;
}

bool uses_distance(Kernel kernel);   // entries are exponentials of distances
bool uses_unit_norm(Kernel kernel);  // entries are cosines
bool uses_products(Kernel kernel);   // entries are functions of inner products of rows as given

// Whether entries are of squared distances. Inline: it is asked for every entry.
inline bool uses_squared_distance(Kernel kernel) {
  return kernel == Kernel::rbf || kernel == Kernel::laplacian_l2;
}

}  // namespace isogram
