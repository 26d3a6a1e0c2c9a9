"""Longest common subsequences of k-nearest neighbours."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.nearest_neighbours import common_subsequence

measure = Measure(
    name="lcs_knn",
    summary="mean longest common subsequence of the k nearest in order, 10 by default, by k",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=ORTHOGONAL | {"samples scaled one by one"},
    fewest=11,
    needs="neighbours_in_order",
    options={"k": 10, "center": False},
    value=common_subsequence,
    cost="n² d",
    source="Huh et al. 2024",
)
