"""Graph-based similarity of centred features, which a common mean does not saturate."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.layer_pairs import values

measure = Measure(
    name="gbs_centered",
    summary="graph-based similarity of full graphs once the mean of every feature is taken off",
    kind="similarity",
    range=(-1.0, 1.0),
    invariances=ORTHOGONAL | {"translation"},
    fewest=2,
    needs="gbs_table",
    fixed={"center": True},
    options={"k": None, "kernel": "cosine", "precision": "float32"},
    value=values,
    cost="n² d",
    source="Chen et al. 2021",
)
