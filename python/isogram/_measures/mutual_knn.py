"""Mutual k-nearest neighbours."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.nearest_neighbours import overlap

measure = Measure(
    name="mutual_knn",
    summary="share of the k nearest neighbours, 10 by default, that a sample has in both",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=ORTHOGONAL | {"samples scaled one by one"},
    fewest=11,
    needs="nearest_neighbours",
    options={"k": 10, "center": False},
    value=overlap,
    cost="n² d",
    source="Huh et al. 2024",
)
