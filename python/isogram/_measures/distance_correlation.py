"""Distance correlation."""

from typing import Any

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.centred_products import CentredProducts, cosine
from isogram._types import Array


def root(xp: Any, s: CentredProducts) -> Array:
    """√(dCov² / √(dVar_x² · dVar_y²)), where rounding may leave less than 0."""
    return xp.sqrt(xp.maximum(cosine(xp, s), 0.0))


measure = Measure(
    name="distance_correlation",
    aliases=("dcor",),
    summary="correlation of double-centred Euclidean distances, not of linear relations alone",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=ORTHOGONAL | {"translation"},
    fewest=2,
    needs="centred_products",
    fixed={"kernel": "distance", "centring": "double"},
    value=root,
    is_root=True,
    cost="n² d",
    source="Székely, Rizzo & Bakirov 2007",
)
