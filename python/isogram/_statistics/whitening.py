"""Partial whitening of features: from Procrustes, which takes them as they are, to CCA."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isogram._statistics.layer_pairs import LayerPairs
from isogram._types import Array

_LARGEST = float(np.finfo(np.float64).max)


class Whitening(NamedTuple):
    """X = USVᵀ becomes U(αS + 1 - α): itself, but for a rotation, at α = 1, and U at 0."""

    alpha: float = 1.0
    variance: float = 1.0  # share of ‖X‖² of the leading directions, which are kept

    @property
    def is_none(self) -> bool:
        """Whether it leaves features as they are."""
        return self.alpha == 1 and self.variance == 1

    def rank(self, xp: Any, values: Array, tolerance: float, most: int) -> int:
        """Return how many directions are kept, of singular values from the largest on.

        None whose value is at most `tolerance` of the largest; wait.
        """
        is_kept = values > tolerance * values[0]
        if self.variance < 1:
            squares = values * values
            is_kept &= xp.cumsum(squares) - squares < self.variance * squares.sum()
        return min(int(is_kept.sum()), most)

    def weights(self, xp: Any, values: Array, unit: Array) -> Array:
        """Return αS + 1 - α, up to a factor unless α is 0, of the singular values S in a unit."""
        if self.alpha == 0:
            return xp.ones(values.shape)
        unit = xp.minimum(unit, _LARGEST)
        scale = xp.maximum(unit, 1.0)
        return self.alpha * (values / scale) + (1 - self.alpha) * (unit / scale)


def without_room(
    pairs: LayerPairs, ranks: dict[int, int], of_x: Whitening, of_y: Whitening, dimensions: int
) -> list[str]:
    """Return the warning for pairs of layers that are alike for want of samples, if there are any.

    `dimensions` are those of the samples, once centred; `ranks` are those of the layers.
    """
    if of_y.alpha != 0:
        return []
    advice = "whatever the data are: take more samples, or fewer features"
    xs, ys = pairs.sides(range(len(pairs.layers.names)))
    if of_x.alpha != 0:
        full = [f"`{pairs.names_y[j]}`" for j, y in enumerate(ys) if ranks[y] >= dimensions]
        if not full:
            return []
        return [
            f"{pairs.function}: the features of {', '.join(full)} span all {dimensions} dimensions "
            f"of {pairs.x.samples} samples, so that a regression on them is exact {advice}"
        ]
    crowded = [
        (i, j)
        for i, x in enumerate(xs)
        for j, y in enumerate(ys)
        if ranks[x] + ranks[y] > dimensions and ranks[x] * ranks[y] and (x < y or pairs.y)
    ]
    if not crowded:
        return []
    i, j = crowded[0]
    others = f", and {len(crowded) - 1} other pairs of layers" if len(crowded) > 1 else ""
    return [
        f"{pairs.function}: `{pairs.x.names[i]}` and `{pairs.names_y[j]}`{others} have ranks "
        f"({ranks[xs[i]]} + {ranks[ys[j]]}) that together exceed the {dimensions} dimensions of "
        f"{pairs.x.samples} samples, so that they share directions {advice}"
    ]
