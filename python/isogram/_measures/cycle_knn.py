"""Cycle k-nearest neighbours."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.nearest_neighbours import cycle

measure = Measure(
    name="cycle_knn",
    summary="share of samples near in x to one near them in y: of the k nearest, 10 by default",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=ORTHOGONAL | {"samples scaled one by one"},
    fewest=11,
    symmetric=False,
    needs="nearest_neighbours",
    options={"k": 10, "center": False},
    value=cycle,
    cost="n² d",
    source="Huh et al. 2024",
)
