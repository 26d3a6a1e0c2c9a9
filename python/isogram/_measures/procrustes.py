"""The angle between layers up to rotation and reflection: a metric."""

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.cross_products import angle

measure = Measure(
    name="procrustes",
    aliases=("angular_procrustes",),
    summary="the least angle between layers up to rotation and reflection: a metric",
    kind="distance",
    range=(0.0, 1.5707963267948966),
    invariances=ORTHOGONAL | {"translation"},
    fewest=2,
    metric=True,
    is_root=True,
    needs="cross_products",
    value=angle,
    cost="n d min(n, d)",
    source="Williams et al. 2021",
)
