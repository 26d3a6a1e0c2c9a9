"""Mean canonical correlation."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.cross_products import mean_correlation

measure = Measure(
    name="cca",
    aliases=("mean_cca",),
    summary="mean canonical correlation: 1 for any two layers with more features than inputs",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=ORTHOGONAL | {"translation", "invertible linear"},
    fewest=2,
    needs="cross_products",
    fixed={"alpha": 0.0},
    value=mean_correlation,
    cost="n d min(n, d)",
    source="Hotelling 1936; Raghu et al. 2017",
)
