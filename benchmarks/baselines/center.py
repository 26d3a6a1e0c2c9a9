"""Centring of Gram matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def biased(k: Array) -> Array:
    """Return H k H."""
    return k - k.mean(axis=0) - k.mean(axis=1)[:, None] + k.mean()


def debiased(k: Array) -> Array:
    """Return k U-centred: with a zero diagonal before and after."""
    n = len(k)
    k = k.copy()
    np.fill_diagonal(k, 0)
    rows = k.sum(axis=1) / (n - 2)
    columns = k.sum(axis=0) / (n - 2)
    k = k - rows[:, None] - columns + k.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(k, 0)
    return k
