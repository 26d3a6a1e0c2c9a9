"""From the angle between layers up to any invertible linear map to that of Procrustes."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.cross_products import angle

measure = Measure(
    name="shape_metric",
    aliases=("angular_cca",),
    summary="the least angle of whitened layers (CCA) at `alpha` 0, of `procrustes` at 1: a metric",
    kind="distance",
    range=(0.0, 1.5707963267948966),
    invariances=ORTHOGONAL | {"translation", "invertible linear"},
    fewest=2,
    metric=True,
    is_root=True,
    needs="cross_products",
    options={"alpha": 0.0},
    value=angle,
    cost="n d min(n, d)",
    source="Williams et al. 2021",
)
