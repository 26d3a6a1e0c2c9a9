"""The norm of the difference of RSMs."""

from isogram._measures._measure import KERNEL_OPTIONS, Measure
from isogram._statistics.layer_pairs import values

measure = Measure(
    name="rsm_difference",
    aliases=("rsm_norm_difference",),
    summary="Frobenius norm of the difference of RSMs, of Euclidean distances by default: a metric",
    kind="distance",
    range=(0.0, float("inf")),
    invariances=frozenset({"orthogonal", "permutation of features", "translation"}),
    fewest=2,
    needs="rsm_differences",
    options={"kernel": "distance", **KERNEL_OPTIONS},
    value=values,
    metric=True,
    cost="n² d",
    source="Yin & Shen 2018",
)
