"""Jaccard similarity of k-nearest neighbours."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.nearest_neighbours import jaccard

measure = Measure(
    name="jaccard_knn",
    aliases=("jaccard_similarity",),
    summary="mean Jaccard similarity of the sets of the k nearest neighbours, 10 by default",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=ORTHOGONAL | {"samples scaled one by one"},
    fewest=11,
    needs="nearest_neighbours",
    options={"k": 10, "center": False},
    value=jaccard,
    cost="n² d",
    source="Wang et al. 2020",
)
