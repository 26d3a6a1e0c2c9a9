"""Similarity of the ranks of the k-nearest neighbours in both."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.nearest_neighbours import rank_similarity

measure = Measure(
    name="rank_similarity",
    summary="how alike the ranks are of those of the k nearest, 10 by default, that are in both",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=ORTHOGONAL | {"samples scaled one by one"},
    fewest=11,
    needs="neighbours_in_order",
    options={"k": 10, "center": False},
    value=rank_similarity,
    cost="n² d",
    source="Wang et al. 2020",
)
