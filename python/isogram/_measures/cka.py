"""CKA, debiased and linear unless asked otherwise."""

from isogram._measures._measure import KERNEL_OPTIONS, ORTHOGONAL, Measure
from isogram._statistics.layer_pairs import values

measure = Measure(
    name="cka",
    aliases=("cka_debiased", "unbiased_cka"),
    summary="centred kernel alignment, debiased; linear by default",
    kind="similarity",
    range=(-1.0, 1.0),
    invariances=ORTHOGONAL | {"translation"},
    fewest=4,
    needs="cka_table",
    options={"kernel": "linear", "estimator": "debiased", **KERNEL_OPTIONS, "precision": "float32"},
    value=values,
    cost="n² d",
    source="Kornblith et al. 2019; Nguyen et al. 2021",
)
