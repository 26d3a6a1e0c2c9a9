"""Whitening by a covariance: the inverse of a factor of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isogram._arithmetic import usual_arithmetic
from isogram._arrays import as_input
from isogram._entries import widened
from isogram._place import place_of
from isogram._types import Array

_ASYMMETRY = 1e-6  # of the largest entry, that rounding of float32 explains


@usual_arithmetic()
def inverse_factor(
    function: str, name: str, covariance: Array, size: int, *, of_contrasts: bool = False
) -> NDArray[np.float64]:
    """Return the W of W Σ Wᵀ = 1 of a covariance, or of variances alone; on the host.

    `of_contrasts`: of c H Σ H + 11ᵀ/n, with H the centring matrix and c such that both are of one
    size. It has the covariances of differences between variables that c Σ has, and the eigenvector
    1, so that rows and columns that sum to 0 do after whitening.
    """
    expected = f"{function}: `{name}` must be {{}}"
    given = as_input(function, name, covariance, 1, 2, on_gpu=True)
    if given.shape not in ((size,), (size, size)):
        shapes = f"of shape ({size}, {size}) or ({size},), got {given.shape}"
        raise ValueError(expected.format(shapes))
    place = place_of(function, {name: given})
    with place.entered():
        sigma = place.to_host(widened(given)).astype(np.float64)
    for index in np.argwhere(~np.isfinite(sigma))[:1].tolist():
        at = tuple(index)
        raise ValueError(expected.format(f"finite, got {sigma[at]} at index {at}"))
    if sigma.ndim == 1:
        if sigma.min() <= 0:
            raise ValueError(expected.format(f"of positive variances, got {sigma.min()}"))
        sigma = np.diag(sigma)
    exponent = int(np.frexp(np.abs(sigma).max())[1]) // 2
    unit = np.ldexp(sigma, -2 * exponent)  # of about 1, so that no sum leaves the range
    difference = np.abs(unit - unit.T)
    if difference.max() > _ASYMMETRY * np.abs(unit).max():
        i, j = map(int, np.unravel_index(difference.argmax(), sigma.shape))
        values = f"got {sigma[i, j]} at ({i}, {j}) and {sigma[j, i]} at ({j}, {i})"
        raise ValueError(expected.format(f"symmetric, {values}"))
    if of_contrasts:
        unit = unit - unit.mean(axis=0)
        unit = unit - unit.mean(axis=1, keepdims=True)
        scale = np.trace(unit) / (size - 1)
        unit = unit / (scale if scale > 0 else 1.0) + 1 / size
        exponent = 0
    try:
        factor = np.linalg.cholesky((unit + unit.T) / 2)
    except np.linalg.LinAlgError:
        error = "positive definite, got a matrix that is not: regularise it"
        raise ValueError(expected.format(error)) from None
    inverse: NDArray[np.float64] = np.ldexp(np.linalg.inv(factor), -exponent)
    return inverse
