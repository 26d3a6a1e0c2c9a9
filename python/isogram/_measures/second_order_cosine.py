"""Second-order cosine similarity."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.nearest_neighbours import second_order_cosine

measure = Measure(
    name="second_order_cosine",
    aliases=("second_order_cosine_similarity",),
    summary="mean cosine of samples' cosines with the k nearest, 10 by default, of either",
    kind="similarity",
    range=(-1.0, 1.0),
    invariances=ORTHOGONAL | {"samples scaled one by one"},
    fewest=11,
    needs="nearest_cosines",
    options={"k": 10, "center": False},
    value=second_order_cosine,
    cost="n² d",
    source="Hamilton et al. 2016",
)
