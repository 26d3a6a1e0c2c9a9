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


def gram_biased(x: Array, y: Array) -> float:
    """Return biased linear CKA: the same three lines with Gram matrices."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    k, m = x @ x.T, y @ y.T
    return float(np.vdot(k, m) / (np.linalg.norm(k) * np.linalg.norm(m)))


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


def feature_hsic_debiased(x: Array, y: Array) -> float:
    """Return the unbiased HSIC of centred features without their Gram matrices.

    Rows of a Gram matrix of centred features add up to 0, so without the diagonal they add up to
    minus the squared norms.
    """
    n = len(x)
    a, b = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
    value = np.linalg.norm(x.T @ y) ** 2 - a @ b
    value += a.sum() * b.sum() / ((n - 1) * (n - 2)) - 2 * a @ b / (n - 2)
    return float(value / (n * (n - 3)))


def linear_debiased(x: Array, y: Array) -> float:
    """Return debiased linear CKA in feature space."""
    return float(feature_matrix_debiased([x, y])[0, 1])


def feature_matrix_debiased(layers: Sequence[Array]) -> Array:
    """Return the debiased linear CKA of all pairs of layers, in feature space."""
    centred = [x - x.mean(axis=0) for x in layers]
    result = np.empty((len(layers), len(layers)))
    for i, x in enumerate(centred):
        for j, y in enumerate(centred[: i + 1]):
            result[i, j] = result[j, i] = feature_hsic_debiased(x, y)
    alone = np.sqrt(np.diag(result))
    return result / np.outer(alone, alone)


def matrix_debiased(layers: Sequence[Array]) -> Array:
    """Return the debiased linear CKA of all pairs of layers, from U-centred Gram matrices."""
    flat = np.stack([u_centred(x @ x.T).ravel() for x in (x - x.mean(axis=0) for x in layers)])
    products = flat @ flat.T
    alone = np.sqrt(np.diag(products))
    return products / np.outer(alone, alone)
