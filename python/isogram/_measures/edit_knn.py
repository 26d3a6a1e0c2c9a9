"""Edit distance of k-nearest neighbours."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.nearest_neighbours import edit_similarity

measure = Measure(
    name="edit_knn",
    aliases=("edit_distance_knn",),
    summary="1 - mean edit distance of the k nearest neighbours in order, 10 by default, by k",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=ORTHOGONAL | {"samples scaled one by one"},
    fewest=11,
    needs="neighbours_in_order",
    options={"k": 10, "center": False},
    value=edit_similarity,
    cost="n² d",
    source="Huh et al. 2024",
)
