"""How much of their spaces two layers share."""

from typing import Any

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.cross_products import CrossProducts, PairsOfFeatures, portion
from isogram._types import Array


def overlap(xp: Any, s: PairsOfFeatures) -> Array:
    """Return ‖UᵀV‖² / max(rank of x, rank of y) of orthonormal bases U and V."""
    return s.table(lambda of_pair: _overlap(xp, of_pair))


def _overlap(xp: Any, s: CrossProducts) -> Array:
    whole = max(s.products.shape) * s.are_defined()
    return portion(xp, whole if s.is_of_one else (s.products**2).sum(), whole)


measure = Measure(
    name="eigenspace_overlap",
    aliases=("eigenspace_overlap_score",),
    summary="eigenspace overlap: the shared part of what the features span, uncentred",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=ORTHOGONAL | {"invertible linear"},
    fewest=2,
    needs="cross_products",
    fixed={"alpha": 0.0, "center": False},
    value=overlap,
    cost="n d min(n, d)",
    source="May et al. 2019",
)
