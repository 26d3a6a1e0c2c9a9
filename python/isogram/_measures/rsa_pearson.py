"""RSA by Pearson's correlation."""

from isogram._measures._measure import KERNEL_OPTIONS, Measure
from isogram._statistics.centred_products import cosine

measure = Measure(
    name="rsa_pearson",
    summary="Pearson's correlation of RSMs, whose entries are correlations by default",
    kind="similarity",
    range=(-1.0, 1.0),
    invariances=frozenset(
        {"permutation of features", "isotropic scaling", "samples scaled one by one"}
    ),
    fewest=3,
    needs="centred_products",
    fixed={"centring": "mean"},
    options={"kernel": "correlation", **KERNEL_OPTIONS},
    value=cosine,
    cost="n² d",
    source="Kriegeskorte et al. 2008",
)
