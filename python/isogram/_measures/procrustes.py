"""The angle between layers up to rotation and reflection: a metric."""

from typing import Any

import numpy as np

from isogram._measures._measure import ORTHOGONAL, Measure
from isogram._statistics.cosines import cosines
from isogram._statistics.cross_products import CrossProducts, PairsOfFeatures
from isogram._types import Array


def angle(xp: Any, s: PairsOfFeatures) -> Array:
    """Return min over orthogonal Q of ∠(X, YQ) of centred features, in radians.

    Of layers nearly alike it has half of the digits that its cosine has.
    """
    return xp.arccos(s.table(lambda of_pair: alignment(xp, of_pair)))


def alignment(xp: Any, s: CrossProducts) -> Array:
    """‖XᵀY‖_* / (‖X‖·‖Y‖), the largest ⟨X, YQ⟩ / (‖X‖·‖Y‖) of orthogonal Q; NaN where one is 0."""
    # Of XᵀX, the singular values are those of the squares of X.
    nuclear = s.square_x if s.is_of_one else xp.linalg.svd(s.products, compute_uv=False).sum()
    return cosines(xp, nuclear, s.square_x, s.square_y, undefined=np.nan)


measure = Measure(
    name="procrustes",
    aliases=("angular_procrustes",),
    summary="the least angle between layers up to rotation and reflection: a metric",
    kind="distance",
    range=(0.0, 1.5707963267948966),
    invariances=ORTHOGONAL | {"translation"},
    fewest=2,
    metric=True,
    needs="cross_products",
    value=angle,
    cost="n d min(n, d)",
    source="Williams et al. 2021",
)
