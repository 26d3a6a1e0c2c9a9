"""CKA of RBF Gram matrices."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.layer_pairs import values

measure = Measure(
    name="cka_rbf",
    summary="CKA of RBF kernels, whose bandwidth is the median distance; debiased by default",
    kind="similarity",
    range=(-1.0, 1.0),
    invariances=ORTHOGONAL | {"translation"},
    fewest=4,
    needs="cka_table",
    fixed={"kernel": "rbf"},
    options={"estimator": "debiased", "bandwidth": "median", "precision": "float32"},
    value=values,
    cost="n² d",
    source="Kornblith et al. 2019",
)
