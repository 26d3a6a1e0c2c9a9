"""CCA of the leading principal components."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.cross_products import mean_correlation

measure = Measure(
    name="svcca",
    summary="mean canonical correlation of the principal components with 99 % of the variance",
    kind="similarity",
    range=(0.0, 1.0),
    invariances=ORTHOGONAL | {"translation"},
    fewest=2,
    needs="cross_products",
    fixed={"alpha": 0.0},
    options={"variance": 0.99},
    value=mean_correlation,
    cost="n d min(n, d)",
    source="Raghu et al. 2017",
)
