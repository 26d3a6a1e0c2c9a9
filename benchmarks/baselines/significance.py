"""Tests by permutations as NumPy users write them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def permutation_test(x: Array, y: Array, permutations: int) -> float:
    """Return debiased linear CKA, once it is tested on centred Gram matrices that are made once."""
    a, b = (_u_centred(layer @ layer.T) for layer in (x, y))
    rng = np.random.default_rng(0)
    observed = np.vdot(a, b)
    for _ in range(permutations):
        order = rng.permutation(len(b))
        _ = np.vdot(a, b[order][:, order]) >= observed
    return float(observed / np.sqrt(np.vdot(a, a) * np.vdot(b, b)))


def _u_centred(k: Array) -> Array:
    n = len(k)
    np.fill_diagonal(k, 0)
    rows = k.sum(axis=1)
    k = k - rows / (n - 2) - rows[:, np.newaxis] / (n - 2) + rows.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(k, 0)
    return k
