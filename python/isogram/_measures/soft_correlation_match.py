"""Features matched by their correlations, several with the same one if need be."""

from isogram._measures._measure import Measure
from isogram._statistics.layer_pairs import values

measure = Measure(
    name="soft_correlation_match",
    summary="mean over features of `x` of the largest correlation with any of `y`",
    kind="similarity",
    range=(-1.0, 1.0),
    invariances=frozenset({"permutation of features", "isotropic scaling", "translation"}),
    fewest=2,
    symmetric=False,
    needs="best_correlations",
    value=values,
    cost="n d²",
    source="Li et al. 2016",
)
