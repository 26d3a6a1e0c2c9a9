"""How much of `x` a linear regression on `y` explains."""

from typing import Any

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.cross_products import CrossProducts, PairsOfFeatures, portion
from isogram._types import Array


def explained(xp: Any, s: PairsOfFeatures) -> Array:
    """Return ‖QᵀX‖² / ‖X‖² of an orthonormal basis Q of y."""
    return s.table(lambda of_pair: _explained(xp, of_pair), is_symmetric=False)


def _explained(xp: Any, s: CrossProducts) -> Array:
    whole = s.square_x * (s.square_y != 0)
    return portion(xp, whole if s.is_of_one else (s.products**2).sum(), whole)


measure = Measure(
    name="linear_regression",
    aliases=("linear_r2",),
    summary="R² of a linear regression: the share of the variance of `x` that `y` explains",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=ORTHOGONAL | {"translation"},
    fewest=2,
    symmetric=False,
    needs="cross_products",
    fixed={"alpha_of_y": 0.0},
    value=explained,
    cost="n d min(n, d)",
    source="Kornblith et al. 2019",
)
