"""Products of the rows of graphs, on which graph-based similarity is a formula: of a GPU's graphs.

Of graphs on the host the core has both, for calls and for plans, so that their bits are the same:
see cpp/src/statistics/row_products.hpp, whose RowProducts::merge() adds up the parts of a plan.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from isogram._statistics.cosines import cosines
from isogram._types import Array


class RowProducts(NamedTuple):
    """Σ_j A_ij B_ij for some rows i of all pairs of graphs, and of each graph with itself."""

    products: Array  # (L1, L2, rows)
    squares_x: Array  # (L1, rows), 0 where a row has no edges
    squares_y: Array  # (L2, rows)


def sum_of_cosines(xp: Any, s: RowProducts) -> Array:
    """Sum the cosines of rows, for all pairs of graphs: over all rows GBS times their number."""
    return xp.stack(
        [
            cosines(xp, ab, aa, s.squares_y).sum(axis=-1)
            for ab, aa in zip(s.products, s.squares_x, strict=True)
        ]
    )
