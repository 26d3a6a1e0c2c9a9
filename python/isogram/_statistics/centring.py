"""What centring takes from the entries of a matrix; the core's is isogram/detail/centering.hpp."""

from __future__ import annotations

from isogram._types import Array


def shifts(sums: Array, *, hollow: bool) -> Array:
    """Return what rows and columns of symmetric matrices lose, for their sums (..., n).

    That of H K H; or of U-centring, where sums are `hollow`: without the diagonal, which becomes 0.
    Half of the mean of all goes to the rows and half to the columns.
    """
    n = sums.shape[-1]
    by, of_total = (n - 2, (n - 1) * (n - 2)) if hollow else (n, n * n)
    return sums / by - sums.sum(axis=-1)[..., None] / (2 * of_total)
