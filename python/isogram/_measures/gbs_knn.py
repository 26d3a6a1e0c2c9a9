"""Graph-based similarity of k-NN graphs."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.layer_pairs import values

measure = Measure(
    name="gbs_knn",
    summary="graph-based similarity of graphs of the k nearest neighbours, 10 by default",
    kind="similarity",
    range=(-1.0, 1.0),
    invariances=ORTHOGONAL | {"samples scaled one by one"},
    fewest=11,
    needs="gbs_table",
    options={"k": 10, "center": False, "kernel": "cosine", "precision": "float32"},
    value=values,
    cost="n² d",
    source="Chen et al. 2021",
)
