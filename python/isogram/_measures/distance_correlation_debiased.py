"""Bias-corrected distance correlation."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.centred_products import cosine

measure = Measure(
    name="distance_correlation_debiased",
    aliases=("dcor_debiased",),
    summary="bias-corrected: an estimate of the square of the distance correlation",
    kind="similarity",
    range=(-1.0, 1.0),
    invariances=ORTHOGONAL | {"translation"},
    fewest=4,
    needs="centred_products",
    fixed={"kernel": "distance", "centring": "debiased"},
    value=cosine,
    cost="n² d",
    source="Székely & Rizzo 2014",
)
