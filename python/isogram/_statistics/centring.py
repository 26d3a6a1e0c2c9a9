"""Centring by shifts of rows and columns; the core's is in isogram/detail/centering.hpp."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isogram._types import Array


def shifts(sums: Array, *, hollow: bool) -> Array:
    """Return what centring takes off rows, and off columns, of symmetric matrices of these sums.

    Sums are (..., n). Centring is H K H; or U-centring of `hollow` sums: without the diagonal,
    which becomes 0. Half of the mean of all goes to the rows and half to the columns.
    """
    n = sums.shape[-1]
    by, of_total = (n - 2, (n - 1) * (n - 2)) if hollow else (n, n * n)
    return sums / by - sums.sum(axis=-1)[..., None] / (2 * of_total)


def u_centre(k: NDArray[np.float64]) -> NDArray[np.float64]:
    """U-centre a symmetric matrix in place, and return it: diagonal and sums of rows are 0."""
    np.fill_diagonal(k, 0)
    taken = shifts(k.sum(axis=1), hollow=True)
    k -= taken[:, None]
    k -= taken
    np.fill_diagonal(k, 0)
    return k
