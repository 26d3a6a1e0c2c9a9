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
    if not np.isfinite(sigma).all():
        raise ValueError(expected.format("finite, got a NaN or infinity"))
    if sigma.ndim == 1:
        if sigma.min() <= 0:
            raise ValueError(expected.format(f"of positive variances, got {sigma.min()}"))
        sigma = np.diag(sigma)
    if np.abs(sigma - sigma.T).max() > _ASYMMETRY * np.abs(sigma).max():
        raise ValueError(expected.format("symmetric, got another matrix"))
    if of_contrasts:
        sigma = sigma - sigma.mean(axis=0)
        sigma = sigma - sigma.mean(axis=1, keepdims=True)
        scale = np.trace(sigma) / (size - 1)
        sigma = sigma / (scale if scale > 0 else 1.0) + 1 / size
    try:
        factor = np.linalg.cholesky((sigma + sigma.T) / 2)
    except np.linalg.LinAlgError:
        error = "positive definite, got a matrix that is not: regularise it"
        raise ValueError(expected.format(error)) from None
    inverse: NDArray[np.float64] = np.linalg.inv(factor)
    return inverse
