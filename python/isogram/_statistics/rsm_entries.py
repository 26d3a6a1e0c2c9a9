"""Entries of RSMs as vectors whose products are similarities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import ROUNDING
from isogram._entries import widened
from isogram._types import Array

if TYPE_CHECKING:
    from isogram._protocols import Place

_NOT_FINITE = "`{}` must be finite, got {} at index {}"
_RANGE = 1000  # of exponents whose powers of two float64 holds
FEWEST_PAIRS = 3  # of three samples, the fewest that are compared


def triangles(place: Place, rsms: Sequence[Array], samples: int) -> Array:
    """Return the entries above the diagonals, an RSM in each row, in float64."""
    found = place.xp.empty((len(rsms), samples * (samples - 1) // 2))
    for row, rsm in zip(found, rsms, strict=True):
        row[...] = widened(rsm if rsm.ndim == 1 else place.above_diagonal(rsm))
    return found


def scaled(xp: Any, values: Array, axis: int | None = None, out: Array | None = None) -> Array:
    """Scale values by a power of two to about 1, so that no square overflows or vanishes."""
    return xp.multiply(values, _unit(xp, *_extremes(values, axis)), out=out)


def of_about_1(xp: Any, values: Array, axis: int | None = None) -> tuple[Array, Array]:
    """Return values over powers of two that take the largest to about 1, and the exponents.

    NaN does not count, unless all are.
    """
    exponents = xp.frexp(xp.nanmax(xp.abs(values), axis=axis, keepdims=True))[1]
    return xp.ldexp(values, -exponents), exponents


def standardised(xp: Any, values: Array, out: Array | None = None) -> Array:
    """Subtract the mean of the last axis; constant values become exactly 0."""
    least, most = _extremes(values, axis=-1)
    factor = xp.where(least == most, 0.0, _unit(xp, least, most))
    values = xp.multiply(values, factor, out=out)
    for _ in range(2):  # the second time, what rounding left of a mean far from 0
        values -= values.mean(axis=-1, keepdims=True)
    return values


def _extremes(values: Array, axis: int | None) -> tuple[Array, Array]:
    return values.min(axis=axis, keepdims=True), values.max(axis=axis, keepdims=True)


def _unit(xp: Any, least: Array, most: Array) -> Array:
    """Return the power of two that takes the larger magnitude to about 1."""
    exponent = xp.frexp(xp.maximum(xp.abs(least), xp.abs(most)))[1]
    return xp.ldexp(1.0, -xp.clip(exponent, -_RANGE, _RANGE))


def residuals(place: Place, vectors: Array, given: Array, num_threads: int) -> Array:
    """Return what vectors leave of their regression on others; 0 where that is rounding."""
    xp = place.xp
    u, sizes, _ = np.linalg.svd(place.to_host(given).T, full_matrices=False)
    basis = xp.asarray(u[:, sizes > sizes.max() * len(u) * np.finfo(np.float64).eps])
    if not basis.shape[1]:  # all constant, which explain nothing
        return vectors
    left = vectors
    for _ in range(2):  # the second time, what rounding left of the first
        along = place.cross_products(left.T, basis, num_threads)
        left = left - place.cross_products(along.T, basis.T, num_threads)
    of_all, of_left = (xp.einsum("ij,ij->i", v, v) for v in (vectors, left))
    return xp.where((of_left > ROUNDING**2 * of_all)[:, None], left, 0.0)


def whitened(
    place: Place, entries: Array, samples: int, whitening: Array | None, num_threads: int
) -> Array:
    """Return W H D H Wᵀ of distance matrices D by their entries, one flattened in each row.

    The inner product of two such rows is, but for a factor, that of the entries whitened by the
    covariance V = (C Σ Cᵀ)∘(C Σ Cᵀ) of their noise, with C the differences of all pairs of samples:
    V w has the entries of a matrix Σ L Σ as squared distances, with L the Laplacian of the weights
    w. So L = Σ⁻¹ G Σ⁻¹ solves V w = d where G, centred, has the squared distances d.
    """
    xp = place.xp
    rows, cols = xp.triu_indices(samples, 1)
    found = xp.zeros((len(entries), samples, samples))
    for values, square in zip(entries, found, strict=True):
        square[rows, cols] = values
        square[cols, rows] = values
        square -= square.mean(axis=0)
        square -= square.mean(axis=1, keepdims=True)
        if whitening is not None:
            half = place.cross_products(square, whitening, num_threads)
            square[...] = place.cross_products(half, whitening, num_threads)
    return found.reshape(len(entries), -1)


def centred_ranks(place: Place, squares: Sequence[Array], num_threads: int) -> Array:
    """Return the ranks of the entries less their mean, an RSM in each row."""
    ranks = [place.rank_entries(square, num_threads) for square in squares]
    return place.xp.stack(ranks) - (len(ranks[0]) + 1) / 2


def expected_spearman(products: Array, entries: int) -> Array:
    """Return rho-a (Schütt et al. 2023) of products of centred ranks; each RSM has `entries`."""
    return 12 * products / (entries * (entries * entries - 1))


def missing_pairs(
    function: str, place: Place, names: Sequence[str], entries: Array, n: int
) -> NDArray[np.bool_] | None:
    """Return which pairs of n samples are NaN in all RSMs, or None if no entry is NaN.

    Raise for an infinity, and for a pair that is NaN in some RSMs alone. `entries` are those above
    the diagonals, an RSM in each row.
    """
    if place.xp.isfinite(entries).all():
        return None
    values = place.to_host(entries)
    is_missing = np.isnan(values)
    for name, row, missing in zip(names, values, is_missing, strict=True):
        for pair in np.flatnonzero(np.isinf(row) | (missing != is_missing[0]))[:1]:
            index = tuple(int(side[pair]) for side in np.triu_indices(n, 1))
            if np.isinf(row[pair]):
                raise ValueError(f"{function}: {_NOT_FINITE.format(name, row[pair], index)}")
            without, other = (name, names[0]) if missing[pair] else (names[0], name)
            raise ValueError(
                f"{function}: {_NOT_FINITE.format(without, np.nan, index)}, where `{other}` is a "
                "number: pairs are left out that are NaN in all RSMs"
            )
    kept = int(np.count_nonzero(~is_missing[0]))
    if kept < FEWEST_PAIRS:
        raise ValueError(
            f"{function}: `{names[0]}` must have at least {FEWEST_PAIRS} pairs that are not NaN, "
            f"got {kept}"
        )
    shared: NDArray[np.bool_] = is_missing[0]
    return shared


def require_finite_rows(function: str, place: Place, name: str, square: Array) -> None:
    """Raise the error for the first NaN or infinity off the diagonal."""
    is_bad = ~place.to_host(place.xp.isfinite(widened(square)))
    np.fill_diagonal(is_bad, val=False)
    for row, col in np.argwhere(is_bad)[:1]:
        value = float(place.to_host(widened(square[row : row + 1, col : col + 1])).item())
        raise ValueError(
            f"{function}: `{name}` must be finite, got {value} at index ({row}, {col})"
        )
