"""CKA along the edges to nearest neighbours in both."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.neighbour_edges import cknna

measure = Measure(
    name="cknna",
    summary="CKA of the cosines with the k nearest neighbours in both, 10 by default; debiased",
    kind="similarity",
    range=(float("-inf"), float("inf")),
    invariances=ORTHOGONAL | {"samples scaled one by one"},
    fewest=11,
    symmetric=False,
    needs="neighbour_edges",
    options={"k": 10, "estimator": "debiased", "center": False},
    value=cknna,
    cost="n² d",
    source="Huh et al. 2024",
)
