"""Features matched one to one by their correlations."""

from isogram._measures._measure import Measure
from isogram._statistics.matched_features import mean_match

measure = Measure(
    name="correlation_match",
    aliases=("hard_correlation_match",),
    summary="mean correlation of features that are matched one to one, the best way",
    kind="similarity",
    range=(-1.0, 1.0),
    invariances=frozenset({"permutation of features", "isotropic scaling", "translation"}),
    fewest=2,
    needs="matched_features",
    fixed={"standardized": True},
    value=mean_match,
    cost="n d² + d³",
    source="Li et al. 2016",
)
