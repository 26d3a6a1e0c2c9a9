"""Normalised Bures similarity: the cosine of the Procrustes angle."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.cross_products import cosine

measure = Measure(
    name="bures",
    aliases=("nbs", "normalized_bures"),
    summary="normalised Bures similarity (fidelity) of Gram matrices: the cosine of `procrustes`",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=ORTHOGONAL | {"translation"},
    fewest=2,
    needs="cross_products",
    value=cosine,
    cost="n d min(n, d)",
    source="Harvey et al. 2023",
)
