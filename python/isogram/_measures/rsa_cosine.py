"""RSA by the cosine of Gram matrices."""

from isogram._measures._measure import KERNEL_OPTIONS, ORTHOGONAL, Measure
from isogram._statistics.centred_products import cosine

measure = Measure(
    name="rsa_cosine",
    summary="cosine of Gram matrices off the diagonal, which are linear by default",
    kind="similarity",
    range=(-1.0, 1.0),
    invariances=ORTHOGONAL,
    fewest=2,
    needs="centred_products",
    fixed={"centring": "none"},
    options={"kernel": "linear", **KERNEL_OPTIONS},
    value=cosine,
    cost="n² d",
    source="Diedrichsen et al. 2021",
)
