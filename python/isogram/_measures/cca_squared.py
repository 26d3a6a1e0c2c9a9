"""Mean squared canonical correlation."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.cross_products import mean_squared_correlation

measure = Measure(
    name="cca_squared",
    aliases=("r2_cca",),
    summary="mean squared canonical correlation, R² of CCA",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=ORTHOGONAL | {"translation", "invertible linear"},
    fewest=2,
    needs="cross_products",
    fixed={"alpha": 0.0},
    value=mean_squared_correlation,
    cost="n d min(n, d)",
    source="Kornblith et al. 2019",
)
