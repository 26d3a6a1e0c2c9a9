"""The angle whose cosine is CKA: a metric."""

from typing import Any

from isogram._measures._measure import KERNEL_OPTIONS, ORTHOGONAL, Measure
from isogram._statistics.layer_pairs import LayerTable
from isogram._types import Array


def angle(xp: Any, table: LayerTable) -> Array:
    """Return the angles between centred Gram matrices, in radians."""
    return xp.arccos(table.values)


measure = Measure(
    name="angular_cka",
    summary="the angle whose cosine is CKA, biased and linear by default: a metric",
    kind="distance",
    range=(0.0, 1.5707963267948966),
    invariances=ORTHOGONAL | {"translation"},
    fewest=2,
    metric=True,
    is_root=True,
    needs="cka_table",
    options={"kernel": "linear", "estimator": "biased", **KERNEL_OPTIONS, "precision": "float32"},
    value=angle,
    cost="n² d",
    source="Williams et al. 2021",
)
