"""The cosine of layers up to the order of their features."""

from isogram._measures._measure import Measure
from isogram._statistics.matched_features import matched_cosine

measure = Measure(
    name="permutation_cosine",
    summary="the largest cosine of layers up to the order of their features",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=frozenset({"permutation of features", "isotropic scaling", "translation"}),
    fewest=2,
    needs="matched_features",
    fixed={"standardized": False},
    value=matched_cosine,
    cost="n d² + d³",
    source="Williams et al. 2021; Ainsworth et al. 2023 (Git Re-Basin)",
)
