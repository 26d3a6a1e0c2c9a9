"""Centred kernel alignment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.baselines.center import debiased as u_centred

Array = NDArray[Any]


def linear_biased(x: Array, y: Array) -> float:
    """Return biased linear CKA: the well-known three lines in feature space."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    shared, alone = np.linalg.norm(x.T @ y), np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    return float(shared**2 / alone)


def hsic_debiased(k: Array, m: Array) -> float:
    """Return the unbiased HSIC of two Gram matrices (Song et al. 2012)."""
    n = len(k)
    k, m = k.copy(), m.copy()
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    rows_k, rows_m = k.sum(axis=0), m.sum(axis=0)
    value = np.vdot(k, m) + rows_k.sum() * rows_m.sum() / ((n - 1) * (n - 2))
    return float((value - 2 * rows_k @ rows_m / (n - 2)) / (n * (n - 3)))


def gram_debiased(k: Array, m: Array) -> float:
    """Return the debiased CKA of two Gram matrices."""
    both = hsic_debiased(k, k) * hsic_debiased(m, m)
    return float(hsic_debiased(k, m) / np.sqrt(both))


def matrix_biased(layers: Sequence[Array]) -> Array:
    """Return the biased linear CKA of all pairs of layers, in feature space."""
    centred = [x - x.mean(axis=0) for x in layers]
    alone = [np.linalg.norm(x.T @ x) for x in centred]
    result = np.ones((len(layers), len(layers)))
    for i, x in enumerate(centred):
        for j in range(i):
            result[i, j] = np.linalg.norm(x.T @ centred[j]) ** 2 / (alone[i] * alone[j])
            result[j, i] = result[i, j]
    return result


def matrix_debiased(layers: Sequence[Array]) -> Array:
    """Return the debiased linear CKA of all pairs of layers, from U-centred Gram matrices."""
    flat = np.stack([u_centred(x @ x.T).ravel() for x in (x - x.mean(axis=0) for x in layers)])
    products = flat @ flat.T
    alone = np.sqrt(np.diag(products))
    return products / np.outer(alone, alone)
