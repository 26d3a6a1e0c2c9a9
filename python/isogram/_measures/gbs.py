"""Graph-based similarity of full cosine graphs."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.layer_pairs import values

measure = Measure(
    name="gbs",
    summary="graph-based similarity: mean cosine of the rows of full cosine graphs",
    kind="similarity",
    range=(-1.0, 1.0),
    invariances=ORTHOGONAL | {"samples scaled one by one"},
    fewest=2,
    needs="gbs_table",
    options={"k": None, "center": False, "kernel": "cosine", "precision": "float32"},
    value=values,
    cost="n² d",
    source="Chen et al. 2021",
)
