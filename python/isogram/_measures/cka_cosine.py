"""CKA of cosines."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.layer_pairs import values

measure = Measure(
    name="cka_cosine",
    summary="CKA of the cosines of samples; debiased by default",
    kind="similarity",
    range=(-1.0, 1.0),
    invariances=ORTHOGONAL | {"samples scaled one by one"},
    fewest=4,
    needs="cka_table",
    fixed={"kernel": "cosine"},
    options={"estimator": "debiased", "precision": "float32"},
    value=values,
    cost="n² d",
    source="Cortes et al. 2012 (alignment of centred kernels)",
)
