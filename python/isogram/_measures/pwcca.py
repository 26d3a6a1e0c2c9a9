"""CCA weighted by what the canonical variates account for of `x`."""

from typing import Any

from isogram._measures._measure import Measure
from isogram._statistics.cross_products import CrossProducts, PairsOfFeatures, portion
from isogram._types import Array


def weighted_correlation(xp: Any, s: PairsOfFeatures) -> Array:
    """Return Σ αᵢρᵢ / Σ αᵢ of the canonical variates hᵢ of x, where αᵢ = Σⱼ |⟨hᵢ, xⱼ⟩|."""
    return s.table_of(
        lambda x, y: _weighted(xp, s.products(x, y), s.coordinates(x)), is_symmetric=False
    )


def _weighted(xp: Any, s: CrossProducts, coordinates: Array) -> Array:
    turned, correlations, _ = xp.linalg.svd(s.products, full_matrices=False)
    weights = xp.abs(turned.T @ coordinates).sum(axis=1)
    whole = weights.sum() * s.are_defined()
    return portion(xp, whole if s.is_of_one else (weights * correlations).sum(), whole)


measure = Measure(
    name="pwcca",
    summary="projection-weighted CCA: canonical correlations weighted by their shares of `x`",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=frozenset({"permutation of features", "isotropic scaling", "translation"}),
    fewest=2,
    symmetric=False,
    needs="cross_products",
    fixed={"alpha": 0.0},
    value=weighted_correlation,
    cost="n d min(n, d)",
    source="Morcos et al. 2018",
)
