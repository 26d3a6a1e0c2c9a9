"""The angle between layers up to the order of their features: a metric."""

from typing import Any

from isogram._measures._measure import Measure
from isogram._statistics.matched_features import MatchedFeatures, matched_cosine
from isogram._types import Array


def angle(xp: Any, s: MatchedFeatures) -> Array:
    """Return min over permutations P of ∠(X, YP), in radians."""
    return xp.arccos(matched_cosine(xp, s))


measure = Measure(
    name="permutation_angle",
    aliases=("angular_permutation_procrustes",),
    summary="the least angle between layers up to the order of their features: a metric",
    kind="distance",
    range=(0.0, 1.5707963267948966),
    invariances=frozenset({"permutation of features", "isotropic scaling", "translation"}),
    fewest=2,
    metric=True,
    is_root=True,
    needs="matched_features",
    fixed={"standardized": False},
    value=angle,
    cost="n d² + d³",
    source="Williams et al. 2021",
)
