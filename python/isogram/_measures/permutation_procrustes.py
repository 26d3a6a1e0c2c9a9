"""The distance of layers of norm 1 up to the order of their features: a metric."""

from typing import Any

from isogram._measures._measure import Measure
from isogram._statistics.matched_features import MatchedFeatures, matched_cosine
from isogram._types import Array


def distance(xp: Any, s: MatchedFeatures) -> Array:
    """Return min over permutations P of ‖X/‖X‖ - YP/‖Y‖‖."""
    return xp.sqrt(2 - 2 * matched_cosine(xp, s))


measure = Measure(
    name="permutation_procrustes",
    summary="the least distance of layers of norm 1 up to the order of their features: a metric",
    kind="distance",
    range=(0.0, 1.4142135623730951),
    invariances=frozenset({"permutation of features", "isotropic scaling", "translation"}),
    fewest=2,
    metric=True,
    is_root=True,
    needs="matched_features",
    fixed={"standardized": False},
    value=distance,
    cost="n d² + d³",
    source="Williams et al. 2021",
)
