"""CKA of the biased HSIC: the linear one is the RV coefficient."""

from isogram._measures._measure import KERNEL_OPTIONS, ORTHOGONAL, Measure
from isogram._statistics.layer_pairs import values

measure = Measure(
    name="cka_biased",
    aliases=("rv",),
    summary="CKA of the biased HSIC, near 1 where features outnumber samples; linear by default",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=ORTHOGONAL | {"translation"},
    fewest=2,
    needs="cka_table",
    fixed={"estimator": "biased"},
    options={"kernel": "linear", **KERNEL_OPTIONS, "precision": "float32"},
    value=values,
    cost="n² d",
    source="Kornblith et al. 2019; RV: Robert & Escoufier 1976",
)
