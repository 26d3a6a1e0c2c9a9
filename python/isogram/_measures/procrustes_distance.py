"""The squared distance of layers of norm 1 up to rotation and reflection."""

from typing import Any

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.cross_products import PairsOfFeatures, cosine
from isogram._types import Array


def distance(xp: Any, s: PairsOfFeatures) -> Array:
    """Return min over orthogonal Q of ‖X/‖X‖ - YQ/‖Y‖‖²."""
    return 2 - 2 * cosine(xp, s)


measure = Measure(
    name="procrustes_distance",
    aliases=("orthogonal_procrustes",),
    summary="the least squared distance of layers of norm 1, up to rotation and reflection",
    kind="distance",
    range=(0.0, 2.0),
    invariances=ORTHOGONAL | {"translation"},
    fewest=2,
    needs="cross_products",
    value=distance,
    cost="n d min(n, d)",
    source="Ding et al. 2021",
)
